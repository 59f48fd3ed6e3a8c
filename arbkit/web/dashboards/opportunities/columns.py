"""The columns of the opportunities table: which are shown, and what each shows of a route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arbkit.analysis.routes import PricedRoute
from arbkit.core.formatting import UNKNOWN, money, percent, signed
from arbkit.core.models import Opportunity
from arbkit.display.labels import fulfilment_label
from arbkit.web.dashboards.cells import TABLES, age_cell, price_cell, profit_cell, route_profit_cell, title_cell
from arbkit.web.dashboards.content import TableCell, TableRow
from arbkit.web.dashboards.html import confidence_reasons

COLUMNS = TABLES["opportunities"]
OPTIONAL = tuple(name for name in COLUMNS if name not in ("route", "product", "if"))
"""The columns that a user may show or hide."""
_HIDDEN = frozenset({"brand", "category", "asin", "spread", "fees", "amazon"})
"""Those that are hidden unless asked for."""
_DEFAULT = tuple(name for name in OPTIONAL if name not in _HIDDEN)


def chosen_columns(wanted: Sequence[str], *, what_if: bool) -> list[str]:
    """The columns to show, in the table's order: those wanted, or the default ones if none is named."""
    shown = {"route", "product", *(set(wanted) & set(OPTIONAL) if wanted else _DEFAULT), *(("if",) if what_if else ())}
    return [name for name in COLUMNS if name in shown]


def ticked_columns(ticked: Mapping[str, str | bool]) -> tuple[str, ...]:
    """The columns a user ticked; empty where they are the default ones."""
    wanted = tuple(name for name in OPTIONAL if ticked.get(name))
    return () if wanted == _DEFAULT else wanted


def table_row(
    found: Opportunity, columns: Sequence[str], *, now: float, repriced: PricedRoute | None = None
) -> TableRow:
    """The row of a route: its id and a cell for each of these columns; ``repriced`` is for the column ``if``."""
    title = title_cell(found.title, demo=found.demo)
    note = f"{title['text']} ({found.asin}). Opens the product page"
    bases = found.price_basis
    cells: dict[str, TableCell] = {
        "route": {"text": f"{found.source} → {found.target}"},
        "product": {**title, "href": f"product.ipynb?asin={found.asin}", "note": note},
        "brand": {"text": found.brand or UNKNOWN},
        "category": {"text": found.category or UNKNOWN},
        "asin": {"text": found.asin},
        "buy": price_cell(
            found.buy_price, found.buy_currency, found.source, found.source_url, f"{bases['buy']} price,"
        ),
        "sell": price_cell(
            found.sell_price, found.sell_currency, found.target, found.target_url, f"{bases['sell']} price,"
        ),
        "profit": route_profit_cell(found),
        "if": _repriced_cell(found, repriced),
        "roi": {"text": percent(found.roi_pct)},
        "margin": {"text": percent(found.margin_pct)},
        "spread": {"text": percent(found.spread_pct)},
        "fees": {"text": money(found.fees, found.currency)},
        "by": {"text": fulfilment_label(found.fulfilment)},
        "amazon": {"text": {True: "yes", False: "no", None: UNKNOWN}[found.amazon_sells]},
        "confidence": {"text": f"{found.confidence:.2f}", "note": confidence_reasons(found)},
        "age": age_cell(found.data_at, now),
    }
    return {"id": found.id, "cells": [cells[name] for name in columns]}


def _repriced_cell(found: Opportunity, other: PricedRoute | None) -> TableCell:
    if other is None or other.profit is None:
        return {"text": UNKNOWN, "note": "; ".join(other.unknown) if other else None}
    change = signed(round(other.profit - found.profit, 2))
    by = f", {fulfilment_label(other.fulfilment)}" if other.fulfilment and other.fulfilment != found.fulfilment else ""
    return {**profit_cell(other.profit, found.currency), "sub": f"{change}{by}"}
