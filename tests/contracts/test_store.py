"""What every store must do, whichever stands behind the interface."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import arbkit.store.sqlite.store
from arbkit.core.errors import UsageError
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import Offer, Run, Series, Update
from arbkit.core.offers.facts import Fact
from arbkit.core.offers.looks import Look
from arbkit.core.offers.merging import absorb
from arbkit.core.settings import Settings
from arbkit.store import OpportunityQuery, ProductQuery, Store
from arbkit.store.elastic.indices import create
from arbkit.store.elastic.store import ElasticStore
from arbkit.store.elastic.writer import Writer
from arbkit.store.kept_facts import restore_facts, set_fact, unset_fact
from arbkit.store.product_document import build_product
from arbkit.store.search_text import matches_words
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.routes import store_routes
from tests.helpers.statements import histories, updates
from tests.helpers.waiting import until_later
from tests.servers.launch import Elasticsearch


@pytest.fixture(params=["sqlite", "elasticsearch"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    if request.param == "sqlite":
        with SqliteStore(tmp_path / "store.db") as opened:
            yield opened
        return
    server: Elasticsearch = request.getfixturevalue("elasticsearch")
    prefix = f"t{uuid4().hex[:12]}-"
    assert create(server.url, prefix=prefix) == []
    with ElasticStore(server.url, prefix=prefix) as scaled:
        yield scaled
    server.forget(prefix)


def put(store: Store, *offers: object) -> None:
    store.put([Update(o, None) for o in offers])  # type: ignore[arg-type]  # offers, spelt short


def test_a_replay_or_a_stale_update_changes_nothing(store: Store) -> None:
    first = Update(offer(price_minor=2_000), history())
    assert store.put([first]).ok == 1
    before = store.offers(["B000000001"]), store.product("B000000001"), store.history("B000000001")
    again = store.put([first])
    assert (again.ok, again.stale) == (0, 1)
    assert store.put([Update(offer(version=7_999_999, price_minor=1), None)]).stale == 1
    assert (store.offers(["B000000001"]), store.product("B000000001"), store.history("B000000001")) == before
    assert store.put([Update(offer(version=8_000_001, price_minor=1), None)]).ok == 1
    assert store.offers(["B000000001"])[0].price_minor == 1


def test_within_a_batch_the_newest_wins(store: Store) -> None:
    updates = [Update(offer(version=v, price_minor=v), None) for v in (5, 7, 6)]
    assert store.put(updates).ok == 1
    assert store.offers(["B000000001"])[0].version == 7


def test_an_offer_comes_back_as_it_went_in(store: Store) -> None:
    full = offer(eans=("4006381333931", "1"), category_path=("A", "B"), hazmat=False, rating=4.5, notes=("x",))
    put(store, full)
    assert store.offers([full.asin]) == [full]


def test_a_history_comes_back_as_it_went_in(store: Store) -> None:
    store.put([Update(offer(), history())])
    assert store.history("B000000001") == [history()]


def test_a_product_is_composed_from_all_its_offers(store: Store) -> None:
    put(
        store,
        offer(code="DE", updated_at=100, title="Küchenwaage", eans=("2",)),
        offer(code="FR", updated_at=200, title="Balance", brand=None, eans=("1", "2")),
        offer(code="UK", updated_at=50, title=None),
    )
    product = store.product("B000000001")
    assert product is not None
    assert (product.title, product.brand, product.eans) == ("Balance", "Acme", ("1", "2"))
    assert product.version == 3 * 8_000_000
    assert {m: p["currency"] for m, p in product.markets.items()} == {"DE": "EUR", "FR": "EUR", "UK": "GBP"}
    assert store.product("B0NOSUCH00") is None


def test_search_finds_whatever_the_spelling(store: Store, subtests: pytest.Subtests) -> None:
    put(store, offer(title="Für die Küche", eans=("4006381333931",)), offer("B000000002", title="Ball", brand="X"))
    for query in ("Kueche", "Küche", "kuche", "KÜCHE acme", "küch", "4006381333931", "B000000001"):
        with subtests.test(query):
            assert [p.asin for p in store.products(ProductQuery(q=query)).items] == ["B000000001"]


def test_every_word_of_a_search_may_be_the_beginning_of_one(store: Store, subtests: pytest.Subtests) -> None:
    title = "Lanterna da campeggio a batteria"
    put(store, offer(title=title, brand="Lucéo"), offer("B000000002", title="Tent for campers", brand="X"))
    store_routes(store, [opportunity(title=title, brand="Lucéo")])
    for query, found in (
        ("lanterna cam", 1), ("lant camp", 1), ("camp lant", 1), ("LANT. luc", 1), ("lant lant", 1), ("l c b", 1),
        ("anterna camp", 0), ("lant kamp", 0), ("lanternas camp", 0),
    ):  # fmt: skip
        with subtests.test(query):
            assert store.products(ProductQuery(q=query)).total == found
            assert store.opportunities(OpportunityQuery(q=query)).total == found
            assert matches_words(f"{title} Lucéo", query) is bool(found)


def test_a_search_finds_what_has_come_since_it_was_asked_before(store: Store) -> None:
    put(store, offer(title="Camping lamp"), offer("B000000002", title="Ball"))
    lamp, ball = opportunity(title="Camping lamp"), opportunity("B000000002", title="Ball")
    store_routes(store, [lamp, ball])
    asked = OpportunityQuery(q="lamp")
    assert store.opportunities(asked).items == (lamp,)
    assert store.opportunities(OpportunityQuery(q="ball")).items == (ball,)
    assert (store.sums(asked).count, store.sums(OpportunityQuery()).count) == (1, 2)
    put(store, offer("B000000002", title="Ball with a lamp", version=9_000_000))
    store_routes(store, [lamp, replace(ball, title="Ball with a lamp")])
    assert store.opportunities(asked).total == store.sums(asked).count == 2
    assert [group.count for group in store.groups(asked, "route")] == [2]


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.text(max_size=60), st.sampled_from(['"', "*", 'NEAR("a" b)', "a OR", "-", "x" * 10_000, "^a"])))
def test_no_search_text_is_too_strange(store: Store, query: str) -> None:
    put(store, offer())
    store.products(ProductQuery(q=query))
    store.opportunities(OpportunityQuery(q=query))


def test_walking_the_pages_gives_everything_once_in_order(store: Store, subtests: pytest.Subtests) -> None:
    found = [
        opportunity(
            f"B{i:09}",
            profit=float(i % 4),
            roi_pct=float(i % 3),
            title=None if i % 5 == 0 else f"T{i % 6}",
            confidence=i % 2 / 2,
        )
        for i in range(23)
    ]
    store_routes(store, found)
    for sort in ("profit", "roi", "confidence", "age", "title", "route", "buy_price"):
        for descending in (True, False):
            with subtests.test(sort, descending=descending):
                walks_once_in_order(store, OpportunityQuery(sort=sort, descending=descending, limit=100))


def walks_once_in_order(store: Store, whole: OpportunityQuery) -> None:
    """Pages of four give what one page gives, each route once."""
    expected = [o.id for o in store.opportunities(whole).items]
    walked: list[str] = []
    cursor = None
    while True:
        page = store.opportunities(whole.model_copy(update={"limit": 4, "cursor": cursor}))
        assert page.total == 23
        walked += [o.id for o in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert walked == expected
    assert len(set(walked)) == 23
    assert [o.id for o in store.opportunities(whole.model_copy(update={"limit": 5, "offset": 10})).items] == expected[
        10:15
    ]


@pytest.mark.parametrize("descending", [True, False])
def test_walking_products_by_their_age_gives_each_once(store: Store, *, descending: bool) -> None:
    ages = [1_760_000_000 + 60 * (i // 3) for i in range(10)]
    put(store, *(offer(f"B{i:09}", updated_at=at, price_at=at) for i, at in enumerate(ages)))
    walked: list[str] = []
    cursor = None
    while True:
        page = store.products(ProductQuery(sort="updated", descending=descending, limit=2, cursor=cursor))
        walked += [p.asin for p in page.items]
        cursor = page.next
        if cursor is None:
            break
    expected = [f"B{i:09}" for i in range(10)]
    assert walked == (expected[::-1] if descending else expected)


def test_a_damaged_cursor_is_named(store: Store, subtests: pytest.Subtests) -> None:
    for cursor in ("nonsense", "W10", "é", "AAAA"):
        with subtests.test(cursor), pytest.raises(UsageError, match="cursor"):
            store.opportunities(OpportunityQuery(cursor=cursor))


def test_a_cursor_of_another_order_is_refused(store: Store) -> None:
    store_routes(store, [opportunity(f"B{i:09}") for i in range(3)])
    page = store.opportunities(OpportunityQuery(limit=1))
    with pytest.raises(UsageError, match="another order"):
        store.opportunities(OpportunityQuery(limit=1, sort="roi", cursor=page.next))


def test_opportunities_are_filtered(store: Store) -> None:
    store_routes(
        store,
        [
            opportunity(profit=5.0),
            opportunity(
                "B000000002", "FR", "UK", profit=9.0, category="Tools", data_at=1_760_000_500, amazon_sells=True
            ),
        ],
    )
    for query, expected in (
        (OpportunityQuery(min_profit=5.0), 2),
        (OpportunityQuery(min_profit=5.01), 1),
        (OpportunityQuery(source="IT"), 1),
        (OpportunityQuery(target="UK", category="Tools"), 1),
        (OpportunityQuery(category=("Tools", "Spielzeug")), 2),
        (OpportunityQuery(category=("Tools", "Nothing")), 1),
        (OpportunityQuery(min_roi=40), 0),
        (OpportunityQuery(asin="B000000002"), 1),
        (OpportunityQuery(max_age_hours=1, at=1_760_004_100), 1),
        (OpportunityQuery(amazon_sells=True), 1),
        # Of the other one it is not known.
        (OpportunityQuery(amazon_sells=False), 0),
    ):
        assert store.opportunities(query).total == expected
        assert store.sums(query).count == expected


def test_sums_are_of_all_that_a_query_finds_on_whatever_page(store: Store) -> None:
    found = [opportunity(f"B00000000{i}", profit=float(i), brand="Acme") for i in range(1, 4)]
    found.append(opportunity("B000000009", "FR", "UK", profit=9.5, brand="Zeta"))
    store_routes(store, found)
    sums = store.sums(OpportunityQuery(min_profit=2.0, limit=1, offset=2))
    assert (sums.count, sums.total_profit) == (3, 14.5)
    assert store.stats().brands == ("Acme", "Zeta")
    assert sums.routes == {
        "FR:UK": {"count": 1, "best_profit": 9.5, "total_profit": 9.5},
        "IT:DE": {"count": 2, "best_profit": 3.0, "total_profit": 5.0},
    }
    assert store.sums(OpportunityQuery(min_profit=1000)).total_profit == 0


def test_replacing_opportunities_names_the_new_ones_and_marks_the_best(store: Store) -> None:
    put(store, offer(), offer("B000000002"))
    assert store_routes(store, [opportunity(profit=5.0)]) == ["B000000001:IT:DE"]
    found = [opportunity(profit=6.0), opportunity(target="FR", profit=7.0)]
    assert store_routes(store, found) == ["B000000001:IT:FR"]
    product = store.product("B000000001")
    assert product is not None
    assert product.best is not None
    assert (product.best["target"], product.best["profit"]) == ("FR", 7.0)
    assert store.products(ProductQuery(min_margin=10)).total == 1
    put(store, offer(version=9_000_000))
    moved = store.product("B000000001")
    assert moved is not None
    assert moved.best is not None
    store_routes(store, [])
    gone = store.product("B000000001")
    assert gone is not None
    assert gone.best is None
    assert store.opportunities(OpportunityQuery()).total == 0


def test_routes_that_are_no_opportunity_are_found_only_when_asked_for(store: Store) -> None:
    store.put([Update(offer("B000000001", code), None) for code in ("DE", "IT")])
    found = [
        opportunity(profit=5.0, brand="Good"),
        opportunity(target="FR", profit=50.0, status="needs_size", profit_low=-3.0, profit_high=60.0, brand="Open"),
        opportunity(target="ES", profit=40.0, status="different", category="Other"),
    ]
    assert store_routes(store, found) == ["B000000001:IT:DE"]
    assert [o.target for o in store.opportunities(OpportunityQuery()).items] == ["DE"]
    every = store.opportunities(OpportunityQuery(all_routes=True))
    assert (every.total, [o.status for o in every.items]) == (3, ["needs_size", "different", "opportunity"])
    assert store.sums(OpportunityQuery()).total_profit == 5.0
    assert store.sums(OpportunityQuery(all_routes=True)).count == 3
    stats = store.stats()
    assert (stats.opportunities, stats.brands, stats.categories) == (1, ("Good",), ("Toys & Games",))
    product = store.product("B000000001")
    assert product is not None
    assert product.best is not None
    assert product.best["profit"] == 5.0
    # Once its size is known it is a new opportunity.
    sized = opportunity(target="FR", profit=50.0)
    assert store_routes(store, [found[0], sized]) == ["B000000001:IT:FR"]


def test_products_are_filtered_by_price_in_the_currency_of_a_market(store: Store) -> None:
    put(store, offer(price_minor=1_000), offer("B000000002", price_minor=3_000), offer("B000000003", "UK"))
    page = store.products(ProductQuery(market="DE", max_price=20.00))
    assert [p.asin for p in page.items] == ["B000000001"]
    with pytest.raises(UsageError, match="max_price"):
        store.products(ProductQuery(max_price=20))


def test_a_scan_gives_every_offer_and_never_splits_a_product(store: Store) -> None:
    put(store, *(offer(f"B{i:09}", code, weight_g=None) for i in range(7) for code in ("DE", "FR", "UK")))
    frames = list(store.scan_offers(["asin", "market", "price_minor", "weight_g", "title"], products_per_batch=2))
    assert [len(f) for f in frames] == [6, 6, 6, 3]
    assert str(frames[0]["weight_g"].dtype) == "float64"
    assert frames[0]["weight_g"].isna().all()
    put(store, offer("B000000000", version=9_000_000, category_path=("A", "B"), eans=()))
    (first, *_) = store.scan_offers(["asin", "category_path", "eans"])
    assert first.iloc[0].tolist() == ["B000000000", '["A","B"]', None]
    with pytest.raises(UsageError, match="no such field"):
        list(store.scan_offers(["asin; DROP TABLE offers"]))


def test_a_document_that_no_store_takes_is_named_and_the_others_stored(store: Store) -> None:
    written = store.put([Update(offer(), None), Update(offer("B000000002", reviews=2**70), None)])
    assert written.ok == 1
    assert "reviews" in written.poison[1]


def test_a_newer_offer_that_no_store_takes_does_not_cost_the_older_one(store: Store) -> None:
    updates = [Update(offer(price_minor=1_000), None), Update(offer(version=8_100_000, reviews=2**70), None)]
    written = store.put(updates)
    assert (written.ok, written.stale, list(written.poison)) == (1, 0, [1])
    assert store.offers(["B000000001"])[0].price_minor == 1_000


def test_a_product_is_what_its_offers_say(store: Store) -> None:
    put(store, offer(updated_at=1, image="a.jpg", eans=("4006381333931",), sales_rank=7, weight_g=300))
    put(store, offer(code="UK", updated_at=2, brand=None, manufacturer="Maker", shipping_minor=399))
    assert store.product("B000000001") == build_product(store.offers(["B000000001"]))


def test_a_product_is_first_seen_once(store: Store) -> None:
    before = int(time.time())
    put(store, offer())
    product = store.product("B000000001")
    assert product is not None
    assert product.first_seen is not None
    assert before <= product.first_seen <= time.time()
    first = product.first_seen
    until_later(first)
    # Neither an update, nor another marketplace, a detection, or a replay makes it younger.
    put(store, offer(version=8_100_000), offer(code="FR"))
    store_routes(store, [opportunity()])
    store.rebuild([[Update(offer(version=8_200_000), history()), Update(offer("B000000002"), None)]])
    put(store, offer(version=8_300_000))
    again, other = store.product("B000000001"), store.product("B000000002")
    assert again is not None
    assert again.first_seen == first
    assert (set(again.markets), again.best is not None) == ({"DE", "FR"}, True)
    assert other is not None
    assert other.first_seen is not None
    assert other.first_seen > first
    (listed,) = store.products(ProductQuery(limit=1, sort="asin", descending=False)).items
    assert listed.first_seen == first


def test_times_come_back_as_exactly_as_they_went_in(store: Store) -> None:
    at = 1_760_000_123.4567892
    put(store, offer(fetched_at=at))
    store_routes(store, [opportunity(evaluated_at=at)])
    run = Run(run_id="r", report="detect", status="succeeded", started_at=at, finished_at=at + 1.000001)
    store.put_run(run)
    fact = Fact.of("B000000001", "package", {"weight_g": 900}, at=at)
    store.put_fact(fact)
    look = Look(asin="B000000001", market="DE", asked_at=at, answered_at=at + 0.1, status="served")
    store.put_looks([look])
    assert [o.fetched_at for o in store.offers(["B000000001"])] == [at]
    assert [o.evaluated_at for o in store.opportunities(OpportunityQuery()).items] == [at]
    assert store.stats().evaluated_at == at
    assert (store.runs(), store.facts(), store.looks()) == ([run], [fact], [look])


def test_a_time_that_no_clock_shows_costs_no_offer(store: Store) -> None:
    strange = offer(fetched_at=1e-7, sales_rank=5, sales_rank_at=2**60)
    put(store, strange)
    assert store.offers(["B000000001"]) == [strange]


def test_rebuilding_takes_what_is_not_older_and_keeps_the_rest(store: Store) -> None:
    put(store, offer(title="as it was"), offer("B000000002"), offer("B000000003", version=8_100_000))
    store_routes(store, [opportunity(profit=6.0)])
    store.put_run(Run(run_id="r", report="detect", status="succeeded", started_at=1.0))
    seen: list[str | None] = []

    def batches() -> Iterator[list[Update]]:
        yield [Update(offer(title="made anew"), history()), Update(offer("B000000003", title="older"), None)]
        # What is rebuilt is not seen yet, and others go on writing.
        seen.extend(o.title for o in store.offers(["B000000001"]))
        put(store, offer(code="FR", title="meanwhile"))
        yield [Update(offer("B000000004"), None)]

    rebuilt = store.rebuild(batches())
    assert seen == ["as it was"]
    assert (rebuilt.offers, rebuilt.kept) == (3, 2)
    titles = {o.id: o.title for o in store.offers([f"B00000000{i}" for i in range(1, 5)])}
    assert titles == {
        "B000000001:DE": "made anew", "B000000001:FR": "meanwhile", "B000000002:DE": "Product B000000002",
        "B000000003:DE": "Product B000000003", "B000000004:DE": "Product B000000004",
    }  # fmt: skip
    product = store.product("B000000001")
    assert product is not None
    assert set(product.markets) == {"DE", "FR"}
    assert product.version == sum(o.version for o in store.offers(["B000000001"]))
    assert product.best is not None
    assert product.best["profit"] == 6.0
    assert [h.market for h in store.history("B000000001")] == ["DE"]
    assert store.stats().products == 4
    assert store.products(ProductQuery(q="made anew")).total == 1
    assert store.products(ProductQuery(q="as it was")).total == 0
    assert store.opportunities(OpportunityQuery()).total == 1
    assert store.run("r") is not None
    # It goes on as any other store.
    put(store, offer(version=8_000_001, title="newer"))
    assert store.offers(["B000000001"])[0].title == "newer"


def test_a_rebuilding_that_breaks_off_leaves_the_store_as_it_was(store: Store) -> None:
    put(store, offer())
    before = store.offers(["B000000001"]), store.product("B000000001")

    def batches() -> Iterator[list[Update]]:
        yield [Update(offer(version=9_000_000, title="made anew"), None)]
        raise RuntimeError("broken off")

    with pytest.raises(RuntimeError):
        store.rebuild(batches())
    assert (store.offers(["B000000001"]), store.product("B000000001")) == before
    put(store, offer(version=8_000_001))
    assert store.offers(["B000000001"])[0].version == 8_000_001


def test_runs_come_latest_first(store: Store) -> None:
    for i in range(3):
        store.put_run(Run(run_id=f"r{i}", report="detect", status="running", started_at=float(i)))
    store.put_run(Run(run_id="r1", report="detect", status="failed", started_at=1.0, error="why"))
    assert [r.run_id for r in store.runs(limit=2)] == ["r2", "r1"]
    run = store.run("r1")
    assert run is not None
    assert run.error == "why"
    assert store.runs(report="other") == []


def test_of_each_report_only_the_latest_runs_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbkit.store.base.RUNS_KEPT", 3)
    store.put_run(Run(run_id="other", report="morning", status="succeeded", started_at=0.0))
    for i in range(8):
        for status in ("running", "succeeded"):
            store.put_run(Run(run_id=f"r{i}", report="detect", status=status, started_at=1_790_000_000.25 + i))
    assert [r.run_id for r in store.runs()] == ["r7", "r6", "r5", "other"]


def test_stats_count(store: Store) -> None:
    # A product with a real offer is no invented one.
    put(store, offer(), offer(code="UK", origin="demo"), offer("B000000002", origin="demo"))
    store_routes(store, [opportunity(profit=5.0), opportunity("B000000002", profit=2.5)])
    stats = store.stats()
    assert (stats.products, stats.offers, stats.opportunities, stats.demo_products) == (2, 3, 2, 1)
    assert (stats.total_profit, stats.currency) == (7.5, "EUR")
    assert stats.routes["IT:DE"] == {"count": 2, "best_profit": 5.0, "total_profit": 7.5}


def test_offers_are_counted_by_age_on_each_marketplace(store: Store) -> None:
    now = 1_760_000_000.5
    # Two seconds in the future, as young as can be, on either side of a limit, and old.
    ages = {"DE": (-2, 0, 59, 60, 61, 90_000), "UK": (3_700,)}
    put(
        store,
        *(
            offer(f"B{place:09}", code, updated_at=int(now) - age)
            for code, some in ages.items()
            for place, age in enumerate(some)
        ),
    )
    assert store.ages([60, 3_600], now=now) == {"DE": (3, 2, 1), "UK": (0, 0, 1)}
    assert store.ages([], now=now) == {"DE": (6,), "UK": (1,)}
    stats = store.stats()
    assert (stats.oldest_at, stats.newest_at) == (int(now) - 90_000, int(now) + 2)


def test_an_empty_store_has_no_ages(store: Store) -> None:
    assert store.ages([60], now=0.0) == {}
    assert (store.stats().oldest_at, store.stats().offers) == (None, 0)


# Merging

_PRODUCTS = (f"B{number:09}" for number in count(500_000))


class Killed(BaseException):
    """What ends a process in the middle of a batch."""


def content(store: Store, asin: str) -> tuple[object, ...]:
    """All that is stored of a product but versions, which count changes."""
    product = store.product(asin)
    offers = [replace(o, asin="", version=0) for o in store.offers([asin])]
    assert product is not None
    return offers, replace(product, asin="", version=0), [replace(h, asin="") for h in store.history(asin)]


def as_of(asin: str, update: Update) -> Update:
    named = None if update.history is None else replace(update.history, asin=asin)
    return Update(replace(update.offer, asin=asin), named, update.stated)


@st.composite
def any_updates(draw: st.DrawFn) -> Update:
    update = draw(updates(origins=("keepa", "raw", "export", "demo")))
    return replace(update, history=draw(st.one_of(st.none(), histories())))


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_the_same_updates_in_any_order_and_batches_twice_and_with_a_kill_are_the_same_store(
    store: Store, data: st.DataObject
) -> None:
    given_ = data.draw(st.lists(any_updates(), min_size=1, max_size=5))
    one, other = next(_PRODUCTS), next(_PRODUCTS)
    store.put([as_of(one, update) for update in given_])
    expected: Offer | None = None
    for update in given_:
        expected, _ = absorb(expected, update)
    assert expected is not None
    assert content(store, one)[0] == [replace(expected, asin="", version=0)]
    shuffled = [as_of(other, update) for update in data.draw(st.permutations([*given_, *given_]))]
    cut = data.draw(st.integers(0, len(shuffled)))
    store.put(shuffled[:cut])
    with pytest.MonkeyPatch.context() as patch, suppress(Killed):
        killed_before_products(patch)
        store.put(shuffled[cut:])
    store.put(shuffled[cut:])
    assert content(store, other) == content(store, one)


def killed_before_products(patch: pytest.MonkeyPatch) -> None:
    """Let the writing of a batch end before its products are composed."""

    def die(*_: object) -> None:
        raise Killed

    patch.setattr(arbkit.store.sqlite.store, "write_products", die)
    patch.setattr(Writer, "update_products", die)


def test_a_narrow_newer_file_changes_only_what_it_has(store: Store) -> None:
    put(store, offer(weight_g=900, sales_rank=7, title="Kettle"))
    narrow = offer(version=8_000_001, origin="export", title=None, brand=None, category=None, price_minor=1_500)
    written = store.put([Update(narrow, None)])
    assert (written.stored, written.updated, written.outcomes) == (0, 1, {0: "updated"})
    (kept,) = store.offers(["B000000001"])
    assert (kept.title, kept.weight_g, kept.sales_rank, kept.price_minor) == ("Kettle", 900, 7, 1_500)
    assert kept.version > 8_000_000
    product = store.product("B000000001")
    assert product is not None
    assert (product.title, product.markets["DE"]["price_minor"]) == ("Kettle", 1_500)


def test_a_batch_says_what_became_of_each_update(store: Store) -> None:
    put(store, offer(), offer("B000000002"))
    written = store.put(
        [
            Update(offer("B000000003"), None),
            Update(offer(version=8_000_001), None),
            Update(offer("B000000002", version=7_999_000, price_minor=1), None),
            Update(offer("B000000002"), None),
            Update(offer("B000000002", version=7_999_000, sales_rank=9), None),
        ]
    )
    assert written.outcomes == {0: "stored", 1: "updated", 2: "older", 3: "equal", 4: "updated"}
    assert (written.stored, written.updated, written.older, written.equal) == (1, 2, 1, 1)
    assert store.offers(["B000000002"])[0].sales_rank == 9


def test_a_real_product_takes_nothing_of_an_invented_one(store: Store) -> None:
    demo = offer(version=9_000_000, origin="demo", title="Invented", weight_g=1)
    real = offer(origin="export", title="Kettle", brand=None)
    for asin, order in (("B000000001", (demo, real)), ("B000000002", (real, demo))):
        for one in order:
            store.put([Update(replace(one, asin=asin), history(asin, version=one.version) if one.demo else None)])
        (kept,) = store.offers([asin])
        assert (kept.title, kept.brand, kept.weight_g, kept.origin) == ("Kettle", None, None, "export")
        assert store.history(asin) == []
    put(store, offer("B000000001", "FR", version=9_000_000, origin="demo", title="Invented"))
    product = store.product("B000000001")
    assert product is not None
    assert (product.title, set(product.markets), product.demo) == ("Kettle", {"DE"}, False)


def test_rebuilding_keeps_what_the_log_no_longer_says(store: Store) -> None:
    put(store, offer(weight_g=900, title="read wrongly"))
    put(store, offer(version=8_000_005, origin="export", title=None, brand=None, category=None, price_minor=1_500))
    store.rebuild([[Update(offer(title="read anew"), None)]])
    (kept,) = store.offers(["B000000001"])
    assert (kept.title, kept.weight_g, kept.price_minor) == ("read anew", 900, 1_500)
    product = store.product("B000000001")
    assert product is not None
    assert product == build_product([kept])


def test_two_histories_of_one_moment_leave_the_fuller_one(store: Store) -> None:
    full = history()
    part = replace(full, series={"new": full.series["new"]})
    for asin, order in (("B000000001", (full, part)), ("B000000002", (part, full))):
        for one in order:
            store.put([Update(offer(asin), replace(one, asin=asin))])
        assert store.history(asin) == [replace(full, asin=asin)]


def test_a_narrow_newer_history_never_loses_older_points(store: Store) -> None:
    full = history()
    narrow = replace(
        full, version=8_000_001, series={"new": Series(array("i", [7_990_000, 7_999_000]), array("i", [2_100, 1_800]))}
    )
    store.put([Update(offer(), full)])
    store.put([Update(offer(version=8_000_001), narrow)])
    new = Series(array("i", [7_900_000, 7_950_000, 7_990_000, 7_999_000]), array("i", [2_000, -1, 2_100, 1_800]))
    both = replace(full, version=8_000_001, series={"new": new, "buy_box": full.series["buy_box"]})
    assert store.history("B000000001") == [both]
    # Nor does what comes late or again.
    store.put([Update(offer(), full), Update(offer(version=8_000_001), narrow)])
    assert store.history("B000000001") == [both]


def test_rebuilding_keeps_points_that_no_record_has_any_more_and_takes_the_others_anew(store: Store) -> None:
    full = history()
    misread = replace(full, series={**full.series, "new": replace(full.series["new"], values=array("i", [9, 9, 9]))})
    store.put([Update(offer(), misread)])
    later = Series(array("i", [7_950_000, 7_990_000]), array("i", [-1, 2_100]))
    store.rebuild([[Update(offer(), replace(full, series={"new": later}))]])
    (found,) = store.history("B000000001")
    assert found.series["new"].values.tolist() == [9, -1, 2_100]
    assert found.series["buy_box"] == full.series["buy_box"]


def test_a_real_history_keeps_nothing_of_an_invented_one(store: Store) -> None:
    invented = replace(history(version=8_000_009), series={"new": Series(array("i", [1]), array("i", [1]))})
    store.put([Update(offer(origin="demo", version=8_000_009), invented)])
    store.put([Update(offer(), history())])
    assert store.history("B000000001") == [history()]
    store.put([Update(offer(origin="demo", version=8_000_010), invented)])
    assert store.history("B000000001") == [history()]


# What users typed


def package(asin: str = "B000000001", market: str = "", **given_: int) -> Fact:
    sides = {"length_mm": 510, "width_mm": 450, "height_mm": 470, "weight_g": 14_000}
    return Fact.of(asin, "package", given_ or sides, at=1_790_000_000.5, market=market)


def test_what_users_typed_is_kept_read_and_forgotten(store: Store) -> None:
    assert store.facts() == []
    books = Fact.of("B000000002", "vat_class", {"vat_class": "books"}, at=5.0)
    for fact in (package(weight_g=1), package(), package(market="DE", weight_g=900), books):
        store.put_fact(fact)
    assert store.facts() == [package(), package(market="DE", weight_g=900), books]
    assert store.facts(["B000000002", "B000000009"]) == [books]
    assert store.delete_fact("B000000001", "DE", "package")
    assert not store.delete_fact("B000000001", "DE", "package")
    assert store.facts() == [package(), books]


def test_rebuilding_takes_points_ahead_of_the_clock_out_of_what_an_older_arbkit_stored(store: Store) -> None:
    now = to_minutes(time.time())
    for asin, version in (("B000000001", now + 90_000), ("B000000002", now + 90_000), ("B000000003", 8_000_000)):
        known = history(asin, version=version)
        ahead = [] if asin == "B000000003" else [now + 30, now + 80_000, now + 90_000]
        price, box = known.series["new"], known.series["buy_box"]
        assert box.shipping is not None
        series = {
            "new": Series(price.times + array("i", ahead), price.values + array("i", [9] * len(ahead))),
            "buy_box": Series(
                box.times + array("i", ahead), box.values + array("i", [9] * len(ahead)),
                box.shipping + array("i", [0] * len(ahead)),
            ),
            "rank": Series(array("i", ahead[1:]), array("i", [7] * len(ahead[1:]))),
        }  # fmt: skip
        store.put([Update(offer(asin), replace(known, series=series))])
    before = {a: s.change for a, s in store.states(["B000000001", "B000000002"]).items()}
    # Of the second the log no longer has anything.
    store.rebuild([[Update(offer(), history())], [Update(offer("B000000003"), history("B000000003"))]])
    for asin in ("B000000001", "B000000002"):
        (healed,) = store.history(asin)
        # The tolerance is an hour: clocks differ.
        assert list(healed.series["new"].times) == [*history().series["new"].times, now + 30]
        box = healed.series["buy_box"]
        assert (len(box.times), len(box.values), len(box.shipping or ())) == (4, 4, 4)
        assert not healed.series["rank"].times
        assert healed.version <= now + 30
    (untouched,) = store.history("B000000003")
    assert untouched.series["new"] == history().series["new"]
    assert all(s.change > before[a] for a, s in store.states([*before]).items())
    # What comes next goes on from there.
    later = replace(
        history("B000000002", version=now + 40), series={"new": Series(array("i", [now + 40]), array("i", [5]))}
    )
    store.put([Update(offer("B000000002"), later)])
    assert store.history("B000000002")[0].series["new"].times[-1] == now + 40


def test_what_users_typed_survives_a_rebuilding(store: Store) -> None:
    store.put_fact(package())
    store.rebuild([[Update(offer(), None)]])
    assert store.facts() == [package()]


def test_what_users_typed_comes_into_a_new_store(store: Store, settings: Settings) -> None:
    with SqliteStore(settings.home / "before.db") as before:
        set_fact(settings, before, package())
        set_fact(settings, before, package("B000000002"))
        assert unset_fact(settings, before, "B000000002", "", "package")
    assert restore_facts(settings, store) == 1
    assert restore_facts(settings, store) == 0
    assert store.facts() == [package()]
    # What is typed into the new one does not make it forget the old.
    set_fact(settings, store, package("B000000003"))
    with SqliteStore(settings.home / "after.db") as after:
        assert restore_facts(settings, after) == 2


# Looks that somebody asks for


def test_looks_are_kept_one_a_product_and_marketplace_with_what_became_of_them(store: Store) -> None:
    assert store.looks() == []
    first, second = (Look(asin="B000000001", market=market, asked_at=at) for market, at in (("IT", 7.5), ("DE", 5.0)))
    store.put_looks([first, second])
    store.put_looks([])
    assert store.looks() == store.looks(status="waiting") == [second, first]
    done = replace(first, status="refused", answered_at=9.25, why="the day's budget is used up")
    store.put_looks([done])
    assert store.looks() == [second, done]
    assert (store.looks(status="waiting"), store.looks(status="refused")) == ([second], [done])
    assert store.looks(status="served") == []
    store.rebuild([[Update(offer(), None)]])
    assert store.looks() == [second, done]
