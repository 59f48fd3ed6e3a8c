"""What an offer and its history say of its sales and its competition, as arrays that forecasts are made from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.analysis.demand import AMAZON_SELLERS, amazon_sells, buy_box_minutes, held_within, without_old_ranks
from arbkit.analysis.forecast.sales.parameters import CURVES, OTHER, SALES_PARAMETERS, RankDrops, SalesParameters
from arbkit.analysis.forecast.sales.rate import SalesEvidence
from arbkit.analysis.forecast.sales.share import ShareEvidence
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Offer, Series
from arbkit.core.offers.categories import category_id
from arbkit.profit.fees.arrays import Floats

_WINDOW, _MONTH = 90, 30
_DAY_MIN = 1_440
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class _RankPast:
    """A rank's last 90 days: mean of its log (NaN from fewer than two looks), days watched and looks, drops seen."""

    log_mean: float
    days: float
    looks: float
    drops: float


def evidence_of(
    offers: Sequence[Offer],
    histories: Mapping[str, History],
    *,
    now: float,
    parameters: SalesParameters = SALES_PARAMETERS,
) -> tuple[SalesEvidence, ShareEvidence]:
    """The evidence on each offer as of ``now`` (Unix s); ``histories`` by the id of the offer.

    Nothing that a history says of a later time is read.
    """
    sales = np.array([_sales_row(one, histories.get(one.id), now, parameters) for one in offers], np.float64).reshape(
        -1, 8
    )
    share = np.array([_share_row(one, histories.get(one.id), now) for one in offers], np.float64).reshape(-1, 5)
    rank, is_average, curve, other_market, drops, days, looks, badge = sales.T
    return (
        SalesEvidence(rank, is_average == 1, curve.astype(np.int64), other_market == 1, drops, days, looks, badge),
        ShareEvidence(*share.T),
    )


def _sales_row(offer: Offer, history: History | None, now: float, parameters: SalesParameters) -> tuple[float, ...]:
    """The fields of :class:`SalesEvidence` of one offer."""
    offer, too_old = without_old_ranks(offer, now=now)
    past = _rank_past(history, min(now, offer.updated_at), parameters.drops)
    if "sales_rank" in too_old or past is None:
        past = _RankPast(_NAN, _NAN, _NAN, _NAN)
    category = category_id(offer.category)
    curve = CURVES.index(category if category in CURVES else OTHER)
    other_market = parameters.curves[CURVES[curve]].market != offer.market
    is_average = past.days >= _MONTH
    rank = _number(offer.sales_rank) if np.isnan(past.log_mean) else float(np.exp(past.log_mean))
    drops, days, looks = _drops(offer, past, parameters.drops)
    return rank, is_average, curve, other_market, drops, days, looks, _number(offer.monthly_sold)


def _drops(offer: Offer, past: _RankPast, known: RankDrops) -> tuple[float, float, float]:
    """Drops, days on which somebody watched, and looks: earlier days count less than those of the last month."""
    month, quarter = offer.rank_drops30, offer.rank_drops90
    if month is None and quarter is None:
        return past.drops, past.days, past.looks
    weight = known.earlier_weight
    if month is None or quarter is None:
        drops, days = (_number(quarter), float(_WINDOW)) if month is None else (float(month), float(_MONTH))
    else:
        drops = month + weight * max(0, quarter - month)
        days = _MONTH + weight * (_WINDOW - _MONTH)
    usual = days * known.looks_a_day
    # Keepa counts on every look; a history that was thinned out shows fewer than it had.
    if np.isnan(past.looks) or 2 * drops > past.looks * days / _WINDOW:
        return drops, days, max(usual, 2 * drops)
    return drops, days * past.days / _WINDOW, past.looks * days / _WINDOW


def _rank_past(history: History | None, until: float, known: RankDrops) -> _RankPast | None:
    """The rank's last 90 days up to ``until`` (Unix s); None where no rank is known in them."""
    series = None if history is None else history.series.get("sales_rank")
    if series is None:
        return None
    times, ranks = _inside(series, to_minutes(until))
    times, ranks = times[ranks > 0], ranks[ranks > 0]
    if len(times) < 2:
        return None
    gaps = (times[1:] - times[:-1]) / _DAY_MIN
    dense = gaps <= known.dense_days
    if not dense.any():
        return None
    log = np.log(ranks)
    fell = (log[1:] - log[:-1] < np.log1p(-known.least_pct / 100)) & dense
    weights = np.where(dense, gaps, 0.0)
    mean = float((weights * (log[:-1] + log[1:]) / 2).sum() / weights.sum())
    return _RankPast(mean, float(weights.sum()), float(dense.sum()), float(fell.sum()))


def _inside(series: Series, end: int) -> tuple[Floats, Floats]:
    """The points of the last 90 days."""
    inside = slice(bisect_right(series.times, end - _WINDOW * _DAY_MIN), bisect_right(series.times, end))
    return np.array(series.times[inside], np.float64), np.array(series.values[inside], np.float64)


def _share_row(offer: Offer, history: History | None, now: float) -> tuple[float, ...]:
    """The fields of :class:`ShareEvidence` of one offer."""
    until = min(now, offer.updated_at)
    holders, held_by_amazon = _holders(offer, history, until)
    sells = amazon_sells(
        amazon_minor=offer.amazon_minor, amazon_at=offer.amazon_at, buy_box_is_amazon=offer.buy_box_is_amazon
    )
    absent, switches = _amazon_past(history, until)
    if np.isnan(absent) and not np.isnan(held_by_amazon):
        absent = 1 - held_by_amazon
    if sells is None and absent == 1:
        sells = False
    third_party = _number(offer.offers_new) - (1 if sells and offer.offers_new else 0)
    return holders, third_party, _NAN if sells is None else float(sells), absent, switches


def _holders(offer: Offer, history: History | None, until: float) -> tuple[float, float]:
    """The effective number of third parties that held the buy box, and Amazon's part of the time; NaN unknown."""
    amazon = AMAZON_SELLERS.get(offer.market)
    share = _NAN if offer.amazon_buy_box90_pct is None else offer.amazon_buy_box90_pct / 100
    minutes = {} if history is None else buy_box_minutes(history, end=until, days=_WINDOW)
    whole = sum(minutes.values())
    if whole <= 0:
        return _NAN, share
    of_amazon = minutes.pop(amazon, 0) if amazon else 0
    others = np.array(list(minutes.values()), np.float64)
    squares = float((others**2).sum())
    return (float(others.sum() ** 2 / squares) if squares > 0 else _NAN), of_amazon / whole


def _amazon_past(history: History | None, until: float) -> tuple[float, float]:
    """The part of the last 90 days on which Amazon did not offer it, and how often a day it came or went."""
    series = None if history is None else history.series.get("amazon")
    if series is None or not len(series.times):
        return _NAN, _NAN
    end = to_minutes(until)
    begin = max(int(series.times[0]), end - _WINDOW * _DAY_MIN)
    if end - begin < _DAY_MIN:
        return _NAN, _NAN
    lengths, amounts = held_within(series, begin, end)
    absent = amounts <= 0
    days = (end - begin) / _DAY_MIN
    # Half a switch more than was seen: what did not happen in 90 days may happen next.
    switches = (int((absent[1:] != absent[:-1]).sum()) + 0.5) / days
    return float(lengths[absent].sum() / (end - begin)), switches


def _number(value: float | None) -> float:
    return _NAN if value is None else float(value)
