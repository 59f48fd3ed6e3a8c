"""Tables for notebooks: plain numbers to compute with, shown with currencies, percents, dates and short titles."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from typing import Any

import pandas as pd

__all__ = ["DisplayFrame"]

_TITLE = 48
"""Characters of a title that are shown; the value stays whole."""
_TEXT = 80
_UNKNOWN = "–"
_STYLES = {"text": "text-align:left", "date": "text-align:left;white-space:nowrap", "number": "white-space:nowrap"}
_CURRENCY_OF = {"buy_price": "buy_currency", "sell_price": "sell_currency"}


class DisplayFrame(pd.DataFrame):
    """A data frame that displays as people read it; every value, and what is computed of it, stays as it is.

    By the name of its column a value is shown as a percent (``*_pct``), a link (``*_url``), a shortened text, or an
    amount with the currency that stands in ``currency``, ``buy_currency`` or ``sell_currency`` beside it (which is
    then not shown again). Unknown is ``–``. ``attrs["note"]`` is shown above the table, and most methods of pandas
    keep it. As many rows are shown as pandas' ``display.max_rows`` says.
    """

    @property
    def _constructor(self) -> Callable[..., DisplayFrame]:
        return DisplayFrame

    def _repr_html_(self) -> str | None:
        if not self._ours():
            made: str | None = super()._repr_html_()  # type: ignore[misc]  # pandas' stubs do not know it
            return made
        heads, rows = self._cells()
        if not rows:
            return f"<p>{escape(self._note() or 'Nothing to show.')}</p>"
        styles = [_STYLES[_kind(self.iloc[:, place])] for place in self._places()]
        head = "".join(f'<th style="{style}">{escape(h)}</th>' for h, style in zip(heads, styles, strict=True))
        body = "".join(
            f"<tr><th>{escape(index)}</th>"
            + "".join(
                f'<td style="{style}">{_linked(cell) if name.endswith("_url") else escape(cell)}</td>'
                for name, cell, style in zip(heads, cells, styles, strict=True)
            )
            + "</tr>"
            for index, *cells in rows
        )
        note, more = self._note(), self._more(len(rows))
        above = f"<p><b>{escape(note)}</b></p>" if note else ""
        below = f"<p>{escape(more)}</p>" if more else ""
        # A dollar sign in a title is no formula: MathJax keeps off these classes.
        classes = "dataframe tex2jax_ignore mathjax_ignore"
        return (
            f'<div style="overflow-x:auto">{above}<table class="{classes}">'
            f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>{below}</div>"
        )

    def __repr__(self) -> str:
        if not self._ours():
            return super().__repr__()
        heads, rows = self._cells()
        if not rows:
            return self._note() or "Nothing to show."
        shown = pd.DataFrame([cells for _, *cells in rows], index=[index for index, *_ in rows])
        shown.columns = pd.Index(heads)
        table = shown.to_string(line_width=pd.get_option("display.width") or None)
        return "\n".join(filter(None, [self._note(), table, self._more(len(rows))]))

    def _ours(self) -> bool:
        """Whether the columns still hold records: what pandas makes of them (``describe()``) has labelled rows."""
        return pd.api.types.is_integer_dtype(self.index.dtype) and self.columns.nlevels == 1

    def _note(self) -> str:
        return str(self.attrs.get("note", ""))

    def _more(self, shown: int) -> str:
        return f"… {len(self) - shown:,} more rows" if len(self) > shown else ""

    def _places(self) -> list[int]:
        """The columns to show: not those that are shown within others."""
        names = [str(name) for name in self.columns]
        within = {currency for name in names if (currency := _currency_of(name)) in names and _is_amount(name)}
        return [place for place, name in enumerate(names) if name not in within]

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """The heads, and per row its label and its cells, as text."""
        places = self._places()
        limit = pd.get_option("display.max_rows")
        shown = self if limit is None else self.iloc[:limit]
        names = [str(name) for name in self.columns]
        columns = [list(map(str, shown.index))]
        for place in places:
            name, values = names[place], shown.iloc[:, place].tolist()
            currencies: Sequence[object] = [None] * len(values)
            if _is_amount(name) and (currency := _currency_of(name)) in names:
                currencies = shown.iloc[:, names.index(currency)].tolist()
            columns.append([_text(name, v, c) for v, c in zip(values, currencies, strict=True)])
        return [names[place] for place in places], [list(row) for row in zip(*columns, strict=True)]


def _currency_of(name: str) -> str:
    return _CURRENCY_OF.get(name, "currency")


def _is_amount(name: str) -> bool:
    from arbkit.profit import COMPONENTS

    amounts = {"buy_price", "sell_price", "price", "profit", "fees", "invested", "amount", "total_profit", "difference"}
    return name in amounts or name in COMPONENTS


def _kind(values: pd.Series[Any]) -> str:
    """What a column holds: an amount stays in one line with its currency, a date with its time."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "date"
    number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    return "number" if number else "text"


def _text(name: str, value: object, currency: object) -> str:
    """A value of the column ``name`` as it is shown."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return _UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return _number(name, value, currency)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} {value.tzname() or ''}".rstrip()
    if isinstance(value, list | tuple):
        return _short("; ".join(map(str, value)), _TEXT) or _UNKNOWN
    text = str(value)
    return text if name.endswith("_url") else _short(text, _TITLE if name == "title" else _TEXT)


def _number(name: str, value: float, currency: object) -> str:
    if name.endswith("_pct"):
        return f"{value:+.1f} %" if name == "change_pct" else f"{value:.1f} %"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f} {currency}" if isinstance(currency, str) else f"{value:,.2f}"


def _short(text: str, length: int) -> str:
    """In one line, without what would end it or turn it round on the screen."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return textwrap.shorten(plain, length, placeholder="…") if len(plain) > length else plain


def _linked(cell: str) -> str:
    if cell.startswith("https://"):
        return f'<a href="{escape(cell)}" target="_blank" rel="noopener noreferrer">open</a>'
    return escape(cell)
