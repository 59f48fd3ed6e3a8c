"""Detection: every route of every product, priced, ranked, stored, and announced when new."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd

from arbkit.analysis.confidence import score_confidence
from arbkit.analysis.demand import amazon_sells
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.core.marketplaces import MARKETS, market
from arbkit.core.models import Opportunity
from arbkit.core.settings import Settings
from arbkit.profit import (
    OFFER_COLUMNS,
    Evaluation,
    Profile,
    Rates,
    Tables,
    apply_default_package,
    components,
    evaluate,
    fill_missing_package,
    load_profile,
    load_rates,
    load_tables,
)
from arbkit.profit.reason_codes import Reason
from arbkit.profit.route_frame import route_rows
from arbkit.store import open_store
from arbkit.stream import ALERTS_TOPIC, Log, Record, open_log

__all__ = [
    "DEMAND_COLUMNS",
    "IDENTITY_COLUMNS",
    "DetectParameters",
    "Detection",
    "detect",
    "opportunities_of",
    "run",
    "unknown_table",
]

logger = logging.getLogger(__name__)

IDENTITY_COLUMNS = ("title", "brand", "category", "source")
DEMAND_COLUMNS = (
    "shipping_minor",
    "price_avg90_minor",
    "buy_box_is_amazon",
    "amazon_minor",
    "amazon_at",
    "sales_rank",
    "out_of_stock90_pct",
)
_ALERT_LIFE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The outcome. ``unknown`` counts, by reason, the routes that could not be priced to the end."""

    run_id: str
    evaluated_at: float
    on: date
    products: int
    routes: int
    unknown: Mapping[str, int]
    opportunities: tuple[Opportunity, ...]
    new: tuple[str, ...]
    tables_version: str
    profile: str

    def headline(self) -> str:
        """The outcome in one sentence."""
        demo = " of the DEMO market" if any(o.demo for o in self.opportunities) else ""
        return (
            f"{len(self.opportunities)} opportunities ({len(self.new)} new) among {self.routes} routes of "
            f"{self.products} products{demo}, with profile {self.profile!r} and the tables of {self.on}"
        )

    def frame(self) -> pd.DataFrame:
        """The opportunities as a table, best first, one row a route."""
        columns = [
            "asin", "title", "source", "target", "buy_price", "buy_currency", "sell_price", "sell_currency",
            "profit", "currency", "roi_pct", "margin_pct", "fees", "fulfilment", "confidence",
        ]  # fmt: skip
        return pd.DataFrame([{c: getattr(o, c) for c in columns} for o in self.opportunities], columns=columns)

    def to_dict(self, *, limit: int | None = None, with_components: bool = True) -> dict[str, Any]:
        """The document of ``result.json``; ``limit`` shortens ``items``, never the counts."""
        return {
            "run_id": self.run_id,
            "evaluated_at": datetime.fromtimestamp(self.evaluated_at, UTC).isoformat(timespec="seconds"),
            "on": self.on.isoformat(),
            "products": self.products,
            "routes": self.routes,
            "unknown": dict(self.unknown),
            "total": len(self.opportunities),
            "new": list(self.new),
            "tables_version": self.tables_version,
            "profile": self.profile,
            "items": [o.public(now=self.evaluated_at, components=with_components) for o in self.opportunities[:limit]],
        }

    def summary(self) -> dict[str, Any]:
        """The few figures that a list of runs shows."""
        return {
            "products": self.products,
            "routes": self.routes,
            "total": len(self.opportunities),
            "new": len(self.new),
            "unknown": dict(self.unknown),
        }


def run(settings: Settings, parameters: DetectParameters | None = None, *, run_id: str) -> Detection:
    """Detect over the whole store, replace ``opportunities`` and publish an alert for each new one.

    Raises:
        ConfigError: the profile, a table or a setting is wrong.
        StoreError, LogError: nothing was replaced, or nothing was announced.
    """
    parameters = parameters or DetectParameters()
    profile, tables, rates = (
        load_profile(settings.profile_path, settings.profile_name),
        load_tables(),
        load_rates(),
    )
    with open_store(settings) as store, open_log(settings) as log:
        columns = list(dict.fromkeys(["asin", "market", *IDENTITY_COLUMNS, *DEMAND_COLUMNS, *OFFER_COLUMNS]))
        found = detect(store.scan_offers(columns), profile, tables, rates, parameters=parameters, run_id=run_id)
        new = store.replace_opportunities(found.opportunities, run_id=run_id)
        result = Detection(**{**{f: getattr(found, f) for f in found.__slots__}, "new": tuple(new)})
        _announce(log, result)
    logger.info(
        "%d routes of %d products: %d opportunities, %d new",
        result.routes, result.products, len(result.opportunities), len(result.new),
    )  # fmt: skip
    return result


def detect(
    offers: Iterator[pd.DataFrame],
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    parameters: DetectParameters,
    run_id: str,
    now: float | None = None,
) -> Detection:
    """Price every route of these offers and keep those that pass ``parameters``, best profit first.

    ``offers``: frames of :class:`~arbkit.core.models.Offer` fields, a product never split over two of them.
    """
    now = time.time() if now is None else now
    on = parameters.on or datetime.fromtimestamp(now, UTC).date()
    products = routes = 0
    unknown: Counter[Reason] = Counter()
    found: list[Opportunity] = []
    for frame in offers:
        facts = apply_default_package(fill_missing_package(frame), profile)
        evaluated = evaluate(facts, profile, tables, rates, on=on, routes=_routes(parameters))
        products += frame["asin"].nunique()
        routes += int(evaluated.listed_on_both.sum())
        unknown.update(evaluated.unknown_counts())
        kept = evaluated.frame(_passes(evaluated, parameters, now))
        if not kept.empty:
            found.extend(opportunities_of(kept, facts, profile, tables, rates, on=on, now=now, run_id=run_id))
    found.sort(key=lambda o: (-o.profit, o.id))
    return Detection(
        run_id=run_id,
        evaluated_at=now,
        on=on,
        products=products,
        routes=routes,
        unknown={reason.message: count for reason, count in unknown.most_common()},
        opportunities=tuple(found),
        new=(),
        tables_version=tables.on(on).version,
        profile=profile.name,
    )


