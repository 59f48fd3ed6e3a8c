"""The distribution of each route's profit: price, time of sale, package and exchange rate drawn together. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arbkit.analysis.forecast.price.model import PriceModel
from arbkit.analysis.forecast.price.past import PricePast
from arbkit.analysis.forecast.profit.assumptions import PROFIT_ASSUMPTIONS, ProfitAssumptions
from arbkit.analysis.forecast.profit.draws import CAUSES, Draws, spread_draws
from arbkit.analysis.forecast.sales.parameters import SALES_PARAMETERS
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects, SmallFloats

PRICE_RATIOS = np.array([0.4, 0.7, 0.9, 1.0, 1.1, 1.35, 2.2])
"""Selling prices relative to today's at which a route's profit is computed; between them it is a line."""
SOLD_WITHIN_DAYS = np.array([0.0, 2.0, 5.0, 10.0, 18.0, 30.0, 48.0, 76.0])
"""Days on sale at which the chance to have sold is computed; between them it is a line."""
_MONTH = SOLD_WITHIN_DAYS.tolist().index(30.0)
_CHUNK = 2_048
"""Routes at a time, so that memory does not grow with their number but for the results."""


@dataclass(frozen=True, slots=True)
class RouteMargins:
    """What one unit of each of n routes leaves by what is not known yet; home currency, NaN unknown.

    ``profit`` (n, price ratios) with a sale today. ``later`` (n, later days) is added by a sale ``later_days`` after
    today: storage and season. ``worst_package`` and ``best_package`` are profits at today's price with the packages
    that it may have, ``invested`` what is paid without VAT that is recovered, ``capital`` with it; ``is_foreign``
    where the proceeds are exchanged.
    """

    profit: Floats
    later_days: Floats
    later: Floats
    worst_package: Floats
    best_package: Floats
    invested: Floats
    capital: Floats
    is_foreign: Mask

    def __len__(self) -> int:
        return len(self.profit)

    def take(self, rows: slice | Ints) -> RouteMargins:
        """Some of the routes."""
        later = self.later[rows]
        package = self.worst_package[rows], self.best_package[rows]
        paid = self.invested[rows], self.capital[rows]
        return RouteMargins(self.profit[rows], self.later_days, later, *package, *paid, self.is_foreign[rows])


@dataclass(frozen=True, slots=True)
class RouteOutlook:
    """What the profit of n routes is forecast from.

    ``sell_price`` is today's (major units of the target's currency), ``listing`` the number of the listing on which it
    sells: routes of one have the same past and sales. ``past`` is that of the new price; ``sold`` (n, sold within days)
    the chance to have sold one unit on the listing, and ``days_to_sell`` when it is one half (infinite: beyond what can
    be said). ``unknown`` says why a route cannot be forecast, or is empty. ``lead_days`` is the time from buying until
    a unit is on sale.
    """

    asin: Objects
    source: Objects
    target: Objects
    sell_price: Floats
    margins: RouteMargins
    listing: Ints
    past: PricePast
    sold: Floats
    days_to_sell: Floats
    unknown: Objects
    lead_days: float = PROFIT_ASSUMPTIONS.timing.lead_days

    def __len__(self) -> int:
        return len(self.margins)

    def take(self, rows: slice | Ints) -> RouteOutlook:
        """Some of the routes."""
        past = self.past.take(np.arange(len(self))[rows] if isinstance(rows, slice) else rows)
        names = self.asin[rows], self.source[rows], self.target[rows]
        prices = self.sell_price[rows], self.margins.take(rows)
        sales = self.sold[rows], self.days_to_sell[rows]
        return RouteOutlook(*names, *prices, self.listing[rows], past, *sales, self.unknown[rows], self.lead_days)


@dataclass(frozen=True, slots=True)
class ProfitForecasts:
    """The profit of one unit of n routes as a distribution; home currency, NaN unknown (``unknown`` says why).

    ``samples`` (n, draws) are equally probable profits, ``days`` the days from buying to the sale in each (the horizon
    where it is sold off unsold). ``chance`` is that of a profit above zero; ``p1`` is the worst plausible one,
    ``expected`` the mean. ``capital`` is what is paid for the unit, ``tied_up_days`` the mean time
    until all of it is back; ``profit_a_day`` and ``pct_a_day`` are the expected profit by day of it, the latter in
    percent of ``capital``. ``sold_in_30`` is the chance to have sold within 30 days on the listing, ``days_to_sell``
    the time after which it is one half. ``version`` names models and assumptions.
    """

    asin: Objects
    source: Objects
    target: Objects
    samples: SmallFloats
    days: SmallFloats
    chance: Floats
    p1: Floats
    p10: Floats
    p50: Floats
    p90: Floats
    expected: Floats
    capital: Floats
    tied_up_days: Floats
    profit_a_day: Floats
    pct_a_day: Floats
    sold_in_30: Floats
    days_to_sell: Floats
    unknown: Objects
    horizon_days: float
    version: str

    def __len__(self) -> int:
        return len(self.asin)


def forecast_profits(
    outlook: RouteOutlook, model: PriceModel, assumed: ProfitAssumptions = PROFIT_ASSUMPTIONS
) -> ProfitForecasts:
    """The distribution of each route's profit."""
    draws = spread_draws()
    shape = (len(outlook), len(draws.price))
    samples, days = np.empty(shape, np.float32), np.empty(shape, np.float32)
    figures = np.empty((6, len(outlook)))
    for start in range(0, len(outlook), _CHUNK):
        part = slice(start, start + _CHUNK)
        samples[part], days[part] = _drawn(outlook.take(part), model, draws, assumed)
        figures[:, part] = _figures(samples[part])
    chance, p1, p10, p50, p90, expected = figures
    tied_up = days.mean(axis=1, dtype=np.float64) + assumed.timing.payout_days
    capital = outlook.margins.capital
    version = f"prices {model.version}, sales {SALES_PARAMETERS.fitted_on}, {assumed.version}"
    with np.errstate(invalid="ignore", divide="ignore"):
        of_capital = np.where(capital > 0, 100 * expected / tied_up / capital, np.nan)
    return ProfitForecasts(
        outlook.asin, outlook.source, outlook.target, samples, days, chance, p1, p10, p50, p90, expected, capital,
        tied_up, expected / tied_up, of_capital, outlook.sold[:, _MONTH], outlook.days_to_sell, outlook.unknown,
        assumed.unsold.horizon_days, version,
    )  # fmt: skip


