"""What a rule finds among the stored opportunities, before it announces any of it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from pydantic import Field

from arbkit.alerts.alert import Alert
from arbkit.alerts.evaluation import decide
from arbkit.alerts.rules import OCCASIONS, Rule
from arbkit.core.results import Result
from arbkit.store import OpportunityQuery, Store
from arbkit.store.iteration import iter_opportunities
from arbkit.store.routes import RouteChange


class Trial(Result):
    """The stored opportunities that meet a rule now, the best first, with the alert that each would make."""

    rule: str
    opportunities: int = Field(description="all that are stored")
    meeting: int = Field(description="how many of them meet the rule")
    held: int = Field(description="how many of these would be held back, for their figures are suspicious")
    items: list[Alert]


def try_rule(
    store: Store, rule: Rule, *, limit: int, now: float, groups: Mapping[str, frozenset[str]] | None = None
) -> Trial:
    """Put every stored opportunity to a rule, as if nothing had been announced and it were not muted.

    Args:
        store: read alone.
        rule: the rule.
        limit: most alerts to give, the best first.
        now: Unix seconds.
        groups: the groups of each product of the watchlist, by ASIN; None: there are none.

    Raises:
        StoreError: the store cannot be read.
    """
    tried = rule.model_copy(update={"on": OCCASIONS, "muted_until": None})
    total = meeting = held = 0
    best: list[Alert] = []
    for route in iter_opportunities(store, OpportunityQuery()):
        total += 1
        of_product = (groups or {}).get(route.asin, frozenset())
        decision = decide((tried,), RouteChange(route.id, 0, route, None), now=now, groups=of_product)
        for alert in decision.alerts if decision else ():
            meeting += 1
            held += alert.type == "data_problem"
            best = heapq.nsmallest(limit, [*best, alert], key=lambda one: (-one.priority, one.route))
    return Trial(rule=rule.name, opportunities=total, meeting=meeting, held=held, items=best)
