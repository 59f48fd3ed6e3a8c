"""What a store is to its callers: documents in collections behind named queries.

Two implementations stand behind it, SQLite (embedded) and Elasticsearch (scale-out), and one contract suite.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from arbkit.core.closing import Closing
from arbkit.core.decisions.store import DecisionStore
from arbkit.core.forecasts.store import ForecastStore
from arbkit.core.leases.store import LeaseStore
from arbkit.core.models import History, Offer, Opportunity, ProductState, Run, Update
from arbkit.core.offers.facts import Fact, FactName
from arbkit.core.offers.looks import Look, LookStatus
from arbkit.core.offers.merging import Outcome
from arbkit.core.offers.product import Product
from arbkit.core.offers.watched import WatchlistStore
from arbkit.core.results import RouteTotals
from arbkit.core.sales.store import SaleStore
from arbkit.store.alerts import AlertRecord, SentAlert
from arbkit.store.grouping.groups import GroupingStore
from arbkit.store.queries import AlertQuery, OpportunityQuery, Page, ProductQuery, RunQuery
from arbkit.store.routes import Announce, Notice, ProductRoutes, PutRoutes, RouteChanges, RouteMark, RouteWindow

if TYPE_CHECKING:
    import pandas as pd

MAX_BRANDS = 100
RUNS_KEPT = 9_000
"""Records of runs kept of each report, the latest: a month of one every five minutes."""
WINDOWS_KEPT_S = 400 * 86_400.0
"""How long windows are kept after their end: a year and a season, to learn from."""

MEMORIES_KEPT_S = 7 * 86_400.0
"""How long alerts remember a route that ended: one that comes back within it is not news each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a batch, in updates.

    ``stored`` are the first of their offer, ``updated`` changed something; ``older`` did not, for everything that they
    say is known later, nor did ``equal``, for nothing of it is new. ``outcomes`` says which by index in the batch, and
    ``poison`` names, by index, the documents that the store will never take, and why. ``states`` has the products
    as they are now, also those that nothing changed, by ASIN.
    """

    stored: int = 0
    updated: int = 0
    older: int = 0
    equal: int = 0
    poison: Mapping[int, str] = field(default_factory=dict)
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    states: Mapping[str, ProductState] = field(default_factory=dict)

    @property
    def ok(self) -> int:
        """Updates that changed the store."""
        return self.stored + self.updated

    @property
    def stale(self) -> int:
        """Updates that changed nothing, which is no fault."""
        return self.older + self.equal


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuilt store holds: ``offers`` made anew, and ``kept`` of before that no update named."""

    offers: int
    kept: int


@dataclass(frozen=True, slots=True)
class Removed:
    """How many products and offers of the demo market were removed, or would be."""

    products: int
    offers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Head figures. ``markets``: code → number of offers. Times in Unix seconds; None where there is none."""

    products: int
    offers: int
    opportunities: int
    total_profit: float
    currency: str | None
    demo_products: int
    markets: Mapping[str, int]
    routes: Mapping[str, RouteTotals]
    """by route, as ``IT:DE``"""
    categories: tuple[str, ...]
    brands: tuple[str, ...]
    """the brands with the most opportunities, at most :data:`MAX_BRANDS`"""
    oldest_at: int | None
    newest_at: int | None
    evaluated_at: float | None
    unpriced_products: int = 0
    """those that changed after their routes were made"""
    hidden_products: int = 0
    """those of the demo market that are not shown, because there are real ones"""
    average_margin_pct: float | None = None
    """of all opportunities, in percent of the revenue without VAT; None: there are none"""
    products_with_opportunities: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the opportunities of a query come to, on whatever page. Profits at one unit each.

    ``average_profit``, ``best_profit`` and ``average_margin_pct`` are None where there are none.
    """

    count: int
    total_profit: float
    average_margin_pct: float | None
    routes: Mapping[str, RouteTotals]
    """by route, as ``IT:DE``"""

    @classmethod
    def of(cls, routes: Mapping[str, RouteTotals], *, margins: float | None) -> Sums:
        """The sums over these routes, whose margins (in percent) together are ``margins``."""
        count = sum(r["count"] for r in routes.values())
        return cls(
            count=count,
            total_profit=round(sum(float(r["total_profit"]) for r in routes.values()), 2),
            average_margin_pct=round((margins or 0.0) / count, 2) if count else None,
            routes=routes,
        )

    @property
    def average_profit(self) -> float | None:
        """The mean profit, to the cent."""
        return round(self.total_profit / self.count, 2) if self.count else None

    @property
    def best_profit(self) -> float | None:
        """The greatest profit."""
        return max((r["best_profit"] for r in self.routes.values()), default=None)


