"""Opportunities as rows of a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from arbkit.analysis.verdict.judging import Judge
from arbkit.core.marketplaces import market
from arbkit.core.models import Opportunity
from arbkit.core.results import RouteVerdict
from arbkit.display.export.columns import Column
from arbkit.profit.components import COMPONENTS
from arbkit.store.base import Store
from arbkit.store.iteration import iter_opportunities
from arbkit.store.queries import OpportunityQuery

Cell = str | float | bool | datetime | None
FileRow = list[Cell]
_COMPONENTS = frozenset(COMPONENTS)
VERDICT_COLUMNS: Mapping[str, str] = {"verdict": "verdict", "verdict_sentence": "sentence"}
"""Columns of the verdict → its fields."""
_MADE: Mapping[str, Callable[[Opportunity], Cell]] = {
    "confidence_reasons": lambda found: "; ".join(found.confidence_reasons),
    "data_at": lambda found: moment(found.data_at),
    "evaluated_at": lambda found: moment(found.evaluated_at),
    # A component has the name of the field already.
    "input_vat_case": lambda found: found.input_vat,
    "match": lambda found: found.match["verdict"] if found.match else None,
    "eans": lambda found: " ".join(found.eans),
    "buy_basis": lambda found: found.price_basis["buy"],
    "sell_basis": lambda found: found.price_basis["sell"],
    "keepa_source_url": lambda found: market(found.source).keepa_url(found.asin),
    "keepa_target_url": lambda found: market(found.target).keepa_url(found.asin),
}


def opportunity_rows(
    store: Store, query: OpportunityQuery, columns: Sequence[Column], judge: Judge
) -> Iterator[FileRow]:
    """A row of these columns per opportunity, in the query's order and over all its pages.

    Raises:
        StoreError: the store went away.
    """
    judged = judge.each(store, iter_opportunities(store, query), now=time.time())
    return (opportunity_row(found, columns, verdict) for found, verdict in judged)


def opportunity_row(found: Opportunity, columns: Sequence[Column], verdict: RouteVerdict | None = None) -> FileRow:
    """The cells of these columns; a component that does not apply is 0. Without a verdict its cells are empty."""
    amounts = {part["name"]: part["amount"] for part in found.components}
    said: dict[str, Cell] = {name: getattr(verdict, field, None) for name, field in VERDICT_COLUMNS.items()}
    return [said[c.name] if c.name in said else _cell(found, c.name, amounts) for c in columns]


def moment(at: float) -> datetime:
    """A time (Unix seconds) in UTC, to the second."""
    return datetime.fromtimestamp(int(at), UTC)


def _cell(found: Opportunity, name: str, amounts: Mapping[str, float | None]) -> Cell:
    if name in _COMPONENTS:
        return amounts.get(name, 0.0)
    made = _MADE.get(name)
    value: Cell = made(found) if made else getattr(found, name)
    return value
