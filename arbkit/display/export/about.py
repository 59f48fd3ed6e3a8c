"""The sheet that explains a file of opportunities: what was asked for, whose profit it is, what columns mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from arbkit.core.decisions.event import STATUS_WORDS
from arbkit.core.input.filters import FilterValue, OpportunityFilter
from arbkit.display.export.columns import FOR_PEOPLE, Column
from arbkit.display.export.rows import Cell
from arbkit.display.labels import yes_or_no
from arbkit.display.record_frames import DEMO_NOTE
from arbkit.profit import Profile
from arbkit.store.fields import OPPORTUNITY_SORTS
from arbkit.store.queries import OpportunityQuery

_VAT = {"included": "VAT included", "excluded": "without VAT", None: ""}
_UNITS = {"percent": "%", "moment": "UTC", "yes_no": "yes or no"}


def about_rows(
    asked: OpportunityQuery, columns: Sequence[Column], seller: Profile, *, demo: bool, made_at: float
) -> list[Sequence[Cell]]:
    """The rows of the sheet; ``made_at`` in Unix seconds."""
    rows: list[Sequence[Cell]] = [("Opportunities", "by arbkit")]
    if demo:
        rows.append(("DEMO", DEMO_NOTE))
    made = f"{datetime.fromtimestamp(made_at, UTC):%Y-%m-%d %H:%M} UTC; every time in this file is in UTC"
    rows += [("Made at", made), ("Seller", f"{seller.name}: {seller.seller_line.removeprefix('Seller: ')}")]
    rows += [("Order", _order(asked)), (), ("Filters",)]
    filters = asked.filters()
    rows += [(filter_label(name), _words(value), _meaning(name)) for name, value in filters.items()]
    if not filters:
        rows.append(("", "none: all opportunities"))
    rows += [(), ("Column", "In CSV and Parquet", "Unit", "VAT", "Meaning")]
    rows += [(one.label, one.name, _unit(one), _VAT[one.vat], one.note) for one in columns]
    return rows


def filter_label(name: str) -> str:
    """What people call a filter, as ``Profit, min.``."""
    title = OpportunityFilter.model_fields[name].title or name
    return f"{title}, {name.partition('_')[0]}." if name.startswith(("min_", "max_")) else title


def filters_in_words(filters: Mapping[str, FilterValue]) -> list[str]:
    """Each filter that is set with its value, as ``Buy on IT`` and ``Profit, min. 5``."""
    return [f"{filter_label(name)} {_words(value)}" for name, value in filters.items()]


def _order(asked: OpportunityQuery) -> str:
    field = OPPORTUNITY_SORTS[asked.sort]
    label = next((one.label for one in FOR_PEOPLE if one.name == field), asked.sort)
    return f"{label}, {'highest' if asked.descending else 'lowest'} first"


def _meaning(name: str) -> str:
    return OpportunityFilter.model_fields[name].description or ""


def _words(value: FilterValue) -> str:
    if isinstance(value, bool):
        return yes_or_no(value)
    if isinstance(value, tuple):
        return "; ".join(value)
    if isinstance(value, str):
        return ", ".join(STATUS_WORDS.get(part, part) for part in value.split(","))
    return f"{value or 0:,.12g}"


def _unit(column: Column) -> str:
    if column.kind != "amount":
        return column.unit or _UNITS.get(column.kind, "")
    return next(one.label for one in FOR_PEOPLE if one.name == column.unit)
