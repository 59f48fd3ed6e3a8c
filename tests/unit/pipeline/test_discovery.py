"""Candidates for the watchlist: found in lists, looked at within a share of the tokens, promoted and given up."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest

from arbkit.core.errors import ConfigError, StoreError
from arbkit.core.settings import Settings
from arbkit.pipeline.discovery.by_hand import GROUP, demote, promote
from arbkit.pipeline.discovery.candidates import Discovered, merged
from arbkit.pipeline.discovery.kept import change_discovery, discovery_path, read_discovery
from arbkit.pipeline.discovery.knowledge import StoreKnowledge
from arbkit.pipeline.discovery.overview import overview
from arbkit.pipeline.discovery.rules import Outcome, discovery_rules, due_looks, judged
from arbkit.pipeline.discovery.scout import Scout
from arbkit.sources.keepa_api.calls import BestSellersCall, Call, DealsCall, ProductCall
from arbkit.sources.keepa_api.client import Batch
from arbkit.sources.keepa_api.product_lists import BestSellers, Deal, DealsPage
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.keepa_api.token_costs import cost_at_most
from arbkit.sources.watchlist import is_of_demo
from arbkit.store import open_store

NOW = 1_790_000_000.0
HOUR, DAY = 3_600.0, 86_400.0
ONE, TWO, THREE = "B000000001", "B000000002", "B000000003"


@dataclass
class Known:
    """What the rest of arbkit knows, as a test says it."""

    watchlist: list[str] = field(default_factory=lambda: ["B0WATCHED0"])
    outcome: dict[str, Outcome] = field(default_factory=dict)
    fails: bool = False

    def _check(self) -> None:
        if self.fails:
            raise StoreError("is away")

    def watched(self) -> Collection[str]:
        self._check()
        return set(self.watchlist)

    def categories(self) -> Mapping[str, Sequence[int]]:
        return {"DE": [1_001], "IT": [1_002]}

    def outcomes(self, found_at: Mapping[str, float]) -> Mapping[str, Outcome]:
        return {asin: one for asin, one in self.outcome.items() if asin in found_at}

    def watch(self, asins: Sequence[str]) -> None:
        self._check()
        self.watchlist += asins

    def unwatch(self, asins: Sequence[str]) -> None:
        self.watchlist = [asin for asin in self.watchlist if asin not in asins]


@pytest.fixture
def on(settings: Settings) -> Settings:
    return settings.model_copy(update={"markets": ("DE", "IT"), "discovery_share": 10.0, "demo": True})


def tokens(left: int = 1_200, rate: int = 20, consumed: int = 5) -> Tokens:
    return Tokens(left=left, refill_rate=rate, refill_in_s=1, at=NOW, consumed=consumed, origin="demo")


def deals(call: DealsCall, *asins: str, at: float = NOW, consumed: int = 5) -> DealsPage:
    found = tuple(Deal(asin, at - 60, 1_999, 20) for asin in asins)
    return DealsPage(call, found, is_last=True, tokens=tokens(consumed=consumed), fetched_at=at)


def sellers(call: BestSellersCall, *asins: str, at: float = NOW) -> BestSellers:
    return BestSellers(call, asins, tokens(consumed=50), at)


def looked(call: ProductCall, *, unlisted: Collection[str] = (), at: float = NOW) -> Batch:
    products: list[Any] = [{"asin": asin, "title": None if asin in unlisted else "Thing"} for asin in call.asins]
    return Batch(products, (), tokens(consumed=len(products)), at)


def rich(on: Settings, known: Known, now: float = NOW) -> Scout:
    """A scout that may spend a day's share already."""
    change_discovery(on, lambda kept: kept.model_copy(update={"allowance": 2_000.0, "allowance_at": now}))
    return Scout(on, known)


def ask(scout: Scout, now: float) -> Call:
    call = scout.next_call(now, replace(tokens(), at=now))
    assert call is not None
    return call


