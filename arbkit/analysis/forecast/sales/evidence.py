"""What offers say of their sales and their competition, as arrays that forecasts are made from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter

import numpy as np
import pandas as pd

from arbkit.analysis.forecast.known_history import known_history
from arbkit.analysis.forecast.sales.parameters import CURVES, OTHER, SALES_PARAMETERS, RankDrops, SalesParameters
from arbkit.analysis.forecast.sales.rate import SalesEvidence
from arbkit.analysis.forecast.sales.share import ShareEvidence
from arbkit.analysis.offers import fact_times
from arbkit.core.models import Offer
from arbkit.core.offers.categories import category_id
from arbkit.profit.facts.ages import RANK_FACTS, drop_old_demand
from arbkit.profit.fees.arrays import Floats

_WINDOW, _MONTH = 90.0, 30.0
_NUMBERS = (
    *RANK_FACTS, "sales_rank_at", "updated_at", "offers_new", "amazon_minor", "amazon_at", "buy_box_is_amazon",
    "amazon_buy_box90_pct",
)  # fmt: skip
_numbers_of = attrgetter(*_NUMBERS)


def evidence_of(
    offers: Sequence[Offer], *, now: float, parameters: SalesParameters = SALES_PARAMETERS
) -> tuple[SalesEvidence, ShareEvidence]:
    """The evidence on each offer as of ``now`` (Unix s), to which ages count."""
    numbers = np.array([*map(_numbers_of, offers)], np.float64).reshape(len(offers), len(_NUMBERS))
    frame = pd.DataFrame(numbers, columns=list(_NUMBERS))
    frame["stamps"] = [offer.stamps for offer in offers]
    frame["category"] = [offer.category for offer in offers]
    frame = drop_old_demand(frame, fact_times(frame), now=now)
    facts = {**{name: frame[name].to_numpy(np.float64) for name in _NUMBERS}, **known_history(offers, now=now)}
    return _sales(offers, facts, numbers[:, 0], parameters), _share(facts)


def _sales(
    offers: Sequence[Offer], facts: dict[str, Floats], ranks: Floats, parameters: SalesParameters
) -> SalesEvidence:
    """``ranks``: also those that are too old; what was counted by them is too old then, too."""
    is_too_old = ~np.isnan(ranks) & np.isnan(facts["sales_rank"])
    for name in ("rank_mean90", "rank_days90", "rank_looks90", "rank_falls90"):
        facts[name] = np.where(is_too_old, np.nan, facts[name])
    mean = facts["rank_mean90"]
    curves = [_curve_of(offer.category) for offer in offers]
    markets = [parameters.curves[CURVES[curve]].market != offer.market
               for offer, curve in zip(offers, curves, strict=True)]  # fmt: skip
    drops, days, looks = _drops(facts, parameters.drops)
    return SalesEvidence(
        rank=np.where(np.isnan(mean), facts["sales_rank"], mean),
        is_average=facts["rank_days90"] >= _MONTH,
        curve=np.array(curves, np.int64),
        other_market=np.array(markets, bool),
        drops=drops,
        days=days,
        looks=looks,
        badge=facts["monthly_sold"],
    )


@lru_cache(1_024)
def _curve_of(category: str | None) -> int:
    name = category_id(category)
    return CURVES.index(name if name in CURVES else OTHER)


def _drops(facts: dict[str, Floats], known: RankDrops) -> tuple[Floats, Floats, Floats]:
    """Drops, days on which somebody watched, and looks: earlier days count less than those of the last month."""
    month, quarter = facts["rank_drops30"], facts["rank_drops90"]
    falls, watched, looked = facts["rank_falls90"], facts["rank_days90"], facts["rank_looks90"]
    weight = known.earlier_weight
    drops, days = month + weight * np.maximum(0, quarter - month), np.full(len(month), _MONTH)
    days += weight * (_WINDOW - _MONTH)
    for other, only, span in ((quarter, month, _MONTH), (month, quarter, _WINDOW)):
        alone = np.isnan(other)
        drops, days = np.where(alone, only, drops), np.where(alone, span, days)
    # Keepa counts on every look; a history that was thinned out shows fewer than it had.
    shown = looked * days / _WINDOW
    usual = np.isnan(looked) | (2 * drops > shown)
    looks = np.where(usual, np.maximum(days * known.looks_a_day, 2 * drops), shown)
    uncounted = np.isnan(month) & np.isnan(quarter)
    return (
        np.where(uncounted, falls, drops),
        np.where(uncounted, watched, np.where(usual, days, days * watched / _WINDOW)),
        np.where(uncounted, looked, looks),
    )


def _share(facts: dict[str, Floats]) -> ShareEvidence:
    is_there = ~np.isnan(facts["amazon_minor"]) | (facts["buy_box_is_amazon"] == 1)
    sells = np.where(is_there, 1.0, np.where(np.isnan(facts["amazon_at"]), np.nan, 0.0))
    absent = facts["amazon_absent90_pct"] / 100
    absent = np.where(np.isnan(absent), 1 - facts["amazon_buy_box90_pct"] / 100, absent)
    sells = np.where(np.isnan(sells) & (absent == 1), 0.0, sells)
    offered = facts["offers_new"]
    # Half a switch more than was seen: what did not happen in 90 days may happen next.
    switches = (facts["amazon_switches90"] + 0.5) / facts["amazon_days90"]
    return ShareEvidence(facts["buy_box_holders90"], offered - ((sells == 1) & (offered > 0)), sells, absent, switches)
