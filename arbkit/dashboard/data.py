"""What the opportunities dashboard shows, as plain data: pages of rows, one route in detail, price lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from arbkit.ages import age_words
from arbkit.keepa_time import to_minutes, to_unix
from arbkit.markets import MARKETS
from arbkit.models import History, Offer, Opportunity, Series
from arbkit.money.fx import Rates
from arbkit.store.base import OpportunityQuery, Store

__all__ = ["COLUMNS", "Detail", "PriceLine", "detail", "price_lines", "row"]

COLUMNS: tuple[Mapping[str, str], ...] = (
    {"label": "Route", "sort": "route", "kind": "text"},
    {"label": "Product", "sort": "title", "kind": "title"},
    {"label": "Buy", "sort": "buy_price", "kind": "number"},
    {"label": "Sell", "sort": "sell_price", "kind": "number"},
    {"label": "Profit", "sort": "profit", "kind": "number"},
    {"label": "ROI", "sort": "roi", "kind": "number"},
    {"label": "Margin", "sort": "margin", "kind": "number"},
    {"label": "By", "sort": "", "kind": "text"},
    {"label": "Confidence", "sort": "confidence", "kind": "number"},
    {"label": "Data age", "sort": "age", "kind": "number"},
)
"""The table's columns; ``sort`` is an order of the store, empty where there is none."""

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


@dataclass(frozen=True, slots=True)
class Detail:
    """One route, and the prices of its product on every marketplace."""

    opportunity: Opportunity
    lines: tuple[PriceLine, ...]
    without_history: tuple[str, ...]
    """marketplaces of which the source gives no history (Keepa's exports carry none)"""
    offers: tuple[Offer, ...] = ()


def row(found: Opportunity, *, now: float) -> dict[str, Any]:
    """One row of the table: ``id`` and a cell per column: ``text``, and where there is one ``href``, ``note``."""
    reasons = "; ".join(found.confidence_reasons) or "nothing speaks against it"
    basis = found.price_basis
    return {
        "id": found.id,
        "cells": [
            {"text": f"{found.source} → {found.target}"},
            {"text": found.title or "(no title)", "note": found.asin, "tag": "DEMO" if found.demo else None},
            _price(found.buy_price, found.buy_currency, found.source, found.source_url, basis["buy"]),
            _price(found.sell_price, found.sell_currency, found.target, found.target_url, basis["sell"]),
            {"text": f"{found.profit:.2f} {found.currency}"},
            {"text": f"{found.roi_pct:.1f} %"},
            {"text": f"{found.margin_pct:.1f} %", "note": "of net revenue, after every cost"},
            {"text": found.fulfilment},
            {"text": f"{found.confidence:.2f}", "note": reasons},
            {"text": age_words(now - found.data_at), "note": f"prices of {_moment(found.data_at)}"},
        ],
    }


def _price(amount: float, currency: str, code: str, url: str, basis: str) -> dict[str, str]:
    shop = MARKETS[code].amazon
    return {
        "text": f"{amount:.2f} {currency}",
        "href": url,
        "note": f"{shop}, {basis.replace('_', ' ')} price, VAT included. Opens the product's page",
    }


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def detail(store: Store, opportunity_id: str, rates: Rates) -> Detail | None:
    """A route by its id (asin:source:target), or None if it is no opportunity any more.

    Raises:
        StoreError: the store cannot be read.
    """
    asin, source, target = opportunity_id.split(":")
    found = store.opportunities(OpportunityQuery(asin=asin, source=source, target=target, limit=1)).items
    if not found:
        return None
    offers = {o.market: o for o in store.offers([asin])}
    lines = price_lines(store.history(asin), offers, found[0].currency, rates)
    drawn = {line.market for line in lines}
    without = tuple(code for code in offers if code not in drawn)
    return Detail(found[0], tuple(lines), without, tuple(offers.values()))


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