def test_one_product_is_one_candidate_with_all_the_lists_that_show_it(on: Settings) -> None:
    scout = Scout(on, Known())
    first = DealsCall("DE")
    scout.take(first, deals(first, ONE, TWO), NOW)
    listed = BestSellersCall("IT", 1_002)
    scout.take(listed, sellers(listed, THREE, ONE, "B0WATCHED0", at=NOW + HOUR), NOW)
    scout.take(first, deals(first, ONE, at=NOW + 2 * HOUR), NOW)
    products = read_discovery(on).products
    assert set(products) == {ONE, TWO, THREE}, "what is watched is no candidate"
    origins = [(one.market, one.origin, one.found_at, one.rank, one.drop_pct) for one in products[ONE].origins]
    assert origins == [("DE", "deals", NOW, None, 20), ("IT", "best_sellers", NOW + HOUR, 2, None)]
    assert products[ONE].found_at == NOW
    assert products[ONE].markets_listed == 2


def test_only_as_many_as_can_be_looked_at_are_taken() -> None:
    found = {f"B{n:09}": one.origins[0] for n, one in enumerate([_one()] * 9)}
    assert len(merged({}, found, watched=(), room=4)) == 4


def test_by_default_discovery_spends_nothing(on: Settings) -> None:
    off = on.model_copy(update={"discovery_share": Settings.model_fields["discovery_share"].default})
    assert off.discovery_share == 0
    assert rich(off, Known()).next_call(NOW, tokens()) is None


@pytest.mark.parametrize("given", [None, tokens(rate=0)])
def test_where_no_tokens_come_none_are_spent(on: Settings, given: Tokens | None) -> None:
    assert rich(on, Known()).next_call(NOW, given) is None


def test_the_share_of_the_tokens_is_kept_over_days_and_restarts(on: Settings) -> None:
    small, known, spent = on.model_copy(update={"discovery_share": 2.0}), Known(), 0
    scout = Scout(small, known)
    for minute in range(0, 3 * 1_440, 10):
        now = NOW + 60 * minute
        if minute % 60 == 0:
            # As after a restart.
            scout = Scout(small, known)
        call = scout.next_call(now, replace(tokens(left=1_200), at=now))
        names = tuple(f"B{minute:06}{n:03}" for n in range(10))
        match call:
            case DealsCall():
                scout.take(call, deals(call, *names, at=now), now)
            case BestSellersCall():
                scout.take(call, sellers(call, *names, at=now), now)
            case ProductCall():
                scout.take(call, looked(call, at=now), now)
        spent += 0 if call is None else cost_at_most(call)
    # 2 % of 20 a minute over three days.
    assert 0.5 * 1_728 <= spent <= 1_728


def test_a_call_waits_for_a_token_and_not_for_all_that_it_costs(on: Settings) -> None:
    scout = rich(on, Known())
    assert scout.next_call(NOW, tokens(left=0)) is None
    # The watchlist spends all that comes in: who waited for more would wait for ever.
    assert scout.next_call(NOW, tokens(left=1)) == DealsCall("DE")


def test_a_call_without_an_answer_is_not_made_again_at_once(on: Settings) -> None:
    scout = rich(on, Known())
    asked = [scout.next_call(NOW + n, tokens()) for n in range(8)]
    made = [call for call in asked if call is not None]
    assert len(set(made)) == len(made) == 6, "deals and best sellers of two marketplaces, each once"
    assert scout.next_call(NOW + 601, tokens()) is not None


def test_candidates_are_looked_at_first_those_that_two_lists_show(on: Settings) -> None:
    scout = rich(on, Known())
    for shown, asins in ((DealsCall("DE"), (ONE, TWO)), (DealsCall("IT"), (THREE, TWO))):
        scout.take(shown, deals(shown, *asins), NOW)
    call = ask(scout, NOW)
    assert isinstance(call, ProductCall)
    assert call.asins[0] == TWO
    assert set(call.asins) == {ONE, TWO, THREE}
    assert not call.buybox, "a cheap look first"
    scout.take(call, looked(call), NOW)
    other = ask(scout, NOW)
    assert isinstance(other, ProductCall)
    assert {call.market, other.market} == {"DE", "IT"}
    scout.take(other, looked(other), NOW)
    # The next round comes a day later; until then there is time to read lists.
    assert isinstance(ask(scout, NOW), DealsCall | BestSellersCall)
    assert isinstance(ask(scout, NOW + DAY), ProductCall)


