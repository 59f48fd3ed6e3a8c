"""Batches of a backlog are decoded by a process beside the consumer: with the same outcome, whatever becomes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import psutil
import pytest

from arbkit.core.errors import GroupBusyError
from arbkit.core.offers.history_codec import PackedHistory
from arbkit.core.settings import Settings
from arbkit.pipeline import decode_helper
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.decode import DecodedBatch, decode_batch
from arbkit.pipeline.decode_helper import Decoding
from arbkit.sources.envelope import envelope
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, Message, Record, open_stream
from tests.benchmarks.inputs import demo_products
from tests.helpers.streams import good
from tests.helpers.waiting import eventually

FULL = 4
BACKLOG = 3
PATIENCE_S = 60.0


def messages(*records: Record) -> list[Message]:
    return [Message(RAW_TOPIC, 0, place, r.key, r.value, r.headers or {}, 0.0) for place, r in enumerate(records)]


def helpers(of: int | None = None) -> list[psutil.Process]:
    return [p for p in psutil.Process(of).children() if "arbkit.pipeline.decode_helper" in p.cmdline()]


def asked(decoding: Decoding) -> Decoding:
    """One that has had a backlog."""
    for _ in range(BACKLOG):
        decoding.start(messages(*good(FULL)))()
    # Not by its command, which the system does not know for a moment.
    eventually(lambda: decoding.beside or decoding._helper is None)
    return decoding


@pytest.fixture(autouse=True)
def processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whatever machine."""
    monkeypatch.setattr(decode_helper, "_processors", lambda: 2)


@pytest.fixture
def decoding() -> Iterator[Decoding]:
    one = asked(Decoding(full=FULL, demo=True))
    assert (one.beside, len(helpers())) == (True, 1)
    yield one
    one.close()
    assert helpers() == []


def comparable(batch: DecodedBatch) -> tuple[Any, ...]:
    updates = [(u.offer, None if u.history is None else PackedHistory.of(u.history), u.stated) for u in batch.updates]
    return updates, batch.origins, batch.rejected, batch.unknown


def mixed() -> list[Message]:
    """Of the demo market with and without histories, of Keepa, unknown to it, damaged, and what cannot be used."""
    products = [
        envelope(
            asin=asin, market=market.code, origin="demo", fetched_at="2026-11-01T00:00:00Z", run_id="r", product=product
        )
        for history in (True, False)
        for market, asin, product in demo_products(3, history=history)
    ]
    invented = [Record("", orjson.dumps(one, option=orjson.OPT_SERIALIZE_NUMPY)) for one in products]
    unusable = [Record("", value) for value in (b"\xff", b"", b"[1]", b'{"v": 9}')]
    found = messages(*good(2), *unusable, *invented, *good(2))
    return [*found[:-1], found[-1]._replace(damaged=True)]


@pytest.mark.parametrize("demo", [True, False])
def test_its_outcome_is_that_of_decoding_here(demo: bool) -> None:
    there = asked(Decoding(full=FULL, demo=demo))
    batch = mixed()
    assert comparable(there.start(batch)()) == comparable(decode_batch(batch, demo=demo))
    assert there.beside
    there.close()


def test_batches_are_decoded_ahead_and_answered_in_any_order(decoding: Decoding) -> None:
    many = [messages(*good(FULL, first=FULL * n)) for n in range(9)]
    waiting = [(batch, decoding.start(batch)) for batch in many]
    for batch, decoded in reversed(waiting):
        assert comparable(decoded()) == comparable(decode_batch(batch))


def test_a_batch_far_larger_than_what_a_pipe_holds(decoding: Decoding) -> None:
    batch = messages(*(replace(record, value=record.value + b" " * 3_000_000) for record in good(8)))
    assert len(decoding.start(batch)().updates) == 8


def test_a_fault_of_ours_is_met_here_again_and_said(decoding: Decoding, monkeypatch: pytest.MonkeyPatch) -> None:
    """The helper has none: what it could not decode is decoded here, where the message can be named."""
    met = decode_helper._to_decoded
    monkeypatch.setattr(decode_helper, "_to_decoded", lambda _, message: met(False, message))
    monkeypatch.setattr(decode_helper, "decode_value", lambda _: 1 / 0)
    found = decoding.start(messages(*good(2)))()
    assert [why for _, why in found.rejected] == ["a fault of arbkit: ZeroDivisionError('division by zero')"] * 2


def test_killed_at_any_moment_its_batches_are_decoded_here_and_it_is_not_started_again(decoding: Decoding) -> None:
    [helper] = helpers()
    helper.send_signal(signal.SIGSTOP)
    batches = [messages(*good(FULL, first=FULL * n)) for n in range(3)]
    waiting = [decoding.start(batch) for batch in batches]
    helper.kill()
    for batch, decoded in zip(batches, waiting, strict=True):
        assert comparable(decoded()) == comparable(decode_batch(batch))
    eventually(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE)
    asked(decoding)
    assert (decoding.beside, helpers()) == (False, [])


