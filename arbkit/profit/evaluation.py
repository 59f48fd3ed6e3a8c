"""What a route leaves: every fee and tax as its own component, over all routes of all products at once. Pure.

Products are priced in batches (:mod:`arbkit.profit.route_batch`); frames with components in cents
(:mod:`arbkit.profit.route_frame`) are made only of the routes that are looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import permutations

import numpy as np
import pandas as pd

from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.arrays import Floats, Ints, Mask
from arbkit.profit.fees.tables import Tables
from arbkit.profit.offer_costs import OfferCosts, cost_offers
from arbkit.profit.reason_codes import UNKNOWN, Reason, decode_reasons
from arbkit.profit.route_batch import RouteBatch
from arbkit.profit.route_frame import ChosenRoutes, Column, route_columns
from arbkit.profit.seller.profile import FulfilmentMethod, Profile
from arbkit.profit.trade_costs import SellerCosts

_BATCH = 1 << 14
"""Products priced together: intermediate results fit the processor's cache."""
_KEPT = 1 << 13
"""Of at most as many products the two sides of each route are kept for those that are looked at."""


def evaluate(
    offers: pd.DataFrame,
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    selling: pd.DataFrame | None = None,
    routes: Sequence[tuple[str, str]] | None = None,
) -> Evaluation:
    """Every route of these offers (:func:`~arbkit.profit.offer_costs.cost_offers`) by its best fulfilment method.

    ``selling``: the same products as they are sold, where that differs from ``offers``; ``routes``: (source, target)
    pairs to look at, None: all.
    """
    day = tables.on(on)
    bought = cost_offers(offers, profile, day)
    sold = bought if selling is None else cost_offers(selling, profile, day)
    return evaluate_costs(bought, sold, SellerCosts(profile, day, rates), routes=routes)


def evaluate_costs(
    buying: OfferCosts,
    selling: OfferCosts,
    seller: SellerCosts,
    *,
    routes: Sequence[tuple[str, str]] | None = None,
    methods: Sequence[FulfilmentMethod] | None = None,
) -> Evaluation:
    """As :func:`evaluate`, of products bought as one says and sold as the other says (same products).

    ``methods`` in place of the profile's, whether eligible or not.
    """
    return Evaluation(buying, selling, seller, routes, methods)


