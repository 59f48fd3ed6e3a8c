"""A sweep: every route of every product of the store priced, stored and ranked, and announced when new."""

from __future__ import annotations

import heapq
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import pandas as pd

from arbkit.analysis.detection_inputs import today
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.detector.pricing import PricedProducts, price_products
from arbkit.analysis.detector.storing import Announcing, CurrentInputs, price_into
from arbkit.analysis.market.segment import Segment, segment_of
from arbkit.analysis.market.snapshot import MarketFiles
from arbkit.analysis.offers import moment_of
from arbkit.core.decisions.rules import DecisionsInForce
from arbkit.core.errors import ServiceError, StreamError
from arbkit.core.input.filters import FIGURES_AT_LEAST, FIGURES_AT_MOST, OpportunitySort
from arbkit.core.models import Opportunity, ProductState
from arbkit.core.results import JsonObject
from arbkit.core.settings import Settings
from arbkit.pipeline.outbox import send_notices
from arbkit.profit.reason_codes import Reason
from arbkit.store import Store, open_store
from arbkit.store.decisions.applying import with_status
from arbkit.store.fields import OPPORTUNITY_SORTS
from arbkit.store.search_text import matches_brand, matches_words
from arbkit.stream import CHANGES_TOPIC, open_stream

logger = logging.getLogger(__name__)

