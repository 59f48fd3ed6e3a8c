"""Pricing of routes: one :func:`price_routes` for detection, pages and notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import permutations
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from arbkit.analysis.confidence import Lowered, score_confidence
from arbkit.analysis.demand import amazon_sells, amazon_share
from arbkit.analysis.listing.match import Match
from arbkit.analysis.listing.sides import Listings, compare_sides
from arbkit.analysis.offers import DEMAND_COLUMNS, IDENTITY_COLUMNS, texts_of
from arbkit.core.marketplaces import MARKET_CODES, MARKETS
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import ComponentRow, RouteStatus
from arbkit.profit import COMPONENTS, Evaluation, Profile, Rates, Tables, evaluate
from arbkit.profit.breakdown import Breakdown
from arbkit.profit.components import rounded
from arbkit.profit.facts.ranges import profit_range
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects
from arbkit.profit.offer_facts import numbers, prices
from arbkit.profit.reason_codes import join_messages, messages
from arbkit.profit.route_frame import Column, RouteRow, route_rows
from arbkit.profit.seller.profile import Basis
from arbkit.store.base import Stats

Cells = dict[tuple[str, str], tuple[float | None, str]]
"""(source, target) → value and words, as :func:`~arbkit.display.charts.routes_figure` draws them."""

ForecastFields = Mapping[str, float | str | None]
"""The fields of an :class:`~arbkit.core.models.Opportunity` that a forecast fills."""
_NO_FORECASTS: Mapping[tuple[str, str, str], ForecastFields] = {}

_PRICES: Sequence[Basis] = ("spot", "avg90")
"""What a listing costs now, and on average: their ratio is the position of its price."""

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


class _Common(NamedTuple):
    """What all opportunities of one pricing have in common."""

    evaluated_at: float
    run_id: str
    tables_version: str
    profile: str


class RoutePrices:
    """The routes of many products, priced at once. ``evaluation`` holds the figures as arrays (routes, products)."""

    def __init__(self, evaluation: Evaluation, selling: pd.DataFrame) -> None:
        """``selling``: the prepared offers as they are sold."""
        self.evaluation = evaluation
        self._seller, self._selling = evaluation.seller, selling
        self._breakdown = Breakdown(self._seller.profile, self._seller.day, self._seller.rates)

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
        forecasts: Mapping[tuple[str, str, str], ForecastFields] = _NO_FORECASTS,
    ) -> list[Opportunity]:
        """The wanted routes that could be priced, profitable or not, as opportunities.

        Args:
            wanted: of shape (routes, products); None: all.
            now: Unix seconds, to which the age of prices counts.
            evaluated_at: Unix seconds; None: ``now``.
            run_id: of the detection.
            listings: gives whole offers of products, whose listings are compared; None: they are not.
            forecasts: what each says of its forecast, by ASIN, source and target, where it has one.
        """
        route, product = self.evaluation.rows(wanted)
        priced = ~np.isnan(self.evaluation.profit[route, product])
        rows = route[priced], product[priced]
        columns = self.evaluation.columns(rows)
        common = self._common(now if evaluated_at is None else evaluated_at, run_id)
        return self._opportunities(columns, rows, now, listings, common, forecasts)

    def routes(self, *, now: float, listings: Listings | None = None) -> list[PricedRoute]:
        """Every route that is offered, the most profitable first and those that cannot be priced last."""
        route, product = self.evaluation.rows()
        columns = self.evaluation.columns((route, product))
        known = ~np.isnan(self.evaluation.profit[route, product])
        of_known = {name: values[known] for name, values in columns.items()}
        rows = route[known], product[known]
        opportunities = self._opportunities(of_known, rows, now, listings, self._common(now), _NO_FORECASTS)
        priced = {o.id: o for o in opportunities}
        found = [self._route(row, priced) for row in route_rows(columns)]
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
            components=found.components if found else tuple(self._breakdown.components(row)),
            opportunity=found,
        )

    def _opportunities(
        self,
        columns: dict[str, Column],
        rows: tuple[Ints, Ints],
        now: float,
        listings: Listings | None,
        common: _Common,
        forecasts: Mapping[tuple[str, str, str], ForecastFields],
    ) -> list[Opportunity]:
        """The opportunities of these columns and :meth:`~arbkit.profit.Evaluation.rows`, all of them priced."""
        if not len(rows[0]):
            return []
        columns |= self._of_both_offers(rows)
        columns["profit_low"], columns["profit_high"] = self._ranges_of(rows, cast(Floats, columns["profit"]))
        pairs = zip(*(columns[name].tolist() for name in ("asin", "source", "target")), strict=True)
        matches = compare_sides(pairs, listings)
        columns["match_verdict"] = np.array([None if match is None else match.verdict for match in matches], object)
        columns["match_differs"] = np.array([match is not None and match.differs for match in matches], bool)
        confidence, lowered = score_confidence(columns, now=now)
        each = zip(route_rows(columns), confidence.tolist(), lowered, matches, strict=True)
        return [self._opportunity(row, score, rules, match, common, forecasts) for row, score, rules, match in each]

    def _common(self, evaluated_at: float, run_id: str = "") -> _Common:
        return _Common(evaluated_at, run_id, self._seller.day.version, self._seller.profile.name)

    def _opportunity(
        self,
        route: RouteRow,
        confidence: float,
        rules: Lowered,
        match: Match | None,
        common: _Common,
        forecasts: Mapping[tuple[str, str, str], ForecastFields],
    ) -> Opportunity:
        row = cast("Mapping[str, Any]", route)
        asin, source, target = route["asin"], route["source"], route["target"]
        forecast: Mapping[str, Any] = forecasts.get((asin, source, target), {})
        share, share_basis = amazon_share(
            buy_box_pct=row["sell_amazon_buy_box90_pct"],
            absent_pct=row["sell_amazon_absent90_pct"],
            days=row["sell_amazon_days90"],
        )
        return Opportunity(
            asin=asin,
            title=_text(row["sell_title"]) or _text(row["buy_title"]),
            brand=_text(row["sell_brand"]) or _text(row["buy_brand"]),
            category=_text(row["sell_category"]) or _text(row["buy_category"]),
            source=source,
            target=target,
            buy_price=round(row["buy_price"], 2),
            buy_currency=row["buy_currency"],
            sell_price=round(row["sell_price"], 2),
            sell_currency=row["sell_currency"],
            price_basis={"buy": row["buy_basis"], "sell": row["sell_basis"]},
            profit=round(row["profit"], 2),
            profit_low=rounded(row["profit_low"]),
            profit_high=rounded(row["profit_high"]),
            status=_status(row["profit_low"], row["profit_high"], match),
            roi_pct=round(row["roi_pct"], 1),
            margin_pct=round(row["margin_net_pct"], 1),
            spread_pct=round(row["spread_pct"], 1),
            fees=round(row["fees"], 2),
            currency=row["currency"],
            fulfilment=row["fulfilment"],
            input_vat=row["input_vat_case"],
            confidence=confidence,
            confidence_reasons=rules.messages,
            warnings=rules.warnings,
            match=None if match is None else match.row(),
            rank=_whole(row["sell_sales_rank"]),
            rank_drops30=_whole(row["sell_rank_drops30"]),
            rank_drops90=_whole(row["sell_rank_drops90"]),
            monthly_sold=_whole(row["sell_monthly_sold"]),
            sellers=_whole(row["sell_offers_new"]),
            sellers_fba=_whole(row["sell_offers_fba"]),
            sellers_fbm=_whole(row["sell_offers_fbm"]),
            amazon_share90_pct=share,
            amazon_share_basis=share_basis,
            sell_avg90=rounded(row["sell_avg90"]),
            sell_position_pct=rounded(100 * (row["sell_spot"] / row["sell_avg90"] - 1)),
            eans=tuple(texts_of(row["sell_eans"])) or tuple(texts_of(row["buy_eans"])),
            max_buy=rounded(math.floor(100 * row["max_buy"]) / 100) if row["max_buy"] > 0 else None,
            data_at=int(row["updated_at"]),
            tables_version=common.tables_version,
            profile=common.profile,
            evaluated_at=common.evaluated_at,
            source_url=MARKETS[source].url(asin),
            target_url=MARKETS[target].url(asin),
            demo=row["buy_origin"] == "demo" or row["sell_origin"] == "demo",
            amazon_sells=amazon_sells(
                amazon_minor=row["sell_amazon_minor"],
                amazon_at=row["sell_amazon_at"],
                buy_box_is_amazon=row["sell_buy_box_is_amazon"],
            ),
            components=tuple(self._breakdown.components(route)),
            run_id=common.run_id,
            **forecast,
        )

    def _of_both_offers(self, rows: tuple[Ints, Ints]) -> dict[str, Column]:
        """What the two offers of each row say beside prices, prefixed ``buy_`` and ``sell_``."""
        evaluation, (route, product) = self.evaluation, rows
        found: dict[str, Column] = {}
        for side, prefix in enumerate(("buy_", "sell_")):
            markets = np.array([MARKET_CODES.index(pair[side]) for pair in evaluation.routes], np.int64)
            at = evaluation.buying.row[markets[route], product]
            for name, values in self._offer_facts.items():
                found[prefix + name] = column = values[at]
                # What is only sold there is not among the offers that are bought.
                column[at < 0] = math.nan
        return found

    @cached_property
    def _offer_facts(self) -> dict[str, Floats | Objects]:
        offers = self.evaluation.buying.fees.offers
        texts: dict[str, Floats | Objects] = {name: offers[name].to_numpy(object) for name in IDENTITY_COLUMNS}
        asked = {basis: prices(offers, basis, buying=False).price for basis in _PRICES}
        return texts | {name: numbers(offers, name) for name in DEMAND_COLUMNS} | asked

    def _ranges_of(self, rows: tuple[Ints, Ints], cents: Floats) -> tuple[Floats, Floats]:
        """The lowest and the highest profit of each row; those of a measured package to the cent of its components."""
        exact, (low, high) = self.evaluation.profit[rows], (bound[rows] for bound in self.profit_range)
        return np.where(low == exact, cents, low), np.where(high == exact, cents, high)


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


def best_cells_of(routes: pd.DataFrame, currency: str) -> Cells:
    """The highest profit on each route among the rows of a table."""
    cells: Cells = {}
    known = routes[routes["profit"].notna()].sort_values("profit")
    # The last of several stays, which is the best.
    for source, target, profit in zip(*(known[name].tolist() for name in ("source", "target", "profit")), strict=True):
        cells[source, target] = profit, f"{profit:.2f} {currency}, the best of these rows"
    return cells


def _status(low: float, high: float, match: Match | None) -> RouteStatus:
    """Whether it is an opportunity: not with other goods, nor where it is profitable only with some packages."""
    if match is not None and match.verdict == "different":
        return "different"
    if low > 0:
        return "opportunity"
    return "needs_size" if high > 0 else "loss"


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else int(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
