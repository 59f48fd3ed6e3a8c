"""What a route leaves: every fee and tax as its own component, over all routes of all products at once. Pure.

Products are reckoned in blocks (:mod:`arbkit.profit.route_batch`); frames with components in cents are made only of the
routes somebody looks at.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.core.marketplaces import MARKETS
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.tables import Tables
from arbkit.profit.offer_costs import OfferCosts, cost_offers
from arbkit.profit.route_batch import RouteBatch
from arbkit.profit.seller_profile import FulfilmentMethod, Profile
from arbkit.profit.trade_costs import SellerCosts

__all__ = ["FULFILMENT_METHODS", "Evaluation", "evaluate", "evaluate_costs"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
FULFILMENT_METHODS: tuple[FulfilmentMethod, ...] = ("fba-local", "efn", "pan-eu", "fbm")
_CODES = list(MARKETS)
_BLOCK = 1 << 14
"""Products that are reckoned together: what lies between fits the processor's cache."""


def evaluate(
    offers: pd.DataFrame,
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    routes: Sequence[tuple[str, str]] | None = None,
) -> Evaluation:
    """Every route of these offers (:func:`~arbkit.profit.offer_costs.cost_offers`) by its best way of fulfilment.

    ``routes``: (source, target) pairs to look at; None: all.
    """
    day = tables.on(on)
    resolved = cost_offers(offers, profile, day)
    return evaluate_costs(resolved, resolved, SellerCosts(profile, day, rates), routes=routes)


def evaluate_costs(
    buying: OfferCosts,
    selling: OfferCosts,
    seller: SellerCosts,
    *,
    routes: Sequence[tuple[str, str]] | None = None,
    methods: Sequence[FulfilmentMethod] | None = None,
) -> Evaluation:
    """As :func:`evaluate`, of products bought as one says and sold as the other says (same products, same
    :class:`~arbkit.profit.reason_codes.Words`); ``methods`` in place of the profile's, open or not."""
    return Evaluation(buying, selling, seller, routes, methods)


class Evaluation:
    """All routes of all products. Arrays of shape (routes, products); amounts in the home currency, exact.

    ``listed_on_both``: offered on both marketplaces. ``profit`` is NaN where something needed is unknown or no way is
    open; ``way`` is the place in ``methods`` of the one that leaves most.
    """

    def __init__(
        self,
        buying: OfferCosts,
        selling: OfferCosts,
        seller: SellerCosts,
        routes: Sequence[tuple[str, str]] | None,
        methods: Sequence[FulfilmentMethod] | None,
    ) -> None:
        self.buying, self.selling, self.seller = buying, selling, seller
        self.methods: tuple[FulfilmentMethod, ...] = tuple(methods or seller.profile.fulfilment)
        self._forced = methods is not None
        self.routes = tuple(routes) if routes is not None else tuple((s, t) for s in _CODES for t in _CODES if s != t)
        shape = (len(self.routes), len(buying.asins))
        self.listed_on_both = np.empty(shape, bool)
        self.profit, self.invested = np.empty(shape), np.empty(shape)
        self.method_index = np.zeros(shape, np.int8)
        for start in range(0, shape[1], _BLOCK):
            here = slice(start, start + _BLOCK)
            batch = self._batch(here)
            for number in range(shape[0]):
                self.listed_on_both[number, here] = batch.listed_on_both(number)
                batch.price(
                    number, self.profit[number, here], self.invested[number, here], self.method_index[number, here]
                )

    @property
    def roi_pct(self) -> Floats:
        """Profit in percent of what is invested."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(100 * self.profit / self.invested)

    @property
    def margin_net_pct(self) -> Floats:
        """Profit in percent of the revenue without VAT."""
        targets = [_CODES.index(t) for _, t in self.routes]
        rates = np.array([self.seller.rate[code] for code in _CODES])
        revenue = self.selling.sell_price * rates[:, None]
        if self.seller.registered:
            revenue /= 1 + self.selling.vat_rate
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(100 * self.profit / revenue[targets])

    @property
    def updated_at(self) -> Floats:
        """The older of the two offers' times, Unix seconds."""
        sources, targets = ([_CODES.index(route[i]) for route in self.routes] for i in (0, 1))
        return np.asarray(np.fmin(self.buying.updated_at[sources], self.selling.updated_at[targets]))

    def unknown_counts(self) -> dict[str, int]:
        """How many routes are unknown for each reason, the most frequent first."""
        counts: dict[str, int] = {}
        unknown = self.listed_on_both & np.isnan(self.profit)
        products = np.flatnonzero(unknown.any(axis=0))
        batch = self._batch(products)
        for number in range(len(self.routes)):
            here = np.flatnonzero(unknown[number, products])
            profit, way = self.profit[number, products], self.method_index[number, products]
            text = batch.reasons(number, here, profit[here], way[here])[0]
            for reasons, count in zip(*np.unique(text, return_counts=True), strict=True):
                for reason in str(reasons).split("; "):
                    counts[reason] = counts.get(reason, 0) + int(count)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def frame(self, wanted: Mask | None = None) -> pd.DataFrame:
        """The routes of ``wanted`` (same shape; None: all that are there), one row each.

        ``asin, source, target, buy_price, buy_currency, sell_price, sell_currency`` (shop prices, major units),
        ``buy_basis, sell_basis``, a column per name of :data:`COMPONENTS` (signed, cents, ``currency``),
        ``profit, invested, roi_pct, margin_net_pct, margin_gross_pct, spread_pct, fees, fulfilment``, what explains
        them, and ``unknown`` and ``assumed``: reasons joined by ``"; "``.
        """
        chosen = self.listed_on_both if wanted is None else wanted & self.listed_on_both
        products = np.flatnonzero(chosen.any(axis=0))
        batch = self._batch(products)
        parts = []
        for number in range(len(self.routes)):
            way = self.method_index[number, products]
            for place in range(len(self.methods)):
                here = np.flatnonzero(chosen[number, products] & (way == place))
                if len(here):
                    at = products[here]
                    parts.append(batch.frame(number, place, here, self.profit[number, at], self.invested[number, at]))
        if not parts:
            nothing = np.zeros(0, np.int64)
            return batch.frame(0, 0, nothing, np.zeros(0), np.zeros(0)) if self.routes else pd.DataFrame()
        return pd.concat(parts, ignore_index=True)

    def _batch(self, products: slice | npt.NDArray[np.int64]) -> RouteBatch:
        one = self.buying.part(products)
        other = one if self.selling is self.buying else self.selling.part(products)
        return RouteBatch(one, other, self.seller, self.routes, self.methods, forced=self._forced)
