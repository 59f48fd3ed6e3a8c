"""How well a product sells on a marketplace, and against whom: each figure with why it is unknown. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from arbkit.core.formatting import age_words
from arbkit.core.history.facts import amazon_shares
from arbkit.core.keepa_time import to_minutes
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import History, Offer, Series
from arbkit.core.offers.groups import fact_stamp
from arbkit.core.results import ShareBasis
from arbkit.profit.facts.ages import DAY_S, RANK_FACTS, load_age_rules
from arbkit.profit.fees.arrays import Ints

AMAZON_SELLERS: Mapping[str, str] = {code: market.amazon_seller for code, market in MARKETS.items()}
"""Amazon's own seller id in each store."""
_DAYS = 90
_DAY_MIN = 1_440
_NOBODY = frozenset({"-1", "-2"})
"""What Keepa has in place of a seller while nobody holds the buy box, or nobody sells."""
TOO_OLD = "too old to say what sells now"
_NOT_SAID = "Keepa does not say"
_NO_COLUMN = "not in this export"
_NOT_IMPORTED = "not in the imported data"


def why_absent(offer: Offer, why: str, *, looked: bool | None = None) -> str:
    """Why an offer lacks a value: ``why``, where Keepa was asked for it or the file says that there is none.

    An export lacks most of what Keepa knows, and says nothing by that. ``looked``: whether the source says when it
    looked; None: it never does for this value.
    """
    if offer.origin in ("keepa", "demo") or looked:
        return why
    return _NO_COLUMN if offer.origin == "export" and looked is False else _NOT_IMPORTED


@dataclass(frozen=True, slots=True)
class Demand:
    """One marketplace's; None unknown, and ``why`` says it by the field's name."""

    monthly_sold: int | None
    rank: int | None
    rank_drops30: int | None
    rank_drops90: int | None
    amazon_share90_pct: float | None
    out_of_stock90_pct: int | None
    offers: int | None
    amazon_sells: bool | None
    why: Mapping[str, str]
    too_old: Mapping[str, tuple[int, float]]
    """What is unknown for its age alone: what it was, and how many seconds ago."""


def too_old_age_s(offer: Offer, name: str, *, now: float) -> float | None:
    """The age at ``now`` (Unix s) of what an offer says of its sales, in one of ``RANK_FACTS`` or ``sale_price_minor``.

    None where it says nothing, or what is not too old.
    """
    stamp = None if getattr(offer, name) is None else fact_stamp(offer, name)
    age_s = 0.0 if stamp is None else now - stamp.at
    return age_s if age_s > load_age_rules().sales_rank.unknown_after_days * DAY_S else None


def too_old_words(age_s: float) -> str:
    """Why something of this age is shown and not used: ``45 d old: too old to say what sells now``."""
    return f"{age_words(age_s)} old: {TOO_OLD}"


def demand_of(offer: Offer, history: History | None, *, now: float) -> Demand:
    """What is known of demand and competition for an offer at ``now`` (Unix seconds)."""
    ages = {name: age_s for name in RANK_FACTS if (age_s := too_old_age_s(offer, name, now=now)) is not None}
    too_old = {"rank" if name == "sales_rank" else name: (getattr(offer, name), ages[name]) for name in ages}
    nothing: dict[str, Any] = dict.fromkeys(ages)
    offer = replace(offer, **nothing)
    share = offer.amazon_buy_box90_pct
    if share is None and history is not None:
        (share,) = amazon_shares([history], [offer.updated_at])
    sells = amazon_sells(
        amazon_minor=offer.amazon_minor, amazon_at=offer.amazon_at, buy_box_is_amazon=offer.buy_box_is_amazon
    )
    found = Demand(
        monthly_sold=offer.monthly_sold,
        rank=offer.sales_rank,
        rank_drops30=offer.rank_drops30,
        rank_drops90=offer.rank_drops90,
        amazon_share90_pct=share,
        out_of_stock90_pct=offer.out_of_stock90_pct,
        offers=offer.offers_new,
        amazon_sells=sells,
        why={},
        too_old=too_old,
    )
    reasons = {
        "monthly_sold": "Amazon shows no badge, as for most products in the EU",
        "rank": "no sales rank" if offer.sales_rank_at is not None else _NOT_SAID,
        "amazon_share90_pct": "no record of who held the buy box",
    }
    # A rank that an export leaves empty has no time either.
    looked = {"amazon_sells": offer.amazon_at is not None, "rank": offer.sales_rank_at is not None or None}
    unknown = [name for name in Demand.__slots__ if getattr(found, name) is None]
    why = {name: why_absent(offer, reasons.get(name, _NOT_SAID), looked=looked.get(name)) for name in unknown}
    why |= dict.fromkeys(too_old, TOO_OLD)
    return replace(found, why=why)


def amazon_share(*, buy_box_pct: float, absent_pct: float, days: float) -> tuple[float | None, ShareBasis | None]:
    """Amazon's share of 90 days in percent, and of what it is one: of the buy box, where anybody recorded that.

    Args:
        buy_box_pct: its share of the time that somebody held the buy box; NaN unknown, as the others.
        absent_pct: for how much of the time it did not sell.
        days: how many days its own offer was watched; unknown where ``absent_pct`` is of the buy box.
    """
    if not math.isnan(buy_box_pct):
        return round(buy_box_pct, 1), "buy_box"
    if math.isnan(absent_pct):
        return None, None
    return round(100 - absent_pct, 1), "buy_box" if math.isnan(days) else "in_stock"


def buy_box_minutes(history: History, *, end: float, days: int = _DAYS) -> dict[str, int]:
    """How long each seller held the buy box in the days up to ``end`` (Unix s), in minutes by seller id."""
    series = history.series.get("buy_box_seller")
    if series is None:
        return {}
    last = to_minutes(end)
    lengths, sellers = held_within(series, last - days * _DAY_MIN, last)
    minutes = np.bincount(sellers, lengths, len(history.sellers)).tolist()
    return {
        seller: round(held)
        for seller, held in zip(history.sellers, minutes, strict=True)
        if held > 0 and seller not in _NOBODY
    }


def held_within(series: Series, begin: int, end: int) -> tuple[Ints, Ints]:
    """How long each value of a series held from ``begin`` to ``end`` (Keepa minutes), and the values, in order."""
    first = max(bisect_right(series.times, begin) - 1, 0)
    last = max(bisect_left(series.times, end), first)
    times = np.array([*series.times[first:last], end], np.int64)
    times = np.maximum(times, begin)
    return times[1:] - times[:-1], np.array(series.values[first:last], np.int64)


def amazon_sells(
    *, amazon_minor: float | None, amazon_at: float | None, buy_box_is_amazon: float | None
) -> bool | None:
    """Whether Amazon has an offer of its own, by these fields of an offer (None or NaN unknown).

    None where nobody looked.
    """
    if _is_known(amazon_minor) or buy_box_is_amazon == 1:
        return True
    return False if _is_known(amazon_at) else None


def _is_known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)
