"""Pricing of routes: one :func:`price_routes` for detection, pages and notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import permutations
from typing import Any, cast

import numpy as np
import pandas as pd

from arbkit.analysis.confidence import score_confidence
from arbkit.analysis.demand import amazon_sells
from arbkit.analysis.listing.match import Match
from arbkit.analysis.listing.sides import Listings, compare_sides
from arbkit.analysis.offers import DEMAND_COLUMNS, IDENTITY_COLUMNS
from arbkit.core.marketplaces import MARKET_CODES, market
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import ComponentRow, RouteStatus
from arbkit.profit import COMPONENTS, Evaluation, Profile, Rates, Tables, components, evaluate
from arbkit.profit.components import rounded
from arbkit.profit.facts.ranges import profit_range
from arbkit.profit.fees.arrays import Floats, Mask
from arbkit.profit.reason_codes import join_messages, messages
from arbkit.profit.route_frame import RouteRow, route_rows
from arbkit.store.base import Stats

Cells = dict[tuple[str, str], tuple[float | None, str]]
"""(source, target) → value and words, as :func:`~arbkit.display.charts.routes_figure` draws them."""

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
        offers: of :func:`~arbkit.analysis.offers.prepare_offers`; where ``selling`` is given, only what is bought.
        profile: the seller.
        tables: fee tables; those of ``on`` are used.
        rates: exchange rates; those of ``on`` are used.
        on: day of tables, VAT and exchange rates.
        selling: the same products as they are sold, where that differs from ``offers``.
        routes: (source, target) pairs to price; None: all.
    """
    evaluation = evaluate(offers, profile, tables, rates, on=on, selling=selling, routes=routes)
    return RoutePrices(evaluation, offers if selling is None else selling)


class RoutePrices:
    """The routes of many products, priced at once. ``evaluation`` holds the figures as arrays (routes, products)."""

    def __init__(self, evaluation: Evaluation, selling: pd.DataFrame) -> None:
        """``selling``: the prepared offers as they are sold."""
        self.evaluation = evaluation
        self._seller, self._selling = evaluation.seller, selling

    @cached_property
    def profit_range(self) -> tuple[Floats, Floats]:
        """The lowest and the highest profit over the packages that a product may have, as arrays (routes, products)."""
        return profit_range(self.evaluation, self._selling)

    def opportunities(
        self,
        wanted: Mask | None = None,
        *,
        now: float,
        evaluated_at: float | None = None,
        run_id: str = "",
        listings: Listings | None = None,
    ) -> list[Opportunity]:
        """The wanted routes that could be priced, profitable or not, as opportunities.

        Args:
            wanted: of shape (routes, products); None: all.
            now: Unix seconds, to which the age of prices counts.
            evaluated_at: Unix seconds; None: ``now``.
            run_id: of the detection.
            listings: gives whole offers of products, whose listings are compared; None: they are not.
        """
        frame = self.evaluation.frame(wanted)
        if frame.empty:
            return []
        priced = frame["profit"].notna()
        routes = frame if priced.all() else frame[priced]
        return list(self._opportunities(routes, now, listings, evaluated_at=evaluated_at, run_id=run_id))

    def routes(self, *, now: float, listings: Listings | None = None) -> list[PricedRoute]:
        """Every route that is offered, the most profitable first and those that cannot be priced last."""
        frame = self.evaluation.frame()
        if frame.empty:
            return []
        priced = {o.id: o for o in self._opportunities(frame[frame["profit"].notna()], now, listings)}
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

    def _opportunities(
        self,
        routes: pd.DataFrame,
        now: float,
        listings: Listings | None,
        *,
        evaluated_at: float | None = None,
        run_id: str = "",
    ) -> Iterator[Opportunity]:
        routes = _with_both_offers(routes, self.evaluation.buying.fees.offers)
        routes["profit_low"], routes["profit_high"] = self._ranges_of(routes)
        matches = compare_sides(zip(routes["asin"], routes["source"], routes["target"], strict=True), listings)
        routes["match_verdict"] = [None if match is None else match.verdict for match in matches]
        routes["match_differs"] = [match is not None and match.differs for match in matches]
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
                profit_low=rounded(row["profit_low"]),
                profit_high=rounded(row["profit_high"]),
                status=_status(row["profit_low"], row["profit_high"], matches[index]),
                roi_pct=round(float(row["roi_pct"]), 1),
                margin_pct=round(float(row["margin_net_pct"]), 1),
                spread_pct=round(float(row["spread_pct"]), 1),
                fees=round(float(row["fees"]), 2),
                currency=row["currency"],
                fulfilment=row["fulfilment"],
                input_vat=row["input_vat_case"],
                confidence=float(confidence[index]),
                confidence_reasons=tuple(rule.message for rule in rules[index]),
                warnings=tuple({"code": rule.code, "text": rule.message} for rule in rules[index]),
                match=None if (match := matches[index]) is None else match.row(),
                rank=_whole(row["sell_sales_rank"]),
                rank_drops30=_whole(row["sell_rank_drops30"]),
                sellers=_whole(row["sell_offers_new"]),
                max_buy=rounded(math.floor(100 * row["max_buy"]) / 100) if row["max_buy"] > 0 else None,
                data_at=int(row["updated_at"]),
                tables_version=self._seller.day.version,
                profile=self._seller.profile.name,
                evaluated_at=now if evaluated_at is None else evaluated_at,
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

    def _ranges_of(self, routes: pd.DataFrame) -> tuple[Floats, Floats]:
        """The lowest and the highest profit of each row; those of a measured package to the cent of its components."""
        evaluation = self.evaluation
        number = {route: position for position, route in enumerate(evaluation.routes)}
        at = (
            np.array([number[pair] for pair in zip(routes["source"], routes["target"], strict=True)], np.int64),
            pd.Index(evaluation.buying.asins).get_indexer(pd.Index(routes["asin"])),
        )
        low, high = (bound[at] for bound in self.profit_range)
        exact, cents = evaluation.profit[at], routes["profit"].to_numpy("float64")
        return np.where(low == exact, cents, low), np.where(high == exact, cents, high)

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


def _status(low: float, high: float, match: Match | None) -> RouteStatus:
    """Whether it is an opportunity: not with other goods, nor where it leaves money only with some packages."""
    if match is not None and match.verdict == "different":
        return "different"
    if low > 0:
        return "opportunity"
    return "needs_size" if high > 0 else "loss"


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else int(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
