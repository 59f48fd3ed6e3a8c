"""Whatever one record does, it is a dead letter with its bytes, and the batch goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pytest

import arbkit.pipeline.consumer
import arbkit.pipeline.decode
import arbkit.store.sqlite.rows
from arbkit.core.errors import MessageTooLargeError
from arbkit.core.models import Offer
from arbkit.core.settings import Settings
from arbkit.pipeline.consumer import ConsumeSummary, consume
from arbkit.pipeline.replay import replay
from arbkit.sources.envelope import from_envelope
from arbkit.store import open_store
from arbkit.stream import ENRICH_GROUP, ENRICHED_TOPIC, RAW_TOPIC, Message, Record, open_stream
from arbkit.stream.dead_letters import attempts, dead_letter, dead_letters, summary
from arbkit.stream.dead_letters import replay as send_back
from tests.helpers.streams import good, raw

BAD = "B000000002"
LETTERS: Mapping[str, Mapping[str, str]] = {
    "digits": {"attempts": "9" * 5_000},
    "other digits": {"attempts": "٣"},
    "a negative number": {"attempts": "-1"},
    "a huge reason": {"error": "x" * 100_000},
    "half a character": {"file": "\ud800", "\udfff": "x"},
}


def run(settings: Settings) -> ConsumeSummary:
    return consume(settings, until_empty=True, stop=threading.Event())


def dead(settings: Settings, topic: str = RAW_TOPIC) -> list[Message]:
    with open_stream(settings) as stream:
        return [*dead_letters(stream, topic=topic)]


def lag(settings: Settings) -> int:
    with open_stream(settings) as stream:
        return sum(stream.lag(ENRICH_GROUP, RAW_TOPIC).values())


def stored(settings: Settings) -> list[str]:
    with open_store(settings) as store:
        return sorted(o.asin for o in store.offers([f"B{n:09}" for n in range(9)]))


@pytest.mark.parametrize("kind", ["digits", "other digits", "a negative number", "a huge reason"])
def test_whatever_a_header_holds_the_record_is_a_dead_letter_and_can_be_sent_back(
    settings: Settings, kind: str
) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, [*good(2), Record("k", b"not JSON", LETTERS[kind])])
    done = run(settings)
    assert (done.stored, done.dead_lettered, lag(settings)) == (2, 1, 0)
    (letter,) = dead(settings)
    assert (letter.value, summary(letter)["attempts"]) == (b"not JSON", 1)
    with open_stream(settings) as stream:
        assert send_back(stream) == 1
    assert run(settings).dead_lettered == 1
    assert [attempts(m.headers) for m in dead(settings)] == [1, 2]


@pytest.mark.parametrize("kind", LETTERS)
def test_a_dead_letter_can_be_kept_whatever_is_in_it(settings: Settings, kind: str) -> None:
    message = Message(RAW_TOPIC, 0, 7, "k\ud800", b"\xff", LETTERS[kind], 1.0)
    with open_stream(settings) as stream:
        stream.publish("raw.keepa_updates.dlq", [dead_letter(message, "\udc00 is none" + "y" * 5_000_000)])
    (letter,) = dead(settings)
    assert letter.value == b"\xff"
    assert len(letter.headers["error"]) < 3_000


def of_decoding(patch: pytest.MonkeyPatch) -> None:
    def faulty(envelope: Any) -> Any:
        if envelope["asin"] == BAD:
            raise RecursionError("what nobody thought of")
        return from_envelope(envelope)

    patch.setattr(arbkit.pipeline.decode, "from_envelope", faulty)


def of_storing(patch: pytest.MonkeyPatch) -> None:
    plain = arbkit.store.sqlite.rows.offer_row

    def faulty(offer: Offer) -> Any:
        if offer.asin == BAD:
            raise TypeError("what nobody thought of")
        return plain(offer)

    patch.setattr(arbkit.store.sqlite.rows, "offer_row", faulty)


def of_announcing(patch: pytest.MonkeyPatch) -> None:
    plain = Offer.to_dict

    def faulty(offer: Offer) -> Any:
        if offer.asin == BAD:
            raise OverflowError("what nobody thought of")
        return plain(offer)

    patch.setattr(Offer, "to_dict", faulty)


@pytest.mark.parametrize("fault", [of_decoding, of_storing, of_announcing])
def test_a_fault_of_ours_in_any_step_costs_the_one_record(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(5))
    with monkeypatch.context() as patch:
        fault(patch)
        done = run(settings)
        assert (done.read, done.dead_lettered, lag(settings)) == (5, 1, 0)
    (letter,) = dead(settings)
    assert letter.key == BAD
    assert "a fault of arbkit" in letter.headers["error"]
    assert "what nobody thought of" in letter.headers["error"]
    assert {f"B{n:09}" for n in (0, 1, 3, 4)} <= {*stored(settings)}
    with open_stream(settings) as stream:
        enriched = [m.key for some in stream.scan(ENRICHED_TOPIC) for m in some]
        assert sorted(enriched) == [f"B{n:09}" for n in (0, 1, 3, 4)]
        assert send_back(stream) == 1
    assert run(settings).dead_lettered == 0
    assert len(stored(settings)) == 5


def test_a_replay_goes_on_past_a_record_that_no_store_takes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(5))
    of_storing(monkeypatch)
    done = replay(settings, stop=threading.Event(), progress=lambda _done, _total: None)
    assert (done.read, done.rebuilt.offers) == (5, 4)


def test_what_is_too_large_to_be_announced_stops_nobody(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A product that the raw topic took may be larger once it is enriched."""

    def check(topic: str, records: Sequence[Record]) -> None:
        large = {i: 99 for i, record in enumerate(records) if topic == ENRICHED_TOPIC and record.key == BAD}
        if large:
            raise MessageTooLargeError(topic, keys=dict.fromkeys(large, BAD), sizes=large, rest_published=False)

    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, [*good(3), raw("B000000004")])
    monkeypatch.setattr("arbkit.stream.sqlite.check_sizes", check)
    assert (run(settings).stored, lag(settings)) == (4, 0)
    assert [m.key for m in dead(settings, ENRICHED_TOPIC)] == [BAD]
    assert orjson.loads(dead(settings, ENRICHED_TOPIC)[0].value)["asin"] == BAD
