"""The detector: ``products.enriched`` → priced routes → store → alerts, within a second of a changed price.

A batch goes in one order: stored with the notices of what is new, these published, and only then committed. Killed
anywhere in between it does the batch again, and doing it again changes nothing. What the stream did not bring
(facts that users type, a store filled from a backup or by a replay) is found in the store, between messages.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial

from arbkit.analysis.detector.storing import Announcing, CurrentInputs, price_into
from arbkit.analysis.market.changes import MarketChanges
from arbkit.analysis.market.snapshot import MarketFiles
from arbkit.core.errors import ArbkitError, BadRecordError
from arbkit.core.models import ProductState
from arbkit.core.retry import until_done
from arbkit.core.service.heartbeat import Pulse
from arbkit.core.settings import Settings
from arbkit.pipeline.decode import DAMAGED
from arbkit.pipeline.enriched import from_message
from arbkit.pipeline.membership import Commits, run_in_turn
from arbkit.pipeline.outbox import send_notices
from arbkit.store import Store, open_store
from arbkit.stream import DETECT_GROUP, ENRICHED_TOPIC, Consumer, Message, Stream, dead_letter_topic, open_stream
from arbkit.stream.dead_letters import dead_letter, is_damaged

logger = logging.getLogger(__name__)

_SERVICE = "detector"
_BATCH = 1_000
_POLL_S = 0.5
_REST_EVERY_S = 1.0
_REST_BESIDE_S = 5.0
"""How often what the stream does not bring is looked after where a little comes all the time."""


def follow(settings: Settings, *, stop: threading.Event, announcing: Announcing | None = None) -> None:
    """Price products as they change until ``stop`` is set, and announce what ``announcing`` makes of it.

    A store that does not answer is waited for, and so is a profile that cannot be used.

    Raises:
        StreamError: the log cannot be read or written, or retention has removed what was not read yet.
        StoreError: the store cannot be opened, is damaged, or lacks a right or an index.
    """
    with Pulse(settings, _SERVICE) as pulse, open_stream(settings) as stream, open_store(settings) as store:
        run_in_turn(
            lambda: _Follower(settings, stream, store, stop, pulse, announcing).run(),
            stop=stop, pulse=pulse, logger=logger,
        )  # fmt: skip


class _Follower:
    def __init__(
        self,
        settings: Settings,
        stream: Stream,
        store: Store,
        stop: threading.Event,
        pulse: Pulse,
        announcing: Announcing | None,
    ) -> None:
        self._stream = stream
        self._store = store
        self._stop = stop
        self._pulse = pulse
        self._announcing = announcing
        self._inputs = CurrentInputs(settings, store)
        self._changes = MarketChanges(MarketFiles.of(settings))
        self._rested_at = -math.inf
        self._commits = Commits(_SERVICE)
        # By a fault of arbkit: not tried again until they change.
        self._unpriceable: set[tuple[str, int]] = set()

    def run(self) -> None:
        with self._stream.consumer(
            DETECT_GROUP, [ENRICHED_TOPIC], on_revoke=lambda _: self._commits.forget()
        ) as consumer:
            while not self._stop.is_set():
                self._pulse.beat()
                messages = consumer.poll(max_records=_BATCH, timeout_s=_POLL_S)
                is_done = bool(messages) and self._until_done(partial(self._price_messages, messages))
                if is_done:
                    self._commits.commit(consumer, {m.topic_partition: m.offset + 1 for m in messages})
                self._commits.commit_again(consumer)
                if len(messages) < _BATCH and self._is_due(consumer, quiet=not messages):
                    self._until_done(self._price_the_rest)
                self._commits.report(consumer, self._pulse, done=is_done)
                self._changes.write_if_due()
            self._changes.write()

    def _is_due(self, consumer: Consumer, *, quiet: bool) -> bool:
        """Whether to look after what the stream does not bring, which one of several detectors does."""
        now = time.monotonic()
        rested_s = now - self._rested_at
        if rested_s < (_REST_EVERY_S if quiet else _REST_BESIDE_S):
            return False
        if not any(owned.partition == 0 for owned in consumer.assignment()):
            return False
        self._rested_at = now
        return True

    def _until_done(self, act: Callable[[], None]) -> bool:
        return until_done(act, stop=self._stop, on_failure=self._note_wait)

    def _note_wait(self, error: BaseException) -> None:
        logger.error("nothing is priced, trying again: %s", error)
        self._pulse.failed(error)
        self._pulse.beat()

    def _price_messages(self, messages: Sequence[Message]) -> None:
        states: dict[str, ProductState | None] = {}
        latest: dict[str, Message] = {}
        rejected: list[tuple[Message, str]] = []
        for message in messages:
            try:
                state = _read(message)
            except BadRecordError as error:
                rejected.append((message, str(error)))
            else:
                asin = message.key if state is None else state.asin
                states[asin], latest[asin] = state, message
        # One of an older arbkit names the product and does not hold it.
        whole = {asin: state for asin, state in states.items() if state is not None}
        whole |= self._store.states([asin for asin, state in states.items() if state is None])
        failed = self._price(whole.values())
        rejected += [(latest[asin], f"a fault of arbkit: {why}") for asin, why in failed.items()]
        self._stream.publish(dead_letter_topic(ENRICHED_TOPIC), [dead_letter(m, why) for m, why in rejected])
        if rejected:
            logger.warning("%d messages dead-lettered, the first for: %s", len(rejected), rejected[0][1])

    def _price_the_rest(self) -> None:
        # Those that cannot be priced stay, and must not hide the others.
        states = self._store.states(self._store.unpriced(_BATCH + len(self._unpriceable))).values()
        self._price([state for state in states if (state.asin, state.change) not in self._unpriceable][:_BATCH])

    def _price(self, states: Collection[ProductState]) -> dict[str, str]:
        """Price, store and announce; the products that cannot be priced by a fault of arbkit, and which."""
        failed: dict[str, str] = {}
        try:
            self._price_once(states)
        except ArbkitError:
            raise
        except Exception:
            logger.exception("a batch of %d products: each is tried alone", len(states))
            for state in states:
                try:
                    self._price_once([state])
                except ArbkitError:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever one product does, it must not stop the others
                    failed[state.asin] = repr(error)
                    self._unpriceable.add((state.asin, state.change))
        send_notices(self._store, self._stream)
        return failed

    def _price_once(self, states: Collection[ProductState]) -> None:
        if states:
            new = price_into(self._store, states, self._inputs, self._announcing, left=self._changes.add)
            logger.info("%d products priced: %d new opportunities", len(states), len(new))


def _read(message: Message) -> ProductState | None:
    if is_damaged(message):
        raise BadRecordError(DAMAGED)
    return from_message(message.value)
