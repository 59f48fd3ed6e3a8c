"""The detector prices what the stream brings, and what it did not bring, and nothing it meets stops it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.analysis import detection
from arbkit.analysis.detection_inputs import fingerprint, today
from arbkit.analysis.detector import pricing, service, storing
from arbkit.analysis.detector.service import follow
from arbkit.core.errors import StoreError, StreamError
from arbkit.core.files import write_atomically
from arbkit.core.models import ProductState, Update
from arbkit.core.offers.facts import Fact
from arbkit.core.service.heartbeat import seconds_since_heartbeat
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.pipeline import membership
from arbkit.pipeline.enriched import to_record
from arbkit.profit.seller.profile_file import built_in
from arbkit.store import OpportunityQuery, open_store
from arbkit.store.sqlite.store import SqliteStore
from arbkit.stream import ALERTS_TOPIC, DETECT_GROUP, ENRICHED_TOPIC, Message, Record, dead_letter_topic, open_stream
from arbkit.stream.base import Offsets
from arbkit.stream.sqlite_consumer import SqliteConsumer
from tests.helpers.alerts import announcing_everything
from tests.helpers.factories import PACKAGE, offer
from tests.helpers.waiting import eventually

ASIN = "B000000001"
_PATIENCE_S = 60


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Started in a folder of its own, in which a profile may be written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(service, "_POLL_S", 0.02)
    monkeypatch.setattr(service, "_REST_EVERY_S", 0.05)
    monkeypatch.setattr("arbkit.core.retry._FIRST_WAIT_S", 0.05)
    initialise(settings)
    return settings


@contextmanager
def following(settings: Settings) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(
        target=follow, args=(settings,), kwargs={"stop": stop, "announcing": announcing_everything}
    )
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()


def put(settings: Settings, asin: str = ASIN, *, sell: int = 7_000, version: int = 8_000_000) -> ProductState:
    """Store a product bought at 20 EUR; all that is known of it then."""
    # Each version is of a later time: of two prices of one second either may hold.
    now = int(time.time()) - 100 + version - 8_000_000
    prices = {"IT": 2_000, "DE": sell}
    fields: dict[str, Any] = {"price_at": now, "updated_at": now, "shipping_minor": 0, "version": version, **PACKAGE}
    with open_store(settings) as store:
        done = store.put([Update(offer(asin, code, price_minor=p, **fields), None) for code, p in prices.items()])
    return done.states[asin]


def publish(settings: Settings, *records: Record) -> None:
    with open_stream(settings) as log:
        log.publish(ENRICHED_TOPIC, records)


def profits(settings: Settings) -> dict[str, float]:
    with open_store(settings, read_only=True) as store:
        return {o.id: o.profit for o in store.opportunities(OpportunityQuery(limit=100)).items}


def alerts(settings: Settings) -> list[str]:
    with open_stream(settings) as log:
        return [orjson.loads(m.value)["id"] for some in log.scan(ALERTS_TOPIC) for m in some]


def lag(settings: Settings) -> int:
    with open_stream(settings) as log:
        return sum(log.lag(DETECT_GROUP, ENRICHED_TOPIC).values())


def quiet(settings: Settings) -> bool:
    with open_store(settings, read_only=True) as store:
        return not store.unpriced(1) and not lag(settings)


def test_a_changed_price_is_a_changed_profit_and_one_alert(settings: Settings) -> None:
    with following(settings):
        publish(settings, to_record(put(settings)))
        eventually(lambda: profits(settings))
        first = profits(settings)
        publish(settings, to_record(put(settings, sell=8_000, version=8_000_001)))
        eventually(lambda: profits(settings) != first)
        assert profits(settings)[f"{ASIN}:IT:DE"] > first[f"{ASIN}:IT:DE"]
        publish(settings, to_record(put(settings, sell=2_001, version=8_000_002)))
        eventually(lambda: not profits(settings))
        eventually(lambda: quiet(settings))
        assert len(alerts(settings)) == 1
        age = seconds_since_heartbeat(settings, "detector")
        assert age is not None


def test_a_detector_that_was_away_goes_on_where_it_was(settings: Settings) -> None:
    publish(settings, to_record(put(settings)))
    with following(settings):
        eventually(lambda: quiet(settings))
    before = alerts(settings)
    with following(settings):
        publish(settings, to_record(put(settings, "B000000002")))
        eventually(lambda: len(profits(settings)) == 2)
        eventually(lambda: quiet(settings))
    assert alerts(settings)[: len(before)] == before
    assert len(alerts(settings)) == len(set(alerts(settings))) == 2


def test_what_the_stream_did_not_bring_is_found_in_the_store(settings: Settings) -> None:
    with following(settings):
        put(settings)
        eventually(lambda: profits(settings))
        first = profits(settings)
        with open_store(settings) as store:
            store.put_fact(_heavy())
        eventually(lambda: profits(settings) != first)


def test_what_the_stream_did_not_bring_does_not_wait_until_it_is_quiet(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_REST_EVERY_S", 3_600.0)
    monkeypatch.setattr(service, "_REST_BESIDE_S", 0.05)
    state = put(settings)
    poll = SqliteConsumer.poll

    def never_quiet(consumer: SqliteConsumer, *, max_records: int, timeout_s: float) -> Sequence[Message]:
        publish(settings, to_record(ProductState("B000000009", 1, (), ())))
        return poll(consumer, max_records=max_records, timeout_s=timeout_s)

    monkeypatch.setattr(SqliteConsumer, "poll", never_quiet)
    with following(settings):
        publish(settings, to_record(state))
        eventually(lambda: profits(settings))
        first = profits(settings)
        with open_store(settings) as store:
            store.put_fact(_heavy())
        eventually(lambda: profits(settings) != first)


def test_a_vat_class_that_is_none_costs_only_its_product_the_price(settings: Settings) -> None:
    with following(settings) as thread:
        publish(settings, to_record(put(settings)))
        eventually(lambda: profits(settings))
        with open_store(settings) as store:
            store.put_fact(Fact.of(ASIN, "vat_class", {"vat_class": "boooks"}, at=time.time()))
        eventually(lambda: not profits(settings))
        publish(settings, to_record(put(settings, "B000000002")))
        eventually(lambda: list(profits(settings)) == ["B000000002:IT:DE"])
        assert thread.is_alive()
    done = detection.run(settings, run_id="sweep")
    assert (done.stored, done.unknown["VAT rate unknown"]) == (1, 2)


def _heavy() -> Fact:
    sides = {"length_mm": 400, "width_mm": 300, "height_mm": 200, "weight_g": 9_000}
    return Fact.of(ASIN, "package", sides, at=time.time())


def test_what_cannot_be_read_is_a_dead_letter_and_the_rest_is_priced(settings: Settings) -> None:
    old = offer(ASIN, "IT").to_dict()
    put(settings)
    publish(
        settings,
        Record("x", b"\xff"), Record("y", b'{"v": 3}'), Record(ASIN, orjson.dumps(old)),
        to_record(put(settings, "B000000002")),
    )  # fmt: skip
    with following(settings):
        eventually(lambda: len(profits(settings)) == 2)
        eventually(lambda: quiet(settings))
    with open_stream(settings) as log:
        letters = [m for some in log.scan(dead_letter_topic(ENRICHED_TOPIC)) for m in some]
    assert [(m.key, m.value) for m in letters] == [("x", b"\xff"), ("y", b'{"v": 3}')]
    assert "version 2" in letters[1].headers["error"]


def test_a_message_from_another_store_is_priced_as_this_one_has_it(settings: Settings) -> None:
    state = put(settings)
    ahead = ProductState(state.asin, state.change + 1_000, (), ())
    publish(settings, to_record(ahead), to_record(ProductState("B000000009", 5, state.offers, ())))
    with following(settings):
        eventually(lambda: profits(settings))
        eventually(lambda: quiet(settings))
    assert list(profits(settings)) == [f"{ASIN}:IT:DE"]


def test_one_product_that_fails_costs_the_others_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    price, tried = pricing.price_products, []

    def fails(states: Any, *given: Any, **named: Any) -> Any:
        if any(state.asin == ASIN for state in states):
            tried.append(len(states))
            raise ZeroDivisionError
        return price(states, *given, **named)

    monkeypatch.setattr(storing, "price_products", fails)
    publish(settings, to_record(put(settings)), to_record(put(settings, "B000000002")))
    with following(settings):
        eventually(lambda: profits(settings))
        eventually(lambda: not lag(settings))
        time.sleep(0.3)
        assert len(tried) <= 4, "it is not tried again and again"
    with open_stream(settings) as log:
        (letter,) = [m for some in log.scan(dead_letter_topic(ENRICHED_TOPIC)) for m in some]
    assert (letter.key, letter.headers["error"]) == (ASIN, "a fault of arbkit: ZeroDivisionError()")


def test_a_product_that_cannot_be_priced_hides_no_other_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = pricing.price_products

    def fails(states: Any, *given: Any, **named: Any) -> Any:
        if any(state.asin == ASIN for state in states):
            raise ZeroDivisionError
        return price(states, *given, **named)

    monkeypatch.setattr(storing, "price_products", fails)
    monkeypatch.setattr(service, "_BATCH", 1)
    for asin in (ASIN, "B000000002"):
        put(settings, asin)
    with following(settings):
        eventually(lambda: profits(settings))


def test_a_commit_that_fails_is_made_once_it_can_be_though_nothing_more_comes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "_AGAIN_S", 0.05)
    commit, failures = SqliteConsumer.commit, iter(range(3))

    def fails(consumer: SqliteConsumer, offsets: Offsets) -> None:
        if next(failures, None) is not None:
            raise StreamError("the disk of the log is full")
        commit(consumer, offsets)

    monkeypatch.setattr(SqliteConsumer, "commit", fails)
    publish(settings, to_record(put(settings)))
    with following(settings):
        eventually(lambda: quiet(settings))


def test_a_store_that_fails_is_waited_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    put_routes, failures = SqliteStore.put_routes, iter(range(3))

    def fails(store: Any, *given: Any, **named: Any) -> Any:
        if next(failures, None) is not None:
            raise StoreError("too busy", kind="busy")
        return put_routes(store, *given, **named)

    monkeypatch.setattr(SqliteStore, "put_routes", fails)
    publish(settings, to_record(put(settings)))
    with following(settings):
        eventually(lambda: profits(settings))


def test_a_profile_that_cannot_be_used_is_waited_for_and_a_changed_one_is_used_at_once(
    settings: Settings, tmp_path: Path
) -> None:
    profile = tmp_path / "profile.toml"
    with following(settings) as thread:
        publish(settings, to_record(put(settings)))
        eventually(lambda: profits(settings))
        write_atomically(profile, b"no = such field")
        publish(settings, to_record(put(settings, "B000000002")))
        time.sleep(0.3)
        assert (len(profits(settings)), thread.is_alive()) == (1, True)
        write_atomically(profile, built_in().encode())
        eventually(lambda: len(profits(settings)) == 2)


def test_a_profile_changed_while_a_batch_is_priced_is_what_it_is_priced_with(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    price, once = pricing.price_products, iter([True])

    def changes_meanwhile(*given: Any, **named: Any) -> Any:
        done = price(*given, **named)
        if next(once, False):
            write_atomically(tmp_path / "profile.toml", built_in().encode() + b"\n# another\n")
            # The sweep with the new one comes before what the detector has priced is written.
            detection.run(settings, run_id="sweep", announcing=announcing_everything)
        return done

    monkeypatch.setattr(storing, "price_products", changes_meanwhile)
    state = put(settings)
    publish(settings, to_record(state))
    with following(settings):
        eventually(lambda: profits(settings))
        eventually(lambda: quiet(settings))
    with open_store(settings) as store:
        assert store.swept() == fingerprint(settings, today())
    assert len(alerts(settings)) == 1


def test_a_second_detector_on_a_log_of_one_file_waits_until_the_first_ends(settings: Settings) -> None:
    with following(settings):
        publish(settings, to_record(put(settings)))
        eventually(lambda: profits(settings))
        with following(settings) as second:
            time.sleep(0.3)
            assert second.is_alive()
