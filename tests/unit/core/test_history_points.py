"""Points of histories: a stretch of time, readable units, and extremes where there are too many."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from arbkit.core.keepa_time import to_unix
from arbkit.core.models import History, Series
from arbkit.core.offers.history_points import UNITS, points_of


def of(times: list[int], values: list[int], name: str = "new") -> History:
    return History("B000000001", "DE", 1, "EUR", {name: Series(array("i", times), array("i", values))}, ("A1", "A2"))


def test_every_series_has_a_unit_in_which_its_values_are_read() -> None:
    read = {name: points_of(of([10], [1], name), name, start=None, end=None, most=10).values[0] for name in UNITS}
    assert read == {
        "amazon": 0.01, "new": 0.01, "used": 0.01, "list": 0.01, "new_fba": 0.01, "buy_box": 0.01, "sales_rank": 1,
        "offers_new": 1, "rating": 0.1, "reviews": 1, "monthly_sold": 1, "buy_box_seller": "A2",
    }  # fmt: skip


def test_what_held_at_the_start_is_the_first_point() -> None:
    history = of([100, 200, 300], [1_000, -1, 3_000])
    found = points_of(history, "new", start=to_unix(150) + 0.5, end=to_unix(200), most=10)
    assert list(zip(found.times, found.values, strict=True)) == [(to_unix(150), 10.0), (to_unix(200), None)]
    exact = points_of(history, "new", start=to_unix(200), end=None, most=10)
    assert list(exact.times) == [to_unix(200), to_unix(300)]
    later = points_of(history, "new", start=to_unix(900), end=None, most=10)
    assert list(zip(later.times, later.values, strict=True)) == [(to_unix(900), 30.0)]
    assert points_of(history, "new", start=None, end=to_unix(50), most=10).total == 0


@given(st.lists(st.integers(-1, 10_000), min_size=1, max_size=400), st.integers(10, 60))
def test_of_too_many_points_the_ends_and_the_extremes_stay(values: list[int], most: int) -> None:
    found = points_of(of(list(range(len(values))), values), "new", start=None, end=None, most=most)
    assert found.total == len(values)
    assert len(found.times) <= most
    assert list(found.times) == sorted(set(found.times))
    shown = [-1 if value is None else round(100 * float(value)) for value in found.values]
    assert (shown[0], shown[-1]) == (values[0], values[-1])
    assert (min(shown), max(shown)) == (min(values), max(values))
    if len(values) <= most:
        assert shown == values
