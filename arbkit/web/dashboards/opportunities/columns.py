"""The columns of the opportunities table: what each says of a route, and the store's order behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from arbkit.analysis.routes import PricedRoute
from arbkit.core.formatting import UNKNOWN, age_words, money, percent, signed
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Opportunity

__all__ = ["CHOOSABLE", "COLUMNS", "Column", "chosen_columns", "moment", "row", "wanted_columns"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A route of the table; ``other`` is what it would leave if, where that is asked."""

    found: Opportunity
    now: float
    other: PricedRoute | None


@dataclass(frozen=True, slots=True)
class Column:
    """``sort`` is an order of the store, empty where there is none; ``cell`` gives text and what goes with it."""

    label: str
    kind: str
    sort: str
    cell: Callable[[Shown], dict[str, Any]]
    by_itself: bool = True
    note: str = ""


def moment(at: float) -> str:
    """``2026-08-01 13:05 UTC``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _title(s: Shown) -> dict[str, Any]:
    found = s.found
    text = found.title or "(no title)"
    return {
        "text": text,
        "href": f"product.ipynb?asin={found.asin}",
        "note": f"{text} ({found.asin}). Opens all that is known of the product",
        "tag": "DEMO" if found.demo else None,
    }


def _price(amount: float, currency: str, code: str, url: str, basis: str) -> dict[str, Any]:
    shop = MARKETS[code].amazon
    return {
        "text": money(amount, currency),
        "href": url,
        "note": f"{shop}, {basis.replace('_', ' ')} price, VAT included. Opens the product's page",
    }


def _text(value: str | None) -> dict[str, Any]:
    return {"text": value or UNKNOWN}


def _profit(amount: float, currency: str) -> dict[str, Any]:
    return {"text": money(amount, currency), "mood": "good" if amount > 0 else "bad"}


def _if(s: Shown) -> dict[str, Any]:
    other = s.other
    if other is None or other.profit is None:
        return {"text": UNKNOWN, "note": "; ".join(other.unknown) if other else None}
    change = round(other.profit - s.found.profit, 2)
    by = f", by {other.fulfilment}" if other.fulfilment != s.found.fulfilment else ""
    return {**_profit(other.profit, s.found.currency), "sub": f"{signed(change)}{by}"}


COLUMNS: Mapping[str, Column] = {
    "route": Column("Route", "text", "route", lambda s: {"text": f"{s.found.source} → {s.found.target}"}),
    "product": Column("Product", "title", "title", _title),
    "brand": Column("Brand", "text", "", lambda s: _text(s.found.brand), by_itself=False),
    "category": Column("Category", "text", "", lambda s: _text(s.found.category), by_itself=False),
    "asin": Column("ASIN", "text", "", lambda s: _text(s.found.asin), by_itself=False),
    "buy": Column(
        "Buy", "number", "buy_price",
        lambda s: _price(
            s.found.buy_price, s.found.buy_currency, s.found.source, s.found.source_url, s.found.price_basis["buy"]
        ),
    ),
    "sell": Column(
        "Sell", "number", "sell_price",
        lambda s: _price(
            s.found.sell_price, s.found.sell_currency, s.found.target, s.found.target_url, s.found.price_basis["sell"]
        ),
    ),
    "profit": Column(
        "Profit", "number", "profit", lambda s: _profit(s.found.profit, s.found.currency),
        note="What one unit leaves after every fee and tax",
    ),
    "if": Column("Profit if …", "number", "", _if, by_itself=False, note="With what is set under “What if”"),
    "roi": Column(
        "ROI", "number", "roi", lambda s: {"text": percent(s.found.roi_pct)},
        note="Profit in percent of what is put in",
    ),
    "margin": Column(
        "Margin", "number", "margin", lambda s: {"text": percent(s.found.margin_pct)},
        note="Profit in percent of the revenue without VAT",
    ),
    "spread": Column(
        "Spread", "number", "spread", lambda s: {"text": percent(s.found.spread_pct)}, by_itself=False,
        note="How much dearer the shop price is where it is sold",
    ),
    "fees": Column(
        "Fees", "number", "", lambda s: {"text": money(s.found.fees, s.found.currency)}, by_itself=False,
        note="All that Amazon takes",
    ),
    "by": Column("By", "text", "", lambda s: {"text": s.found.fulfilment}, note="The fulfilment that leaves most"),
    "amazon": Column(
        "Amazon sells", "text", "",
        lambda s: {"text": {True: "yes", False: "no", None: UNKNOWN}[s.found.amazon_sells]}, by_itself=False,
        note="Whether Amazon itself offers it where it would be sold",
    ),
    "confidence": Column(
        "Confidence", "number", "confidence",
        lambda s: {
            "text": f"{s.found.confidence:.2f}",
            "note": "; ".join(s.found.confidence_reasons) or "nothing speaks against it",
        },
        note="How far the numbers can be trusted, from 0 to 1",
    ),
    "age": Column(
        "Data age", "number", "age",
        lambda s: {"text": age_words(s.now - s.found.data_at), "note": f"prices of {moment(s.found.data_at)}"},
    ),
}  # fmt: skip
CHOOSABLE = tuple(name for name in COLUMNS if name not in ("route", "product", "if"))
"""The columns that a user may show or hide; the others are there by themselves."""


def chosen_columns(wanted: Sequence[str], *, what_if: bool) -> list[str]:
    """The columns to show: those wanted (none: those that are there by themselves), in the table's order."""
    shown = {name for name in CHOOSABLE if (name in wanted if wanted else COLUMNS[name].by_itself)}
    shown |= {"route", "product"} | ({"if"} if what_if else set())
    return [name for name in COLUMNS if name in shown]


def wanted_columns(ticked: Mapping[str, object]) -> tuple[str, ...]:
    """The columns a user ticked; none where they are those that are there by themselves."""
    wanted = tuple(name for name in CHOOSABLE if ticked.get(name))
    plain = tuple(name for name in CHOOSABLE if COLUMNS[name].by_itself)
    return () if wanted == plain else wanted


def row(found: Opportunity, columns: Sequence[str], *, now: float, other: PricedRoute | None = None) -> dict[str, Any]:
    """One row of the table: ``id`` and a cell for each of these columns."""
    shown = Shown(found, now, other)
    return {"id": found.id, "cells": [COLUMNS[name].cell(shown) for name in columns]}
