"""Decoding beside the store: a process that decodes the next batch while this one stores the one before.

It is given the values of messages by its standard input and answers by its standard output, batch by batch. It ends
with its input, and so with the process that started it, however that ends; on Linux even if it is stopped then.
"""

from __future__ import annotations

import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import Any, BinaryIO, TypeAlias, cast

from arbkit.core.history.facts import with_history_facts
from arbkit.core.models import Offer, Update
from arbkit.core.offers.groups import read_values
from arbkit.core.offers.history_codec import PackedHistory
from arbkit.core.service.metrics import timed
from arbkit.core.service.process import signal_with_parent
from arbkit.pipeline.decode import Decoded, DecodedBatch, decode_batch, decode_value
from arbkit.stream import Message

logger = logging.getLogger(__name__)

_BACKLOG = 3
"""Full batches, waiting or one after the other, from which there is a backlog."""
_IDLE_S = 30.0
_PATIENCE_S = 60.0
"""How long a batch may take there."""
_SHUT_DOWN_S = 5.0

_Answer: TypeAlias = tuple[Any, ...] | str | bool | None
"""An update as a tuple, why the value is unusable, None where the product is unknown; False: see for yourself."""

_read_history = attrgetter("asin", "market", "version", "currency", "blob")


class Decoding:
    """Decodes the batches of a consumer, of a backlog by a process beside it, which costs memory and a moment to start.

    Where there is one processor only, and after a helper has been lost or could not be started, all is decoded here.
    """

    def __init__(self, *, full: int, demo: bool) -> None:
        self._full = full
        self._demo = demo
        self._in_a_row = 0
        self._asked_at = 0.0
        self._helper: _Helper | None = None
        self._may_help = _processors() > 1

    @property
    def beside(self) -> bool:
        """Whether a process decodes beside this one."""
        return self._helper is not None and self._helper.ready

    def expect(self, messages: int) -> None:
        """Prepare for this many, of which the first may come at any moment."""
        if messages >= self._full * _BACKLOG:
            self._begin()

    def start(self, messages: Sequence[Message]) -> Callable[[], DecodedBatch]:
        """Decode messages, as :func:`decode_batch` does it; what is returned waits for them."""
        self._in_a_row = self._in_a_row + 1 if len(messages) >= self._full else 0
        if self._helper is not None and self._helper.lost:
            self.close()
            self._may_help = False
        if self._in_a_row >= _BACKLOG:
            self._begin()
        if self._helper is None or not self._helper.ready:
            with timed("consumer", "decode"):
                batch = decode_batch(messages, demo=self._demo)
            return lambda: batch
        self._asked_at = time.monotonic()
        return self._helper.ask(messages, demo=self._demo)

    def _begin(self) -> None:
        if self._helper is None and self._may_help:
            try:
                self._helper, self._asked_at = _Helper(), time.monotonic()
            except OSError as error:
                logger.warning("no process that decodes can be started, all is decoded here: %s", error)
                self._may_help = False

    def end_if_idle(self) -> None:
        """End the helper where there was little to do for a while."""
        if self._in_a_row == 0 and time.monotonic() - self._asked_at > _IDLE_S:
            self.close()

    def close(self) -> None:
        """End the helper, if there is one."""
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.close()


