"""The columns of all tables, and the cells that several of them show."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from arbkit.core.formatting import UNKNOWN, age_words, money, signed, utc_time
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Opportunity
from arbkit.display.labels import status_label
from arbkit.web.dashboards.content import TableCell, TableColumn

_LONGEST_CELL = 240
TABLES: Mapping[str, Mapping[str, TableColumn]] = tomllib.loads(
    (Path(__file__).parent / "columns.toml").read_text("utf-8")
)
"""The columns of each table by name, in the order in which they are shown."""


def title_cell(title: str | None, *, demo: bool) -> TableCell:
    """A product's title, marked where the product is invented."""
    return {"text": title or "(no title)", "tag": "DEMO" if demo else None}


def price_cell(amount: float | None, currency: str, market: str, url: str, kind: str) -> TableCell:
    """A shop price that opens the product's page at Amazon; ``kind`` says which price it is."""
    if amount is None:
        return {"text": UNKNOWN, "note": "no price"}
    note = f"{MARKETS[market].amazon}, {kind.replace('_', ' ')} VAT included. Opens the page at Amazon"
    return {"text": money(amount, currency), "href": url, "note": note}


def profit_cell(amount: float, currency: str) -> TableCell:
    """A profit, green, or a loss, red."""
    return {"text": money(amount, currency), "tone": "good" if amount > 0 else "bad"}


def route_profit_cell(found: Opportunity) -> TableCell:
    """The profit; beneath it the range where the package is open, and why it is no opportunity."""
    cell = profit_cell(found.profit, found.currency)
    # A loss shows as one already.
    said = [] if found.status in ("opportunity", "loss") else [status_label(found.status)]
    if found.profit_low != found.profit_high:
        said.append(f"{signed(found.profit_low)} to {signed(found.profit_high)}")
    return {**cell, "sub": ": ".join(said)} if said else cell


def age_cell(at: float, now: float) -> TableCell:
    """How old the prices are."""
    return {"text": age_words(now - at), "note": f"prices of {utc_time(at)}"}


def printable(text: str, most: int = _LONGEST_CELL) -> str:
    """``text`` with its invisible characters escaped, and cut after ``most``."""
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return escaped(cut)


def escaped(text: str, *, keep: str = "") -> str:
    """``text`` with its invisible characters escaped, but for those to ``keep``."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)