def width_shares(outlook: RouteOutlook, model: PriceModel, assumed: ProfitAssumptions = PROFIT_ASSUMPTIONS) -> Floats:
    """How much of each distribution's variance every one of :data:`~.draws.CAUSES` makes, (n, causes).

    Each is switched off, at its median: the variance of what that changes, draw by draw, as shares that add up to one.
    NaN where nothing varies, or nothing is known.
    """
    draws, shares = spread_draws(), np.empty((len(outlook), len(CAUSES)))
    for start in range(0, len(outlook), _CHUNK):
        part = slice(start, start + _CHUNK)
        rows = outlook.take(part)
        whole, _ = _drawn(rows, model, draws, assumed)
        for column, cause in enumerate(CAUSES):
            without, _ = _drawn(rows, model, draws.without(cause), assumed)
            shares[part, column] = (whole - without).var(axis=1)
    total = shares.sum(axis=1, keepdims=True)
    return np.where(total > 0, shares / np.where(total > 0, total, 1.0), np.nan)


def drawn_chance(happened: Mask) -> Floats:
    """The chance of what happened in some of the draws, which are the last axis; it is never certain."""
    # As if half a draw more were on either side.
    return np.asarray((happened.sum(axis=-1) + 0.5) / (happened.shape[-1] + 1))


