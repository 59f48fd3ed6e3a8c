"""How far a route's numbers can be trusted, from 0 to 1, with the reasons in words.

A route starts at 1; every doubt that holds multiplies it by its factor and adds its sentence. The factors
are arbkit's own judgement, kept in one list so that they can be read, argued with and changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["CONFIDENCE_RULES", "ConfidenceRule", "score_confidence"]

Mask = npt.NDArray[np.bool_]
_HOUR = 3600.0
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class ConfidenceRule:
    """One reason to trust a route less. ``holds(routes, now)`` answers a mask, one entry a route."""

    words: str
    factor: float
    holds: Callable[[pd.DataFrame, float], Mask]


def _column(routes: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    return routes[name].to_numpy("float64", na_value=np.nan)


def _age(routes: pd.DataFrame, now: float) -> npt.NDArray[np.float64]:
    return now - _column(routes, "updated_at")


def _says(name: str, text: str) -> Callable[[pd.DataFrame, float], Mask]:
    return lambda routes, _: routes[name].str.contains(text, regex=False).to_numpy(bool)


def _basis_is_not_buy_box(side: str) -> Callable[[pd.DataFrame, float], Mask]:
    # "buy_box, 90-day average" is of the buy box too.
    return lambda routes, _: (~routes[f"{side}_basis"].str.startswith("buy_box", na=False)).to_numpy(bool)


def _above_usual(routes: pd.DataFrame, _: float) -> Mask:
    price, usual = _column(routes, "sell_price"), _column(routes, "sell_price_avg90_minor") / 100
    return np.asarray(price > 1.15 * usual)


def _below_usual(routes: pd.DataFrame, _: float) -> Mask:
    price, usual = _column(routes, "buy_price"), _column(routes, "buy_price_avg90_minor") / 100
    return np.asarray(price < 0.75 * usual)


CONFIDENCE_RULES: tuple[ConfidenceRule, ...] = (
    ConfidenceRule("data older than a week", 0.4, lambda r, now: np.asarray(_age(r, now) > 7 * _DAY)),
    ConfidenceRule(
        "data older than a day",
        0.7,
        lambda r, now: np.asarray((_age(r, now) > _DAY) & (_age(r, now) <= 7 * _DAY)),
    ),
    ConfidenceRule("package size or weight assumed", 0.6, _says("assumed", "package")),
    ConfidenceRule("referral category assumed", 0.8, _says("assumed", "referral")),
    ConfidenceRule("no buy box price where it is sold", 0.7, _basis_is_not_buy_box("sell")),
    ConfidenceRule("no buy box price where it is bought", 0.9, _basis_is_not_buy_box("buy")),
    ConfidenceRule(
        "shipping of the purchase unknown",
        0.9,
        lambda r, _: np.isnan(_column(r, "buy_shipping_minor")),
    ),
    ConfidenceRule("selling price well above its 90-day average", 0.6, _above_usual),
    ConfidenceRule("purchase price far below its 90-day average", 0.8, _below_usual),
    ConfidenceRule(
        "no 90-day average where it is sold",
        0.9,
        lambda r, _: np.isnan(_column(r, "sell_price_avg90_minor")),
    ),
    ConfidenceRule(
        "Amazon holds the buy box where it is sold",
        0.5,
        lambda r, _: np.asarray(_column(r, "sell_buy_box_is_amazon") == 1),
    ),
    ConfidenceRule("no sales rank where it is sold", 0.8, lambda r, _: np.isnan(_column(r, "sell_sales_rank"))),
    ConfidenceRule(
        "often out of stock where it is bought",
        0.9,
        lambda r, _: np.asarray(_column(r, "buy_out_of_stock90_pct") > 50),
    ),
)


def score_confidence(routes: pd.DataFrame, *, now: float) -> tuple[npt.NDArray[np.float64], list[list[str]]]:
    """Confidence of each route, and the sentences that lowered it.

    ``routes`` has the columns of :func:`arbkit.profit.evaluate` and, prefixed ``buy_`` and ``sell_``, those
    of the two offers that :data:`arbkit.analysis.detection.DEMAND_COLUMNS` names. ``now`` in Unix seconds.
    """
    score = np.ones(len(routes))
    reasons: list[list[str]] = [[] for _ in range(len(routes))]
    for doubt in CONFIDENCE_RULES:
        mask = doubt.holds(routes, now)
        score[mask] *= doubt.factor
        for index in np.flatnonzero(mask):
            reasons[index].append(doubt.words)
    return np.round(score, 3), reasons
