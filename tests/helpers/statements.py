"""Offers as sources state them, made by hypothesis: few times and few values, so that they meet."""

from __future__ import annotations

from array import array
from typing import Any

from hypothesis import strategies as st

from arbkit.core.models import History, Offer, Series, Update

__all__ = ["histories", "updates"]

_T0 = 1_780_000_000
_TIMES = st.integers(0, 3).map(lambda step: _T0 + step * 86_400)
_MONEY = st.sampled_from([None, 1_990, 2_000, 2_450])
_PARTS: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from([None, "Kettle", "Wasserkocher"]),
    "brand": st.sampled_from([None, "Acme"]),
    "eans": st.sampled_from([(), ("4006381333931",)]),
    "category_path": st.sampled_from([(), ("Kitchen", "Kettles")]),
    "buy_box_minor": _MONEY,
    "buy_box_at": st.one_of(st.none(), _TIMES),
    "buy_box_shipping_minor": st.sampled_from([None, 0, 399]),
    "buy_box_seller": st.sampled_from([None, "A1", "A2"]),
    "buy_box_avg90_minor": _MONEY,
    "new_minor": _MONEY,
    "new_at": st.one_of(st.none(), _TIMES),
    "new_avg90_minor": _MONEY,
    "amazon_minor": _MONEY,
    "amazon_avg30_minor": _MONEY,
    "coupon_pct": st.sampled_from([None, 5]),
    "sales_rank": st.sampled_from([None, 7, 900]),
    "sales_rank_at": st.one_of(st.none(), _TIMES),
    "length_mm": st.sampled_from([None, 510, 300]),
    "width_mm": st.sampled_from([None, 450]),
    "height_mm": st.sampled_from([None, 470]),
    "weight_g": st.sampled_from([None, 14_000]),
    "rating": st.sampled_from([None, 4.0, 4.5]),
    "hazmat": st.sampled_from([None, True, False]),
    "notes": st.sampled_from([(), ("odd cell",)]),
}
_STATED = st.one_of(st.none(), st.frozensets(st.sampled_from(sorted(_PARTS)), max_size=6))


@st.composite
def updates(
    draw: st.DrawFn, *, asin: str = "B000000001", origins: tuple[str, ...] = ("keepa", "raw", "export")
) -> Update:
    """An update of one offer, of one of these origins."""
    at = draw(_TIMES)
    fields = {name: draw(values) for name, values in _PARTS.items()}
    offer = Offer(
        asin=asin, market="DE", version=at // 60, origin=draw(st.sampled_from(origins)),
        fetched_at=float(_T0 + draw(st.integers(0, 2))), updated_at=at, currency="EUR", **fields,
    )  # fmt: skip
    return Update(offer, None, draw(_STATED))


@st.composite
def histories(draw: st.DrawFn, *, asin: str = "B000000001") -> History:
    """A history of any part of a few points; sellers in order of appearance."""
    series = {}
    for name in draw(st.lists(st.sampled_from(["new", "buy_box", "sales_rank"]), unique=True)):
        times = sorted(draw(st.sets(st.integers(1, 6))))
        values = draw(st.lists(st.sampled_from([-1, 1_990, 2_000]), min_size=len(times), max_size=len(times)))
        shipping = draw(st.lists(st.sampled_from([-1, 0, 399]), min_size=len(times), max_size=len(times)))
        with_shipping = name == "buy_box"
        series[name] = Series(array("i", times), array("i", values), array("i", shipping) if with_shipping else None)
    sellers: dict[str, int] = {}
    if draw(st.booleans()):
        times = sorted(draw(st.sets(st.integers(1, 6), min_size=1)))
        held = [sellers.setdefault(draw(st.sampled_from(["A1", "A2", "A3"])), len(sellers)) for _ in times]
        series["buy_box_seller"] = Series(array("i", times), array("i", held))
    return History(asin, "DE", draw(st.integers(7_999_998, 8_000_002)), "EUR", series, tuple(sellers))