def test_the_list_that_brought_most_for_its_tokens_is_read_first(on: Settings) -> None:
    known = Known(outcome={THREE: Outcome(8, NOW)})
    scout = rich(on, known)
    for call, asins in ((DealsCall("DE"), (ONE,)), (DealsCall("IT", 1_002), (THREE,))):
        scout.take(call, deals(call, *asins), NOW)
    scout.settle(NOW + 1)
    for at in (NOW + 2, NOW + 2):
        looks = ask(scout, at)
        if isinstance(looks, ProductCall):
            scout.take(looks, looked(looks), at)
    later = NOW + 7 * HOUR
    assert ask(scout, later) == DealsCall("IT", 1_002)


def test_a_profit_promotes_and_days_without_one_demote(on: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    known = Known(outcome={ONE: Outcome(2, NOW + HOUR)})
    scout = rich(on, known)
    call = DealsCall("DE")
    scout.take(call, deals(call, ONE, TWO), NOW)
    scout.settle(NOW + HOUR)
    assert known.watchlist == ["B0WATCHED0", ONE]
    one = read_discovery(on).products[ONE]
    assert (one.state, one.by, one.opportunities) == ("promoted", "rule", 2)
    assert f"{ONE} is promoted: 2 opportunities" in caplog.text
    scout.settle(NOW + 29 * DAY)
    assert ONE in known.watchlist
    known.outcome[ONE] = Outcome(3, NOW + 20 * DAY)
    scout.settle(NOW + 45 * DAY)
    assert ONE in known.watchlist, "one came since"
    scout.settle(NOW + 51 * DAY)
    assert ONE not in known.watchlist
    assert read_discovery(on).products[ONE].state == "demoted"
    scout.settle(NOW + 142 * DAY)
    assert ONE not in read_discovery(on).products, "it may be found anew"
    brought = overview(on).yields[1]
    assert (brought.origin, brought.candidates, brought.promoted, brought.opportunities) == ("deals", 2, 1, 3)


def _one(**more: Any) -> Discovered:
    said = {
        "asin": ONE, "since": NOW, "why": "a deal",
        "origins": [{"market": "DE", "origin": "deals", "category": None, "found_at": NOW}],
    }  # fmt: skip
    return Discovered.model_validate({**said, **more})


def verdict(one: Discovered, outcome: Outcome | None = None, now: float = NOW + HOUR) -> tuple[str, str]:
    after = judged(one, outcome, ("DE", "IT"), discovery_rules(), now)
    return ("forgotten", "") if after is None else (after.state, after.why)


def test_the_rules() -> None:
    assert verdict(_one())[0] == "candidate"
    # Keepa has not said of all marketplaces whether it is there.
    assert verdict(_one(listed={"IT": False}))[0] == "candidate"
    assert verdict(_one(listed={"DE": True, "IT": False})) == (
        "demoted",
        "listed on fewer than two of the watched marketplaces",
    )
    assert verdict(_one(listed={"DE": True, "IT": True}))[0] == "candidate"
    often = {"listed": {"DE": True, "IT": True}, "looked": {"DE": 5, "IT": 5}, "looked_at": {"DE": NOW, "IT": NOW}}
    assert verdict(_one(**often))[0] == "candidate", "what the last look showed may not be priced yet"
    assert verdict(_one(**often), now=NOW + 2 * DAY) == ("demoted", "no opportunity after 5 rounds of looks")
    assert verdict(_one(**often), Outcome(1, NOW), now=NOW + 2 * DAY)[0] == "promoted"
    assert verdict(_one(state="demoted"), now=NOW + 100 * DAY)[0] == "forgotten"
    for state in ("promoted", "demoted"):
        assert verdict(_one(state=state, by="person"), now=NOW + 900 * DAY)[0] == state


def test_a_clock_that_is_set_back_a_day_stops_no_looks() -> None:
    one = _one(looked={"DE": 1}, looked_at={"DE": NOW + 40 * DAY})
    due = due_looks([one], ("DE", "IT"), discovery_rules(), NOW)
    assert due == {"DE": [ONE], "IT": [ONE]}


def test_what_a_person_decides_holds(on: Settings) -> None:
    known = Known()
    scout = rich(on, known)
    call = DealsCall("DE")
    scout.take(call, deals(call, ONE, TWO), NOW)
    with open_store(on) as store:
        on.watchlist_path.parent.mkdir(parents=True, exist_ok=True)
        assert promote(on, store, [ONE, THREE]) == [ONE, THREE]
        assert demote(on, store, [TWO]) == []
        assert StoreKnowledge(on).watched() == {ONE, THREE}
        assert {entry.groups for entry in store.watched(demo=is_of_demo(on))} == {(GROUP,)}
    known.watchlist += [ONE, THREE]
    known.outcome = {TWO: Outcome(9, NOW + DAY)}
    for days in range(0, 400, 20):
        scout.settle(NOW + days * DAY)
        scout.take(call, deals(call, ONE, TWO, THREE), NOW + days * DAY)
    states = {asin: (one.state, one.by) for asin, one in read_discovery(on).products.items()}
    assert states == {ONE: ("promoted", "person"), THREE: ("promoted", "person"), TWO: ("demoted", "person")}
    assert TWO not in known.watchlist


def test_the_watchlist_has_the_last_word(on: Settings) -> None:
    known = Known(outcome={ONE: Outcome(1, NOW)})
    scout = rich(on, known)
    call = DealsCall("DE")
    scout.take(call, deals(call, ONE, TWO), NOW)
    scout.settle(NOW)
    known.watchlist = ["B0WATCHED0", TWO]
    scout.settle(NOW + HOUR)
    products = read_discovery(on).products
    assert (products[ONE].state, products[ONE].why) == ("demoted", "taken off the watchlist by hand")
    assert (products[TWO].state, products[TWO].why) == ("promoted", "put on the watchlist by hand")
    scout.settle(NOW + 50 * DAY)
    assert known.watchlist == ["B0WATCHED0", TWO]


def test_a_damaged_file_is_left_as_it_is_and_stops_only_discovery(
    on: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    path = discovery_path(on)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"v": 1, "products": {"B0')
    scout = Scout(on, Known())
    for n in range(5):
        assert scout.next_call(NOW + 1_000 * n, tokens()) is None
        scout.take(DealsCall("DE"), deals(DealsCall("DE"), ONE), NOW)
    assert path.read_text() == '{"v": 1, "products": {"B0'
    assert caplog.text.count("discovery waits") == 1
    with pytest.raises(ConfigError, match=r"discovery\.json.*backup"):
        overview(on)
    path.write_text('{"v": 2}')
    with pytest.raises(ConfigError, match="v: "):
        read_discovery(on)


def test_a_store_that_is_away_costs_no_answer_that_is_paid_for(on: Settings) -> None:
    known = Known()
    scout = rich(on, known)
    scout.settle(NOW)
    known.fails = True
    call = ask(scout, NOW)
    assert isinstance(call, DealsCall)
    scout.take(call, deals(call, ONE, "B0WATCHED0"), NOW)
    assert set(read_discovery(on).products) == {ONE}
    assert scout.next_call(NOW + DAY, tokens()) is None


def test_pages_that_were_read_for_another_purpose_cost_discovery_nothing(on: Settings) -> None:
    scout = rich(on, Known())
    call = DealsCall("DE")
    scout.take(call, deals(call, ONE), NOW)
    kept = read_discovery(on)
    assert kept.allowance == 2_000
    assert ONE in kept.products
    assert sum(one.tokens for one in kept.lists.values()) == 0


def test_invented_and_real_products_never_mix(on: Settings) -> None:
    real = on.model_copy(update={"demo": False})
    call = DealsCall("DE")
    Scout(on, Known()).take(call, deals(call, ONE), NOW)
    assert read_discovery(real).products == {}
    assert orjson.loads(discovery_path(on).read_bytes())["products"][ONE]["state"] == "candidate"
