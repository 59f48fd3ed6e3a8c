"""The tables of the product page: a product's routes, and the products that a search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arbkit.analysis.routes import PricedRoute
from arbkit.core.formatting import UNKNOWN, age_words, percent, signed
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Opportunity
from arbkit.core.offers.product import Product
from arbkit.display.labels import fulfilment_label
from arbkit.web.dashboards.cells import TABLES, age_cell, price_cell, profit_cell, route_profit_cell, title_cell
from arbkit.web.dashboards.content import TableCell, TableRow, TableView
from arbkit.web.dashboards.html import confidence_reasons


def routes_table(
    routes: Sequence[PricedRoute], stored: Mapping[str, Opportunity], *, chosen: str, message: str, now: float
) -> TableView:
    """Every route, a row each; ``stored`` are the opportunities of the last detection, by route."""
    rows: list[TableRow] = [{"id": r.id, "cells": _route(r, stored.get(r.id), now)} for r in routes]
    return _table("routes", "Routes of this product", rows, total=len(rows), chosen=chosen, message=message)


def _route(route: PricedRoute, stored: Opportunity | None, now: float) -> list[TableCell]:
    found = route.opportunity
    kinds = {side: f"{basis} price" for side, basis in found.price_basis.items()} if found else {}
    known: list[TableCell] = [
        {"text": f"{route.source} → {route.target}"},
        *(
            price_cell(
                amount, currency, code, MARKETS[code].url(route.asin), f"{kinds.get(side, 'price')}, shipping and"
            )
            for side, amount, currency, code in (
                ("buy", route.buy_price, route.buy_currency, route.source),
                ("sell", route.sell_price, route.sell_currency, route.target),
            )
        ),
    ]
    if found is None:
        nothing: TableCell = {"text": UNKNOWN}
        return [*known, nothing, nothing, nothing, nothing, nothing, {"text": "; ".join(route.unknown)}]
    return [
        *known,
        _profit(found, stored, now),
        {"text": percent(found.roi_pct)},
        {"text": percent(found.margin_pct)},
        {"text": fulfilment_label(found.fulfilment)},
        {"text": f"{found.confidence:.2f}"},
        {"text": confidence_reasons(found), "note": "; ".join(route.assumed)},
    ]


def _profit(found: Opportunity, stored: Opportunity | None, now: float) -> TableCell:
    cell = route_profit_cell(found)
    if stored is not None and abs(stored.profit - found.profit) >= 0.005:
        cell["sub"] = f"{signed(stored.profit)} {age_words(now - stored.evaluated_at)} ago"
        cell["note"] = "Prices, the day or the seller profile have changed since the last detection"
    return cell


def products_table(found: Sequence[Product], total: int, *, message: str, now: float) -> TableView:
    """Products to choose from, a row each."""
    more = f" of {total:,}" if total > len(found) else ""
    rows: list[TableRow] = [{"id": p.asin, "cells": _product(p, now)} for p in found]
    return _table("products", f"{len(found)}{more} products", rows, total=total, chosen="", message=message)


def _product(product: Product, now: float) -> list[TableCell]:
    best = product.best
    return [
        title_cell(product.title, demo=product.demo),
        {"text": product.asin, "href": f"product.ipynb?asin={product.asin}"},
        {"text": product.brand or UNKNOWN},
        {"text": product.category or UNKNOWN},
        {"text": " ".join(c for c in MARKETS if c in product.markets)},
        {"text": f"{best['source']} → {best['target']}" if best else UNKNOWN},
        profit_cell(best["profit"], best["currency"]) if best else {"text": UNKNOWN},
        age_cell(product.updated_at, now),
    ]


def _table(name: str, caption: str, rows: list[TableRow], *, total: int, chosen: str, message: str) -> TableView:
    """A table of one page."""
    return {
        "caption": caption, "columns": list(TABLES[name].values()), "rows": rows, "total": total, "first": 1,
        "page": 1, "pages": 1, "selects": True, "selected": chosen, "message": message,
    }  # fmt: skip
