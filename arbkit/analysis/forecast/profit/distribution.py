"""The distribution of each route's profit: price, time of sale, package and exchange rate drawn together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from arbkit.analysis.forecast.price.model import PriceModel
from arbkit.analysis.forecast.price.past import PricePast
from arbkit.analysis.forecast.profit.assumptions import PROFIT_ASSUMPTIONS, ProfitAssumptions
from arbkit.analysis.forecast.profit.draws import CAUSES, Draws, spread_draws
from arbkit.analysis.forecast.sales.parameters import SALES_PARAMETERS
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects

SmallFloats = npt.NDArray[np.float32]

PRICE_RATIOS = np.array([0.4, 0.6, 0.75, 0.85, 0.93, 1.0, 1.07, 1.15, 1.3, 1.6, 2.2])
"""Selling prices relative to today's at which a route's profit is computed; between them it is a line."""
SOLD_WITHIN_DAYS = np.array([0.0, 2.0, 5.0, 10.0, 17.0, 25.0, 35.0, 50.0, 76.0])
"""Days on sale at which the chance to have sold is computed; between them it is a line."""
_HELD_DAYS = np.array([1.0, 14.0, 30.0, 55.0, 90.0])
_MONTH = 30.0
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

    ``sell_price`` is today's (major units of the target's currency), ``past`` that of the new price; ``sold``
    (n, sold within days) the chance to have sold one unit on the listing; ``unknown`` why a route cannot be forecast,
    or empty.
    """

    asin: Objects
    source: Objects
    target: Objects
    sell_price: Floats
    margins: RouteMargins
    past: PricePast
    sold: Floats
    unknown: Objects

    def __len__(self) -> int:
        return len(self.margins)

    def take(self, rows: slice | Ints) -> RouteOutlook:
        """Some of the routes."""
        past = self.past.take(np.arange(len(self))[rows] if isinstance(rows, slice) else rows)
        names = self.asin[rows], self.source[rows], self.target[rows]
        prices = self.sell_price[rows], self.margins.take(rows)
        return RouteOutlook(*names, *prices, past, self.sold[rows], self.unknown[rows])


@dataclass(frozen=True, slots=True)
class ProfitForecasts:
    """The profit of one unit of n routes as a distribution; home currency, NaN unknown (``unknown`` says why).

    ``samples`` (n, draws) are equally probable profits, ``days`` the days from buying to the sale in each (the horizon
    where it is sold off unsold). ``chance`` is that of a profit above zero; ``p1`` is the worst plausible one,
    ``expected`` the mean. ``capital`` is what is paid for the unit, VAT included, ``tied_up_days`` the mean time until
    it comes back; ``profit_a_day`` and ``pct_a_day`` are the expected profit by day of it, the latter in percent of
    ``capital``. ``sold_in_30`` is the chance to have sold within 30 days on the listing. ``version`` names models and
    assumptions.
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
        tied_up, expected / tied_up, of_capital, _line(np.array(_MONTH), SOLD_WITHIN_DAYS, outlook.sold)[:, 0],
        outlook.unknown, assumed.unsold.horizon_days, version,
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
    held = samples[known].astype(np.float64)
    found[0, known] = drawn_chance(held > 0)
    found[1:5, known] = np.quantile(held, [0.01, 0.1, 0.5, 0.9], axis=1)
    found[5, known] = held.mean(axis=1)
    return found


def _drawn(rows: RouteOutlook, model: PriceModel, draws: Draws, assumed: ProfitAssumptions) -> tuple[Floats, Floats]:
    """Profit and days from buying to the sale of each route in each draw; NaN where a route is unknown."""
    days, is_sold = _days(rows.sold, draws.time, assumed)
    ratio = _price_ratio(rows.past, days, draws.price, model)
    ratio = np.where(is_sold, ratio, ratio * (1 - assumed.unsold.sold_off_below_pct / 100))
    margins = rows.margins
    today = margins.profit[:, [int(np.searchsorted(PRICE_RATIOS, 1.0))]]
    profit = _line(ratio, PRICE_RATIOS, margins.profit)
    profit += _line(days, margins.later_days, margins.later)
    by_package = np.hstack([margins.worst_package[:, None], today, margins.best_package[:, None]]) - today
    profit += _line(draws.package, np.array(assumed.package.levels), by_package)
    normal = np.array([NormalDist().inv_cdf(level) for level in draws.exchange_rate])
    moved = np.exp(normal * assumed.exchange_rate.log_sd_90_days * np.sqrt(days / 90)) - 1
    profit += np.where(margins.is_foreign[:, None], (profit + margins.invested[:, None]) * moved, 0.0)
    unknown = (rows.unknown != "")[:, None]
    return np.where(unknown, np.nan, profit), np.where(unknown, np.nan, days)


def _days(sold: Floats, level: Floats, assumed: ProfitAssumptions) -> tuple[Floats, Mask]:
    """Days from buying to the sale in each draw, and whether it is sold before the horizon."""
    horizon, lead = assumed.unsold.horizon_days, assumed.timing.lead_days
    on_sale = _line(level, sold, SOLD_WITHIN_DAYS)
    within = lead + on_sale
    is_sold = (level[None] < sold[:, [-1]]) & (within < horizon)
    return np.where(is_sold, within, horizon), is_sold


def _price_ratio(past: PricePast, days: Floats, level: Floats, model: PriceModel) -> Floats:
    """The price over today's in each draw, by the days until then."""
    levels = level.tolist()
    ratios = [np.log(model.forecast(past, held).quantiles(levels) / past.price[:, None]) for held in _HELD_DAYS]
    moved = ratios[0]
    for before, after, early, late in zip(_HELD_DAYS, _HELD_DAYS[1:], ratios, ratios[1:], strict=False):
        moved = moved + np.clip((days - before) / (after - before), 0.0, 1.0) * (late - early)
    return np.asarray(np.exp(moved))


def _line(at: Floats, nodes: Floats, values: Floats) -> Floats:
    """Values at ``at`` (draws, or rows × draws), linear between nodes and level beyond them, (rows, draws).

    ``nodes`` and ``values`` are of shape (nodes) or (rows, nodes); nodes do not fall.
    """
    at, nodes, values = np.atleast_2d(at), np.atleast_2d(nodes), np.atleast_2d(values)
    found = np.broadcast_to(values[:, :1], np.broadcast_shapes(at.shape, nodes[:, :1].shape, values[:, :1].shape))
    for column in range(1, nodes.shape[1]):
        start = nodes[:, [column - 1]]
        width = np.maximum(nodes[:, [column]] - start, 1e-9)
        found = found + np.clip((at - start) / width, 0.0, 1.0) * (values[:, [column]] - values[:, [column - 1]])
    return found
