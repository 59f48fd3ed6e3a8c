"""Detection: every route of every product, priced, ranked, stored, and announced when new."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from uuid import uuid4

import numpy as np
import orjson
import pandas as pd

from arbkit.analysis.detection_inputs import fingerprint
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.offers import OfferScan, moment_of, prepare_offers, with_facts
from arbkit.analysis.routes import RoutePrices, price_routes
from arbkit.core.models import Opportunity
from arbkit.core.results import JsonObject
from arbkit.core.settings import Settings
from arbkit.pipeline.outbox import send_notices
from arbkit.profit import Profile, Rates, Tables, load_profile, load_rates, load_tables
from arbkit.profit.fees.arrays import Mask
from arbkit.profit.reason_codes import Reason
from arbkit.store import Basis, Notice, open_store
from arbkit.store.search_text import matches_words
from arbkit.stream import ALERTS_TOPIC, open_stream

logger = logging.getLogger(__name__)

_ALERT_LIFE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The outcome. ``unknown`` counts, by reason, the routes that could not be priced to the end.

    ``others`` are routes that may leave money and are no opportunity: the size of their package is open, or their
    listings are not the same goods.
    """

    run_id: str
    evaluated_at: float
    on: date
    products: int
    routes: int
    unknown: Mapping[str, int]
    opportunities: tuple[Opportunity, ...]
    others: tuple[Opportunity, ...] = ()
    new: tuple[str, ...]
    tables_version: str
    profile: str
    seller: str
    stored: int = 0
    """opportunities in the store; ``opportunities`` are fewer where limits were given"""

    def headline(self) -> str:
        """The outcome in one sentence."""
        demo = " of the DEMO market" if any(o.demo for o in self.opportunities) else ""
        shown = len(self.opportunities)
        if shown > self.stored:
            found = f"{shown} routes within the limits, {self.stored} of them opportunities,"
        else:
            found = f"{shown} opportunities{f' within the limits, of {self.stored}' if shown < self.stored else ''}"
        return (
            f"{found} ({len(self.new)} new) among {self.routes} routes of "
            f"{self.products} products{demo}, with profile {self.profile!r} and the tables of {self.on}. {self.seller}"
        )

    def frame(self) -> pd.DataFrame:
        """The opportunities as a table, best first, one row a route."""
        columns = [
            "asin", "title", "source", "target", "buy_price", "buy_currency", "sell_price", "sell_currency",
            "profit", "currency", "roi_pct", "margin_pct", "fees", "fulfilment", "confidence",
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
            "total": len(self.opportunities),
            "stored": self.stored,
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
            "total": sum(o.status == "opportunity" for o in self.opportunities),
            "stored": self.stored,
            "new": len(self.new),
            "unknown": dict(self.unknown),
        }


def run(settings: Settings, parameters: DetectParameters | None = None, *, run_id: str) -> Detection:
    """Detect over the whole store, replace ``opportunities`` and publish an alert for each new one.

    ``parameters`` limit only what is answered: the store gets all opportunities, and alerts go by all of them.

    Raises:
        ConfigError: the profile, a table or a setting is wrong.
        StoreError: nothing was replaced.
        StreamError: nothing was replaced; or all of it, and the alerts wait in the store's outbox.
    """
    parameters = parameters or DetectParameters()
    # Before anything is read: what changes meanwhile is a change after it.
    inputs = fingerprint(settings, parameters.on or datetime.now(UTC).date())
    profile, tables, rates = (load_profile(settings.profile_path, settings.profile_name), load_tables(), load_rates())
    with open_store(settings) as store, open_stream(settings) as log, _no_collection():
        whole = DetectParameters(on=parameters.on)
        basis = Basis(store.changes(), inputs)
        found = detect(OfferScan.of(store), profile, tables, rates, parameters=whole, run_id=run_id)
        everything = [*found.opportunities, *found.others]
        new = store.replace_opportunities(everything, run_id=run_id, basis=basis, announce=alerts_of)
        result = replace(found, new=tuple(new), stored=len(found.opportunities))
        send_notices(store, log)
        if parameters.min_profit < whole.min_profit:
            # Losses are never stored: who wants to see them has them priced again.
            scan, now = OfferScan.of(store), result.evaluated_at
            seen = detect(scan, profile, tables, rates, parameters=parameters, run_id=run_id, now=now)
            found = replace(seen, new=result.new, stored=result.stored)
        shown = limited(found if parameters.min_profit < whole.min_profit else result, parameters)
    logger.info(
        "%d routes of %d products: %d opportunities, %d new",
        result.routes, result.products, len(result.opportunities), len(result.new),
    )  # fmt: skip
    return shown


