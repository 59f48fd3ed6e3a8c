"""What is looked at next: the planner fed from the store, within what the tokens pay for."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from arbkit.core.errors import StoreError
from arbkit.core.models import ProductState, Update
from arbkit.core.settings import Settings
from arbkit.pipeline.planning.book import Floats, Ints
from arbkit.pipeline.polling.next_looks import NextLooks, ValuesOf
from arbkit.pipeline.polling.outlook import outlook
from arbkit.pipeline.polling.plan_file import outlook_document, read_plan, write_plan
from arbkit.pipeline.polling.request import Idle, ReadDeals, Request
from arbkit.pipeline.producer_state import Progress
from arbkit.sources.keepa_api.calls import DealsCall
from arbkit.sources.keepa_api.product_lists import Deal, DealsPage
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.store import Store, open_store
from tests.helpers.factories import offer

NOW = 1_790_000_000.0
DAY_S = 86_400.0
ASINS = tuple(f"B{number:09}" for number in range(250))
MARKETS = ("DE", "IT")


class Difference:
    """What a route leaves: its selling price less its buying price, in home currency; learned of what is known."""

    def __init__(self, watched: Collection[str] = ()) -> None:
        self.source, self.target = np.array([0, 1]), np.array([1, 0])
        self.learned: list[int] = []
        self.version = "one"
        self.of_interest = watched

    def __call__(self, products: Ints, routes: Ints, buy: Floats, sell: Floats) -> Floats:
        return np.asarray((np.exp(sell) - np.exp(buy)) / 100 + 0.0 * (products + routes))

    def learn(self, products: Ints, states: Sequence[ProductState]) -> None:
        assert len(products) == len(states)
        self.learned += products.tolist()

    def move(self, order: Ints) -> None:
        self.learned = [place for place, before in enumerate(order.tolist()) if before in self.learned]

    def mark(self) -> str:
        return self.version

    def watched(self) -> Collection[str]:
        return self.of_interest


def tokens(left: int = 1_000, refill: int = 20) -> Tokens:
    return Tokens(left=left, refill_rate=refill, refill_in_s=60.0, at=NOW, consumed=0, origin="demo")


@pytest.fixture
def polled(settings: Settings) -> Settings:
    return settings.model_copy(update={"markets": MARKETS, "demo": True, "poll_interval": 300.0})


@pytest.fixture
def store(polled: Settings) -> Iterator[Store]:
    with open_store(polled) as opened:
        yield opened


@pytest.fixture
def values() -> Difference:
    return Difference()


def looks_of(
    settings: Settings, asins: Sequence[str], *, values: Difference | None = None, looked_at: float | None = None
) -> NextLooks:
    progress = Progress(settings.home / "producer.json")
    if looked_at is not None:
        progress.looks = {(asin, market): looked_at for asin in asins for market in MARKETS}
        progress.full = dict(progress.looks)
    made: ValuesOf | None = None if values is None else lambda _: values
    found = NextLooks(settings, progress, made)
    found.follow(asins)
    while found.learn(NOW):
        pass
    return found


def put(store: Store, asin: str, de: int, italy: int, **more: object) -> None:
    put_all(store, [asin], de, italy, **more)


def put_all(store: Store, asins: Sequence[str], de: int, italy: int, **more: object) -> None:
    """Products that cost so much on the two marketplaces."""
    updates = []
    for asin, (code, price) in product(asins, (("DE", de), ("IT", italy))):
        prices = {"new_low90_minor": 1_500, "new_median90_minor": 2_000, "new_high90_minor": 2_600}
        known = {"new_minor": price, "new_at": int(NOW), "new_days90": 90, "new_changed90_pct": 10.0, **prices, **more}
        there = offer(asin, code, price_minor=price, price_basis="new", fetched_at=NOW, origin="demo", **known)
        updates.append(Update(replace(there, updated_at=int(NOW)), None))
    store.put(updates)


def asked(looks: NextLooks, *, left: int = 1_000, at: float = NOW, refill: int = 20) -> Request:
    step = looks.next(replace(tokens(left, refill), at=at), at)
    assert isinstance(step, Request)
    return step


def test_a_new_list_is_looked_at_block_by_block_through_all_marketplaces(polled: Settings) -> None:
    looks, seen = looks_of(polled, ASINS), []
    for number in range(6):
        step = asked(looks, at=NOW + number)
        seen.append((step.market, step.asins[0], len(step.asins)))
        looks.looked([(asin, step.market) for asin in step.asins], NOW + number, full=step.buybox)
    blocks = (0, 100), (100, 100), (200, 50)
    assert seen == [(code, ASINS[start], count) for start, count in blocks for code in MARKETS]


def test_nothing_to_watch_is_idle_for_ever(polled: Settings) -> None:
    assert looks_of(polled, ()).next(tokens(), NOW) == Idle(math.inf)


def test_what_was_looked_at_rests_for_the_interval(polled: Settings) -> None:
    looks = looks_of(polled, ASINS[:3], looked_at=NOW)
    step = looks.next(tokens(), NOW + 100)
    assert step == Idle(200.0)
    assert set(asked(looks, at=NOW + 301).asins) == set(ASINS[:3])


def test_what_keepa_does_not_know_is_looked_at_no_more_often_than_the_rest(polled: Settings) -> None:
    looks, counts = looks_of(polled, ASINS[:20], values=Difference(), looked_at=NOW - 6 * DAY_S), dict[str, int]()
    for minute in range(0, 3 * 1_440, 5):
        at = NOW + 60 * minute
        step = looks.next(replace(tokens(10, 2), at=at), at)
        if isinstance(step, Request):
            looks.looked([(asin, step.market) for asin in step.asins], at, full=step.buybox)
            for asin in step.asins:
                counts[asin] = counts.get(asin, 0) + 1
    assert counts.keys() == set(ASINS[:20])
    assert max(counts.values()) <= 1.5 * min(counts.values())


def test_no_call_costs_more_than_the_tokens_that_are_left(polled: Settings) -> None:
    looks = looks_of(polled, ASINS)
    assert len(asked(looks, left=30).asins) == 10
    # A few tokens are saved up for a call that is worth its name.
    assert looks.next(tokens(9), NOW) == Idle(60.0, for_tokens=True)
    assert looks.next(tokens(0), NOW) == Idle(60.0, for_tokens=True)
    assert len(asked(looks, left=1, refill=1).asins) == 1
    dear = looks_of(polled.model_copy(update={"call_tokens": 10}), ASINS)
    assert len(asked(dear).asins) == 3


def test_a_clock_that_was_set_back_stops_nothing(polled: Settings) -> None:
    looks = looks_of(polled, ASINS[:3], looked_at=NOW + 30 * DAY_S)
    assert set(asked(looks).asins) == set(ASINS[:3])


def test_where_money_is_at_stake_is_looked_at_first(polled: Settings, store: Store, values: Difference) -> None:
    put_all(store, ASINS[:40], 2_000, 2_000)
    put(store, ASINS[40], 2_000, 2_450)
    looks = looks_of(polled, ASINS[:41], values=values, looked_at=NOW)
    assert sorted(values.learned) == list(range(41))
    step = asked(looks, left=1, refill=2, at=NOW + 3_600)
    assert step.asins == (ASINS[40],)
    assert (step.why, step.value > 0) == ("value", True)


def test_what_somebody_watches_weighs_more(polled: Settings, store: Store) -> None:
    put_all(store, ASINS[:40], 2_000, 2_450)
    looks = looks_of(polled, ASINS[:40], values=Difference({ASINS[17]}), looked_at=NOW)
    assert asked(looks, left=1, refill=2, at=NOW + 3_600).asins == (ASINS[17],)


def test_tokens_that_would_expire_are_spent_on_the_buy_box(polled: Settings, store: Store, values: Difference) -> None:
    put(store, ASINS[0], 2_000, 2_450)
    looks = looks_of(polled, ASINS[:1], values=values, looked_at=NOW)
    # The price is what pays for a look; the gap of the buy box has not had the time to move.
    looks.planner.book.full_at[:] = NOW + 3_500
    assert not asked(looks, left=3, refill=6, at=NOW + 3_600).buybox
    assert asked(looks, left=1_199, at=NOW + 3_600).buybox


def test_a_changed_list_keeps_what_was_learned(polled: Settings, store: Store, values: Difference) -> None:
    put(store, ASINS[0], 2_000, 2_000)
    put(store, ASINS[1], 2_000, 2_450)
    looks = looks_of(polled, ASINS[:2], values=values, looked_at=NOW)
    looks.follow((ASINS[5], ASINS[1]))
    assert values.learned == [1]
    assert looks.left_to_learn == 1
    names = {(asin, market) for asin in ASINS[5:6] for market in MARKETS}
    looks.looked(names, NOW, full=True)
    assert asked(looks, left=1, refill=2, at=NOW + 3_600).asins == (ASINS[1],)


def test_what_a_look_showed_is_learned_once_it_is_stored(polled: Settings, store: Store, values: Difference) -> None:
    put(store, ASINS[0], 2_000, 2_000)
    looks = looks_of(polled, ASINS[:1], values=values)
    values.learned.clear()
    looks.looked([(ASINS[0], "DE")], NOW + 50, full=True)
    assert not looks.learn(NOW + 51)
    assert values.learned == []
    looks.learn(NOW + 54)
    assert values.learned == [0]
    # The store has the look of before only: it is asked again, later and later.
    assert looks.left_to_learn == 1
    put(store, ASINS[0], 2_000, 2_450)
    store.put(
        [Update(replace(offer(ASINS[0], "DE", origin="demo"), fetched_at=NOW + 50, updated_at=int(NOW) + 50), None)]
    )
    looks.learn(NOW + 80)
    assert looks.left_to_learn == 0


def test_another_profile_is_learned_anew(polled: Settings, store: Store, values: Difference) -> None:
    put(store, ASINS[0], 2_000, 2_000)
    looks = looks_of(polled, ASINS[:1], values=values)
    values.learned.clear()
    values.version = "two"
    looks.learn(NOW + 61)
    assert values.learned == [0]


def test_a_store_that_does_not_answer_stops_no_look(
    polled: Settings, store: Store, values: Difference, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, ASINS[0], 2_000, 2_450)

    def away(*_: object, **__: object) -> None:
        raise StoreError("the store does not answer", remedy="Start it")

    with monkeypatch.context() as patched:
        patched.setattr("arbkit.store.lazy.open_store", away)
        looks = looks_of(polled, ASINS[:1], values=values)
        assert "the store does not answer" in looks.trouble
        assert asked(looks).asins == ASINS[:1]
        assert "the oldest come first" in outlook(looks, tokens(), NOW, hours=1).state
    looks.learn(NOW + 16)
    assert (looks.trouble, values.learned) == ("", [0])


def test_a_product_that_cannot_be_learned_of_costs_no_other(
    polled: Settings, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Difference):
        def learn(self, products: Ints, states: Sequence[ProductState]) -> None:
            if any(state.asin == ASINS[3] for state in states):
                raise ZeroDivisionError
            super().learn(products, states)

    put_all(store, ASINS[:10], 2_000, 2_450)
    values = Faulty()
    looks = looks_of(polled, ASINS[:10], values=values, looked_at=NOW)
    assert sorted(values.learned) == [0, 1, 2, *range(4, 10)]
    assert [record.getMessage()[:10] for record in caplog.records if record.exc_info] == [ASINS[3]]
    assert len(asked(looks, at=NOW + 3_600).asins) > 1


def test_a_page_of_deals_is_read_where_looks_would_take_too_long(
    polled: Settings, store: Store, values: Difference
) -> None:
    many = tuple(f"B1{number:08}" for number in range(2_000))
    put_all(store, many, 2_000, 2_450, root_category_id=7)
    looks = looks_of(polled, many, values=values, looked_at=NOW)
    step = looks.next(replace(tokens(20, 5), at=NOW + DAY_S), NOW + DAY_S)
    assert isinstance(step, ReadDeals)
    assert step.root_category == 7
    call = DealsCall(step.market, 7)
    shown = Deal(many[77], NOW + DAY_S - 60, 1_800, 10), Deal("B0NOTWATCHD", NOW, 1_000, 5)
    looks.hear(step, DealsPage(call, shown, False, None, NOW + DAY_S), NOW + DAY_S)
    after = asked(looks, left=1, refill=2, at=NOW + DAY_S + 1)
    assert (after.market, after.asins) == (step.market, (many[77],))


def test_the_plan_says_what_comes_next_and_what_more_tokens_bring(
    polled: Settings, store: Store, values: Difference
) -> None:
    put_all(store, ASINS[:60], 2_000, 2_450)
    looks = looks_of(polled, ASINS[:60], values=values, looked_at=NOW - 3_600)
    found = outlook(looks, tokens(0, 1), NOW, hours=24, refill=2)
    document: dict[str, Any] = outlook_document(found).model_dump()
    assert document["state"] == ""
    assert document["tokens"] == {"left": 0, "refill_per_minute": 1}
    first = document["next"][0]
    assert {"at", "market", "asins", "tokens", "value", "why"} <= first.keys()
    assert first["asins"][0] in first["why"] or "waits longest" in first["why"]
    assert "at stake" in first["why"]
    assert document["watchlist"]["products"] == 60
    assert 1_000 <= document["watchlist"]["tokens_per_day"] <= 1_500
    assert document["with_double"]["age_p50_s"] < document["watchlist"]["age_p50_s"]
    assert document["with_double"]["value_ratio"] > 1
    # What is looked at on the way waits no longer: all is looked at once and again.
    assert document["watchlist"]["age_p90_s"] <= DAY_S
    assert document["watchlist"]["oldest_s"] <= 7 * DAY_S
    # Playing it through changes nothing.
    assert (looks.planner.book.seen_at == NOW - 3_600).all()
    write_plan(polled, found)
    assert read_plan(polled) == outlook_document(found)


@pytest.mark.parametrize(
    ("asins", "known", "says"),
    [
        ((), tokens(), "the watchlist is empty"),
        (ASINS[:2], None, "not known before a producer has asked"),
        (ASINS[:2], tokens(50, 0), "no tokens come in"),
        (ASINS[:2], tokens(-7, 0), "no tokens come in"),
    ],
)
def test_the_plan_says_what_keeps_it_from_being_made(
    polled: Settings, asins: Sequence[str], known: Tokens | None, says: str
) -> None:
    found = outlook(looks_of(polled, asins), known, NOW, hours=1)
    assert says in found.state