class _Helper:
    """The process, and a thread that speaks with it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "arbkit.pipeline.decode_helper", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for those that started it.
            start_new_session=True,
        )
        self._questions = cast("BinaryIO", self._process.stdin)
        self._answers = cast("BinaryIO", self._process.stdout)
        self._thread = ThreadPoolExecutor(1, "decode")
        self._closed = False
        # Its first byte says that all is loaded.
        self._begun = self._thread.submit(self._answers.read, 1)

    @property
    def ready(self) -> bool:
        """Whether it can be asked without waiting until it has started."""
        return self._begun.done()

    @property
    def lost(self) -> bool:
        """Whether it has ended: what it is asked then is decoded here."""
        return self._process.poll() is not None

    def ask(self, messages: Sequence[Message], *, demo: bool) -> Callable[[], DecodedBatch]:
        """See :meth:`Decoding.start`."""
        decoded = self._thread.submit(self._decoded, messages, demo=demo)
        return partial(self._wait_for, decoded, partial(decode_batch, messages, demo=demo))

    def _wait_for(self, decoded: Future[DecodedBatch], decode_here: Callable[[], DecodedBatch]) -> DecodedBatch:
        try:
            return decoded.result(_PATIENCE_S)
        except CancelledError:
            # It was closed, for it had ended, while this was still to be asked.
            return decode_here()
        except TimeoutError:
            # It hangs, and the consumer must not hang with it.
            self._process.kill()
            return decoded.result()

    def close(self) -> None:
        """End it, whatever it does."""
        self._closed = True
        self._process.kill()
        self._thread.shutdown(cancel_futures=True)
        # It may hold what was still to be written to a process that has ended.
        with suppress(OSError):
            self._questions.close()
        self._answers.close()
        self._process.wait(_SHUT_DOWN_S)

    def _decoded(self, messages: Sequence[Message], *, demo: bool) -> DecodedBatch:
        try:
            with timed("consumer", "decode"):
                _send([message.value for message in messages], self._questions)
                answers: list[_Answer] = _receive(self._answers)
        except (EOFError, OSError):
            if not self._closed:
                logger.warning("the process that decodes has ended: %d records are decoded here", len(messages))
            return decode_batch(messages, demo=demo)
        by_message = {id(message): answer for message, answer in zip(messages, answers, strict=True)}
        return decode_batch(messages, demo=demo, decode=lambda message: _to_decoded(by_message[id(message)], message))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _to_decoded(answer: _Answer, message: Message) -> Decoded:
    if isinstance(answer, tuple):
        values, history, stated = answer
        return Update(Offer.of_values(values), None if history is None else PackedHistory(*history), stated)
    return decode_value(message.value) if isinstance(answer, bool) else answer


def _send(values: list[Any], pipe: BinaryIO) -> None:
    # In one go: between two writes, or reads, the other thread of the process computes for milliseconds.
    data = pickle.dumps(values, pickle.HIGHEST_PROTOCOL)
    pipe.write(len(data).to_bytes(8, "little") + data)
    pipe.flush()


def _receive(pipe: BinaryIO) -> list[Any]:
    size = int.from_bytes(pipe.read(8), "little")
    if len(data := pipe.read(size)) < size or not size:
        raise EOFError
    values: list[Any] = pickle.loads(data)  # noqa: S301 - of a process that is our own
    return values


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    # Else all that is loaded now is looked through for garbage again and again.
    gc.freeze()
    answers.write(b"\n")
    answers.flush()
    while True:
        try:
            values: list[bytes] = _receive(questions)
        except EOFError:
            return
        _send(_answers_of(values), answers)


def _answers_of(values: Sequence[bytes]) -> list[_Answer]:
    decoded = [_decoded_or_false(value) for value in values]
    try:
        updates = iter(with_history_facts([one for one in decoded if isinstance(one, Update)]))
        return [_packed(next(updates)) if isinstance(one, Update) else one for one in decoded]
    except Exception:  # noqa: BLE001 - as below
        return [False] * len(values)


def _decoded_or_false(value: bytes) -> Decoded | bool:
    try:
        return decode_value(value)
    except Exception:  # noqa: BLE001 - who asked meets the fault too, and can say of which message
        return False


def _packed(update: Update) -> _Answer:
    history = None if update.history is None else _read_history(PackedHistory.of(update.history))
    return read_values(update.offer), history, update.stated


if __name__ == "__main__":
    if hasattr(signal, "SIGKILL"):
        signal_with_parent(int(sys.argv[1]), signal.SIGKILL)
    # Who asked may have ended meanwhile.
    with suppress(BrokenPipeError):
        _serve(sys.stdin.buffer, sys.stdout.buffer)
