"""Facts by marketplace as an HTML table: a row a fact, a column a marketplace. Whatever is shown is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from arbkit.core.formatting import UNKNOWN

__all__ = ["Cell", "Fact", "grid_html"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known; a dash in its place where it is empty, and ``small`` then says why."""

    text: str = ""
    small: str = ""
    mood: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A row: ``note`` says what the fact is, where its name does not."""

    label: str
    cells: Sequence[Cell]
    note: str = ""


def grid_html(title: str, markets: Sequence[str], facts: Sequence[Fact], foot: str = "") -> str:
    """The table with its title; ``foot`` (HTML) stands under it."""
    head = "".join(f'<th scope="col">{escape(code)}</th>' for code in markets)
    body = "".join(_row(fact) for fact in facts)
    named = escape(title)
    table = f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"
    return (
        f'<div class="arb-grid" style="--markets: {len(markets)}"><h2>{named}</h2>'
        f'<div class="arb-scroll" tabindex="0" role="region" aria-label="{named}">{table}</div>{foot}</div>'
    )


def _row(fact: Fact) -> str:
    note = f'<span class="arb-sub">{escape(fact.note)}</span>' if fact.note else ""
    cells = "".join(_cell(cell) for cell in fact.cells)
    return f'<tr><th scope="row">{escape(fact.label)}{note}</th>{cells}</tr>'


def _cell(cell: Cell) -> str:
    mood = f' class="arb-{escape(cell.mood)}"' if cell.mood else ""
    small = f'<span class="arb-sub">{escape(cell.small)}</span>' if cell.small else ""
    return f"<td{mood}>{escape(cell.text or UNKNOWN)}{small}</td>"
