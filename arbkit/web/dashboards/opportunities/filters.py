"""What the opportunities page is asked to show, as its address says it; what is wrong there is reported and ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, get_args

from arbkit.core.input.filters import FilterValue
from arbkit.core.marketplaces import MARKETS
from arbkit.store.queries import OpportunityQuery
from arbkit.web.address import AddressFilter, one_of, pairs_of, parse_number
from arbkit.web.dashboards.opportunities.what_if.values import WhatIf

PAGE_ROWS = 25
Density = Literal["comfortable", "compact"]
"""How much room a row takes."""
_MOST_PAGES = 4_000
"""The store refuses to skip more than 100,000 rows."""


class View(AddressFilter):
    """The filter, order, page, columns, rows, the chosen route (``ASIN:source:target``), what is assumed (a query)."""

    page: int = 1
    columns: tuple[str, ...] = ()
    density: Density = "comfortable"
    chosen: str = ""
    what_if: str = ""

    @classmethod
    def value_of(cls, name: str, text: str) -> FilterValue:
        """The value of a field's text; None where it is empty.

        Raises:
            ValueError: it cannot be one; says why.
        """
        match name:
            case "columns":
                return tuple(part for part in text.split(",") if part.isidentifier())[:40]
            case "density":
                return one_of(text, get_args(Density)) if text else "comfortable"
            case "page":
                number = parse_number(text, 1, _MOST_PAGES)
                if number is None or number % 1:
                    raise ValueError("must be a whole number")
                return int(number)
            case "chosen":
                parts = text.split(":")
                if text and (len(parts) != 3 or parts[1] not in MARKETS or parts[2] not in MARKETS):
                    raise ValueError("not a route, as B000000001:IT:DE")
                return text
            case "what_if":
                return WhatIf.of_address(text).address
        return super().value_of(name, text)

    def page_query(self, *, now: float) -> OpportunityQuery:
        """What the store is asked for this page; ``max_age_hours`` counts back from ``now`` (Unix seconds)."""
        return self.query(now=now, limit=PAGE_ROWS, offset=(self.page - 1) * PAGE_ROWS)

    def cleared(self) -> Self:
        """The same order, columns, rows and assumptions without any filter."""
        kept = {name: getattr(self, name) for name in ("sort", "descending", "columns", "density", "what_if")}
        return type(self)().changed(**kept)

    def with_values(self, values: Mapping[str, str]) -> tuple[Self, dict[str, str]]:
        """This view with these fields, on its first page; and what is wrong, by field: such a field is as it was."""
        fields, wrong = self.values_of(values)
        return self.changed(**{"page": 1, **fields}), wrong


def parse(search: str) -> tuple[View, dict[str, str]]:
    """The view of an address' query string, and what is wrong in it, by field."""
    values, wrong = pairs_of(search, View.model_fields)
    fields, faults = View.values_of(values)
    return View().changed(**fields), wrong | faults
