"""The tables of the product page: a product's routes, and the products that a search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arbkit.analysis.routes import PricedRoute
from arbkit.core.formatting import UNKNOWN, age_words, money, percent, signed
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Opportunity, Product
from arbkit.web.dashboards.content import TableCell, TableColumn, TableRow, TableView
from arbkit.web.dashboards.html import NO_WARNINGS, fulfilment_label, moment

_ROUTE_COLUMNS = (
    ("Route", "text", "Buy on → sell on"),
    ("Buy", "number", "Shop price, VAT included"),
    ("Sell", "number", "Shop price, VAT included"),
    ("Profit", "number", "Profit of one unit after every fee and tax"),
    ("ROI", "number", "Profit in percent of the money invested"),
    ("Margin", "number", "Profit in percent of net revenue"),
    ("Fulfilment", "wide", "The most profitable method allowed by the seller profile"),
    ("Confidence", "number", "How reliable the numbers are, from 0 to 1"),
    ("Notes", "remark", "Why a profit is unknown, or what lowers the confidence"),
)
_PRODUCT_COLUMNS = (
    ("Product", "title", ""),
    ("ASIN", "text", "Opens the product page"),
    ("Brand", "text", ""),
    ("Category", "wide", ""),
    ("Offered on", "wide", ""),
    ("Best route", "text", ""),
    ("Profit", "number", "Of its best route"),
    ("Data age", "number", ""),
)


def routes_table(
    routes: Sequence[PricedRoute],
    stored: Mapping[str, Opportunity],
    *,
    asin: str,
    chosen: str,
    message: str,
    now: float,
) -> TableView:
    """Every route, a row each; ``stored`` are the opportunities of the last detection, by route."""
    rows: list[TableRow] = [{"id": r.id, "cells": _route(r, stored.get(r.id), asin, now)} for r in routes]
    return _table("Routes of this product", _ROUTE_COLUMNS, rows, total=len(rows), chosen=chosen, message=message)


def _route(route: PricedRoute, stored: Opportunity | None, asin: str, now: float) -> list[TableCell]:
    found = route.opportunity
    buy = _price(route.buy_price, route.buy_currency, route.source, asin, found.price_basis["buy"] if found else "")
    sell = _price(route.sell_price, route.sell_currency, route.target, asin, found.price_basis["sell"] if found else "")
    path: TableCell = {"text": f"{route.source} → {route.target}"}
    if found is None:
        nothing: TableCell = {"text": UNKNOWN}
        return [path, buy, sell, nothing, nothing, nothing, nothing, nothing, {"text": "; ".join(route.unknown)}]
    known = "; ".join(found.confidence_reasons)
    return [
        path,
        buy,
        sell,
        _profit(found, stored, now),
        {"text": percent(found.roi_pct)},
        {"text": percent(found.margin_pct)},
        {"text": fulfilment_label(found.fulfilment)},
        {"text": f"{found.confidence:.2f}"},
        {"text": known or NO_WARNINGS, "note": "; ".join(route.assumed)},
    ]


def _profit(found: Opportunity, stored: Opportunity | None, now: float) -> TableCell:
    cell: TableCell = {"text": money(found.profit, found.currency), "tone": "good" if found.profit > 0 else "bad"}
    if stored is not None and abs(stored.profit - found.profit) >= 0.005:
        before = age_words(now - stored.evaluated_at)
        cell["sub"] = f"{signed(stored.profit)} {before} ago"
        cell["note"] = "Prices, the day or the seller profile have changed since the last detection"
    return cell


def _price(amount: float | None, currency: str, code: str, asin: str, basis: str) -> TableCell:
    if amount is None:
        return {"text": UNKNOWN, "note": "no price"}
    market = MARKETS[code]
    kind = f"{basis.replace('_', ' ')} price" if basis else "price"
    note = f"{market.amazon}, {kind}, shipping and VAT included. Opens the page at Amazon"
    return {"text": money(amount, currency), "href": market.url(asin), "note": note}


def products_table(found: Sequence[Product], total: int, *, message: str, now: float) -> TableView:
    """Products to choose from, a row each."""
    more = f" of {total:,}" if total > len(found) else ""
    rows: list[TableRow] = [{"id": p.asin, "cells": _product(p, now)} for p in found]
    return _table(f"{len(found)}{more} products", _PRODUCT_COLUMNS, rows, total=total, chosen="", message=message)


def _product(product: Product, now: float) -> list[TableCell]:
    best = product.best
    return [
        {"text": product.title or "(no title)", "tag": "DEMO" if product.demo else None},
        {"text": product.asin, "href": f"product.ipynb?asin={product.asin}"},
        {"text": product.brand or UNKNOWN},
        {"text": product.category or UNKNOWN},
        {"text": " ".join(c for c in MARKETS if c in product.markets)},
        {"text": f"{best['source']} → {best['target']}" if best else UNKNOWN},
        {"text": money(best["profit"], best["currency"]), "tone": "good"} if best else {"text": UNKNOWN},
        {"text": age_words(now - product.updated_at), "note": f"prices of {moment(product.updated_at)}"},
    ]


def _table(
    caption: str,
    columns: Sequence[tuple[str, str, str]],
    rows: list[TableRow],
    *,
    total: int,
    chosen: str,
    message: str,
) -> TableView:
    """A table of one page."""
    return {
        "caption": caption,
        "columns": [TableColumn(label=label, kind=kind, sort="", note=note) for label, kind, note in columns],
        "rows": rows, "total": total, "first": 1, "page": 1, "pages": 1,
        "selects": True, "selected": chosen, "message": message,
    }  # fmt: skip
