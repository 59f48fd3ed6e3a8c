"""The opportunities of a store in memory, followed as they change, for whoever answers many questions about them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from arbkit.core.decisions.rules import DecisionsInForce
from arbkit.store.base import Store, Sums
from arbkit.store.columns.search import FoundRow, Part, find_page
from arbkit.store.columns.table import Names, RouteTable
from arbkit.store.decisions.applying import choice_of
from arbkit.store.queries import OpportunityQuery, Page
from arbkit.store.routes import RouteChanges, RouteMark, RouteRow

logger = logging.getLogger(__name__)

_MOST_APART = 2_000
_NONE = DecisionsInForce()
_SHARE_APART = 50
"""Changed products that are kept apart from the sorted rest: up to this number, or up to one in this many."""


@dataclass(frozen=True, slots=True)
class View:
    """All opportunities as they were at ``mark``: a large table, and a small one of what has changed since it was made.

    ``changed`` are the products of the small one with their rows; those of the large one are dead. ``decided`` is what
    had been decided about any.
    """

    mark: RouteMark
    main: Part
    changes: Part
    changed: dict[str, list[RouteRow]]
    brands: Names
    categories: Names
    decided: DecisionsInForce

    def find(self, query: OpportunityQuery, *, summed: bool) -> tuple[Page[FoundRow], Sums | None]:
        """As :func:`~arbkit.store.columns.search.find_page`."""
        parts = (self.main, self.changes)
        choice = choice_of(query, self.decided)
        return find_page(parts, query, brands=self.brands, categories=self.categories, choice=choice, summed=summed)


class Mirror:
    """Follows ``store``. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._following = threading.Lock()
        self._view: View | None = None

    @property
    def view(self) -> View | None:
        """What was read last; None: nothing yet."""
        return self._view

    def follow(self) -> View:
        """Read what has changed, or all; one caller does so for all that ask meanwhile.

        Raises:
            StoreError: it cannot be read.
        """
        with self._following:
            view = self._view
            found = self.store.route_changes(view.mark if view else None)
            if view is None or found.asins is None:
                view = _read(found, view)
            elif found.asins:
                view = _changed(view, found.mark, found.asins, found.rows)
                apart = len(view.changed)
                if apart > _MOST_APART and apart > len(view.main.table.asins) // _SHARE_APART:
                    view = _read(self.store.route_changes(None), view)
            else:
                view = replace(view, mark=found.mark)
            # After the routes, on whose profits some depend.
            self._view = view = replace(view, decided=self.store.decisions_in_force())
            return view


def _read(found: RouteChanges, before: View | None) -> View:
    brands, categories = Names(), Names()
    table = RouteTable(found.rows, brands, categories)
    if before is not None:
        table.prepare(before.main.table)
    logger.debug("%d opportunities are in memory", len(table))
    return View(found.mark, Part(table), Part(RouteTable((), brands, categories)), {}, brands, categories, _NONE)


def _changed(view: View, mark: RouteMark, asins: Collection[str], rows: Iterable[RouteRow]) -> View:
    changed = {**view.changed, **{asin: list[RouteRow]() for asin in asins}}
    for row in rows:
        changed[row.asin].append(row)
    table = view.main.table
    live = np.ones(len(table), dtype=bool) if view.main.live is None else view.main.live.copy()
    live[table.rows_of(sorted(asins))] = False
    some = chain.from_iterable(changed[asin] for asin in sorted(changed))
    changes = Part(RouteTable(some, view.brands, view.categories))
    return View(mark, Part(table, live), changes, changed, view.brands, view.categories, view.decided)
