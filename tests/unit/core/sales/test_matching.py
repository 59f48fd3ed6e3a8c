"""First in, first out: which purchase a sale, a refund or a later charge belongs to."""

from __future__ import annotations

from arbkit.core.decisions.event import Decision
from arbkit.core.sales.matching import PurchaseSales, match_sales
from tests.helpers.decisions import decision
from tests.helpers.sales import refund, sale


def bought(version: int, quantity: int, day: str, route: str = "IT:DE") -> Decision:
    return decision(status="bought", version=version, route=route, quantity=quantity, price=10.0, bought_on=day)


def units(found: tuple[PurchaseSales, ...]) -> list[tuple[int, int, int]]:
    return [(one.units_sold, one.units_refunded, one.left) for one in found]


def test_the_oldest_purchase_is_sold_first_and_a_sale_over_two_is_shared_by_units() -> None:
    found = match_sales([bought(2, 5, "2026-10-20"), bought(1, 2, "2026-10-01")], [sale(1, units=1), sale(2, units=3)])
    assert [one.purchase.version for one in found.purchases] == [1, 2]
    assert units(found.purchases) == [(2, 0, 0), (2, 0, 3)]
    assert [(m.units, round(m.share, 3)) for m in found.purchases[1].sold] == [(2, 0.667)]
    assert not found.unmatched
    assert not found.unknown


def test_what_was_sold_before_it_was_bought_or_beyond_what_was_bought_matches_nothing() -> None:
    early, late = sale(1, day="2026-09-30"), sale(2, units=4)
    found = match_sales([bought(1, 3, "2026-10-01")], [early, late])
    assert [(m.line.id, m.units) for m in found.unmatched] == [("s1:1", 1), ("s1:2", 1)]
    assert units(found.purchases) == [(3, 0, 0)]


def test_units_bought_for_the_marketplace_of_the_sale_go_first_then_those_of_others() -> None:
    purchases = [bought(1, 1, "2026-10-01", "IT:FR"), bought(2, 1, "2026-10-02")]
    found = match_sales(purchases, [sale(1), sale(2), sale(3, asin="B000000002"), sale(4, asin=None)])
    assert [one.sold[0].line.id for one in found.purchases] == ["s1:2", "s1:1"]
    assert [m.line.id for m in found.unmatched] == ["s1:3"]
    assert [line.id for line in found.unknown] == ["s1:4"]


def test_a_refund_goes_to_the_purchase_of_its_order_and_is_no_unit_left() -> None:
    purchases = [bought(1, 1, "2026-10-01"), bought(2, 2, "2026-10-02")]
    lines = [sale(1), sale(2), refund(order="o-1"), refund(91, order="o-2", units=2)]
    found = match_sales(purchases, lines)
    assert units(found.purchases) == [(1, 1, 0), (1, 1, 1)]
    assert [(m.line.id, m.units, m.share) for m in found.unmatched] == [("s1:91", 1, 0.5)]


def test_a_refund_without_an_order_that_is_known_goes_to_the_last_units_sold_there() -> None:
    purchases = [bought(1, 1, "2026-10-01"), bought(2, 2, "2026-10-02")]
    found = match_sales(purchases, [sale(1), sale(2), refund(order=None), refund(91, order=None, market="FR")])
    assert units(found.purchases) == [(1, 0, 0), (1, 1, 1)]
    assert [m.line.id for m in found.unmatched] == ["s1:91"]


def test_a_refund_that_says_no_units_has_those_of_its_price_and_part_of_a_price_is_no_unit() -> None:
    whole = refund(units=0, principal=-60.0, order="o-1")
    part = refund(91, units=0, principal=-7.5, order="o-1")
    found = match_sales([bought(1, 3, "2026-10-01")], [sale(1, units=3), whole, part])
    assert units(found.purchases) == [(3, 2, 0)]
    assert [line.id for line in found.purchases[0].charged] == ["s1:91"]


def test_a_later_charge_of_an_order_belongs_to_its_purchase_and_other_money_to_none() -> None:
    lost = sale(7, units=0, principal=0.0, order="o-9")
    fee = sale(5, day="2026-10-30", units=0, principal=0.0, order="o-1")
    storage = sale(6, kind="other", what="Storage Fee", units=0)
    found = match_sales([bought(1, 3, "2026-10-01")], [fee, sale(1), storage, lost])
    assert [line.id for line in found.purchases[0].charged] == ["s1:5"]
    assert [(m.line.id, m.units) for m in found.unmatched] == [("s1:7", 0)]
    assert found.unknown == ()
