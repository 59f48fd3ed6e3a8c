"""The columns of the opportunities table: what each shows of a route, and the store's order behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from arbkit.analysis.routes import PricedRoute
from arbkit.core.formatting import UNKNOWN, age_words, money, percent, signed
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Opportunity
from arbkit.web.dashboards.content import TableCell, TableRow
from arbkit.web.dashboards.html import NO_WARNINGS, fulfilment_label, moment


@dataclass(frozen=True, slots=True)
class RowData:
    """A route of the table; ``repriced`` is its profit under other assumptions, where that is asked."""

    found: Opportunity
    now: float
    repriced: PricedRoute | None


@dataclass(frozen=True, slots=True)
class Column:
    """``sort`` is an order of the store, empty where there is none; ``cell`` makes a row's cell."""

    label: str
    kind: str
    sort: str
    cell: Callable[[RowData], TableCell]
    default: bool = True
    note: str = ""


def _title(s: RowData) -> TableCell:
    found = s.found
    text = found.title or "(no title)"
    return {
        "text": text,
        "href": f"product.ipynb?asin={found.asin}",
        "note": f"{text} ({found.asin}). Opens the product page",
        "tag": "DEMO" if found.demo else None,
    }


def _price(amount: float, currency: str, code: str, url: str, basis: str) -> TableCell:
    shop = MARKETS[code].amazon
    return {
        "text": money(amount, currency),
        "href": url,
        "note": f"{shop}, {basis.replace('_', ' ')} price, VAT included. Opens the page at Amazon",
    }


def _text(value: str | None) -> TableCell:
    return {"text": value or UNKNOWN}


def _profit(amount: float, currency: str) -> TableCell:
    return {"text": money(amount, currency), "tone": "good" if amount > 0 else "bad"}


def _if(s: RowData) -> TableCell:
    other = s.repriced
    if other is None or other.profit is None:
        return {"text": UNKNOWN, "note": "; ".join(other.unknown) if other else None}
    change = round(other.profit - s.found.profit, 2)
    by = f", {fulfilment_label(other.fulfilment)}" if other.fulfilment != s.found.fulfilment else ""
    return {**_profit(other.profit, s.found.currency), "sub": f"{signed(change)}{by}"}


COLUMNS: Mapping[str, Column] = {
    "route": Column("Route", "text", "route", lambda s: {"text": f"{s.found.source} → {s.found.target}"}),
    "product": Column("Product", "title", "title", _title),
    "brand": Column("Brand", "text", "", lambda s: _text(s.found.brand), default=False),
    "category": Column("Category", "text", "", lambda s: _text(s.found.category), default=False),
    "asin": Column("ASIN", "text", "", lambda s: _text(s.found.asin), default=False),
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
        note="Profit of one unit after every fee and tax",
    ),
    "if": Column("Profit if …", "number", "", _if, default=False, note="Under the assumptions set in “What if”"),
    "roi": Column(
        "ROI", "number", "roi", lambda s: {"text": percent(s.found.roi_pct)},
        note="Profit in percent of the money invested",
    ),
    "margin": Column(
        "Margin", "number", "margin", lambda s: {"text": percent(s.found.margin_pct)},
        note="Profit in percent of net revenue",
    ),
    "spread": Column(
        "Spread", "number", "spread", lambda s: {"text": percent(s.found.spread_pct)}, default=False,
        note="How much higher the shop price is where it is sold",
    ),
    "fees": Column(
        "Fees", "number", "", lambda s: {"text": money(s.found.fees, s.found.currency)}, default=False,
        note="All Amazon fees",
    ),
    "by": Column(
        "Fulfilment", "wide", "", lambda s: {"text": fulfilment_label(s.found.fulfilment)},
        note="The most profitable method allowed by the seller profile",
    ),
    "amazon": Column(
        "Amazon as seller", "text", "",
        lambda s: {"text": {True: "yes", False: "no", None: UNKNOWN}[s.found.amazon_sells]}, default=False,
        note="Whether Amazon itself sells it on the target marketplace",
    ),
    "confidence": Column(
        "Confidence", "number", "confidence",
        lambda s: {
            "text": f"{s.found.confidence:.2f}",
            "note": "; ".join(s.found.confidence_reasons) or NO_WARNINGS,
        },
        note="How reliable the numbers are, from 0 to 1",
    ),
    "age": Column(
        "Data age", "number", "age",
        lambda s: {"text": age_words(s.now - s.found.data_at), "note": f"prices of {moment(s.found.data_at)}"},
    ),
}  # fmt: skip
OPTIONAL = tuple(name for name in COLUMNS if name not in ("route", "product", "if"))
"""The columns that a user may show or hide."""


def chosen_columns(wanted: Sequence[str], *, what_if: bool) -> list[str]:
    """The columns to show, in the table's order: those wanted, or the default ones if none is named."""
    shown = {name for name in OPTIONAL if (name in wanted if wanted else COLUMNS[name].default)}
    shown |= {"route", "product"} | ({"if"} if what_if else set())
    return [name for name in COLUMNS if name in shown]


def ticked_columns(ticked: Mapping[str, str | bool]) -> tuple[str, ...]:
    """The columns a user ticked; empty where they are the default ones."""
    wanted = tuple(name for name in OPTIONAL if ticked.get(name))
    plain = tuple(name for name in OPTIONAL if COLUMNS[name].default)
    return () if wanted == plain else wanted


def table_row(
    found: Opportunity, columns: Sequence[str], *, now: float, repriced: PricedRoute | None = None
) -> TableRow:
    """The row of a route: its id and a cell for each of these columns."""
    data = RowData(found, now, repriced)
    return {"id": found.id, "cells": [COLUMNS[name].cell(data) for name in columns]}
