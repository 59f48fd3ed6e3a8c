"""What a product cost over time on each marketplace, in one currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from arbkit.keepa_time import to_minutes, to_unix
from arbkit.markets import MARKETS
from arbkit.models import History, Offer, Series
from arbkit.money.fx import Rates

__all__ = ["PriceLine", "price_lines"]

_SERIES = ("buy_box", "new", "amazon")
_WEEK_MIN = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One marketplace's price over time: ``prices`` in the reader's currency, NaN while nobody offers it.

    A price holds from its time to the next. ``basis`` names the series of :class:`~arbkit.models.History`.
    """

    market: str
    basis: str
    times: npt.NDArray[np.datetime64]
    prices: npt.NDArray[np.float64]


def price_lines(
    histories: Iterable[History], offers: Mapping[str, Offer], currency: str, rates: Rates
) -> list[PriceLine]:
    """One line a marketplace, in ``currency`` by the ECB rate of each day, ending when it was last looked at.

    The line is of the series that the offer's price is of; a buy box price includes shipping where known.
    """
    lines = [_line(h, offers[h.market], currency, rates) for h in histories if h.market in offers]
    order = list(MARKETS)
    return sorted((line for line in lines if line is not None), key=lambda line: order.index(line.market))


def _line(history: History, offer: Offer, currency: str, rates: Rates) -> PriceLine | None:
    wanted = [offer.price_basis, *_SERIES] if offer.price_basis else list(_SERIES)
    basis = next((n for n in wanted if n in history.series and max(history.series[n].values, default=-1) >= 0), None)
    if basis is None:
        return None
    times, prices = _steps(history.series[basis], end=to_minutes(offer.updated_at))
    if history.currency != currency:
        # A price that stands still for months in its own currency does not stand still in another.
        weeks = np.arange(times[0], times[-1], _WEEK_MIN)
        every = np.union1d(times, weeks)
        prices = prices[np.searchsorted(times, every, side="right") - 1]
        times = every
        prices = prices * _rates(times, history.currency, currency, rates)
    return PriceLine(history.market, basis, _datetimes(times), np.round(prices, 2))


def _steps(series: Series, *, end: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    times = np.asarray(series.times, dtype=np.int64)
    values = np.asarray(series.values, dtype=np.float64)
    prices = np.where(values > 0, values, np.nan)
    if series.shipping is not None:
        prices = prices + np.maximum(np.asarray(series.shipping, dtype=np.float64), 0.0)
    if end > times[-1]:
        times, prices = np.append(times, end), np.append(prices, prices[-1])
    return times, prices / 100


def _rates(times: npt.NDArray[np.int64], source: str, target: str, rates: Rates) -> npt.NDArray[np.float64]:
    days, where = np.unique(_datetimes(times).astype("datetime64[D]"), return_inverse=True)
    values = []
    for day in days.tolist():
        assert isinstance(day, date)  # noqa: S101 - NumPy's stubs do not say what tolist() gives
        found = rates.rate(source, target, day)
        values.append(np.nan if found is None else found.value)
    return np.asarray(values, dtype=np.float64)[where]


def _datetimes(times: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    return ((times + to_unix(0) // 60) * 60).astype("datetime64[s]")
