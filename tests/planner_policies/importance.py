"""What the baselines are told: the true rates of change, and how much money the routes of each offer make a week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.planner_market.market import MARKETS, PAST_DAYS, Market
from tests.planner_market.parameters import load_assumed
from tests.planner_market.paths import DAY, Floats
from tests.planner_market.products import SOURCE, TARGET

_WEEK = 7


@dataclass(frozen=True, slots=True)
class Told:
    """By offer: the rate of change by hour with and without the gap of the buy box, and the importance."""

    rate: Floats
    full_rate: Floats
    importance: Floats


def told(market: Market) -> Told:
    """The true rates, and the mean worth of an offer's windows in the twelve weeks before.

    An offer that is not listed cannot change, and is worth nothing.
    """
    listed = ~np.isnan(market.level)
    rate = np.where(listed, market.departure_rate, 0.0)
    gap_rate = load_assumed().gap_changes_a_day / DAY
    return Told(rate, np.where(listed, rate + gap_rate, 0.0), _weekly_worth(market))


def _weekly_worth(market: Market) -> Floats:
    """Worth a week of each offer, from its prices at the same hour of every day of the history."""
    weeks = PAST_DAYS // _WEEK
    offers = np.arange(len(market.level))
    hours = [market.begin - DAY * day for day in range(weeks * _WEEK, 0, -1)]
    new = np.stack([market.level + market.paths.log.at(offers, np.full(len(offers), hour)) for hour in hours], axis=1)
    gap = np.stack([market.gaps.at(offers, np.full(len(offers), hour)) for hour in hours], axis=1)
    buy = np.exp(new).reshape(-1, MARKETS, len(hours))
    sell = np.exp(new + gap).reshape(-1, MARKETS, len(hours))
    found = np.zeros((len(buy), MARKETS))
    lines = market.products
    for route, (source, target) in enumerate(zip(SOURCE.tolist(), TARGET.tolist(), strict=True)):
        profit = lines.constant[:, route, None] + lines.by_sell[:, route, None] * sell[:, target]
        profit -= lines.by_buy[:, route, None] * buy[:, source]
        worth = _by_week(profit.reshape(-1, _WEEK)).reshape(-1, weeks).mean(axis=1)
        found[:, source] += worth
        found[:, target] += worth
    return found.ravel()


def _by_week(profit: Floats) -> Floats:
    """The mean profits of the windows of each week (weeks, days), added up."""
    pays = profit > load_assumed().least_profit
    row, day = np.nonzero(pays)
    if not len(row):
        return np.zeros(len(profit))
    begins = np.append(True, (np.diff(row) != 0) | (np.diff(day) != 1))
    number = np.cumsum(begins) - 1
    means = np.bincount(number, profit[row, day]) / np.bincount(number)
    return np.asarray(np.bincount(row[begins], means, len(profit)), float)
