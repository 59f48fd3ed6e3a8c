"""The columns of the opportunities table: which are shown, and what each shows of a route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arbkit.analysis.what_if import TURN_WORDS, AssumedRoute
from arbkit.core.decisions.event import STATUS_WORDS
from arbkit.core.formatting import UNKNOWN, money, percent, signed
from arbkit.core.models import Opportunity
from arbkit.display.labels import fulfilment_label, yes_or_no
from arbkit.web.dashboards.cells import TABLES, age_cell, price_cell, profit_cell, route_profit_cell, title_cell
from arbkit.web.dashboards.content import TableCell, TableRow
from arbkit.web.dashboards.html import confidence_reasons
from arbkit.web.dashboards.opportunities.demand import demand_cells, price_cells
from arbkit.web.dashboards.opportunities.forecast import forecast_cells

COLUMNS = TABLES["opportunities"]
OPTIONAL = tuple(name for name in COLUMNS if name not in ("route", "product", "if"))
"""The columns that a user may show or hide."""
_HIDDEN = frozenset(
    {"brand", "category", "asin", "ean", "break_even", "expected", "sold_in_30", "drops90",
     "monthly_sold", "amazon_share", "margin", "spread", "fees", "by", "amazon"}
)  # fmt: skip
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
    found: Opportunity, columns: Sequence[str], *, now: float, assumed: AssumedRoute | None = None
) -> TableRow:
    """The row of a route: its id and a cell for each of these columns.

    Under assumptions ``found`` is the route as it would be, and only its profit that of today.
    """
    title = title_cell(found.title, demo=found.demo)
    note = f"{title['text']} ({found.asin}). Opens the product page"
    bases = found.price_basis
    cells: dict[str, TableCell] = {
        "route": {"text": f"{found.source} → {found.target}"},
        "product": {**title, "href": f"product.ipynb?asin={found.asin}", "note": note},
        "decision": {"text": STATUS_WORDS[found.decision]},
        "brand": {"text": found.brand or UNKNOWN},
        "category": {"text": found.category or UNKNOWN},
        "asin": {"text": found.asin},
        "ean": {"text": found.eans[0] if found.eans else UNKNOWN, "note": ", ".join(found.eans) or None},
        "buy": price_cell(
            found.buy_price, found.buy_currency, found.source, found.source_url, f"{bases['buy']} price,"
        ),
        "sell": price_cell(
            found.sell_price, found.sell_currency, found.target, found.target_url, f"{bases['sell']} price,"
        ),
        **price_cells(found),
        "profit": _today_cell(found, assumed),
        "if": _assumed_cell(assumed),
        **forecast_cells(found),
        **demand_cells(found),
        "roi": {"text": percent(found.roi_pct)},
        "margin": {"text": percent(found.margin_pct)},
        "spread": {"text": percent(found.spread_pct)},
        "fees": {"text": money(found.fees, found.currency)},
        "by": {"text": fulfilment_label(found.fulfilment)},
        "amazon": {"text": yes_or_no(found.amazon_sells)},
        "confidence": {"text": f"{found.confidence:.2f}", "note": confidence_reasons(found)},
        "age": age_cell(found.data_at, now),
    }
    return {"id": found.id, "cells": [cells[name] for name in columns]}


def _today_cell(found: Opportunity, assumed: AssumedRoute | None) -> TableCell:
    if assumed is None:
        return route_profit_cell(found)
    return (
        {"text": UNKNOWN, "note": "cannot be priced today"} if assumed.now is None else route_profit_cell(assumed.now)
    )


def _assumed_cell(assumed: AssumedRoute | None) -> TableCell:
    if assumed is None or assumed.then is None:
        return {"text": UNKNOWN, "note": "; ".join(assumed.unknown) if assumed else "not offered on both any more"}
    then, now = assumed.then, assumed.now
    words = [] if now is None else [signed(round(then.profit - now.profit, 2))]
    if now is not None and then.fulfilment != now.fulfilment:
        words.append(fulfilment_label(then.fulfilment))
    if assumed.turn:
        words.append(TURN_WORDS[assumed.turn])
    return {**profit_cell(then.profit, then.currency), "sub": ", ".join(words)}
