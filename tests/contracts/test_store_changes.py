"""What every store says of its changes, and of a demo market beside real products."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest

from arbkit.core.models import Offer, Update
from arbkit.core.offers.facts import Fact
from arbkit.store import OpportunityQuery, ProductQuery, Removed, Store
from arbkit.store.elastic.indices import create
from arbkit.store.elastic.store import ElasticStore
from arbkit.store.product_document import build_product
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.routes import store_routes
from tests.helpers.waiting import until_later
from tests.servers.launch import Elasticsearch

Open = Callable[[bool], Store]


@pytest.fixture(params=["sqlite", "elasticsearch"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """What opens one store, again and again, showing the demo market always or only where there is nothing else."""
    stores: list[Store] = []
    if request.param == "sqlite":

        def open_one(show_demo: bool) -> Store:
            stores.append(SqliteStore(tmp_path / "store.db", show_demo=show_demo))
            return stores[-1]

        yield open_one
        for one in stores:
            one.close()
        return
    server: Elasticsearch = request.getfixturevalue("elasticsearch")
    prefix = f"t{uuid4().hex[:12]}-"
    assert create(server.url, prefix=prefix) == []

    def connect(show_demo: bool) -> Store:
        stores.append(ElasticStore(server.url, prefix=prefix, show_demo=show_demo))
        return stores[-1]

    yield connect
    for one in stores:
        one.close()
    server.forget(prefix)


@pytest.fixture
def store(opened: Open) -> Store:
    """An empty store, as surfaces open it."""
    return opened(False)


def put(store: Store, *offers: Offer) -> None:
    store.put([Update(o, history(o.asin, o.market, version=o.version)) for o in offers])


def invented(number: int, code: str = "DE") -> Offer:
    return offer(f"B0DEMO{number:04}", code, origin="demo", title="Invented", category="Demo", updated_at=10)


def test_a_batch_says_what_is_known_of_its_products_then(store: Store) -> None:
    first = offer("B000000001", "FR", title="Ours")
    put(store, first, offer("B000000002"))
    done = store.put([Update(offer("B000000001", "DE"), None)])
    assert done.states == store.states(["B000000001", "B000000009"])
    (known,) = done.states.values()
    assert [o.market for o in known.offers] == ["DE", "FR"]
    assert known.offers[1] == first
    assert known.facts == ()


def test_what_changes_of_a_product_is_counted_and_nothing_else(store: Store) -> None:
    asin = "B000000001"
    seen: list[int] = []

    def change() -> int:
        return store.states([asin])[asin].change

    def counted() -> bool:
        seen.append(change())
        return len(seen) < 2 or seen[-1] > seen[-2]

    put(store, offer(asin, "FR"))
    assert counted()
    put(store, offer(asin, "DE"))
    assert counted()
    for _ in range(2):
        # What has been counted, older, or of another product.
        done = store.put([Update(offer(asin, "DE"), None), Update(offer(asin, "FR", version=5, updated_at=5), None)])
        assert done.states[asin].change == change() == seen[-1]
        put(store, offer("B000000002"))
        store_routes(store, [opportunity(asin, "FR", "DE")])
        assert change() == seen[-1]
    put(store, offer(asin, "DE", version=8_000_001))
    assert counted()
    fact = Fact.of(asin, "package", {"weight_g": 500}, at=10.0)
    store.put_fact(fact)
    assert counted()
    assert store.states([asin])[asin].facts == (fact,)
    assert store.put([Update(offer(asin, "DE"), None)]).states[asin].facts == (fact,)
    store.delete_fact(asin, "", "package")
    assert counted()
    store.rebuild(iter([[Update(offer(asin, "DE", version=8_000_001), None)]]))
    assert counted()


def test_another_process_sees_the_same_number(opened: Open) -> None:
    one, other = opened(False), opened(True)
    put(one, offer())
    assert one.states(["B000000001"]) == other.states(["B000000001"])
    put(other, offer("B000000001", "FR"))
    assert one.states(["B000000001"]) == other.states(["B000000001"])


def test_a_sweep_says_what_it_was_made_of(opened: Open) -> None:
    store, other = opened(False), opened(False)
    assert store.swept() is None
    put(store, offer())
    store.put_swept("profile and tables")
    assert other.swept() == "profile and tables"
    store.put_swept("another profile")
    assert other.swept() == "another profile"


def test_products_are_unpriced_until_their_last_change_is_priced(store: Store) -> None:
    asins = [f"B00000000{i}" for i in range(5)]
    put(store, *(offer(asin, code) for asin in asins for code in ("DE", "FR")))
    assert (store.stats().unpriced_products, store.unpriced(9), store.unpriced(2)) == (5, asins, asins[:2])
    store_routes(store, [opportunity()])
    assert (store.stats().unpriced_products, store.unpriced(9)) == (0, [])
    # An old export is a change, whatever its time.
    put(store, offer("B000000007", updated_at=5), offer("B000000001", "FR", version=8_000_002))
    put(store, offer("B000000001", "DE", version=8_000_003), offer("B000000002"))
    assert store.unpriced(9) == ["B000000001", "B000000007"]
    store.rebuild(iter([[Update(offer("B000000003"), None)]]))
    assert store.stats().unpriced_products >= 3
    store.put_fact(Fact.of("B000000004", "package", {"weight_g": 500}, at=10.0))
    assert "B000000004" in store.unpriced(9)
    store_routes(store, [])
    assert (store.stats().unpriced_products, store.unpriced(9)) == (0, [])


def test_products_come_in_their_order_some_at_a_time(store: Store) -> None:
    put(store, *(offer(f"B00000000{i}") for i in (3, 1, 2)))
    assert store.asins(limit=2) == ["B000000001", "B000000002"]
    assert store.asins(after="B000000002", limit=2) == ["B000000003"]
    assert store.asins(after="B000000003", limit=2) == []


def fill_both(store: Store) -> None:
    """Three products of the demo market, two real ones, and an opportunity of each."""
    demo = [invented(n, code) for n in (1, 2, 3) for code in ("DE", "FR")]
    real = [offer(f"B00000000{n}", code, updated_at=1_000) for n in (1, 2) for code in ("DE", "FR")]
    routes = [
        opportunity(o.asin, "FR", "DE", profit=p, demo=o.demo, category=o.category, brand="Fake" if o.demo else "Acme")
        for o, p in zip((demo[0], demo[2], demo[4], real[0], real[2]), (50.0, 40.0, 30.0, 5.0, 4.0), strict=True)
    ]
    put(store, *demo)
    store_routes(store, routes[:3])
    put(store, *real)
    store_routes(store, routes[3:])


def test_a_demo_market_alone_is_shown(store: Store) -> None:
    put(store, invented(1), invented(2))
    assert not store.holds_real_products()
    stats = store.stats()
    assert (stats.products, stats.demo_products, stats.hidden_products, stats.unpriced_products) == (2, 2, 0, 2)
    assert store.products(ProductQuery()).total == 2
    assert store.product("B0DEMO0001") is not None


def test_beside_real_products_nothing_of_the_demo_market_is_shown(store: Store) -> None:
    fill_both(store)
    real = ["B000000001", "B000000002"]
    assert store.holds_real_products()
    page = store.products(ProductQuery(sort="asin", descending=False))
    assert ([p.asin for p in page.items], page.total) == (real, 2)
    assert store.products(ProductQuery(q="Invented")).total == 0
    assert [p.asin for p in store.products(ProductQuery(sort="profit", limit=1)).items] == ["B000000001"]
    found = store.opportunities(OpportunityQuery())
    assert ([o.asin for o in found.items], found.total) == (real, 2)
    assert store.opportunities(OpportunityQuery(asin="B0DEMO0001")).total == 0
    assert store.sums(OpportunityQuery()).total_profit == 9.0
    assert store.product("B0DEMO0001") is None
    assert store.history("B0DEMO0001") == []
    assert {o.asin for o in store.offers(["B0DEMO0001", *real])} == {*real}
    assert {a for f in store.scan_offers(["asin"], products_per_batch=1) for a in f["asin"]} == {*real}
    stats = store.stats()
    assert (stats.products, stats.offers, stats.opportunities, stats.demo_products) == (2, 4, 2, 0)
    assert (stats.total_profit, stats.categories, stats.brands) == (9.0, ("Toys & Games",), ("Acme",))
    assert (stats.oldest_at, stats.newest_at, stats.markets) == (1_000, 1_000, {"DE": 2, "FR": 2})
    assert stats.routes == {"FR:DE": {"count": 2, "best_profit": 5.0, "total_profit": 9.0}}
    assert (stats.hidden_products, stats.unpriced_products) == (3, 0)
    assert store.ages([60], now=1_000.0) == {"DE": (2, 0), "FR": (2, 0)}
    put(store, invented(4))
    assert (store.stats().unpriced_products, store.unpriced(9), store.asins(limit=9)) == (0, [], real)


def test_walking_the_pages_of_a_mixed_store_gives_the_real_ones_once(store: Store) -> None:
    put(store, *(invented(n) for n in range(9)), *(offer(f"B00000000{n}") for n in range(9)))
    walked: list[str] = []
    query = ProductQuery(sort="asin", limit=4)
    while True:
        page = store.products(query)
        assert page.total == 9
        walked += [p.asin for p in page.items]
        if page.next is None:
            break
        query = query.model_copy(update={"cursor": page.next})
    assert walked == [f"B00000000{n}" for n in range(8, -1, -1)]


def test_who_wants_the_demo_market_sees_it_beside_real_products(opened: Open) -> None:
    with opened(False) as filled:
        fill_both(filled)
    store = opened(True)
    stats = store.stats()
    assert (stats.products, stats.offers, stats.opportunities, stats.demo_products, stats.hidden_products) == (
        5, 10, 5, 3, 0,
    )  # fmt: skip
    assert store.opportunities(OpportunityQuery()).items[0].asin == "B0DEMO0001"
    assert store.product("B0DEMO0001") is not None
    assert len(store.offers(["B0DEMO0001"])) == 2


def test_the_demo_market_is_removed_and_the_rest_stays(opened: Open) -> None:
    store, everything = opened(False), opened(True)
    fill_both(store)
    assert store.remove_demo(dry_run=True) == Removed(products=3, offers=6)
    assert everything.stats().products == 5
    assert len(everything.windows(["B0DEMO0001"])) == 1
    assert store.remove_demo() == Removed(products=3, offers=6)
    assert everything.windows(["B0DEMO0001"]) == []
    stats = everything.stats()
    assert (stats.products, stats.offers, stats.opportunities, stats.demo_products) == (2, 4, 2, 0)
    assert store.stats().hidden_products == 0
    assert everything.history("B0DEMO0001") == []
    assert len(store.history("B000000001")) == 2
    assert everything.products(ProductQuery(q="Invented")).total == 0
    assert store.remove_demo() == Removed(products=0, offers=0)
    # The market can be polled again, and what is real is as it was.
    put(everything, replace(invented(1), version=9_000_000))
    assert everything.stats().demo_products == 1
    assert store.products(ProductQuery(q="Product")).total == 2


def test_a_product_with_real_and_invented_offers_keeps_the_real_ones(opened: Open) -> None:
    store = opened(False)
    put(store, offer("B000000001", "DE"), offer("B000000001", "FR", origin="demo", title="Invented"), invented(1))
    # What was invented for a real product is no fact about it.
    assert [o.market for o in store.offers(["B000000001"])] == ["DE"]
    assert pd.concat(store.scan_offers(["asin", "market"])).to_numpy().tolist() == [["B000000001", "DE"]]
    before, seen = opened(True).states(["B000000001"])["B000000001"], store.product("B000000001")
    assert seen is not None
    until_later(int(time.time()))
    assert store.remove_demo() == Removed(products=2, offers=2)
    left = store.product("B000000001")
    assert left == build_product(store.offers(["B000000001"]))
    assert left is not None
    assert (list(left.markets), left.demo, left.title) == (["DE"], False, "Product B000000001")
    # It is the same product, which has changed: what was priced of it before is older than it.
    assert left.first_seen == seen.first_seen
    assert store.states(["B000000001"])["B000000001"].change > before.change
    assert store.unpriced(9) == ["B000000001"]
    assert [h.market for h in store.history("B000000001")] == ["DE"]
    assert store.products(ProductQuery(q="Invented")).total == 0