def test_one_that_hangs_is_ended_and_its_batches_are_decoded_here(
    decoding: Decoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode_helper, "_PATIENCE_S", 0.2)
    [helper] = helpers()
    helper.send_signal(signal.SIGSTOP)
    batches = [messages(*good(FULL, first=FULL * n)) for n in range(2)]
    for batch, decoded in [(batch, decoding.start(batch)) for batch in batches]:
        assert comparable(decoded()) == comparable(decode_batch(batch))
    eventually(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE)


def test_a_batch_that_a_lost_one_was_still_to_be_asked_for_is_decoded_here(
    decoding: Decoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def held_up(*given: Any, **named: Any) -> DecodedBatch:
        begun.set()
        go_on.wait(PATIENCE_S)
        return decode_batch(*given, **named)

    monkeypatch.setattr(decode_helper, "decode_batch", held_up)
    [helper] = helpers()
    helper.send_signal(signal.SIGSTOP)
    batches = [messages(*good(FULL, first=FULL * n)) for n in range(3)]
    waiting = [decoding.start(batch) for batch in batches[:2]]
    helper.kill()
    assert begun.wait(PATIENCE_S)
    eventually(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE)
    # The first is decoded here, the second waits for that, and now the helper is closed.
    threading.Timer(0.5, go_on.set).start()
    waiting.append(decoding.start(batches[2]))
    for batch, decoded in zip(batches, waiting, strict=True):
        assert comparable(decoded()) == comparable(decode_batch(batch))


def test_one_that_cannot_be_started_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refused)
    decoding = asked(Decoding(full=FULL, demo=True))
    batch = messages(*good(FULL))
    assert comparable(decoding.start(batch)()) == comparable(decode_batch(batch))
    assert not decoding.beside


def test_it_is_started_for_a_backlog_only_and_ends_where_there_is_little_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    decoding = Decoding(full=FULL, demo=True)
    decoding.expect(FULL * BACKLOG - 1)
    for count in (FULL, FULL - 1, FULL, 1, FULL, FULL):
        decoding.start(messages(*good(count)))()
        assert helpers() == []
    asked(decoding)
    decoding.end_if_idle()
    assert decoding.beside
    decoding.start(messages(*good(1)))()
    decoding.end_if_idle()
    assert decoding.beside
    monkeypatch.setattr(decode_helper, "_IDLE_S", 0.0)
    decoding.end_if_idle()
    assert (decoding.beside, helpers()) == (False, [])


def test_it_is_started_at_once_where_a_backlog_waits_and_used_when_it_has_started() -> None:
    decoding = Decoding(full=FULL, demo=True)
    decoding.expect(FULL * BACKLOG)
    [helper] = helpers()
    helper.send_signal(signal.SIGSTOP)
    # What comes before is decoded here, whether it ever starts or not.
    assert len(decoding.start(messages(*good(2)))().updates) == 2
    helper.send_signal(signal.SIGCONT)
    eventually(lambda: decoding.beside)
    decoding.close()


def test_one_processor_has_no_use_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_helper, "_processors", lambda: 1)
    assert not asked(Decoding(full=FULL, demo=True)).beside


@pytest.mark.parametrize(
    "stopped",
    [False, pytest.param(True, marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child"))],
)
def test_it_ends_with_the_process_that_started_it_however_that_ends(stopped: bool) -> None:
    code = (
        "import time; from tests.unit.pipeline.test_decode_helper import *; decode_helper._processors = lambda: 2; "
        "one = asked(Decoding(full=FULL, demo=True)); print('ready', flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    [helper] = helpers(parent.pid)
    if stopped:
        helper.send_signal(signal.SIGSTOP)
        eventually(lambda: helper.status() == psutil.STATUS_STOPPED)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each helper that was started."""
    found: list[int] = []

    class Counted(decode_helper._Helper):
        def __init__(self) -> None:
            super().__init__()
            found.append(1)

    monkeypatch.setattr(decode_helper, "_Helper", Counted)
    return found


def test_a_consumer_that_waits_for_another_one_starts_none(settings: Settings, begun: list[int]) -> None:
    with open_stream(settings) as log:
        log.publish(RAW_TOPIC, good(1_600))
        with log.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=lambda _: None), pytest.raises(GroupBusyError):
            consume(settings, until_empty=True, stop=threading.Event())
    assert (begun, helpers()) == ([], [])


def test_a_backlog_is_enriched_with_it_as_without(settings: Settings, begun: list[int]) -> None:
    records = [*good(1_700), Record("x", b"no"), *good(1_300, first=1_700)]
    with open_stream(settings) as log:
        log.publish(RAW_TOPIC, records)
    done = consume(settings, until_empty=True, stop=threading.Event())
    assert (done.read, done.stored, done.dead_lettered, begun) == (3_001, 3_000, 1, [1])
    assert helpers() == []
