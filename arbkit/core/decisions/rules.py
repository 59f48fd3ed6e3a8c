"""Which decision holds for a route now, and which routes those with a status are. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import permutations
from typing import NamedTuple

from arbkit.core.decisions.event import STATUSES, Decision, folded_brand
from arbkit.core.marketplaces import MARKETS
from arbkit.core.results import DecisionStatus

_ROUTES = tuple(permutations(MARKETS, 2))


class RouteProfit(NamedTuple):
    """The profit of a route now, in its currency."""

    profit: float
    currency: str


class Holding(NamedTuple):
    """The status of a route now, with the note and the time (Unix seconds) of the decision that it follows from."""

    status: DecisionStatus
    note: str
    at: float | None


UNDECIDED = Holding("new", "", None)


@dataclass(frozen=True, slots=True)
class RouteChoice:
    """Which routes are wanted, in a form that every store can search by.

    A route is listed if its product is among ``asins`` or its id among ``ids``. Of a brand among ``brands`` (folded) a
    route is wanted if ``with_brands``; of any other one if it is listed, or (``excluding``) if it is not.
    """

    asins: frozenset[str]
    ids: frozenset[str]
    excluding: bool
    brands: frozenset[str]
    with_brands: bool


@dataclass(frozen=True, slots=True)
class DecisionsInForce:
    """The decisions that may hold now.

    ``products`` has those of a product by ASIN: the last one on all its routes, and later ones on single routes.
    ``brands`` has the block of each brand, by its folded name. ``profits`` are those of the routes that a rise of
    their profit brings back, by id.
    """

    products: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)
    brands: Mapping[str, Decision] = field(default_factory=dict)
    profits: Mapping[str, RouteProfit] = field(default_factory=dict)

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> DecisionsInForce:
        """Of all decisions, or of the last on each product, route and brand; without profits."""
        by_key: dict[str, list[Decision]] = {}
        for decision in sorted(decisions, key=lambda one: one.version):
            by_key.setdefault(decision.key, []).append(decision)
        products, brands = {}, {}
        for some in filter(None, map(without_cancelled, by_key.values())):
            if (asin := some[-1].asin) is not None:
                products[asin] = _latest(some)
            elif some[-1].status == "blocked" and some[-1].brand is not None:
                brands[folded_brand(some[-1].brand)] = some[-1]
        return cls(products, brands)

    @property
    def conditional(self) -> list[str]:
        """The products of which a rise of the profit may bring a route back, by ASIN."""
        return sorted(asin for asin, some in self.products.items() if any(one.until_profit is not None for one in some))

    def decision_of(self, asin: str, source: str, target: str) -> Decision | None:
        """The last decision on this route or on all of the product; None: nobody has decided anything."""
        some = self.products.get(asin, ())
        return next((one for one in reversed(some) if one.source is None or _is_on(one, source, target)), None)

    def holds_of(
        self, asin: str, source: str, target: str, *, brand: str | None, now: RouteProfit | None, today: str
    ) -> Holding:
        """What holds of a route; ``now``: its profit (None: unknown), ``today``: the day in UTC, ``YYYY-MM-DD``."""
        if brand is not None and self.brands and (block := self.brands.get(folded_brand(brand))) is not None:
            return Holding("blocked", block.note, block.at)
        decision = self.decision_of(asin, source, target)
        if decision is None:
            return UNDECIDED
        return Holding(status_now(decision, now, today), decision.note, decision.at)

    def choice(self, wanted: Collection[str], *, today: str) -> RouteChoice:
        """Which routes have one of these statuses."""
        excluding = "new" in wanted
        listed = set(STATUSES) - set(wanted) if excluding else set(wanted)
        asins, ids = set[str](), set[str]()
        for asin, some in self.products.items():
            first = some[0]
            if len(some) == 1 and first.source is None and first.until_profit is None:
                if status_now(first, None, today) in listed:
                    asins.add(asin)
                continue
            for source, target in _ROUTES:
                route = f"{asin}:{source}:{target}"
                decision = self.decision_of(asin, source, target)
                if decision is not None and status_now(decision, self.profits.get(route), today) in listed:
                    ids.add(route)
        return RouteChoice(
            frozenset(asins), frozenset(ids), excluding, frozenset(self.brands), with_brands="blocked" in wanted
        )


def without_cancelled(decisions: Sequence[Decision]) -> list[Decision]:
    """The decisions under one key without the purchases that were cancelled, and without their cancellations."""
    gone = {one.cancels for one in decisions}
    return [one for one in decisions if one.cancels is None and one.version not in gone]


def purchases_of(decisions: Sequence[Decision]) -> list[Decision]:
    """The purchases under one key that were not cancelled, in the order in which they were entered."""
    return [one for one in without_cancelled(decisions) if one.status == "bought"]


def today_utc(now: float) -> str:
    """The day in UTC of a time in Unix seconds, ``YYYY-MM-DD``."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def status_now(decision: Decision, now: RouteProfit | None, today: str) -> DecisionStatus:
    """What a decision comes to: a dismissal ends on its day, or when the profit has risen as far as it says.

    A profit that is unknown, or in another currency, has not risen.
    """
    if decision.status != "dismissed":
        return decision.status
    if decision.until is not None and today >= decision.until:
        return "new"
    ceiling = decision.until_profit
    if ceiling is not None and now is not None and now.currency == decision.currency and now.profit >= ceiling:
        return "new"
    return "dismissed"


def _latest(some: list[Decision]) -> tuple[Decision, ...]:
    """The last decision on all routes, and the last on each route that came later; the earliest first."""
    found: dict[str | None, Decision] = {}
    for decision in some:
        if decision.route is None:
            found.clear()
        found.pop(decision.route, None)
        found[decision.route] = decision
    return tuple(found.values())


def _is_on(decision: Decision, source: str, target: str) -> bool:
    return (decision.source, decision.target) == (source, target)
