"""What a product cost over time on each marketplace, in one currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arbkit.core.keepa_time import to_minutes, to_unix
from arbkit.core.marketplaces import MARKET_CODES
from arbkit.core.models import History, Offer, Series
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.arrays import Floats, Ints

_SERIES = ("buy_box", "new", "amazon")
_WEEK_MIN = 7 * 24 * 60
_FULL_MIN = 92 * 24 * 60


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One marketplace's price over time: ``prices`` in the reader's currency, NaN while nobody offers it.

    A price holds from its time to the next. ``basis`` names the series of :class:`~arbkit.core.models.History`.
    """

    market: str
    basis: str
    times: npt.NDArray[np.datetime64]
    prices: Floats
    points: int = 0
    """how many points there were before some were left out"""


def price_lines(
    histories: Iterable[History], offers: Mapping[str, Offer], currency: str, rates: Rates
) -> list[PriceLine]:
    """One line a marketplace, in ``currency`` by the ECB rate of each day, ending when it was last looked at.

    The line is of the series that the offer's price is of; a buy box price includes shipping where known.
    """
    lines = [price_line(h, offers[h.market], "priced", currency, rates) for h in histories if h.market in offers]
    return sorted((line for line in lines if line is not None), key=lambda line: MARKET_CODES.index(line.market))


def price_line(
    history: History, offer: Offer, series: str, currency: str, rates: Rates, *, most: int | None = None
) -> PriceLine | None:
    """One series of a marketplace in ``currency``; None where nobody ever offered it by that.

    The ``series`` named ``priced`` is that of the offer's price; ``most`` thins out to about this number of points,
    see :func:`thin`.
    """
    wanted = [offer.price_basis or "", *_SERIES] if series == "priced" else [series]
    basis = next((name for name in wanted if _has(history, name)), None)
    if basis is None:
        return None
    times, prices = _steps(history.series[basis], end=to_minutes(offer.updated_at))
    count = len(times)
    kept = thin(times, prices, most)
    times, prices = times[kept], prices[kept]
    if history.currency != currency:
        # A price that stands still for months in its own currency does not stand still in another.
        every = np.union1d(times, np.arange(times[0], times[-1], _WEEK_MIN))
        prices = prices[np.searchsorted(times, every, side="right") - 1] * _rates(every, history, currency, rates)
        times = every
    return PriceLine(history.market, basis, _datetimes(times), np.round(prices, 2), count)


def quantity_line(history: History, offer: Offer, series: str, *, most: int | None = None) -> PriceLine | None:
    """A series that is no money (``sales_rank``, ``offers_new``, ``monthly_sold``, ``reviews``) in ``prices``."""
    if not _has(history, series):
        return None
    one = history.series[series]
    times, values = np.asarray(one.times, np.int64), np.asarray(one.values, np.float64)
    times, values = _held(times, np.where(values < 0, np.nan, values), end=to_minutes(offer.updated_at))
    kept = thin(times, values, most)
    return PriceLine(history.market, series, _datetimes(times[kept]), values[kept], len(times))


def thin(times: Ints, values: Floats, most: int | None) -> Ints:
    """Indices of the points to keep so that about ``most`` are left.

    Of each stretch of time these are its first and last point, its lowest and highest, and the beginning of a gap.
    The last three months keep all their points as long as they fit.
    """
    count = len(times)
    if most is None or count <= most:
        return np.arange(count)
    recent = int(np.searchsorted(times, times[-1] - _FULL_MIN))
    older, newer = np.arange(recent), np.arange(recent, count)
    share = max(most // 2, most - len(older))
    newer = _extremes(newer, times, values, share)
    return np.concatenate([_extremes(older, times, values, most - len(newer)), newer])


_KEPT = 5
"""Points that are kept of a stretch."""


def _extremes(positions: Ints, times: Ints, values: Floats, most: int) -> Ints:
    if len(positions) <= most:
        return positions
    edges = np.linspace(times[positions[0]], times[positions[-1]], max(2, most // _KEPT + 1))
    stretch = np.searchsorted(edges[1:-1], times[positions], side="right")
    shown = values[positions]
    gap = np.isnan(shown)
    low = np.lexsort((np.where(gap, np.inf, shown), stretch))
    high = np.lexsort((np.where(gap, np.inf, -shown), stretch))
    gaps = np.lexsort((~gap, stretch))
    kept = [np.searchsorted(stretch, stretch), np.searchsorted(stretch, stretch, side="right") - 1]
    kept += [order[np.searchsorted(stretch[order], np.unique(stretch))] for order in (low, high, gaps)]
    return np.asarray(positions[np.unique(np.concatenate(kept))])


def _has(history: History, series: str) -> bool:
    return series in history.series and max(history.series[series].values, default=-1) >= 0


def _steps(series: Series, *, end: int) -> tuple[Ints, Floats]:
    values = np.asarray(series.values, np.float64)
    prices = np.where(values > 0, values, np.nan)
    if series.shipping is not None:
        prices = prices + np.maximum(np.asarray(series.shipping, np.float64), 0.0)
    return _held(np.asarray(series.times, np.int64), prices / 100, end=end)


def _held(times: Ints, values: Floats, *, end: int) -> tuple[Ints, Floats]:
    """The steps with the last value held until ``end``."""
    if end > times[-1]:
        return np.append(times, end), np.append(values, values[-1])
    return times, values


def _rates(times: Ints, history: History, currency: str, rates: Rates) -> Floats:
    days, where = np.unique(_datetimes(times).astype("datetime64[D]"), return_inverse=True)
    found = [rates.rate(history.currency, currency, day) for day in days.astype(object)]
    return np.array([np.nan if rate is None else rate.value for rate in found])[where]


def _datetimes(times: Ints) -> npt.NDArray[np.datetime64]:
    return ((times + to_unix(0) // 60) * 60).astype("datetime64[s]")
