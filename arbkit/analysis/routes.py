"""Pricing of routes: one preparation of offers and one :func:`price_routes` for detection, pages and notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import permutations
from typing import Any, cast

import pandas as pd

from arbkit.analysis.confidence import score_confidence
from arbkit.analysis.demand import amazon_sells
from arbkit.core.marketplaces import MARKET_CODES, market
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import ComponentRow
from arbkit.profit import COMPONENTS, OFFER_COLUMNS, Evaluation, Profile, Rates, Tables, components, evaluate
from arbkit.profit.components import rounded
from arbkit.profit.fees.arrays import Mask
from arbkit.profit.offer_facts import apply_default_package, fill_missing_package
from arbkit.profit.reason_codes import join_messages, messages
from arbkit.profit.route_frame import RouteRow, route_rows
from arbkit.store.base import Stats

Cells = dict[tuple[str, str], tuple[float | None, str]]
"""(source, target) → value and words, as :func:`~arbkit.display.charts.routes_figure` draws them."""

IDENTITY_COLUMNS = ("title", "brand", "category", "origin")
DEMAND_COLUMNS = (
    "shipping_minor", "price_avg90_minor", "buy_box_is_amazon", "amazon_minor", "amazon_at", "sales_rank",
    "out_of_stock90_pct",
)  # fmt: skip
PRICING_COLUMNS = tuple(dict.fromkeys(("asin", "market", *IDENTITY_COLUMNS, *DEMAND_COLUMNS, *OFFER_COLUMNS)))
"""The fields of offers that a priced route is made from."""
_TEXTS = frozenset({"asin", "market", "price_basis", "category", "category_path", "title", "brand", "origin"})
_TABLE_COLUMNS = (
    "asin", "source", "target", "buy_price", "buy_currency", "sell_price", "sell_currency", "profit", "currency",
    "roi_pct", "margin_pct", "fulfilment", "unknown", "assumed",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedRoute:
    """One directed pair of marketplaces of a product, priced.

    Prices are shop prices in their currencies. ``profit``, ``roi_pct``, ``margin_pct`` and ``opportunity`` (the route
    as detection stores it) are None where the route cannot be priced; then ``unknown`` says why. ``assumed`` names
    what the figures take for granted.
    """

    asin: str
    source: str
    target: str
    buy_price: float | None
    buy_currency: str
    sell_price: float | None
    sell_currency: str
    currency: str
    profit: float | None = None
    roi_pct: float | None = None
    margin_pct: float | None = None
    fulfilment: str | None = None
    unknown: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    components: tuple[ComponentRow, ...] = ()
    opportunity: Opportunity | None = None

    @property
    def id(self) -> str:
        """The pair, as ``IT:DE``."""
        return f"{self.source}:{self.target}"


def prepare_offers(offers: Sequence[Offer] | pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Offers ready to be priced, one row each.

    Package facts that a listing lacks come from the product's other listings, else from the seller profile;
    ``package_from`` and ``package_assumed`` say so.

    Args:
        offers: all offers of each product, as models or as frames of :data:`PRICING_COLUMNS` (``Store.scan_offers``).
        profile: the seller, whose assumed package is used where no listing has one.
    """
    frame = offers if isinstance(offers, pd.DataFrame) else _offers_frame(offers)
    return apply_default_package(fill_missing_package(frame), profile)


def _offers_frame(offers: Sequence[Offer]) -> pd.DataFrame:
    """Offers with the columns and types of a store's scan."""
    rows = [[getattr(offer, name) for name in PRICING_COLUMNS] for offer in offers]
    frame = pd.DataFrame(rows, columns=[*PRICING_COLUMNS])
    return frame.astype({name: "float64" for name in PRICING_COLUMNS if name not in _TEXTS})


def price_routes(
    offers: pd.DataFrame,
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    selling: pd.DataFrame | None = None,
    routes: Sequence[tuple[str, str]] | None = None,
) -> RoutePrices:
    """Price every route between these offers by its best fulfilment method.

    Args:
        offers: of :func:`prepare_offers`; where ``selling`` is given, only what is bought.
        profile: the seller.
        tables: fee tables; those of ``on`` are used.
        rates: exchange rates; those of ``on`` are used.
        on: day of tables, VAT and exchange rates.
        selling: the same products as they are sold, where that differs from ``offers``.
        routes: (source, target) pairs to price; None: all.
    """
    return RoutePrices(evaluate(offers, profile, tables, rates, on=on, selling=selling, routes=routes))