class Store(WatchlistStore, ForecastStore, DecisionStore, SaleStore, LeaseStore, GroupingStore, Closing, Protocol):
    """A store. A context manager; safe to use from several threads and processes at once.

    Products of the demo market are in no answer while there are real ones, unless the store was opened to show them.

    Every method but :meth:`close` raises :class:`~arbkit.core.errors.StoreError` if the store cannot be used.
    """

    waits_for_server: ClassVar[bool]
    """Whether a :meth:`put` is mostly waiting, during which this process can do other work."""

    def put(self, updates: Sequence[Update]) -> Written:
        """Store offers, histories and the products they make up; returns when durable.

        What an update states is merged with what is stored, as :mod:`arbkit.core.offers.merging` says: the result does
        not depend on the order of updates, nor on how often each comes. Histories keep every point.

        Raises:
            StoreError: the batch is not stored and may be tried again.
        """
        ...

    def rebuild(self, batches: Iterable[Sequence[Update]]) -> Rebuilt:
        """Make offers, histories and products anew, beside those that are read and written meanwhile.

        They replace the old ones all at once, unless the batches raise, and count as changed, whatever they were. What
        an update states is taken also where it is as old as what is stored; what is newer stays, and so does what no
        update states. Opportunities, runs and facts stay.

        Raises:
            StoreError: the store is as it was.
        """
        ...

    def offers(self, asins: Sequence[str]) -> list[Offer]:
        """All offers of these products, sorted by ASIN and marketplace."""
        ...

    def states(self, asins: Sequence[str]) -> dict[str, ProductState]:
        """All that is known of these products, by ASIN, without those that are not stored, or not shown."""
        ...

    def scan_offers(self, columns: Sequence[str], *, products_per_batch: int = 5_000) -> Iterator[pd.DataFrame]:
        """Every offer, as frames with these :class:`Offer` fields; a product is never split over two frames.

        Unknown numbers are NaN (``float64``), unknown texts None; fields that hold several values are JSON.

        Raises:
            UsageError: an offer has no such field.
        """
        ...

    def history(self, asin: str) -> list[History]:
        """The histories of a product on all its marketplaces."""
        ...

    def product(self, asin: str) -> Product | None:
        """The product over all marketplaces; None if it is not stored."""
        ...

    def products(self, query: ProductQuery) -> Page[Product]:
        """The products that a query finds, on one page.

        Raises:
            UsageError: the query contradicts itself, or its cursor is of another order.
        """
        ...

    def generation(self, inputs: str) -> int:
        """The number of these inputs of detection, as a fingerprint: of others than the last, a new and greater one."""
        ...

    def put_routes(
        self,
        results: Sequence[ProductRoutes],
        *,
        generation: int,
        announce: Announce | None = None,
        changes_to: str | None = None,
    ) -> PutRoutes:
        """Make these the routes of their products, those of one at once, and mark each product's best.

        A result that is older than what is stored, in the product's change or the ``generation`` of its inputs,
        changes nothing. What ``announce`` makes of the changed routes is kept by the same write, its notices in the
        outbox and what it remembers with the routes: either all is there or nothing. What is remembered of a route
        that ended is kept for :data:`MEMORIES_KEPT_S`. So is what :func:`~arbkit.store.routes.window_notices` says of
        routes that became opportunities or ceased to be any, for the topic ``changes_to``.
        """
        ...

    def unpriced(self, limit: int) -> list[str]:
        """Products that changed after their routes were made, by ASIN, at most ``limit``."""
        ...

    def windows(self, asins: Sequence[str]) -> list[RouteWindow]:
        """When routes of these products were opportunities, by ASIN, route and start."""
        ...

    def asins(self, *, after: str = "", limit: int) -> list[str]:
        """The first products after this one, in their order, at most ``limit``."""
        ...

    def unsent(self, limit: int) -> list[Notice]:
        """The notices of the outbox that are not marked as sent, the oldest first, at most ``limit``."""
        ...

    def mark_sent(self, notices: Sequence[Notice]) -> None:
        """Mark notices as sent: each has been published, and is not published again."""
        ...

    def put_swept(self, inputs: str) -> None:
        """Note that every product has been priced with these inputs, and forget what ended long ago."""
        ...

    def swept(self) -> str | None:
        """The inputs with which every product was priced last; None where that never was, or is not known."""
        ...

    def opportunities(self, query: OpportunityQuery) -> Page[Opportunity]:
        """The opportunities that a query finds, on one page.

        Raises:
            UsageError: the query contradicts itself, or its cursor is of another order.
        """
        ...

    def sums(self, query: OpportunityQuery) -> Sums:
        """Count and add up what the query finds; its order and its page do not matter."""
        ...

    def route_mark(self) -> RouteMark:
        """The mark of the opportunities as they are now: another one than that of an answer before they changed."""
        ...

    def route_changes(self, since: RouteMark | None) -> RouteChanges:
        """What became of the opportunities since a mark of an earlier answer; None: all that there are."""
        ...

    def route_documents(self, ids: Sequence[str]) -> dict[str, Opportunity]:
        """The stored routes of these ids, by id, without those that are not stored any more."""
        ...

    def put_run(self, run: Run) -> None:
        """Record a run of a report, in place of an earlier record of the same run; forget all but the latest runs."""
        ...

    def runs(self, *, report: str | None = None, limit: int = 50) -> list[Run]:
        """The latest runs first."""
        ...

    def run_page(self, query: RunQuery) -> Page[Run]:
        """The runs that a query finds, on one page.

        Raises:
            UsageError: the query contradicts itself, or its cursor is of another order.
        """
        ...

    def run(self, run_id: str) -> Run | None:
        """The run of this id; None if it is not recorded."""
        ...

    def put_fact(self, fact: Fact) -> None:
        """Keep what a user said of a product, in place of what he said of the same before."""
        ...

    def delete_fact(self, asin: str, market: str, name: FactName) -> bool:
        """Forget it; False if there was none."""
        ...

    def facts(self, asins: Sequence[str] | None = None) -> list[Fact]:
        """What users said of these products (None: of all), by ASIN, marketplace and name."""
        ...

    def put_looks(self, looks: Sequence[Look]) -> None:
        """Keep these looks, each in place of an earlier one of its product and marketplace."""
        ...

    def looks(self, *, status: LookStatus | None = None) -> list[Look]:
        """The looks that were asked for (None: of whatever status), the oldest question first."""
        ...

    def add_alerts(self, records: Sequence[AlertRecord]) -> None:
        """Keep alerts that are not kept yet, by id; those that are stay as they are. Returns when durable."""
        ...

    def put_alerts(self, records: Sequence[AlertRecord]) -> None:
        """Keep these alerts in place of what was kept of them."""
        ...

    def alerts(self, query: AlertQuery) -> Page[AlertRecord]:
        """The alerts that a query finds, on one page, by the time at which they were made.

        Raises:
            UsageError: the query contradicts itself, or its cursor is of another order.
        """
        ...

    def alerts_of(self, ids: Sequence[str]) -> list[AlertRecord]:
        """The alerts of these ids, without those that are not kept."""
        ...

    def pending_alerts(
        self, channel: str, limit: int, *, except_rules: Collection[str] = (), asins: Collection[str] | None = None
    ) -> list[AlertRecord]:
        """Alerts that wait for this channel: those tried least often first, of these the best by priority.

        Args:
            channel: its name.
            limit: the most to give.
            except_rules: names of rules whose alerts are left out.
            asins: only those of these products; None: of any.
        """
        ...

    def sent_alerts(self, channel: str, *, since: float) -> list[SentAlert]:
        """What this channel has sent since then (Unix seconds), the oldest first."""
        ...

    def forget_alerts(self, *, before: float) -> None:
        """Forget alerts that were made before this time (Unix seconds), but for those that still wait."""
        ...

    def stats(self) -> Stats:
        """The head figures of all that is stored."""
        ...

    def ages(self, limits: Sequence[float], *, now: float) -> dict[str, tuple[int, ...]]:
        """How old offers are, by marketplace (only those with offers).

        For each of the ``limits`` (seconds, rising): how many are younger than it but not than the one before; and
        last how many are older than all.
        """
        ...

    def holds_real_products(self) -> bool:
        """Whether there is any product that is not of the demo market."""
        ...

    def remove_demo(self, *, dry_run: bool = False) -> Removed:
        """Remove the offers of the demo market with their histories, products and opportunities; or only count them.

        Raises:
            StoreError: it broke off, and may be tried again.
        """
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...
