"""What a rule finds among the stored opportunities, before it announces any of it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from arbkit.alerts.alert import Alert
from arbkit.alerts.evaluation import decide
from arbkit.alerts.rules import OCCASIONS, Rule
from arbkit.core.input.filters import FORECAST_AT_LEAST, FORECAST_AT_MOST, OpportunityFilter
from arbkit.core.models import Opportunity
from arbkit.core.results import Result
from arbkit.store import OpportunityQuery, Store
from arbkit.store.iteration import iter_opportunities
from arbkit.store.routes import RouteChange

NO_FORECAST = "no forecast was made yet"


class Trial(Result):
    """The stored opportunities that meet a rule now, the best first, with the alert that each would make."""

    rule: str
    opportunities: int = Field(description="all that are stored")
    meeting: int = Field(description="how many of them meet the rule")
    held: int = Field(description="how many of these would be held back, for their figures are suspicious")
    unknown: dict[str, int] = Field(
        description="how many more would meet it but for a figure that is unknown, by the reason"
    )
    items: list[Alert]


def try_rule(
    store: Store, rule: Rule, *, limit: int, now: float, groups: Mapping[str, frozenset[str]] | None = None
) -> Trial:
    """Put every stored opportunity to a rule; see :func:`try_rules`.

    Raises:
        StoreError: the store cannot be read.
    """
    (trial,) = try_rules(store, [rule], limit=limit, now=now, groups=groups)
    return trial


def try_rules(
    store: Store, rules: Sequence[Rule], *, limit: int, now: float, groups: Mapping[str, frozenset[str]] | None = None
) -> list[Trial]:
    """Put every stored opportunity to each rule, as if nothing had been announced and none were muted.

    Args:
        store: read alone, once for all rules.
        rules: a trial each, in their order.
        limit: most alerts to give of a rule, the best first.
        now: Unix seconds.
        groups: the groups of each product of the watchlist, by ASIN; None: there are none.

    Raises:
        StoreError: the store cannot be read.
    """
    tallies = [_Tally(rule.model_copy(update={"on": OCCASIONS, "muted_until": None})) for rule in rules]
    total = 0
    for route in iter_opportunities(store, OpportunityQuery()):
        total += 1
        of_product = (groups or {}).get(route.asin, frozenset())
        change = RouteChange(route.id, 0, route, None)
        for tally in tallies:
            tally.note_unknown(route, of_product)
            decision = decide((tally.rule,), change, now=now, groups=of_product)
            for alert in decision.alerts if decision else ():
                tally.count(alert, limit)
    return [
        Trial(
            rule=one.rule.name,
            opportunities=total,
            meeting=one.meeting,
            held=one.held,
            unknown=dict(one.unknown.most_common()),
            items=one.best,
        )
        for one in tallies
    ]


def _place(alert: Alert) -> tuple[float, float, str]:
    per_day, priority = alert.rank
    return -per_day, -priority, alert.route


def _why_unknown(route: Opportunity, lacking: Sequence[str]) -> str:
    """Why the first of these bounds is about an unknown figure."""
    name = lacking[0]
    if name in FORECAST_AT_LEAST or name in FORECAST_AT_MOST:
        return route.forecast_unknown or NO_FORECAST
    return f"{(OpportunityFilter.model_fields[name].title or name)} unknown"


@dataclass(slots=True)
class _Tally:
    rule: Rule
    meeting: int = 0
    held: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    best: list[Alert] = field(default_factory=list)

    def note_unknown(self, route: Opportunity, groups: frozenset[str]) -> None:
        lacking = self.rule.lacking(route) if self.rule.selects(route, groups) else []
        if lacking:
            self.unknown[_why_unknown(route, lacking)] += 1

    def count(self, alert: Alert, limit: int) -> None:
        self.meeting += 1
        self.held += alert.type == "data_problem"
        self.best = heapq.nsmallest(limit, [*self.best, alert], key=_place)