def _routes(parameters: DetectParameters) -> list[tuple[str, str]] | None:
    if not parameters.sources and not parameters.targets:
        return None
    sources, targets = parameters.sources or tuple(MARKETS), parameters.targets or tuple(MARKETS)
    return [(source, target) for source in sources for target in targets if source != target]


def _passes(evaluated: Evaluation, parameters: DetectParameters, now: float) -> npt.NDArray[np.bool_]:
    passes = np.round(evaluated.profit, 2) >= parameters.min_profit
    if parameters.min_roi is not None:
        passes &= evaluated.roi_pct >= parameters.min_roi
    if parameters.min_margin is not None:
        passes &= evaluated.margin_net_pct >= parameters.min_margin
    if parameters.max_age_hours is not None:
        passes &= now - evaluated.updated_at <= parameters.max_age_hours * 3600
    return np.asarray(passes)


def opportunities_of(
    routes: pd.DataFrame,
    facts: pd.DataFrame,
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    now: float,
    run_id: str,
) -> list[Opportunity]:
    """Priced routes (:meth:`arbkit.profit.Evaluation.frame`) of these offers as opportunities, profitable or not."""
    return list(_opportunities(_joined(routes, facts), profile, tables, rates, on=on, now=now, run_id=run_id))


def _joined(routes: pd.DataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    """The routes with what the two offers say beside money, prefixed ``buy_`` and ``sell_``."""
    facts = offers[["asin", "market", *IDENTITY_COLUMNS, *DEMAND_COLUMNS]]
    for side, place in (("buy_", "source"), ("sell_", "target")):
        renamed = facts.rename(columns={c: side + c for c in [*IDENTITY_COLUMNS, *DEMAND_COLUMNS]})
        routes = routes.merge(
            renamed, how="left", left_on=["asin", place], right_on=["asin", "market"], validate="many_to_one"
        ).drop(columns="market")
    return routes


def _opportunities(
    routes: pd.DataFrame, profile: Profile, tables: Tables, rates: Rates, *, on: date, now: float, run_id: str
) -> Iterator[Opportunity]:
    day = tables.on(on)
    confidence, rules = score_confidence(routes, now=now)
    for index, (row, priced) in enumerate(zip(_records(routes), route_rows(routes), strict=True)):
        source, target = market(row["source"]), market(row["target"])
        yield Opportunity(
            asin=row["asin"],
            title=_text(row["sell_title"]) or _text(row["buy_title"]),
            brand=_text(row["sell_brand"]) or _text(row["buy_brand"]),
            category=_text(row["sell_category"]) or _text(row["buy_category"]),
            source=source.code,
            target=target.code,
            buy_price=round(float(row["buy_price"]), 2),
            buy_currency=row["buy_currency"],
            sell_price=round(float(row["sell_price"]), 2),
            sell_currency=row["sell_currency"],
            price_basis={"buy": row["buy_basis"], "sell": row["sell_basis"]},
            profit=round(float(row["profit"]), 2),
            roi_pct=round(float(row["roi_pct"]), 1),
            margin_pct=round(float(row["margin_net_pct"]), 1),
            spread_pct=round(float(row["spread_pct"]), 1),
            fees=round(float(row["fees"]), 2),
            currency=row["currency"],
            fulfilment=row["fulfilment"],
            confidence=float(confidence[index]),
            confidence_reasons=tuple(rule.message for rule in rules[index]),
            data_at=int(row["updated_at"]),
            tables_version=day.version,
            profile=profile.name,
            evaluated_at=now,
            source_url=source.url(row["asin"]),
            target_url=target.url(row["asin"]),
            demo=row["buy_source"] == "demo" or row["sell_source"] == "demo",
            amazon_sells=amazon_sells(
                amazon_minor=row["sell_amazon_minor"],
                amazon_at=row["sell_amazon_at"],
                buy_box_is_amazon=row["sell_buy_box_is_amazon"],
            ),
            components=tuple(components(priced, profile, day, rates)),
            run_id=run_id,
        )


def _records(routes: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = [str(name) for name in routes.columns]
    for values in zip(*(routes[name].tolist() for name in names), strict=True):
        yield dict(zip(names, values, strict=True))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _announce(log: Log, result: Detection) -> None:
    """One alert for each opportunity that was not there before."""
    new = set(result.new)
    log.publish(
        ALERTS_TOPIC,
        [
            Record(
                key=o.asin,
                value=orjson.dumps(
                    {
                        "v": 1,
                        "asin": o.asin,
                        "reason": "new_opportunity",
                        "confidence": o.confidence,
                        "priority": priority(o),
                        "expires_at": result.evaluated_at + _ALERT_LIFE_S,
                        "opportunity": o.public(now=result.evaluated_at),
                    }
                ),
            )
            for o in result.opportunities
            if o.id in new
        ],
    )


def priority(opportunity: Opportunity) -> float:
    """Profit weighted by confidence, in the opportunity's currency: what to look at first."""
    return round(opportunity.profit * opportunity.confidence, 2)


def unknown_table(unknown: Mapping[str, int]) -> pd.DataFrame:
    """Reasons why routes could not be priced, most frequent first."""
    return pd.DataFrame(list(unknown.items()), columns=["reason", "routes"])
