"""The alerts that were made: which are shown, and a row each with what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, cast, get_args
from urllib.parse import urlencode

from arbkit.alerts.alert import Alert, AlertType
from arbkit.core.errors import BadRecordError
from arbkit.core.formatting import UNKNOWN, age_words, signed, utc_time
from arbkit.store import Page
from arbkit.store.alerts import AlertRecord, Delivery, DeliveryStatus
from arbkit.store.queries import AlertQuery
from arbkit.web.address import pairs_of
from arbkit.web.dashboards.alerts.words import OUTCOMES, TONES, TYPES, attempts_words
from arbkit.web.dashboards.cells import TABLES, printable, title_cell
from arbkit.web.dashboards.content import Field, Option, TableCell, TableRow, TableView, choice

_ROWS = 25
_MOST_PAGES = 4_000
"""The store refuses to skip more than 100,000 rows."""
_LONGEST_WHY = 400


@dataclass(frozen=True, slots=True)
class HistoryView:
    """Which alerts are shown; empty: of any type, with any outcome."""

    type: str = ""
    outcome: str = ""
    page: int = 1

    @classmethod
    def parse(cls, search: str) -> tuple[Self, dict[str, str]]:
        """The view of an address' query string, and what is wrong in it, by field."""
        values, wrong = pairs_of(search, ("type", "outcome", "page"))
        for name, allowed in (("type", get_args(AlertType)), ("outcome", get_args(DeliveryStatus))):
            if values.get(name, "") not in ("", *allowed):
                wrong[name] = f"must be one of {', '.join(allowed)}"
                del values[name]
        page = values.get("page", "1")
        if not (page.isascii() and page.isdigit() and 0 < int(page[:6]) <= _MOST_PAGES):
            wrong["page"] = f"must be a whole number from 1 to {_MOST_PAGES:,}"
            page = "1"
        return cls(values.get("type", ""), values.get("outcome", ""), int(page)), wrong

    def chosen(self, values: Mapping[str, str | bool]) -> Self:
        """The first page of what was chosen in the form."""
        kind, outcome = str(values.get("type", "")), str(values.get("outcome", ""))
        return replace(self, type=kind if kind in TYPES else "", outcome=outcome if outcome in OUTCOMES else "", page=1)

    def on_page(self, page: int) -> Self:
        """Another page of the same."""
        return replace(self, page=min(max(1, page), _MOST_PAGES))

    def search(self) -> str:
        """The query string that shows it again."""
        asked = {"type": self.type, "outcome": self.outcome, "page": "" if self.page == 1 else str(self.page)}
        return urlencode({name: value for name, value in asked.items() if value})

    def query(self) -> AlertQuery:
        """What the store is asked."""
        outcome = cast("DeliveryStatus", self.outcome) if self.outcome else None
        return AlertQuery(type=self.type or None, status=outcome, limit=_ROWS, offset=(self.page - 1) * _ROWS)

    def fields(self) -> list[Field]:
        """The form that filters."""
        types = [Option(value=name, label=label) for name, label in TYPES.items()]
        outcomes = [Option(value=name, label=_outcome_label(name)) for name in OUTCOMES]
        every: list[Option] = [{"value": "", "label": "any"}]
        return [
            choice("type", "Type", [*every, *types], value=self.type),
            choice("outcome", "What became of it", [*every, *outcomes], value=self.outcome),
        ]


def _outcome_label(name: DeliveryStatus) -> str:
    return "Held back, or for no channel" if name == "held" else OUTCOMES[name].capitalize()


def history_table(found: Page[AlertRecord], view: HistoryView, *, message: str, now: float) -> TableView:
    """One page of the alerts, the latest first."""
    rows: list[TableRow] = [{"id": one.id, "cells": _row(one, now)} for one in found.items]
    return {
        "caption": "Latest alerts",
        "columns": list(TABLES["alerts"].values()),
        "rows": rows,
        "total": found.total,
        "first": (view.page - 1) * _ROWS + 1,
        "page": view.page,
        "pages": max(1, -(-found.total // _ROWS)),
        "selects": False,
        "message": message,
    }


def _row(record: AlertRecord, now: float) -> Sequence[TableCell]:
    held = record.type == "data_problem"
    label = TYPES.get(record.type, record.type)
    return [
        {"text": f"{age_words(max(0.0, now - record.at))} ago", "note": utc_time(record.at)},
        {"text": label, "sub": f"by {record.rule}", "tone": "warn" if held else ""},
        *_about(record),
        _outcome_cell(record),
        {"text": "; ".join(_delivery_words(one, now) for one in record.deliveries) or printable(record.why or "")},
    ]


def _about(record: AlertRecord) -> Sequence[TableCell]:
    """Product, route, profit and reason."""
    try:
        alert = Alert.from_dict(record.document)
    except BadRecordError:
        nothing: TableCell = {"text": UNKNOWN}
        why: TableCell = {"text": "another version of arbkit has written it"}
        return [_product(record.asin, None, demo=record.demo), nothing, nothing, why]
    found = alert.opportunity
    return [
        _product(record.asin, found.title, demo=found.demo),
        {"text": f"{alert.source} → {alert.target}"},
        _profit(found.profit, found.profit_low, found.profit_high, found.currency),
        {"text": printable(alert.why, _LONGEST_WHY)},
    ]


def _product(asin: str, title: str | None, *, demo: bool) -> TableCell:
    cell = title_cell(title or asin, demo=demo)
    return {**cell, "text": printable(cell["text"]), "href": f"product.ipynb?asin={asin}", "note": asin}


def _profit(likely: float, low: float | None, high: float | None, currency: str) -> TableCell:
    least = likely if low is None else low
    tone = "good" if least > 0 else "bad"
    if low is None or high is None or low == high:
        return {"text": signed(likely, currency), "tone": tone}
    return {"text": f"{signed(low)} to {signed(high, currency)}", "sub": f"likely {signed(likely)}", "tone": tone}


def _outcome_cell(record: AlertRecord) -> TableCell:
    if record.type == "data_problem" or not record.deliveries:
        text = "held back" if record.type == "data_problem" else "kept here"
        return {"text": text, "tone": "warn" if text == "held back" else "quiet"}
    return {"text": OUTCOMES[record.status], "tone": TONES[record.status]}


def _delivery_words(one: Delivery, now: float) -> str:
    since = "" if one.at is None else f" {age_words(max(0.0, now - one.at))} ago"
    counts = one.attempts > 1 or (one.attempts and one.status != "sent")
    tries = f" after {attempts_words(one.attempts)}" if counts else ""
    dead = ", a dead letter" if one.status == "failed" else ""
    why = f": {printable(one.why)}" if one.why else ""
    return f"{one.channel}: {OUTCOMES[one.status]}{since}{tries}{dead}{why}"
