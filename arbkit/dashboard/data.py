"""What the opportunities dashboard shows, as plain data: pages of rows, one route in detail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from arbkit.ages import age_words
from arbkit.markets import MARKETS
from arbkit.models import Offer, Opportunity
from arbkit.money.fx import Rates
from arbkit.prices import PriceLine, price_lines
from arbkit.store.base import OpportunityQuery, Store

__all__ = ["COLUMNS", "Detail", "detail", "row"]

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
