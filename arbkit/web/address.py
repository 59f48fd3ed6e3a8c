"""A filter as the query string of a page's address: read, with what is wrong in it reported, and written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Self, get_args
from urllib.parse import parse_qsl, urlencode

from pydantic import Field

from arbkit.core.errors import UsageError, nearest
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.filters import (
    ALIASES,
    CATEGORIES_BETWEEN,
    DEFAULT_OPPORTUNITY_SORT,
    OPEN,
    FilterValue,
    OpportunityFilter,
    OpportunitySort,
    Statuses,
    parse_categories,
    parse_statuses,
)
from arbkit.core.marketplaces import MARKETS
from arbkit.store.fields import OPPORTUNITY_SORTS, order_named
from arbkit.store.queries import OpportunityQuery

_LONGEST = 200
_LONGEST_OF_SEVERAL = 2_000
_LONGEST_SEARCH = 8_000
_SHOWN = 40
_IGNORED = frozenset({"token", "voila-theme", "theme"})
"""What belongs to the server in an address."""
_ABOUT_A_PAGE = ("page", "columns", "density", "chosen", "what_if")
"""What an address of the opportunities page says beside filter and order."""


_DECISION = OpportunityFilter.model_fields["decision"]


class AddressFilter(OpportunityFilter):
    """The filter and order that an address names; without a word of statuses, of what may still be wanted."""

    decision: Statuses | None = Field(OPEN, title=_DECISION.title, description=_DECISION.description)
    sort: OpportunitySort = DEFAULT_OPPORTUNITY_SORT
    descending: bool = True

    @classmethod
    def parse_address(cls, search: str) -> tuple[Self, dict[str, str]]:
        """The filter and order of an address of the opportunities page, and what is wrong in it, by field."""
        values, wrong = pairs_of(search, [*cls.model_fields, *_ABOUT_A_PAGE])
        known = {name: text for name, text in values.items() if cls.canonical(name) in cls.model_fields}
        fields, faults = cls.values_of(known)
        return cls().changed(**fields), wrong | faults

    @classmethod
    def values_of(cls, texts: Mapping[str, str]) -> tuple[dict[str, FilterValue], dict[str, str]]:
        """The values of these fields' texts, and what is wrong with the others."""
        fields: dict[str, FilterValue] = {}
        wrong = {}
        for name, text in texts.items():
            canonical = cls.canonical(name)
            try:
                fields[canonical] = cls.value_of(canonical, text.strip())
            except ValueError as error:
                wrong[name] = str(error)
        return fields, wrong

    @classmethod
    def value_of(cls, name: str, text: str) -> FilterValue:
        """The value of a field's text; None where it is empty.

        Raises:
            ValueError: it cannot be one; says why.
        """
        if len(text) > (longest := _LONGEST_OF_SEVERAL if name == "category" else _LONGEST):
            raise ValueError(f"at most {longest} characters")
        if name in BOUNDS:
            return parse_number(without_percent(text) if name in _PERCENTS else text, *BOUNDS[name])
        match name:
            case "source" | "target":
                return one_of(text.upper(), ("", *MARKETS)) or None
            case "amazon_sells" | "all_routes":
                return {"": None, "yes": True, "no": False}[one_of(text, ("", "no", "yes"))]
            case "sort":
                return one_of(order_named(text, OPPORTUNITY_SORTS), get_args(OpportunitySort))
            case "descending":
                return one_of(text, ("yes", "no")) == "yes"
            case "asin":
                return _asin(text)
            case "category":
                return parse_categories(text)
            case "decision":
                return parse_statuses(text) if text else OPEN
        return text or None

    def changed(self, **fields: FilterValue) -> Self:
        """This with other values of these fields."""
        return self.model_copy(update=fields)

    def search(self) -> str:
        """The query string: what differs from no filter in the default order."""
        plain = type(self)()
        return urlencode({name: _text(name, value) for name, value in self if value != getattr(plain, name)})

    def query(self, *, now: float, limit: int = 50, offset: int = 0) -> OpportunityQuery:
        """What the store is asked; ``max_age_hours`` counts back from ``now`` (Unix seconds)."""
        return OpportunityQuery.of(self, sort=self.sort, descending=self.descending, limit=limit, offset=offset, at=now)


def pairs_of(search: str, names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The fields of a query string that have one of these names, and what is wrong in it, by field."""
    if len(search) > _LONGEST_SEARCH:
        why = f"{len(search):,} characters are more than the {_LONGEST_SEARCH:,} that are read; all of it was ignored"
        return {}, {"address": why}
    pairs = parse_qsl(search.removeprefix("?"), keep_blank_values=True)
    known = set(names)
    taken = known | {alias for alias, name in ALIASES.items() if name in known}
    wrong = {name: _unknown(name, known) for name, _ in pairs if name not in taken | _IGNORED}
    return {name: text for name, text in pairs if name in taken}, wrong


def describe_errors(wrong: Mapping[str, str]) -> str:
    """What is wrong in an address, as a sentence; empty if nothing is."""
    if not wrong:
        return ""
    parts = "; ".join(f"{_short(name)}: {why}" for name, why in list(wrong.items())[:5])
    more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    return f"Part of this link was ignored. {parts}{more}."


def parse_number(text: str, low: float, high: float) -> float | None:
    """A number within these bounds, with a comma or a point; None where the text is empty.

    Raises:
        ValueError: it is none, or out of bounds.
    """
    if not text:
        return None
    try:
        value = float(text.replace(",", ".").replace("−", "-"))
    except ValueError:
        raise ValueError(f"{_short(text)!r} is not a number") from None
    if not low <= value <= high:
        raise ValueError(f"must be between {low:,g} and {high:,g}".replace("-", "−"))
    return value


def without_percent(text: str) -> str:
    """What was typed into a field of percents, without the sign of its unit."""
    return text.strip().removesuffix("%").rstrip()


def one_of(text: str, allowed: tuple[str, ...]) -> str:
    """The text, if it is allowed.

    Raises:
        ValueError: it is not.
    """
    if text not in allowed:
        raise ValueError(f"{_short(text)!r} must be one of {', '.join(a for a in allowed if a)}")
    return text


def _bounds() -> Iterator[tuple[str, tuple[float, float]]]:
    for name, field in OpportunityFilter.model_fields.items():
        found = {bound: getattr(m, bound) for m in field.metadata for bound in ("ge", "le") if hasattr(m, bound)}
        if len(found) == 2:
            yield name, (found["ge"], found["le"])


BOUNDS: Mapping[str, tuple[float, float]] = dict(_bounds())
"""The least and the greatest of each filter that is a number."""
_PERCENTS = frozenset(
    name
    for name, field in OpportunityFilter.model_fields.items()
    if (about := field.json_schema_extra) and not callable(about) and about.get("unit") == "percent"
)


def _asin(text: str) -> str | None:
    try:
        return parse_asin(text) if text else None
    except UsageError as error:
        raise ValueError(error.why) from None


def _text(name: str, value: FilterValue) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.12g}"
        case tuple():
            return (CATEGORIES_BETWEEN if name == "category" else ",").join(value)
    return str(value)


def _unknown(name: str, known: set[str]) -> str:
    near = nearest(name, known)
    return f"no such field{f'; did you mean {near[0]}?' if near else ''}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
