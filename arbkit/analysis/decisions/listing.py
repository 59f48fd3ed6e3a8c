"""Which decisions hold, as lists show them."""

from __future__ import annotations

import time
from collections.abc import Collection

from arbkit.core.decisions.event import Decision
from arbkit.core.decisions.rules import DecisionsInForce, RouteProfit, status_now, today_utc
from arbkit.core.input.asin import parse_asin
from arbkit.core.results import DecisionStatus
from arbkit.store import Store


def decisions_that_hold(store: Store, statuses: Collection[str] | None = None) -> list[tuple[Decision, DecisionStatus]]:
    """The last decision on each product, route and brand, the latest first, with what it comes to now.

    Those that ended what was decided before are left out; ``statuses``: only those that come to one of these.

    Raises:
        StoreError: the store cannot be read.
    """
    decided, today = store.decisions_in_force(), today_utc(time.time())
    found = [one for some in decided.products.values() for one in some] + [*decided.brands.values()]
    held = [(one, status_now(one, _profit(one, decided), today)) for one in found if one.status != "new"]
    wanted = [(one, status) for one, status in held if statuses is None or status in statuses]
    return sorted(wanted, key=lambda pair: (-pair[0].at, pair[0].id))


def listed_decisions(store: Store, asin: str | None) -> list[Decision]:
    """All that ever was decided about a product, or without one what holds now.

    Raises:
        UsageError: no ASIN.
        StoreError: the store cannot be read.
    """
    if asin is not None:
        return store.decisions([parse_asin(asin)])
    return [one for one, _ in decisions_that_hold(store)]


def _profit(one: Decision, decided: DecisionsInForce) -> RouteProfit | None:
    """The profit that may have risen: of a product the best of its routes."""
    if one.route is not None:
        return decided.profits.get(one.route)
    routes = [profit for route, profit in decided.profits.items() if route.partition(":")[0] == one.asin]
    return max(routes, default=None)
