"""What becomes of newly priced routes beside those that are stored: the same on every store.

Results come from several detectors and sweeps, and late. What each was made of are two numbers that only grow: the
change of the product, and the generation of the inputs (profile, tables, day). One that is behind in either never
replaces what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, Self

import orjson
from pydantic import JsonValue

from arbkit.core.models import Opportunity
from arbkit.core.results import JsonObject

_GENERATION_BITS = 20
Verdict = Literal["take", "again", "older"]


@dataclass(frozen=True, slots=True)
class ProductRoutes:
    """The priced routes of a product that may leave money, as of one of its changes.

    ``change`` is that of the :class:`ProductState` that they were made from, ``as_of`` the time of its newest offer
    (Unix seconds).
    """

    asin: str
    change: int
    as_of: int
    routes: tuple[Opportunity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteWindow:
    """A time in which a route was an opportunity; ``id`` is the route's with a number.

    ``started_at`` and ``ended_at`` (None: it still is one) are the times of the prices, ``known_at`` is when arbkit
    knew of the start; all in Unix seconds. ``best_profit`` is at one unit, since the profile is in ``currency``.
    """

    id: str
    asin: str
    source: str
    target: str
    started_at: int
    ended_at: int | None
    best_profit: float
    currency: str
    known_at: float
    demo: bool = False

    @property
    def route(self) -> str:
        """``asin:source:target``."""
        return f"{self.asin}:{self.source}:{self.target}"

    def to_dict(self) -> JsonObject:
        """The stored document."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """How a rule of alerts stands to a route, and what it compares the next change with.

    ``standing``: the rule has been met since, and its end would be news. ``profit_low`` (in ``currency``) is that of
    the last alert, ``buy_price`` the highest since; ``on_target``: the price that was waited for is announced.
    ``held`` says why figures are held back, and ``at`` when (Unix seconds) each type of alert was last made.
    """

    standing: bool = False
    profit_low: float = 0.0
    currency: str = ""
    buy_price: float = 0.0
    on_target: bool = False
    held: str = ""
    at: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMemory:
    """What alerts know of a route: the state of each rule by its name, and the last figures that were believed.

    ``doubted_at`` is the time of the prices (Unix seconds) that were first not believed, None where all are, and
    ``ended_at`` when the route ended.
    """

    buy_price: float
    amazon_sells: bool | None = None
    rules: Mapping[str, RuleState] = field(default_factory=dict)
    doubted_at: int | None = None
    ended_at: float | None = None

    @property
    def standing(self) -> bool:
        """Whether the end of the route may be news."""
        return any(state.standing for state in self.rules.values())

    def to_dict(self) -> JsonObject:
        """The stored document."""
        # A sweep remembers each route: asdict takes ten times as long.
        stored: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        stored["rules"] = {rule: {name: getattr(s, name) for name in s.__slots__} for rule, s in self.rules.items()}
        return stored

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> Self:
        """The memory of a stored document."""
        fields: dict[str, Any] = dict(row)
        return cls(**{**fields, "rules": {name: RuleState(**state) for name, state in fields["rules"].items()}})


@dataclass(frozen=True, slots=True)
class RouteChange:
    """A route after a result that was taken: what is announced is decided from it.

    ``number`` is that of what the result was made of. ``after`` is None where the route has ended; ``before`` is the
    route as it was last, given only where it ended while a rule stood.
    """

    route: str
    number: int
    after: Opportunity | None
    memory: RouteMemory | None
    before: Opportunity | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """What a product's routes were made of: which change of it, and which generation of inputs; zeros: never priced."""

    change: int = 0
    generation: int = 0

    @property
    def number(self) -> int:
        """One number that grows with both: the external version of what is stored."""
        return (self.change << _GENERATION_BITS) + self.generation


def judge(stored_change: int | None, before: Basis, result: Basis) -> Verdict:
    """Whether a result is taken, is older than what is stored, or has to be made again, from what is stored now.

    ``stored_change`` is the product's now (None: it is not stored), ``before`` what its stored routes were made of.
    """
    if stored_change is None:
        return "older"
    if result.change > stored_change:
        # The store has been put back, or is another one than the message came from.
        return "again"
    behind, outdated = result.change < before.change, result.generation < before.generation
    if not (behind or outdated):
        return "take"
    ahead = result.change > before.change or result.generation > before.generation
    return "again" if ahead else "older"


@dataclass(slots=True)
class Windows:
    """``changed`` windows are to be written; ``new`` are opportunities that were none before, by their windows' ids."""

    changed: list[RouteWindow] = field(default_factory=list)
    new: dict[str, Opportunity] = field(default_factory=dict)


