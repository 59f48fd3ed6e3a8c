"""Sales as they are taken in: what a preview says comes true, and nothing is kept before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from arbkit.analysis.sales.importing import import_result, preview_sales, take_sales
from arbkit.core.sales.line import SaleLine
from arbkit.core.settings import Settings
from arbkit.sources.settlements.read import LineFault, ReadSales
from arbkit.store import Store, open_store
from tests.helpers.decisions import decision
from tests.helpers.sales import refund, sale


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """Five units of a product that were bought, one sale that is known, and one whose product is not."""
    with open_store(settings) as opened:
        bought: dict[str, Any] = {"quantity": 5, "price": 10.0, "price_currency": "EUR", "bought_on": "2026-10-01"}
        opened.add_decisions([decision(status="bought", route="IT:DE", **bought)])
        opened.put_sales([sale(1), sale(2, asin=None, sku="LATE")])
        yield opened


FILES: list[tuple[list[SaleLine], dict[str, str]]] = [
    ([], {}),
    ([], {"LATE": "B000000001"}),
    ([sale(1), sale(3, units=2), refund(90, order="o-3")], {}),
    ([replace(sale(1), principal=31.0), sale(4, asin=None, sku="NEW")], {"LATE": "B000000001"}),
    ([sale(2, asin=None, sku="LATE"), sale(5, units=9), sale(6, asin="B000000009")], {"LATE": "B000000001"}),
    ([sale(7, kind="other", what="Storage", asin=None, sku=None, units=0), sale(8, day="2026-09-01")], {}),
]


@pytest.mark.parametrize(("lines", "skus"), FILES)
def test_a_preview_says_what_then_becomes_of_the_file_and_keeps_nothing(
    store: Store, lines: list[SaleLine], skus: dict[str, str]
) -> None:
    before = store.sales()
    seen = preview_sales(store, lines, skus)
    assert store.sales() == before
    assert take_sales(store, lines, skus) == seen
    again = preview_sales(store, lines, skus)
    assert (again.new, again.changed, again.known) == (0, 0, len(lines))
    assert again.unmatched_units == seen.unmatched_units


def test_units_of_no_purchase_are_counted_with_what_is_kept_already(store: Store) -> None:
    # Of five units bought one is sold already.
    assert preview_sales(store, [sale(3, units=4)], {}).unmatched_units == 0
    seen = preview_sales(store, [sale(3, units=6), sale(4, asin="B000000009")], {})
    assert (seen.unmatched_units, seen.unmatched_lines) == (3, 2)
    assert "2 lines (3 units) of no purchase" in seen.unmatched_words
    assert preview_sales(store, [], {}).unmatched_words == ""


def test_without_a_store_all_is_new_and_nothing_was_bought() -> None:
    seen = preview_sales(None, [sale(1), sale(2, asin=None, sku="NEW")], {})
    assert (seen.new, seen.changed, seen.known, seen.unknown_skus) == (2, 0, 0, {"NEW": 1})
    assert seen.unmatched_units == 1


def test_a_fault_always_has_a_remedy_and_the_first_of_many_are_named(store: Store) -> None:
    faults = (LineFault(2, "is no day"), LineFault(3, "names no product", "Give asin"), LineFault(4, "is no day"))
    read = ReadSales((), faults, 3, ())
    found = import_result(read, preview_sales(store, [], {}), preview=True, most_faults=2)
    assert (found.fault_count, found.left_out, len(found.faults)) == (3, 3, 2)
    assert "import the file again" in found.faults[0].remedy
    assert found.faults[1].remedy == "Give asin"
    assert faults[1].words == "names no product. Give asin"