def _figures(samples: SmallFloats) -> Floats:
    """Chance of a profit, P1, P10, P50, P90 and mean of each row, (6, n)."""
    known = ~np.isnan(samples[:, 0])
    found = np.full((6, len(samples)), np.nan)
    held = np.sort(samples[known], axis=1)
    found[0, known] = drawn_chance(held > 0)
    for row, level in enumerate((0.01, 0.1, 0.5, 0.9), start=1):
        place = level * (held.shape[1] - 1)
        low = int(place)
        found[row, known] = held[:, low] + (place - low) * (held[:, low + 1].astype(np.float64) - held[:, low])
    found[5, known] = held.mean(axis=1, dtype=np.float64)
    return found


def _drawn(
    rows: RouteOutlook, model: PriceModel, draws: Draws, assumed: ProfitAssumptions
) -> tuple[SmallFloats, SmallFloats]:
    """Profit and days from buying to the sale of each route in each draw; NaN where a route is unknown."""
    _, first, listing = np.unique(rows.listing, return_index=True, return_inverse=True)
    days, is_sold = _days(rows.sold[first], draws.time, rows.lead_days, assumed)
    moved = model.moves(rows.past.take(first), days, draws.price)
    ratio = np.exp(moved) * np.where(is_sold, np.float32(1), np.float32(1 - assumed.unsold.sold_off_below_pct / 100))
    days, ratio = days[listing], ratio[listing]
    margins = rows.margins
    profit = _line(ratio, PRICE_RATIOS, margins.profit)
    profit += _line(days, margins.later_days, margins.later)
    today = margins.profit[:, int(np.searchsorted(PRICE_RATIOS, 1.0))]
    wide = np.flatnonzero((margins.worst_package != today) | (margins.best_package != today))
    if len(wide):
        by_package = np.column_stack([margins.worst_package, today, margins.best_package])[wide] - today[wide, None]
        profit[wide] += _line(draws.package, np.array(assumed.package.levels), by_package)
    if (foreign := np.flatnonzero(margins.is_foreign)).size:
        drift = (draws.exchange_rate_normal * assumed.exchange_rate.log_sd_90_days).astype(np.float32)
        moved = np.exp(drift * np.sqrt(days[foreign] / np.float32(90))) - 1
        profit[foreign] += (profit[foreign] + margins.invested[foreign, None].astype(np.float32)) * moved
    unknown = (rows.unknown != "")[:, None]
    return np.where(unknown, np.float32(np.nan), profit), np.where(unknown, np.float32(np.nan), days)


def _days(sold: Floats, level: Floats, lead_days: float, assumed: ProfitAssumptions) -> tuple[SmallFloats, Mask]:
    """Days from buying to the sale in each draw, and whether it is sold before the horizon."""
    horizon = np.float32(assumed.unsold.horizon_days)
    within = np.float32(lead_days) + _line(level, sold, SOLD_WITHIN_DAYS)
    is_sold = (level.astype(np.float32)[None] < sold[:, [-1]].astype(np.float32)) & (within < horizon)
    return np.where(is_sold, within, horizon), is_sold


def _line(at: Floats | SmallFloats, nodes: Floats, values: Floats) -> SmallFloats:
    """Values at ``at`` (draws, or rows × draws), linear between nodes and level beyond them, (rows, draws).

    ``nodes`` and ``values`` are of shape (nodes) or (rows, nodes); nodes do not fall.
    """
    where, x, y = (np.atleast_2d(one).astype(np.float32) for one in (at, nodes, values))
    found = np.empty(np.broadcast_shapes(where.shape, x[:, :1].shape, y[:, :1].shape), np.float32)
    found[:] = y[:, :1]
    part = np.empty(np.broadcast_shapes(where.shape, x[:, :1].shape), np.float32)
    with np.errstate(invalid="ignore"):
        for column in range(1, x.shape[1]):
            np.subtract(where, x[:, [column - 1]], out=part)
            part /= np.maximum(x[:, [column]] - x[:, [column - 1]], np.float32(1e-6))
            np.clip(part, 0, 1, out=part)
            found += part * (y[:, [column]] - y[:, [column - 1]])
    return found