class RoutePrices:
    """The routes of many products, priced at once. ``evaluation`` holds the figures as arrays (routes, products)."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self._seller = evaluation.seller

    def opportunities(self, wanted: Mask | None = None, *, now: float, run_id: str = "") -> list[Opportunity]:
        """The wanted routes that could be priced, profitable or not, as opportunities evaluated at ``now`` (Unix s)."""
        frame = self.evaluation.frame(wanted)
        if frame.empty:
            return []
        priced = frame["profit"].notna()
        return list(self._opportunities(frame if priced.all() else frame[priced], now, run_id))

    def routes(self, *, now: float) -> list[PricedRoute]:
        """Every route that is offered, the most profitable first and those that cannot be priced last."""
        frame = self.evaluation.frame()
        if frame.empty:
            return []
        priced = {o.id: o for o in self._opportunities(frame[frame["profit"].notna()], now, "")}
        found = [self._route(row, priced) for row in route_rows(frame)]
        return sorted(found, key=lambda r: (r.profit is None, -(r.profit or 0.0), r.asin, r.id))

    def _route(self, row: RouteRow, priced: Mapping[str, Opportunity]) -> PricedRoute:
        found = priced.get(f"{row['asin']}:{row['source']}:{row['target']}")
        return PricedRoute(
            asin=row["asin"],
            source=row["source"],
            target=row["target"],
            buy_price=rounded(row["buy_price"]),
            buy_currency=row["buy_currency"],
            sell_price=rounded(row["sell_price"]),
            sell_currency=row["sell_currency"],
            currency=row["currency"],
            profit=found.profit if found else None,
            roi_pct=found.roi_pct if found else None,
            margin_pct=found.margin_pct if found else None,
            fulfilment=row["fulfilment"],
            unknown=() if found else messages(row["unknown"]),
            assumed=messages(row["assumed"]),
            components=found.components if found else self._components(row),
            opportunity=found,
        )

    def _opportunities(self, routes: pd.DataFrame, now: float, run_id: str) -> Iterator[Opportunity]:
        routes = _with_both_offers(routes, self.evaluation.buying.fees.offers)
        confidence, rules = score_confidence(routes, now=now)
        for index, route in enumerate(route_rows(routes)):
            row = cast("Mapping[str, Any]", route)
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
                tables_version=self._seller.day.version,
                profile=self._seller.profile.name,
                evaluated_at=now,
                source_url=source.url(row["asin"]),
                target_url=target.url(row["asin"]),
                demo=row["buy_origin"] == "demo" or row["sell_origin"] == "demo",
                amazon_sells=amazon_sells(
                    amazon_minor=row["sell_amazon_minor"],
                    amazon_at=row["sell_amazon_at"],
                    buy_box_is_amazon=row["sell_buy_box_is_amazon"],
                ),
                components=self._components(route),
                run_id=run_id,
            )

    def _components(self, row: RouteRow) -> tuple[ComponentRow, ...]:
        return tuple(components(row, self._seller.profile, self._seller.day, self._seller.rates))


def _with_both_offers(routes: pd.DataFrame, offers: pd.DataFrame) -> pd.DataFrame:
    """The routes with what the two offers say beside prices, prefixed ``buy_`` and ``sell_``."""
    facts = offers[["asin", "market", *IDENTITY_COLUMNS, *DEMAND_COLUMNS]]
    for side, column in (("buy_", "source"), ("sell_", "target")):
        renamed = facts.rename(columns={c: side + c for c in [*IDENTITY_COLUMNS, *DEMAND_COLUMNS]})
        routes = routes.merge(
            renamed, how="left", left_on=["asin", column], right_on=["asin", "market"], validate="many_to_one"
        ).drop(columns="market")
    return routes


def routes_frame(prices: RoutePrices, offers: Sequence[Offer]) -> pd.DataFrame:
    """The routes between all marketplaces for the product of these offers, the most profitable first.

    ``asin, source, target, buy_price, sell_price`` (VAT included, in ``buy_currency`` and ``sell_currency``),
    ``profit``, ``roi_pct``, ``margin_pct`` (of net revenue), ``fulfilment``, ``unknown`` (why there is no profit, else
    empty), ``assumed`` and, last, a column per component (signed, in ``currency``).
    """
    priced = prices.evaluation.frame().rename(columns={"margin_net_pct": "margin_pct"})
    for reasons in ("unknown", "assumed"):
        priced[reasons] = [join_messages(found) for found in priced[reasons]]
    missing = pd.DataFrame(list(_not_offered(offers)), columns=["asin", "source", "target", "unknown"])
    made = pd.concat([priced[[*_TABLE_COLUMNS, *COMPONENTS]], missing], ignore_index=True)
    made["assumed"] = made["assumed"].fillna("")
    # What is partly unknown adds up to nothing: shares of it would mislead.
    made.loc[made["profit"].isna(), ["roi_pct", "margin_pct"]] = math.nan
    return made.sort_values(["profit", "source", "target"], ascending=[False, True, True], ignore_index=True)


def _not_offered(offers: Sequence[Offer]) -> Iterator[tuple[str, str, str, str]]:
    offered = {o.market for o in offers}
    for source, target in permutations(MARKET_CODES, 2):
        if absent := [code for code in (source, target) if code not in offered]:
            yield offers[0].asin, source, target, f"not listed on {' and '.join(absent)}"


def route_cells(routes: pd.DataFrame) -> Cells:
    """The profit of each route of :func:`routes_frame`, or why it is unknown."""
    names = ("source", "target", "profit", "currency", "unknown")
    cells: Cells = {}
    for source, target, profit, currency, unknown in zip(*(routes[n].tolist() for n in names), strict=True):
        known = not math.isnan(profit)
        cells[source, target] = (profit, f"{profit:.2f} {currency}") if known else (None, f"unknown: {unknown}")
    return cells


def best_cells(stats: Stats, currency: str) -> Cells:
    """The best opportunity of each route."""
    cells: Cells = {}
    for route, found in stats.routes.items():
        source, _, target = route.partition(":")
        text = f"{found['count']:,} opportunities, the best of {found['best_profit']:.2f} {currency}"
        cells[source, target] = found["best_profit"], text
    return cells


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
