"""Groups of opportunities, and the part of a store that makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from arbkit.core.offers.categories import CATEGORIES
from arbkit.store.queries import OpportunityQuery

GroupedBy = Literal["brand", "category", "route", "source", "target"]
MOST_GROUPS = 1_000
"""Groups in one answer, those with the most opportunities."""
CATEGORY_NAMES: Mapping[str, str] = {name: one.names[0] for one in CATEGORIES.values() for name in one.names}
"""A category's name on any marketplace → the one that its group goes by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The opportunities with one brand, category or route together; profits of one unit each, in the home currency.

    ``key`` is the brand, the category's English name or the route as ``IT:DE``; None: it is not known.
    ``expected_profit`` is the mean of those ``with_forecast``; None: none has one.
    """

    key: str | None
    count: int
    total_profit: float
    median_profit: float
    best_profit: float
    with_forecast: int
    expected_profit: float | None


class GroupingStore(Protocol):
    """The part of a store that groups opportunities."""

    def groups(self, query: OpportunityQuery, by: GroupedBy) -> list[Group]:
        """What the query finds, in groups: those with the most opportunities first, at most :data:`MOST_GROUPS`.

        Order and page of the query do not matter. A group whose key is not known comes last.
        """
        ...


def group_of(
    key: str | None, *, count: int, total: float, median: float, best: float, with_forecast: int, expected: float | None
) -> Group:
    """A group, its profits to the cent."""
    return Group(
        key=key,
        count=count,
        total_profit=round(total, 2),
        median_profit=round(median, 2),
        best_profit=round(best, 2),
        with_forecast=with_forecast,
        expected_profit=None if expected is None or not with_forecast else round(expected, 2),
    )


def ordered(groups: Iterable[Group]) -> list[Group]:
    """In the order of :meth:`GroupingStore.groups`, as many as it gives."""
    return sorted(groups, key=lambda one: (one.key is None, -one.count, one.key or ""))[:MOST_GROUPS]
