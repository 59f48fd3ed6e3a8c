"""What the opportunities page is asked to show, as its address says it; whatever is wrong there is told, not obeyed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, cast, get_args
from urllib.parse import parse_qsl, urlencode

from arbkit.core.marketplaces import MARKETS
from arbkit.store.base import OpportunityQuery, OpportunitySort

__all__ = ["NUMBERS", "PAGE_ROWS", "View", "pairs_of", "parse", "told"]

PAGE_ROWS = 25
_LONGEST = 200
_LONGEST_SEARCH = 8_000
_MOST_PAGES = 4_000
"""The store refuses to skip more than 100,000 rows."""
_SHOWN = 40
_IGNORED = frozenset({"token", "voila-theme", "theme"})
"""What belongs to the server in an address."""
NUMBERS: Mapping[str, tuple[float, float]] = {
    "min_margin": (-1_000, 100),
    "min_roi": (-100, 100_000),
    "min_profit": (-100_000, 1_000_000),
    "min_confidence": (0, 1),
    "max_age": (0, 100_000),
}
"""The least and the greatest of each number: percents, home currency, 0 to 1, hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Filters (empty or None: any), order, page, columns and the chosen route (``ASIN:source:target``)."""

    source: str = ""
    target: str = ""
    category: str = ""
    brand: str = ""
    q: str = ""
    min_margin: float | None = None
    min_roi: float | None = None
    min_profit: float | None = None
    min_confidence: float | None = None
    max_age: float | None = None
    amazon: str = ""
    sort: OpportunitySort = "profit"
    descending: bool = True
    page: int = 1
    columns: tuple[str, ...] = ()
    chosen: str = ""

    def query(self, *, now: float) -> OpportunityQuery:
        """What the store is asked; ``max_age`` counts back from ``now``."""
        return OpportunityQuery(
            q=self.q or None,
            source=self.source or None,
            target=self.target or None,
            category=self.category or None,
            brand=self.brand or None,
            min_margin_pct=self.min_margin,
            min_roi_pct=self.min_roi,
            min_profit=self.min_profit,
            min_confidence=self.min_confidence,
            min_data_at=None if self.max_age is None else math.ceil(now - self.max_age * 3600),
            amazon_sells={"no": False, "yes": True}.get(self.amazon),
            sort=self.sort,
            descending=self.descending,
            limit=PAGE_ROWS,
            offset=(self.page - 1) * PAGE_ROWS,
        )

    def search(self) -> str:
        """The address' query string: what is not as it is by itself."""
        plain = View()
        shown = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != getattr(plain, f.name)}
        for name, value in shown.items():
            if isinstance(value, bool):
                shown[name] = "yes" if value else "no"
            elif isinstance(value, float):
                shown[name] = f"{value:g}"
            elif isinstance(value, tuple):
                shown[name] = ",".join(value)
        return urlencode(shown)

    def with_values(self, values: Mapping[str, str]) -> tuple[View, dict[str, str]]:
        """This view with these fields, on its first page; and what is wrong, by field: such a field is as it was."""
        changed: dict[str, Any] = {"page": 1}
        wrong = {}
        for name, text in values.items():
            try:
                changed[name] = _value(name, text.strip())
            except ValueError as error:
                wrong[name] = str(error)
        return replace(self, **changed), wrong


def pairs_of(search: str, names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The fields of an address' query string that have one of these names, and what is wrong in it, by field."""
    if len(search) > _LONGEST_SEARCH:
        why = f"{len(search):,} characters are more than the {_LONGEST_SEARCH:,} that are read; all of it was ignored"
        return {}, {"address": why}
    pairs = parse_qsl(search.removeprefix("?"), keep_blank_values=True)
    known = set(names)
    wrong = {name: _unknown(name, known) for name, _ in pairs if name not in known | _IGNORED}
    return {name: text for name, text in pairs if name in known}, wrong


def parse(search: str) -> tuple[View, dict[str, str]]:
    """The view of an address' query string, and what is wrong in it, by field."""
    values, wrong = pairs_of(search, (f.name for f in fields(View)))
    page = values.pop("page", "1")
    view, faults = View().with_values(values)
    try:
        view = replace(view, page=_value("page", page))
    except ValueError as error:
        faults["page"] = str(error)
    return view, wrong | faults


def told(wrong: Mapping[str, str]) -> str:
    """What is wrong in an address, as a sentence; empty if nothing is."""
    if not wrong:
        return ""
    parts = "; ".join(f"{_short(name)}: {why}" for name, why in list(wrong.items())[:5])
    more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    return f"Not all of this address could be used. {parts}{more}."


def _value(name: str, text: str) -> Any:
    if len(text) > _LONGEST and name != "columns":
        raise ValueError(f"at most {_LONGEST} characters")
    if name in NUMBERS:
        return _number(text, *NUMBERS[name])
    match name:
        case "source" | "target":
            return _one_of(text.upper(), ("", *MARKETS))
        case "amazon":
            return _one_of(text, ("", "no", "yes"))
        case "sort":
            return cast("OpportunitySort", _one_of(text, get_args(OpportunitySort)))
        case "descending":
            return _one_of(text, ("yes", "no")) == "yes"
        case "page":
            number = _number(text, 1, _MOST_PAGES)
            if number is None or number % 1:
                raise ValueError("must be a whole number")
            return int(number)
        case "columns":
            return tuple(part for part in text.split(",") if part.isidentifier())[:40]
        case "chosen":
            parts = text.split(":")
            if text and (len(parts) != 3 or parts[1] not in MARKETS or parts[2] not in MARKETS):
                raise ValueError("not a route, as B000000001:IT:DE")
    return text


def _number(text: str, low: float, high: float) -> float | None:
    if not text:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"{_short(text)!r} is not a number") from None
    if not low <= value <= high:
        raise ValueError(f"must be between {low:,g} and {high:,g}".replace("-", "−"))
    return value


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise ValueError(f"{_short(text)!r} is none of {', '.join(a for a in allowed if a)}")
    return text


def _unknown(name: str, known: set[str]) -> str:
    near = get_close_matches(name[:_LONGEST], known, n=1)
    return f"no such field{f'; did you mean {near[0]}?' if near else ''}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