class Evaluation:
    """All routes of all products. Arrays of shape (routes, products); amounts in the home currency, exact.

    ``listed_on_both``: offered on both marketplaces. ``profit`` is NaN where something needed is unknown or no method
    is eligible; ``method_index`` is the index in ``methods`` of the one that leaves most.
    """

    def __init__(
        self,
        buying: OfferCosts,
        selling: OfferCosts,
        seller: SellerCosts,
        routes: Sequence[tuple[str, str]] | None,
        methods: Sequence[FulfilmentMethod] | None,
    ) -> None:
        """Price every route; see :func:`evaluate_costs`."""
        self.buying, self.selling, self.seller = buying, selling, seller
        self.methods: tuple[FulfilmentMethod, ...] = tuple(methods or seller.profile.fulfilment)
        self._forced = methods is not None
        self.routes = tuple(permutations(MARKET_CODES, 2) if routes is None else routes)
        shape = (len(self.routes), len(buying.asins))
        self.listed_on_both = np.empty(shape, bool)
        self.profit, self.invested = np.empty(shape), np.empty(shape)
        self.method_index = np.zeros(shape, np.int8)
        self._kept: RouteBatch | None = None
        for start in range(0, shape[1], _BATCH):
            part = slice(start, start + _BATCH)
            batch = self._batch(part)
            if shape[1] <= _KEPT:
                self._kept = batch
            for route in range(shape[0]):
                at = route, part
                self.listed_on_both[at] = batch.listed_on_both(route)
                batch.price(route, self.profit[at], self.invested[at], self.method_index[at])

    def profit_of(self, selling: OfferCosts, products: Ints) -> Floats:
        """The profit of these products alone, sold as another says: of shape (routes, products)."""
        profit = np.empty((len(self.routes), len(products)))
        for start in range(0, len(products), _BATCH):
            part = slice(start, start + _BATCH)
            batch = self._batch(products[part], selling.part(part))
            invested, method_index = np.empty(batch.count), np.zeros(batch.count, np.int8)
            for route in range(len(self.routes)):
                batch.price(route, profit[route, part], invested, method_index)
        return profit

    @property
    def roi_pct(self) -> Floats:
        """Profit in percent of what is invested."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(100 * self.profit / self.invested)

    @property
    def margin_net_pct(self) -> Floats:
        """Profit in percent of the revenue without VAT."""
        targets = [MARKET_CODES.index(t) for _, t in self.routes]
        rates = np.array([self.seller.rate[code] for code in MARKET_CODES])
        revenue = (self.selling.sell_price * rates[:, None])[targets]
        net = revenue / (1 + self.selling.vat_rate[targets])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(100 * self.profit / (net if self.seller.registered else self._without_vat(revenue, net)))

    def _without_vat(self, revenue: Floats, net: Floats) -> Floats:
        """The revenue of an unregistered seller: without VAT where the marketplace owes it."""
        taxed = np.zeros(self.profit.shape, bool)
        for route, (source, target) in enumerate(self.routes):
            for index, method in enumerate(self.methods):
                stock = self.seller.profile.stock_country(method, source, target)
                collected = self.seller.vat_is_collected(self.selling, target, stock)
                taxed[route] |= collected & (self.method_index[route] == index)
        return np.where(taxed, net, revenue)

    @property
    def updated_at(self) -> Floats:
        """The older of the two offers' times, Unix seconds."""
        sources, targets = ([MARKET_CODES.index(route[i]) for route in self.routes] for i in (0, 1))
        return np.asarray(np.fmin(self.buying.updated_at[sources], self.selling.updated_at[targets]))

    def unknown_counts(self) -> dict[Reason, int]:
        """How many routes are unknown for each reason, the most frequent first."""
        counts: Counter[Reason] = Counter()
        batch, chosen = self._chosen(self.rows(np.isnan(self.profit)))
        flags = [batch.reasons(route, chosen.product[at], chosen.total[at], chosen.method[at])
                 for route, _, at in chosen.groups()]  # fmt: skip
        values, each = np.unique(np.concatenate([np.zeros(0, np.uint64), *flags]) & UNKNOWN, return_counts=True)
        for reasons, count in zip(decode_reasons(values, self.seller.reason_parameters), each, strict=True):
            counts.update(dict.fromkeys(reasons, int(count)))
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0].message)))

    def frame(self, wanted: Mask | None = None) -> pd.DataFrame:
        """The routes of ``wanted`` (same shape; None: all that are listed on both), one row each.

        Columns are the fields of :class:`~arbkit.profit.route_frame.RouteRow`.
        """
        return pd.DataFrame(self.columns(self.rows(wanted))) if self.routes else pd.DataFrame()

    def rows(self, wanted: Mask | None = None) -> tuple[Ints, Ints]:
        """The routes of ``wanted`` as in :meth:`frame`: of each row the index of the route and of the product.

        They are in the order of the routes, those of one route by the method.
        """
        chosen = self.listed_on_both if wanted is None else wanted & self.listed_on_both
        route, product = np.nonzero(chosen)
        order = np.lexsort((product, self.method_index[route, product], route))
        return route[order], product[order]

    def columns(self, rows: tuple[Ints, Ints]) -> dict[str, Column]:
        """The routes of :meth:`rows` by name of the fields of :class:`~arbkit.profit.route_frame.RouteRow`."""
        return route_columns(*self._chosen(rows))

    def _chosen(self, rows: tuple[Ints, Ints]) -> tuple[RouteBatch, ChosenRoutes]:
        """The routes of :meth:`rows`, and a batch that holds their products."""
        route, product = rows
        batch = self._kept
        if batch is None:
            products, product = np.unique(product, return_inverse=True)
            batch = self._batch(products)
        method = self.method_index[rows].astype(np.int64)
        return batch, ChosenRoutes(route, product, method, self.profit[rows], self.invested[rows])

    def _batch(self, products: slice | Ints, selling: OfferCosts | None = None) -> RouteBatch:
        buying = self.buying.part(products)
        if selling is None:
            selling = buying if self.selling is self.buying else self.selling.part(products)
        return RouteBatch(buying, selling, self.seller, self.routes, self.methods, forced=self._forced)
