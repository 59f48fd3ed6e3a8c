"""How well a product sells on a marketplace, and against whom: each figure with why it is unknown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from arbkit.core.keepa_time import to_minutes
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import History, Offer

AMAZON_SELLERS: Mapping[str, str] = {code: market.amazon_seller for code, market in MARKETS.items()}
"""Amazon's own seller id in each store."""
_DAYS = 90
_DAY_MIN = 1_440
_NOBODY = frozenset({"-1", "-2"})
"""What Keepa has in place of a seller while nobody holds the buy box, or nobody sells."""
_NOT_SAID = "Keepa does not say"


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


def demand_of(offer: Offer, history: History | None) -> Demand:
    """What is known of demand and competition for an offer."""
    share = offer.amazon_buy_box90_pct
    if share is None and history is not None:
        share = amazon_share_pct(history, end=offer.updated_at)
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
    )
    reasons = {
        "monthly_sold": "Amazon shows no badge, as for most products in the EU",
        "rank": "no sales rank" if offer.sales_rank_at is not None else _NOT_SAID,
        "amazon_share90_pct": "no record of who held the buy box",
    }
    unknown = [name for name in Demand.__slots__ if getattr(found, name) is None]
    return replace(found, why={name: reasons.get(name, _NOT_SAID) for name in unknown})


def amazon_share_pct(history: History, *, end: float, days: int = _DAYS) -> float | None:
    """Amazon's share of the buy box, in percent of the time somebody held it in the days up to ``end`` (Unix s).

    None where nobody held it or there is no record of it.
    """
    series, amazon = history.series.get("buy_box_seller"), AMAZON_SELLERS.get(history.market)
    if series is None or not len(series.times):
        return None
    last = to_minutes(end)
    times = np.clip(np.append(np.asarray(series.times, np.int64), last), last - days * _DAY_MIN, last)
    lengths = np.diff(times)
    sellers = np.array([history.sellers[position] for position in series.values], object)
    held = lengths[~np.isin(sellers, list(_NOBODY))].sum()
    return None if held <= 0 else float(100 * lengths[sellers == amazon].sum() / held)


def amazon_sells(
    *, amazon_minor: float | None, amazon_at: float | None, buy_box_is_amazon: float | None
) -> bool | None:
    """Whether Amazon has an offer of its own, by these fields of an offer (None or NaN unknown).

    None where nobody looked.
    """
    if pd.notna(amazon_minor) or buy_box_is_amazon == 1:
        return True
    return False if pd.notna(amazon_at) else None
