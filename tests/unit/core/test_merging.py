"""Offers merge fact by fact, in whatever order, grouping and number they come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.models import Offer, Update
from arbkit.core.offers.groups import DERIVED, GROUPS, HEADER, NAMES, fact_stamp
from arbkit.core.offers.merging import absorb, canonical, merge
from tests.helpers.factories import offer
from tests.helpers.statements import updates

_T0 = 1_780_000_000
_ANY = ("keepa", "raw", "export", "demo")


def said(update: Update) -> Offer:
    return canonical(update.offer, update.stated)


def known(at: int = _T0, **fields: Any) -> Offer:
    """An offer that states nothing but these fields."""
    return Offer(
        asin="B000000001", market="DE", version=at // 60, fetched_at=float(at), updated_at=at, currency="EUR",
        **{"origin": "export", **fields},
    )  # fmt: skip


def content(one: Offer) -> Offer:
    """An offer without its version, which counts changes."""
    return replace(one, version=0)


@given(updates(origins=_ANY), updates(origins=_ANY))
def test_merging_is_commutative(a: Update, b: Update) -> None:
    assert merge(said(a), said(b)) == merge(said(b), said(a))


@given(updates(origins=_ANY), updates(origins=_ANY), updates(origins=_ANY))
def test_merging_is_associative(a: Update, b: Update, c: Update) -> None:
    assert merge(merge(said(a), said(b)), said(c)) == merge(said(a), merge(said(b), said(c)))


@given(updates(), updates())
def test_merging_twice_is_merging_once(a: Update, b: Update) -> None:
    assert merge(said(a), said(a)) == said(a)
    both = merge(said(a), said(b))
    assert merge(both, said(b)) == merge(both, said(a)) == both
    assert canonical(both) == both


@given(
    st.lists(updates(origins=_ANY), min_size=1, max_size=5).flatmap(
        lambda them: st.tuples(st.just(them), st.permutations(them))
    )
)
def test_a_stored_offer_does_not_depend_on_the_order_of_its_updates(
    given_twice: tuple[list[Update], list[Update]],
) -> None:
    found = []
    for order in given_twice:
        stored: Offer | None = None
        versions = []
        for update in [*order, *order]:
            stored, _ = absorb(stored, update)
            versions.append(stored.version)
        assert versions == sorted(versions)
        assert stored is not None
        found.append(content(stored))
    assert found[0] == found[1]


def test_of_two_like_offers_the_one_fetched_first_is_kept_whichever_came_first() -> None:
    early = Update(replace(known(buy_box_minor=1_990), fetched_at=float(_T0)), None)
    late = Update(replace(known(buy_box_minor=1_990), fetched_at=_T0 + 1.0), None)
    kept, _ = absorb(None, early)
    assert absorb(kept, late) == (kept, "equal")
    stored, _ = absorb(None, late)
    again, outcome = absorb(stored, early)
    assert (content(again), outcome) == (content(kept), "updated")
    assert again.version > stored.version


@given(updates(origins=_ANY), updates(origins=_ANY))
def test_a_change_makes_the_version_grow_and_nothing_else_does(a: Update, b: Update) -> None:
    first, outcome = absorb(None, a)
    assert outcome == "stored"
    second, outcome = absorb(first, b)
    assert (outcome == "updated") == (second.version > first.version) == (content(second) != content(first))
    assert absorb(second, b)[1] in ("equal", "older")
    if outcome != "updated":
        assert second is first


def test_every_field_of_an_offer_is_in_one_group() -> None:
    placed = [NAMES[position] for group in GROUPS for position in group.all]
    assert sorted([*placed, *HEADER, *DERIVED]) == sorted(NAMES)


def test_a_narrow_newer_file_changes_only_what_it_has() -> None:
    wide = known(title="Kettle", length_mm=300, width_mm=200, height_mm=100, weight_g=900, buy_box_minor=3_000,
                 sales_rank=7)  # fmt: skip
    narrow = known(_T0 + 60, buy_box_minor=2_500)
    both = merge(wide, narrow)
    assert (both.title, both.weight_g, both.sales_rank) == ("Kettle", 900, 7)
    assert (both.price_minor, both.price_basis, both.updated_at) == (2_500, "buy_box", _T0 + 60)
    assert fact_stamp(both, "weight_g") == (_T0, "export")
    assert fact_stamp(both, "buy_box_minor") == (_T0 + 60, "export")
    assert fact_stamp(both, "rating") is None


def test_what_a_newer_file_says_is_not_there_is_not_there_any_more() -> None:
    stored, _ = absorb(None, Update(known(buy_box_minor=3_000, sales_rank=7, weight_g=900), None))
    gone = Update(known(_T0 + 60, title="Kettle"), None, frozenset({"sales_rank", "buy_box_minor"}))
    stored, _ = absorb(stored, gone)
    assert (stored.sales_rank, stored.price_minor, stored.weight_g) == (None, None, 900)
    # Told again what it was before, it is still gone.
    again, outcome = absorb(stored, Update(known(buy_box_minor=3_000, sales_rank=7), None))
    assert (again, outcome) == (stored, "older")


def test_equal_times_lose_nothing() -> None:
    both = merge(known(title="Kettle", buy_box_minor=3_000), known(weight_g=900, sales_rank=7, brand="Acme"))
    assert (both.title, both.price_minor, both.weight_g, both.sales_rank) == ("Kettle", 3_000, 900, 7)


def test_of_the_same_moment_keepa_knows_better_than_an_export() -> None:
    both = merge(known(brand="ACME GmbH"), known(brand="Acme", origin="keepa"))
    assert both.brand == "Acme"


def test_an_old_buy_box_does_not_replace_a_newer_one_of_an_older_offer() -> None:
    """The time of a fact counts, not that of the offer it came in."""
    export = known(_T0, buy_box_minor=2_500, buy_box_at=_T0, buy_box_seller="A1")
    product = known(_T0 + 86_400, origin="keepa", buy_box_minor=9_900, buy_box_at=_T0 - 400 * 86_400,
                    buy_box_seller="A2", new_minor=2_600, new_at=_T0 + 86_400)  # fmt: skip
    both = merge(export, product)
    assert (both.price_minor, both.price_at, both.buy_box_seller, both.new_minor) == (2_500, _T0, "A1", 2_600)
    assert both.updated_at == _T0 + 86_400


def test_the_sides_of_a_package_come_from_one_file() -> None:
    both = merge(
        known(length_mm=510, width_mm=450, height_mm=470), known(_T0 + 60, length_mm=300, width_mm=200, height_mm=100)
    )
    assert (both.length_mm, both.width_mm, both.height_mm) == (300, 200, 100)
    both = merge(known(length_mm=510, width_mm=450, height_mm=470), known(_T0 + 60, length_mm=300))
    assert (both.length_mm, both.width_mm, both.height_mm) == (510, 450, 470)


@pytest.mark.parametrize("first", ["demo", "keepa"])
def test_a_real_offer_replaces_an_invented_one_as_a_whole(first: str) -> None:
    demo = known(_T0 + 999, origin="demo", title="Invented", brand="Nobody", buy_box_minor=1)
    real = known(_T0, origin="export", title="Kettle")
    both = merge(demo, real) if first == "demo" else merge(real, demo)
    assert (both.title, both.brand, both.price_minor, both.origin) == ("Kettle", None, None, "export")


def test_a_price_comes_with_its_own_averages() -> None:
    box = known(buy_box_minor=3_000, buy_box_avg90_minor=3_100)
    new = known(_T0 - 60, new_minor=2_800, new_avg90_minor=2_900)
    assert merge(box, new).price_avg90_minor == 3_100
    without = absorb(merge(box, new), Update(known(_T0 + 60), None, frozenset({"buy_box_minor"})))[0]
    assert (without.price_basis, without.price_minor, without.price_avg90_minor) == ("new", 2_800, 2_900)


def test_a_coupon_ends_when_keepa_says_nothing_of_it() -> None:
    both = merge(known(origin="keepa", coupon_pct=10), known(_T0 + 60, origin="keepa"))
    assert both.coupon_pct is None
    assert merge(known(origin="keepa", coupon_pct=10), known(_T0 + 60)).coupon_pct == 10


def test_an_offer_comes_back_from_the_factory_as_a_store_keeps_it() -> None:
    one = offer(price_minor=2_000, shipping_minor=399, price_avg90_minor=2_100)
    assert canonical(one) == one
    assert (one.buy_box_minor, one.buy_box_shipping_minor, one.buy_box_avg90_minor) == (2_000, 399, 2_100)
