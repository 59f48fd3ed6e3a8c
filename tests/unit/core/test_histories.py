"""Histories merge by point: in any order and grouping, and however often, they are the same history."""

from __future__ import annotations

from array import array
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.models import History, Series
from arbkit.core.offers.histories import merge_histories
from arbkit.core.offers.history_codec import encode, goes_on
from tests.helpers.statements import histories


def series(points: dict[int, int]) -> Series:
    return Series(array("i", points.keys()), array("i", points.values()))


def known(version: int = 1, sellers: tuple[str, ...] = (), **points: dict[int, int]) -> History:
    return History("B000000001", "DE", version, "EUR", {n: series(p) for n, p in points.items()}, sellers)


def half(one: Series) -> Series:
    count = len(one.times) // 2
    return Series(one.times[:count], one.values[:count], None if one.shipping is None else one.shipping[:count])


def packed(one: History) -> bytes:
    return encode(one.series, one.sellers)


def points(one: History) -> dict[str, dict[int, object]]:
    """Every point, its seller by name."""
    return {
        name: {
            at: one.sellers[value] if name == "buy_box_seller" else value
            for at, value in zip(each.times, each.values, strict=True)
        }
        for name, each in one.series.items()
    }


@given(histories(), histories(), histories())
def test_order_and_grouping_do_not_matter(a: History, b: History, c: History) -> None:
    assert merge_histories(a, b) == merge_histories(b, a)
    assert merge_histories(merge_histories(a, b), c) == merge_histories(a, merge_histories(b, c))


@given(histories(), histories())
def test_what_is_there_already_changes_nothing(a: History, b: History) -> None:
    assert merge_histories(a, a) == a
    assert goes_on(packed(a), packed(a))
    both = merge_histories(a, b)
    assert merge_histories(both, a) == merge_histories(both, b) == merge_histories(both, both) == both


@given(histories(), histories())
def test_a_history_goes_on_from_its_own_beginning_and_then_is_both(a: History, b: History) -> None:
    beginning = replace(a, series={name: half(one) for name, one in a.series.items()})
    assert goes_on(packed(a), packed(beginning))
    if goes_on(packed(a), packed(b)):
        assert merge_histories(a, b) == replace(a, version=max(a.version, b.version))


@given(histories(), histories())
def test_no_point_is_lost_and_none_is_invented(a: History, b: History) -> None:
    both, one, other = points(merge_histories(a, b)), points(a), points(b)
    assert both.keys() == one.keys() | other.keys()
    for name, found in both.items():
        mine, theirs = one.get(name, {}), other.get(name, {})
        assert found.keys() == mine.keys() | theirs.keys()
        assert all(value in (mine.get(at), theirs.get(at)) for at, value in found.items())
        assert list(found) == sorted(found)


@given(histories(), histories(), st.booleans())
def test_without_ties_the_first_one_keeps_its_points(a: History, b: History, twice: bool) -> None:
    first = points(a)
    both = points(merge_histories(a, merge_histories(a, b) if twice else b, ties=False))
    assert all(both[name][at] == value for name, each in first.items() for at, value in each.items())


def test_a_narrow_newer_history_goes_into_the_long_one() -> None:
    old = known(1, new={1: 2_000, 5: 2_100, 9: -1}, rank={1: 700})
    narrow = known(2, new={9: -1, 12: 1_900})
    assert merge_histories(narrow, old) == known(2, new={1: 2_000, 5: 2_100, 9: -1, 12: 1_900}, rank={1: 700})


def test_sellers_are_numbered_anew_by_when_they_first_held_the_buy_box() -> None:
    one = known(1, ("Zeta", "Acme"), buy_box_seller={1: 0, 7: 1})
    other = known(1, ("Acme", "Early"), buy_box_seller={0: 1, 4: 0})
    both = merge_histories(one, other)
    assert both.sellers == ("Early", "Zeta", "Acme")
    assert points(both)["buy_box_seller"] == {0: "Early", 1: "Zeta", 4: "Acme", 7: "Acme"}


def test_a_known_shipping_holds_against_an_unknown_one() -> None:
    bare = known(new={1: 2_000, 3: 2_100})
    shipped = replace(bare, series={"new": Series(array("i", [1, 2]), array("i", [2_000, 5]), array("i", [399, 0]))})
    merged = merge_histories(bare, shipped).series["new"]
    assert (merged.values.tolist(), merged.shipping) == ([2_000, 5, 2_100], array("i", [399, 0, -1]))