def detect(
    offers: OfferScan,
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    parameters: DetectParameters,
    run_id: str,
    now: float | None = None,
) -> Detection:
    """Price every route of these offers and keep those that pass ``parameters``, best profit first.

    Ages count to ``now`` (Unix seconds; None: the present), or to the end of another day that is asked for.
    """
    now = time.time() if now is None else now
    on, moment = parameters.on or datetime.fromtimestamp(now, UTC).date(), moment_of(parameters.on, now=now)
    products = routes = 0
    unknown: Counter[Reason] = Counter()
    found: list[Opportunity] = []
    for frame in offers.frames:
        prepared = prepare_offers(with_facts(frame, offers.facts), now=moment)
        prices = price_routes(prepared, profile, tables, rates, on=on, routes=parameters.routes())
        evaluation = prices.evaluation
        products += frame["asin"].nunique()
        routes += int(evaluation.listed_on_both.sum())
        unknown.update(evaluation.unknown_counts())
        passes = _passes(prices, parameters, moment)
        passed = prices.opportunities(passes, now=moment, evaluated_at=now, run_id=run_id, listings=offers.listings)
        found.extend(_wanted(passed, parameters))
    found.sort(key=lambda o: (-o.profit, o.id))
    return Detection(
        run_id=run_id,
        evaluated_at=now,
        on=on,
        products=products,
        routes=routes,
        unknown={reason.message: count for reason, count in unknown.most_common()},
        opportunities=tuple(o for o in found if o.status == "opportunity"),
        others=tuple(o for o in found if o.status != "opportunity"),
        new=(),
        tables_version=tables.on(on).version,
        profile=profile.name,
        seller=profile.seller_line,
    )


def _passes(prices: RoutePrices, parameters: DetectParameters, now: float) -> Mask:
    """The routes that may leave as much as is wanted, with the cheapest package that the product may have."""
    evaluated = prices.evaluation
    passes = np.round(prices.profit_range[1], 2) >= parameters.min_profit
    if parameters.min_roi is not None:
        passes &= evaluated.roi_pct >= parameters.min_roi
    if parameters.min_margin is not None:
        passes &= evaluated.margin_net_pct >= parameters.min_margin
    if parameters.max_age_hours is not None:
        passes &= now - evaluated.updated_at <= parameters.max_age_hours * 3600
    return np.asarray(passes)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Look for no cyclic garbage meanwhile: of the many objects made here none is any, and looking costs a sixth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def limited(whole: Detection, parameters: DetectParameters) -> Detection:
    """A detection cut to the opportunities within these limits; what it counts stays that of the whole."""
    routes, oldest = parameters.routes(), None
    if parameters.max_age_hours is not None:
        oldest = moment_of(whole.on, now=whole.evaluated_at) - parameters.max_age_hours * 3600
    least = {
        "roi_pct": parameters.min_roi, "margin_pct": parameters.min_margin,
        "data_at": oldest,
    }  # fmt: skip
    bounds = {name: bound for name, bound in least.items() if bound is not None}
    found = [
        o
        for o in (*whole.opportunities, *whole.others)
        if (parameters.all_routes or o.status in ("opportunity", "loss"))
        and (routes is None or (o.source, o.target) in routes)
        and highest_profit(o) >= parameters.min_profit
        and all(getattr(o, name) >= bound for name, bound in bounds.items())
    ]
    found.sort(key=lambda o: (-o.profit, o.id))
    return replace(whole, opportunities=tuple(_wanted(found, parameters)))


def highest_profit(found: Opportunity) -> float:
    """What a route leaves; of one that needs a size, with the cheapest package that it may have."""
    return found.profit if found.status != "needs_size" or found.profit_high is None else found.profit_high


def _wanted(found: list[Opportunity], parameters: DetectParameters) -> list[Opportunity]:
    """The opportunities that pass the filters that prices say nothing about."""
    q, least = parameters.q, parameters.min_confidence
    for name in ("asin", "brand", "category", "amazon_sells"):
        if (wanted := getattr(parameters, name)) is not None:
            found = [o for o in found if getattr(o, name) == wanted]
    if least is not None:
        found = [o for o in found if o.confidence >= least]
    if q:
        found = [o for o in found if matches_words(f"{o.title or ''} {o.brand or ''} {o.asin}", q)]
    return found


def alerts_of(new: Sequence[Opportunity]) -> list[Notice]:
    """One alert for each of these opportunities, which were none before; each has an id of its own."""
    return [_alert(one, uuid4().hex) for one in new]


def _alert(o: Opportunity, number: str) -> Notice:
    document = {
        "v": 1,
        "id": number,
        "at": o.evaluated_at,
        "asin": o.asin,
        "reason": "new_opportunity",
        "confidence": o.confidence,
        "priority": priority(o),
        "expires_at": o.evaluated_at + _ALERT_LIFE_S,
        "opportunity": o.public(now=o.evaluated_at),
    }
    return Notice(number, ALERTS_TOPIC, o.asin, orjson.dumps(document))


def priority(opportunity: Opportunity) -> float:
    """Profit weighted by confidence, in the opportunity's currency: what to look at first."""
    return round(opportunity.profit * opportunity.confidence, 2)
