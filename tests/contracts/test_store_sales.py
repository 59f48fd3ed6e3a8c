"""Realised sales in a store: nothing twice, found by product, and gone only with the demo market or when told to."""

from __future__ import annotations

from dataclasses import replace

from arbkit.core.models import Update
from arbkit.core.results import JsonObject
from arbkit.core.sales.store import SalesPut
from arbkit.store.elastic.documents import upgraded
from arbkit.store.elastic.indices import index_behind
from arbkit.store.elastic.store import ElasticStore
from tests.contracts.conftest import Open
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes
from tests.helpers.sales import refund, sale


def test_lines_are_kept_whole_in_the_order_of_their_days_and_found_by_others_at_once(opened: Open) -> None:
    store, other = opened(), opened()
    lines = [
        sale(2, day="2026-11-03", vat=5.7, other={"Shipping": 2.9}),
        sale(1, units=3, order=None),
        refund(day="2026-11-04"),
        sale(4, day="2026-11-05", asin=None, sku="<b>x</b>", market=None),
        sale(5, day="2026-11-01", kind="other", what="Storage Fee", asin=None, units=0, principal=0.0, fees={}),
    ]
    assert store.put_sales(lines) == SalesPut(5, 0)
    by_day = sorted(lines, key=lambda line: line.day)
    assert other.sales() == by_day
    assert other.sales(["B000000001"]) == [line for line in by_day if line.asin]
    assert other.sales(["B000000002"]) == other.sales([]) == []


def test_what_is_there_is_not_kept_again_and_what_says_otherwise_takes_its_place(opened: Open) -> None:
    store = opened()
    lines = [sale(number) for number in range(1, 2_500)]
    assert store.put_sales(lines) == SalesPut(len(lines), 0)
    assert store.put_sales([replace(line, added_at=99.0) for line in lines]) == SalesPut(0, 0)
    assert store.put_sales([]) == SalesPut(0, 0)
    otherwise = replace(lines[0], asin="B000000002", fees={"Commission": -9.0})
    assert opened().put_sales([otherwise, *lines[1:], sale(9_999)]) == SalesPut(1, 1)
    assert store.sales(["B000000002"]) == [otherwise]
    assert len(store.sales()) == len(lines) + 1


def test_lines_are_removed_by_id_and_unknown_ids_are_none(opened: Open) -> None:
    store = opened()
    assert store.remove_sales(["s1:1"]) == 0
    store.put_sales([sale(1), sale(2)])
    assert store.remove_sales(["s1:1", "s1:7"]) == 1
    assert opened().sales() == [sale(2)]


def test_sales_stay_when_the_product_leaves_and_through_a_rebuilding_and_go_with_the_demo_market(opened: Open) -> None:
    store = opened()
    store_routes(store, [opportunity(), opportunity("B000000002", demo=True)])
    kept, invented = sale(1), sale(2, asin="B000000002", demo=True)
    store.put_sales([kept, invented])
    store.rebuild([[Update(offer(), None)]])
    store_routes(store, [])
    assert store.sales() == [kept, invented]
    store.remove_demo(dry_run=False)
    assert store.sales() == [kept]


def test_a_store_of_before_there_were_sales_has_none_and_keeps_the_first(opened: Open) -> None:
    store = opened()
    if isinstance(store, ElasticStore):
        store._client.indices.delete(index=index_behind(store._client, f"{store._prefix}sales"))
        store = opened()
    assert store.sales() == []
    store.remove_demo(dry_run=False)
    assert store.put_sales([sale()]) == SalesPut(1, 0)
    assert opened().sales() == [sale()]


def test_an_index_that_is_renewed_keeps_what_people_entered() -> None:
    for collection in ("decisions", "sales"):
        document: JsonObject = {"key": "B000000001", "demo": False, "document": {"anything": [1]}}
        assert upgraded(collection, document) == document