def follow_windows(before: Mapping[str, RouteWindow], result: ProductRoutes, number: int) -> Windows:
    """What a product's routes make of its open windows (by route), which they begin, go on with, or end."""
    found = Windows()
    paying = {o.id: o for o in result.routes if o.status == "opportunity"}
    for route, window in before.items():
        now = paying.get(route)
        if now is None:
            found.changed.append(replace(window, ended_at=max(result.as_of, window.started_at)))
        elif now.profit > window.best_profit or now.currency != window.currency:
            found.changed.append(replace(window, best_profit=now.profit, currency=now.currency))
    for route, now in paying.items():
        if route in before:
            continue
        began = RouteWindow(
            id=f"{route}:{number}",
            asin=now.asin,
            source=now.source,
            target=now.target,
            started_at=result.as_of,
            ended_at=None,
            best_profit=now.profit,
            currency=now.currency,
            known_at=now.evaluated_at,
            demo=now.demo,
        )
        found.changed.append(began)
        found.new[began.id] = now
    return found


def route_changes(
    result: ProductRoutes, number: int, memories: Mapping[str, RouteMemory], before: Mapping[str, Opportunity]
) -> Iterator[RouteChange]:
    """The routes of a product that alerts may be about: opportunities, and what is remembered and has not ended.

    ``memories`` are those of the product's routes, ``before`` the routes that end while a rule stands, both by route.
    """
    now = {o.id: o for o in result.routes}
    for route, after in now.items():
        if after.status == "opportunity" or route in memories:
            yield RouteChange(route, number, after, memories.get(route))
    for route, memory in memories.items():
        if route not in now and memory.ended_at is None:
            yield RouteChange(route, number, None, memory, before.get(route))


def ending(result: ProductRoutes, memories: Mapping[str, RouteMemory]) -> list[str]:
    """The routes of a product that end with this result while a rule stands."""
    now = {o.id for o in result.routes}
    return [route for route, memory in memories.items() if memory.standing and route not in now]


@dataclass(frozen=True, slots=True)
class Notice:
    """A record that must follow a change of the store: kept with the change, published afterwards, at least once.

    ``id`` stays the same however often it is published.
    """

    id: str
    topic: str
    key: str
    value: bytes


def window_notices(new: Mapping[str, Opportunity], changed: Iterable[RouteWindow], topic: str) -> list[Notice]:
    """One notice for each route that became an opportunity, and for each that ceased to be one.

    Args:
        new: the opportunities that were none before, by the ids of their windows.
        changed: windows that began, went on or ended.
        topic: where the notices go.
    """
    began = [_window_notice("opportunity", window, o, o.evaluated_at, topic) for window, o in new.items()]
    ended = [_window_notice("ended", one.id, one, one.ended_at, topic) for one in changed if one.ended_at is not None]
    return began + ended


def _window_notice(event: str, window: str, route: Opportunity | RouteWindow, at: float, topic: str) -> Notice:
    number = blake2b(f"{window}:{event}".encode(), digest_size=16).hexdigest()
    document: JsonObject = {
        "v": 1, "event": event, "id": number, "at": at, "asin": route.asin, "source": route.source,
        "target": route.target, "opportunity": route.public(now=at) if isinstance(route, Opportunity) else None,
    }  # fmt: skip
    return Notice(number, topic, route.asin, orjson.dumps(document))


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is announced of changed routes: the ``notices``, and what is remembered of each route, by its id."""

    notices: Sequence[Notice] = ()
    memories: Mapping[str, RouteMemory] = field(default_factory=dict)


Announce = Callable[[Sequence[RouteChange]], Announcement]
"""Decides what is announced of the routes that a result changed.

The same changes make notices of the same ids; one that remembers its notices makes none of the same change again.
"""


@dataclass(frozen=True, slots=True)
class PutRoutes:
    """What became of priced routes: ``new`` are the ids of opportunities that were none before.

    The products of ``again`` are to be priced anew, as they are stored now and with the inputs of now.
    """

    new: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


class RouteRow(NamedTuple):
    """What filters, orders and sums look at in a stored opportunity; ``words`` are those that a search finds it by."""

    asin: str
    source: str
    target: str
    brand: str | None
    category: str | None
    profit: float
    roi_pct: float
    margin_pct: float
    spread_pct: float
    confidence: float
    data_at: int
    buy_price: float
    sell_price: float
    amazon_sells: bool | None
    evaluated_at: float
    profit_chance_pct: float | None
    profit_p10: float | None
    expected_profit: float | None
    expected_profit_per_day_pct: float | None
    sold_in_30_days_pct: float | None
    days_to_sell_p50: float | None
    rank: int | None
    rank_drops30: int | None
    rank_drops90: int | None
    monthly_sold: int | None
    sellers: int | None
    amazon_share90_pct: float | None
    sell_position_pct: float | None
    words: str


RouteMark = tuple[int, ...]
"""How far somebody has followed the opportunities of a store; only that store knows what it means."""


@dataclass(frozen=True, slots=True)
class RouteChanges:
    """What became of the opportunities of a store since a mark: ``rows`` are all that the products of ``asins`` have.

    Products that are not named are as they were; ``asins`` is None where none of them need be: ``rows`` are all that
    there are, by ASIN. They are read as they are asked for, once.
    """

    mark: RouteMark
    asins: frozenset[str] | None
    rows: Iterable[RouteRow]
