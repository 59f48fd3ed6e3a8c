"""Tables for notebooks: plain numbers to compute with, displayed with currencies, percentages, dates, short titles."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from markupsafe import Markup

from arbkit.core.formatting import UNKNOWN, count, money, number, percent
from arbkit.display.export.frame_files import for_csv, for_excel, for_parquet
from arbkit.display.html import render

_TITLE = 48
"""Characters of a title that are displayed; the value stays whole."""
_TEXT = 80
_STYLES = {"text": "text-align:left", "date": "text-align:left;white-space:nowrap", "number": "white-space:nowrap"}
_CURRENCY_OF = {
    "buy_price": "buy_currency", "max_buy": "buy_currency", "sell_price": "sell_currency",
    "sell_avg90": "sell_currency", "break_even": "sell_currency",
}  # fmt: skip


class DisplayFrame(pd.DataFrame):
    """A data frame that displays as people read it; its values, and what is computed from them, stay plain numbers.

    A column's name says how its values are displayed: as a percentage (``*_pct``), a link (``*_url``), shortened
    text, or an amount with the currency of the ``currency``, ``buy_currency`` or ``sell_currency`` column beside it
    (which is then not displayed again). Unknown is ``–``. ``attrs["note"]`` is displayed above the table, and most
    pandas methods keep it. pandas' ``display.max_rows`` limits the rows.
    """

    @property
    def _constructor(self) -> Callable[..., DisplayFrame]:
        return DisplayFrame

    def _repr_html_(self) -> str | None:
        if not self._holds_records():
            html: str | None = super()._repr_html_()  # type: ignore[misc]  # pandas' stubs do not know it
            return html
        return self.to_markup()

    def to_markup(self) -> Markup:
        """The table as a notebook displays it."""
        names, rows = self._cells()
        if not rows:
            return Markup("<p>{}</p>").format(self._note() or "Nothing to show.")
        columns = [
            {"name": name, "style": _STYLES[_kind(self.iloc[:, n])], "is_link": name.endswith("_url")}
            for name, n in zip(names, self._displayed(), strict=True)
        ]
        cells = [(index, row) for index, *row in rows]
        return render("frame.html.j2", note=self._note(), columns=columns, rows=cells, more=self._more(len(rows)))

    def __repr__(self) -> str:
        if not self._holds_records():
            return super().__repr__()
        names, rows = self._cells()
        if not rows:
            return self._note() or "Nothing to show."
        texts = pd.DataFrame([cells for _, *cells in rows], index=[index for index, *_ in rows])
        texts.columns = pd.Index(names)
        table = texts.to_string(line_width=pd.get_option("display.width") or None)
        return "\n".join(filter(None, [self._note(), table, self._more(len(rows))]))

    def to_excel(self, excel_writer: Any, *args: Any, **kwargs: Any) -> None:  # type: ignore[misc]  # final in the stubs only
        """Pandas' method, with times in UTC, which their headings name, and without formulas."""
        options = _without_formulas(excel_writer, kwargs.pop("engine_kwargs", None))
        for_excel(self).to_excel(excel_writer, *args, engine_kwargs=options, **kwargs)

    def to_csv(self, *args: Any, **kwargs: Any) -> str | None:  # type: ignore[override]
        """Pandas' method, without text that a spreadsheet would take for a formula."""
        text: str | None = for_csv(self).to_csv(*args, **kwargs)
        return text

    def to_parquet(self, *args: Any, **kwargs: Any) -> bytes | None:  # type: ignore[override]
        """Pandas' method, with each column in one type: lists are text."""
        data: bytes | None = for_parquet(self).to_parquet(*args, **kwargs)
        return data

    def _holds_records(self) -> bool:
        """Whether the rows are still records: what pandas derives from them (``describe()``) has labelled rows."""
        return pd.api.types.is_integer_dtype(self.index.dtype) and self.columns.nlevels == 1

    def _note(self) -> str:
        return str(self.attrs.get("note", ""))

    def _more(self, displayed: int) -> str:
        return f"… {count(len(self) - displayed)} more rows" if len(self) > displayed else ""

    def _displayed(self) -> list[int]:
        """The indices of the columns with cells of their own: not currencies that are displayed with an amount."""
        names = [str(name) for name in self.columns]
        merged = {currency for name in names if (currency := _currency_of(name)) in names and _is_amount(name)}
        return [n for n, name in enumerate(names) if name not in merged]

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """The column names, and per row its label and its cells, as text."""
        displayed = self._displayed()
        limit = pd.get_option("display.max_rows")
        head = self if limit is None else self.iloc[:limit]
        names = [str(name) for name in self.columns]
        columns = [list(map(str, head.index))]
        for n in displayed:
            name, values = names[n], head.iloc[:, n].tolist()
            currencies: Sequence[object] = [None] * len(values)
            if _is_amount(name) and (currency := _currency_of(name)) in names:
                currencies = head.iloc[:, names.index(currency)].tolist()
            columns.append([_text(name, v, c) for v, c in zip(values, currencies, strict=True)])
        return [names[n] for n in displayed], [list(row) for row in zip(*columns, strict=True)]


def _without_formulas(writer: Any, options: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What makes pandas' writer of a workbook write text as text; ``writer``: a path, or a ``pd.ExcelWriter``."""
    if isinstance(writer, pd.ExcelWriter):
        writer.book.strings_to_formulas = False
        return None
    plain = {"strings_to_formulas": False, "strings_to_urls": False}
    return {**(options or {}), "options": {**plain, **(options or {}).get("options", {})}}


def _currency_of(name: str) -> str:
    return _CURRENCY_OF.get(name, "currency")


def _is_amount(name: str) -> bool:
    from arbkit.profit import COMPONENTS

    amounts = {
        "buy_price", "sell_price", "price", "profit", "fees", "invested", "amount", "total_profit", "difference",
        "max_buy", "sell_avg90", "break_even", "profit_p1", "profit_p10", "profit_p50", "profit_p90", "expected_profit",
    }  # fmt: skip
    return name in amounts or name in COMPONENTS


def _kind(values: pd.Series[Any]) -> str:
    """What a column holds: an amount stays on one line with its currency, a date with its time."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "date"
    numeric = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    return "number" if numeric else "text"


def _text(name: str, value: object, currency: object) -> str:
    """A value of the column ``name`` as it is displayed."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return _number(name, value, currency)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} {value.tzname() or ''}".rstrip()
    if isinstance(value, list | tuple):
        return _short("; ".join(map(str, value)), _TEXT) or UNKNOWN
    text = str(value)
    return text if name.endswith("_url") else _short(text, _TITLE if name == "title" else _TEXT)


def _number(name: str, value: float, currency: object) -> str:
    if name.endswith("_pct"):
        return percent(value, 2 if name.endswith("_per_day_pct") else 1, sign="+" if name == "change_pct" else "")
    if isinstance(value, int):
        return count(value)
    return money(value, currency) if isinstance(currency, str) else number(value)


def _short(text: str, length: int) -> str:
    """On one line, without characters that would break it or reverse its direction."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return textwrap.shorten(plain, length, placeholder="…") if len(plain) > length else plain