Rank = Callable[[Sequence[Opportunity]], list[Opportunity]]
"""Gives those of some routes that are answered, in order."""
MOST_SHOWN = 1_000
"""Routes that a detection answers, the best; the store has all."""
_PRODUCTS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The outcome. ``unknown`` counts, by reason, the routes that could not be priced to the end.

    ``opportunities`` are the best :data:`MOST_SHOWN` of all (``total``) that are within the limits.
    """

    run_id: str
    evaluated_at: float
    on: date
    products: int
    routes: int
    unknown: Mapping[str, int]
    opportunities: tuple[Opportunity, ...]
    total: int
    paying: int
    """how many of ``total`` are opportunities"""
    new: tuple[str, ...]
    tables_version: str
    profile: str
    seller: str
    stored: int = 0
    """opportunities without any limits"""
    need_size: int = 0
    """routes without any limits that are profitable only with some of the packages that they may have"""

    def headline(self) -> str:
        """The outcome in one sentence."""
        demo = " of the DEMO market" if any(o.demo for o in self.opportunities) else ""
        shown = self.total
        if shown > self.stored:
            found = f"{shown} routes within the limits, {self.stored} of them opportunities,"
        else:
            found = f"{shown} opportunities{f' within the limits, of {self.stored}' if shown < self.stored else ''}"
        return (
            f"{found} {self._newness()} among {self.routes} routes of "
            f"{self.products} products{demo}, with profile {self.profile!r} and the tables of {self.on}. {self.seller}"
        )

    def _newness(self) -> str:
        return f"({len(self.new)} new)" if self.on == today() else "(not stored: it is another day)"

    def frame(self) -> pd.DataFrame:
        """The opportunities as a table, best first, one row a route."""
        columns = [
            "asin", "title", "source", "target", "buy_price", "buy_currency", "sell_price", "sell_currency",
            "profit", "currency", "roi_pct", "margin_pct", "profit_chance_pct", "profit_p10", "profit_p50",
            "profit_p90", "expected_profit", "expected_profit_per_day_pct", "fees", "fulfilment", "confidence",
        ]  # fmt: skip
        return pd.DataFrame([{c: getattr(o, c) for c in columns} for o in self.opportunities], columns=columns)

    def to_dict(self, *, limit: int | None = None, with_components: bool = True) -> JsonObject:
        """The document of ``result.json``; ``limit`` shortens ``items``, never the counts."""
        return {
            "run_id": self.run_id,
            "evaluated_at": datetime.fromtimestamp(self.evaluated_at, UTC).isoformat(timespec="seconds"),
            "on": self.on.isoformat(),
            "products": self.products,
            "routes": self.routes,
            "unknown": dict(self.unknown),
            "total": self.total,
            "stored": self.stored,
            "need_size": self.need_size,
            "new": list(self.new),
            "tables_version": self.tables_version,
            "profile": self.profile,
            "seller": self.seller,
            "items": [o.public(now=self.evaluated_at, components=with_components) for o in self.opportunities[:limit]],
        }

    def summary(self) -> JsonObject:
        """The few figures that a list of runs shows."""
        return {
            "products": self.products,
            "routes": self.routes,
            "total": self.paying,
            "stored": self.stored,
            "need_size": self.need_size,
            "new": len(self.new),
            "unknown": dict(self.unknown),
        }


def run(
    settings: Settings, parameters: DetectParameters | None = None, *, run_id: str, announcing: Announcing | None = None
) -> Detection:
    """Price every product of the store, store their routes and publish what ``announcing`` makes of it (None: nothing).

    ``parameters`` limit only what is answered: the store gets all opportunities, and alerts go by all of them. The
    prices of another day than today are answered, and neither stored nor announced.

    Raises:
        ConfigError: the profile, a table or a setting is wrong.
        StoreError: not all is stored; what is, is right.
        StreamError: some alerts wait in the store's outbox.
    """
    parameters = parameters or DetectParameters()
    with open_store(settings) as store, open_stream(settings) as log:
        slices = scan_states(store)
        if parameters.on not in (None, today()):
            inputs = Inputs.load(settings, parameters.on)
            return detect(slices, inputs, parameters=parameters, run_id=run_id, decided=store.decisions_in_force())
        load = CurrentInputs(settings, store)
        inputs, new, unsent, parts = load(), list[str](), list[StreamError](), list[Segment]()
        market, began = MarketFiles.of(settings), time.time()

        def leave(states: Collection[ProductState], priced: PricedProducts) -> None:
            if priced.prepared is not None:
                parts.append(segment_of(states, priced.prepared, priced.results))

        def keep(states: Sequence[ProductState], priced: PricedProducts) -> None:
            announce = announcing and announcing(store)
            done = store.put_routes(
                priced.results, generation=inputs.generation, announce=announce, changes_to=CHANGES_TOPIC
            )
            new.extend(done.new)
            leave(states, priced)
            if done.again:
                new.extend(price_into(store, store.states(done.again).values(), load, announcing, left=leave))
            try:
                send_notices(store, log)
            except StreamError as error:
                # They wait in the outbox, and the products must not wait for the log.
                unsent.append(error)

        decided = store.decisions_in_force()
        answer = detect(slices, inputs, parameters=parameters, run_id=run_id, decided=decided, keep=keep)
        found = replace(answer, new=tuple(new))
        store.put_swept(inputs.fingerprint)
        try:
            market.replace(parts, since=began)
        except ServiceError as error:
            # Everything that is stored is right without it.
            logger.warning("the market's snapshot is not written: %s", error)
        if unsent:
            raise unsent[-1]
    logger.info(
        "%d routes of %d products: %d opportunities, %d new", found.routes, found.products, found.stored, len(new)
    )
    return found


def scan_states(store: Store) -> Iterator[list[ProductState]]:
    """Every product that is shown, some at a time, in the order of ASINs."""
    after = ""
    while asins := store.asins(after=after, limit=_PRODUCTS_AT_ONCE):
        after = asins[-1]
        yield list(store.states(asins).values())


def detect(
    slices: Iterable[Sequence[ProductState]],
    inputs: Inputs,
    *,
    parameters: DetectParameters,
    run_id: str,
    now: float | None = None,
    decided: DecisionsInForce | None = None,
    keep: Callable[[Sequence[ProductState], PricedProducts], None] | None = None,
    rank: Rank | None = None,
) -> Detection:
    """Price every route of these products and answer what passes ``parameters``, the best first, as :func:`place` says.

    Ages count to ``now`` (Unix seconds; None: the present), or to the end of another day that is asked for. ``decided``
    is what was decided about any (None: nothing), ``keep`` gets all that is to be stored, slice by slice, and ``rank``
    is another order and number of what is answered.
    """
    now = time.time() if now is None else now
    moment = moment_of(inputs.on, now=now)
    found = _Findings(rank or _best)
    for states in slices:
        priced = price_products(states, inputs, now=now, run_id=run_id, least=parameters.min_profit)
        if keep is not None:
            keep(states, priced)
        marked = with_status(priced.found, decided or DecisionsInForce())
        found.note(states, priced, _within(marked, parameters, moment))
    return Detection(
        run_id=run_id,
        evaluated_at=now,
        on=inputs.on,
        products=found.products,
        routes=found.routes,
        unknown={reason.message: count for reason, count in found.unknown.most_common()},
        opportunities=tuple(found.best),
        total=found.total,
        paying=found.paying,
        new=(),
        tables_version=inputs.tables.on(inputs.on).version,
        profile=inputs.profile.name,
        seller=inputs.profile.seller_line,
        stored=found.stored,
        need_size=found.need_size,
    )


@dataclass(slots=True)
class _Findings:
    """What a detection has come to so far; as of :class:`Detection`."""

    rank: Rank
    products: int = 0
    routes: int = 0
    stored: int = 0
    need_size: int = 0
    total: int = 0
    paying: int = 0
    unknown: Counter[Reason] = field(default_factory=Counter)
    best: list[Opportunity] = field(default_factory=list)

    def note(self, states: Sequence[ProductState], priced: PricedProducts, passed: Sequence[Opportunity]) -> None:
        """Add a slice: its products, all that was priced of them, and what of it is asked for."""
        self.products += len(states)
        self.routes += priced.routes
        self.unknown.update(priced.unknown)
        self.stored += _paying(priced.found)
        self.need_size += sum(o.status == "needs_size" for o in priced.found)
        self.total += len(passed)
        self.paying += _paying(passed)
        self.best = self.rank([*self.best, *passed])


def _paying(routes: Iterable[Opportunity]) -> int:
    return sum(o.status == "opportunity" for o in routes)


def _within(found: Iterable[Opportunity], parameters: DetectParameters, moment: float) -> list[Opportunity]:
    """What of these routes is asked for; ages count to ``moment`` (Unix seconds)."""
    pairs = parameters.routes()
    oldest = None if parameters.max_age_hours is None else moment - parameters.max_age_hours * 3600
    least = {field: getattr(parameters, name) for name, field in FIGURES_AT_LEAST.items() if name != "min_profit"}
    most = {field: getattr(parameters, name) for name, field in FIGURES_AT_MOST.items()}
    equal = {name: getattr(parameters, name) for name in ("asin", "amazon_sells")}
    lower = {name: bound for name, bound in {**least, "data_at": oldest}.items() if bound is not None}
    upper = {name: bound for name, bound in most.items() if bound is not None}
    exact = {name: value for name, value in equal.items() if value is not None}
    q, categories, statuses = parameters.q, parameters.category_names, parameters.statuses
    excluded = parameters.excluded_brands
    return [
        o
        for o in found
        if (parameters.all_routes or o.status in ("opportunity", "loss"))
        and highest_profit(o) >= parameters.min_profit
        and (pairs is None or (o.source, o.target) in pairs)
        and all((figure := getattr(o, name)) is not None and figure >= bound for name, bound in lower.items())
        and all((figure := getattr(o, name)) is not None and figure <= bound for name, bound in upper.items())
        and all(getattr(o, name) == value for name, value in exact.items())
        and (parameters.brand is None or matches_brand(o.brand, parameters.brand))
        and not matches_brand(o.brand, *excluded)
        and (not categories or o.category in categories)
        and (statuses is None or o.decision in statuses)
        and (not q or matches_words(f"{o.title or ''} {o.brand or ''} {o.asin}", q))
    ]


def place(found: Opportunity) -> tuple[float, float, str]:
    """What sorts routes as they are listed: the most expected profit per day of capital first, else the most profit."""
    per_day = found.expected_profit_per_day_pct
    return math.inf if per_day is None else -per_day, -found.profit, found.id


def _best(found: Sequence[Opportunity]) -> list[Opportunity]:
    return heapq.nsmallest(MOST_SHOWN, found, key=place)


def ranked_by(sort: OpportunitySort, *, descending: bool, most: int) -> Rank:
    """The first ``most`` routes in an order of the store; those of which it is unknown come last, by profit."""
    field = OPPORTUNITY_SORTS[sort]

    def key(o: Opportunity) -> float | str | None:
        found: float | str | None = f"{o.source}{o.target}" if sort == "route" else getattr(o, field)
        return found

    def rank(found: Sequence[Opportunity]) -> list[Opportunity]:
        known = sorted(
            (o for o in found if key(o) is not None), key=lambda o: (key(o), o.profit, o.id), reverse=descending
        )
        unknown = sorted((o for o in found if key(o) is None), key=lambda o: (-o.profit, o.id))
        return [*known, *unknown][:most]

    return rank


def highest_profit(found: Opportunity) -> float:
    """What a route leaves; of one that needs a size, with the cheapest package that it may have."""
    return found.profit if found.status != "needs_size" or found.profit_high is None else found.profit_high
