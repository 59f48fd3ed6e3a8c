"""Looks beside the watchlist: asked for in the store, served by the producer within the budget of a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from arbkit.core.errors import ConfigError, StoreError, UsageError
from arbkit.core.offers.looks import Look
from arbkit.core.settings import Settings
from arbkit.pipeline.looks import MAX_WAITING, LookDesk, ask
from arbkit.store import Store, open_store

ONE, TWO, THREE = "B000000001", "B000000002", "B000000003"


@dataclass
class Clock:
    at: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("arbkit.pipeline.looks.time.time", made)
    return made


@pytest.fixture
def polled(settings: Settings) -> Settings:
    return settings.model_copy(update={"markets": ("DE", "IT"), "look_tokens": 9, "demo": True})


@pytest.fixture
def store(polled: Settings) -> Iterator[Store]:
    with open_store(polled) as opened:
        yield opened


def desk(settings: Settings, clock: Clock) -> LookDesk:
    return LookDesk(settings, clock=clock)


def statuses(store: Store) -> dict[str, tuple[str, str | None]]:
    return {look.id: (look.status, look.why) for look in store.looks()}


def test_asking_twice_is_asking_once(polled: Settings, store: Store, clock: Clock) -> None:
    first = ask(polled, store, [ONE.lower(), f"https://www.amazon.de/dp/{TWO}"])
    assert [look.id for look in first] == [f"{ONE}:DE", f"{ONE}:IT", f"{TWO}:DE", f"{TWO}:IT"]
    clock.at += 60
    assert ask(polled, store, [ONE], ["de"]) == first[:1]
    assert len(store.looks()) == 4


def test_who_asks_for_what_nobody_can_serve_is_told_why(polled: Settings, store: Store) -> None:
    with pytest.raises(UsageError, match="ASIN"):
        ask(polled, store, ["nonsense"])
    with pytest.raises(UsageError, match="XX"):
        ask(polled, store, [ONE], ["XX"])
    with pytest.raises(ConfigError, match="KEEPA_API_KEY"):
        ask(polled.model_copy(update={"demo": False}), store, [ONE])
    with pytest.raises(ConfigError, match="ARBKIT_LOOK_TOKENS"):
        ask(polled.model_copy(update={"look_tokens": 0}), store, [ONE])
    store.put_looks([Look(asin=f"B{n:09}", market="DE", asked_at=1.0) for n in range(MAX_WAITING)])
    with pytest.raises(UsageError, match="wait already"):
        ask(polled, store, ["B999999999"])
    assert len(store.looks()) == MAX_WAITING


def test_the_oldest_are_served_first_one_market_a_request(polled: Settings, store: Store, clock: Clock) -> None:
    ask(polled, store, [ONE], ["IT"])
    clock.at += 1
    ask(polled, store, [TWO], ["DE", "IT"])
    served = desk(polled, clock)
    request = served.next_request()
    assert request is not None
    assert (request.market, request.asins) == ("IT", (ONE, TWO))
    served.settle([(ONE, "IT"), (TWO, "IT")], [(TWO, "IT")], 6)
    assert statuses(store) == {
        f"{ONE}:IT": ("served", None),
        f"{TWO}:IT": ("refused", "the service did not answer for it"),
        f"{TWO}:DE": ("waiting", None),
    }
    # Not at once: the watchlist has its turn.
    assert served.next_request() is None
    clock.at += 6
    request = served.next_request()
    assert request is not None
    assert (request.market, request.asins) == ("DE", (TWO,))


def test_no_more_is_bought_than_a_day_allows_and_over_a_restart_either(
    polled: Settings, store: Store, clock: Clock
) -> None:
    asins = [f"B{n:09}" for n in range(5)]
    ask(polled, store, asins, ["DE"])
    request = desk(polled, clock).next_request()
    assert request is not None
    # Three at three tokens each; and the producer dies before it says what became of them.
    assert len(request.asins) == 3
    assert desk(polled, clock).next_request() is None
    assert {status for status, _ in statuses(store).values()} == {"refused"}
    assert all("9 tokens of the day" in str(why) for _, why in statuses(store).values())
    clock.at += 86_400
    ask(polled, store, asins[:1], ["DE"])
    assert desk(polled, clock).next_request() is not None


def test_what_a_look_did_not_cost_may_be_spent_on_another(polled: Settings, store: Store, clock: Clock) -> None:
    ask(polled, store, [ONE, TWO, THREE], ["DE"])
    served = desk(polled, clock)
    for consumed in (0, 0, None):
        request = served.next_request()
        assert request is not None
        assert len(request.asins) == 3
        # There were no tokens at all, or the service was away: they go on waiting, and nothing is spent.
        served.settle([], [], consumed)
        assert {status for status, _ in statuses(store).values()} == {"waiting"}
        assert served.next_request() is None
        clock.at += 61
    assert served.next_request() is not None
    served.settle([(ONE, "DE"), (TWO, "DE"), (THREE, "DE")], [], 3)
    ask(polled, store, [ONE, TWO, THREE], ["IT"])
    clock.at += 6
    request = served.next_request()
    assert request is not None
    assert len(request.asins) == 2


def test_a_look_that_nobody_served_for_a_day_is_refused(polled: Settings, store: Store, clock: Clock) -> None:
    ask(polled, store, [ONE], ["DE"])
    clock.at += 86_401
    assert desk(polled, clock).next_request() is None
    assert statuses(store) == {f"{ONE}:DE": ("refused", "nobody could serve it within a day")}


def test_a_look_that_makes_no_sense_is_refused_and_stops_no_other(polled: Settings, store: Store, clock: Clock) -> None:
    odd = [("nonsense", "DE"), (ONE, "XX"), (ONE.lower(), "IT"), (TWO, "de"), ("", "")]
    store.put_looks([Look(asin=asin, market=market, asked_at=clock.at - 1) for asin, market in odd])
    ask(polled, store, [THREE], ["DE"])
    request = desk(polled, clock).next_request()
    assert request is not None
    assert (request.market, request.asins) == ("DE", (THREE,))
    assert {name for name, (status, _) in statuses(store).items() if status == "refused"} == {":".join(o) for o in odd}


def test_a_store_or_a_home_that_fails_never_stops_the_producer(
    polled: Settings, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ask(polled, store, [ONE], ["DE"])

    def away(*_: object, **__: object) -> Store:
        raise StoreError("no answer", kind="unreachable")

    served = desk(polled.model_copy(update={"store": "http://127.0.0.1:1"}), clock)
    with monkeypatch.context() as patched:
        patched.setattr("arbkit.pipeline.looks.open_store", away)
        assert served.next_request() is None
    assert "have to wait: no answer" in caplog.text
    (polled.home / "looks.json").mkdir()
    assert desk(polled, clock).next_request() is None
    assert caplog.text.count("have to wait") == 2
    assert statuses(store) == {f"{ONE}:DE": ("waiting", None)}


def test_a_clock_that_was_set_back_silences_nothing(polled: Settings, store: Store, clock: Clock) -> None:
    served = desk(polled, clock)
    assert served.next_request() is None
    assert not served.is_due()
    clock.at -= 1_000_000
    assert served.is_due()


def test_a_home_in_which_nothing_is_stored_stays_as_it_is(polled: Settings, clock: Clock) -> None:
    assert desk(polled, clock).next_request() is None
    assert not (polled.home / "arbkit.db").exists()
