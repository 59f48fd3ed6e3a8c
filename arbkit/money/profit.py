"""What a route leaves: every fee and tax as its own component, over all routes of all products at once. Pure.

Selling and buying are reckoned once per product and marketplace (:mod:`arbkit.money.sides`); a route is the sum of
the two and of what lies between. Frames with components in cents are made only of the routes somebody looks at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.markets import MARKETS
from arbkit.money.cents import COMPONENTS, to_cents
from arbkit.money.fx import Rates
from arbkit.money.profile import Profile, Way, why_not
from arbkit.money.reasons import Flags
from arbkit.money.resolve import Resolved, resolve
from arbkit.money.sides import Cross, Seller, Side
from arbkit.money.tables import Tables

__all__ = ["WAYS", "Evaluation", "evaluate", "evaluate_resolved"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
WAYS: tuple[Way, ...] = ("fba-local", "efn", "pan-eu", "fbm")
CLOSED = "no way of fulfilment is open to this profile"
_DUTY = "duty unknown: set duty_pct"
_CODES = list(MARKETS)
_FEES = (
    "referral_fee", "closing_fee", "fulfilment_fee", "fuel_surcharge", "peak_surcharge", "digital_services_fee",
    "vat_on_fees", "storage", "refunds",
)  # fmt: skip


def evaluate(
    offers: pd.DataFrame,
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    on: date,
    routes: Sequence[tuple[str, str]] | None = None,
) -> Evaluation:
    """Every route of these offers (:func:`~arbkit.money.resolve.resolve`) by its best way of fulfilment.

    ``routes``: (source, target) pairs to look at; None: all.
    """
    day = tables.on(on)
    resolved = resolve(offers, profile, day)
    return evaluate_resolved(resolved, resolved, Seller(profile, day, rates), routes=routes)


def evaluate_resolved(
    buying: Resolved,
    selling: Resolved,
    seller: Seller,
    *,
    routes: Sequence[tuple[str, str]] | None = None,
    ways: Sequence[Way] | None = None,
) -> Evaluation:
    """As :func:`evaluate`, of products bought as one says and sold as the other says (same products, same
    :class:`~arbkit.money.reasons.Words`); ``ways`` in place of the profile's, open or not."""
    return Evaluation(buying, selling, seller, routes, ways)


@dataclass(frozen=True, slots=True)
class _Leg:
    """One way of one route: the selling side, the stock's country and what crossing adds."""

    way: Way
    stock: str
    side: Side
    open: bool


class Evaluation:
    """All routes of all products. Arrays of shape (routes, products); amounts in the home currency, exact.

    ``there``: offered on both marketplaces. ``profit`` is NaN where something needed is unknown or no way is
    open; ``way`` is the place in ``ways`` of the one that leaves most.
    """

    def __init__(
        self,
        buying: Resolved,
        selling: Resolved,
        seller: Seller,
        routes: Sequence[tuple[str, str]] | None,
        ways: Sequence[Way] | None,
    ) -> None:
        self.buying, self.selling, self.seller = buying, selling, seller
        self.ways: tuple[Way, ...] = tuple(ways or seller.profile.fulfilment)
        self._forced = ways is not None
        self.routes = tuple(routes) if routes is not None else tuple((s, t) for s in _CODES for t in _CODES if s != t)
        shape = (len(self.routes), len(buying.asins))
        self.there = np.empty(shape, bool)
        self.profit, self.invested = np.empty(shape), np.empty(shape)
        self.way = np.zeros(shape, np.int8)
        self._buys: dict[str, Side] = {}
        self._sells: dict[tuple[str, Way, str], Side] = {}
        self._legs: list[list[_Leg]] = []
        self._crosses: list[Cross | None] = []
        self._duty_unknown = np.isnan(seller.duty_rate)
        for number, (source, target) in enumerate(self.routes):
            self._route(number, source, target)

    @property
    def roi_pct(self) -> Floats:
        """Profit in percent of what is invested."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(100 * self.profit / self.invested)

    @property
    def margin_net_pct(self) -> Floats:
        """Profit in percent of the revenue without VAT."""
        margin = np.empty_like(self.profit)
        for number, legs in enumerate(self._legs):
            parts = legs[0].side.components
            with np.errstate(invalid="ignore", divide="ignore"):
                margin[number] = 100 * self.profit[number] / (parts["sale_price"] + parts["output_vat"])
        return margin

    @property
    def updated_at(self) -> Floats:
        """The older of the two offers' times, Unix seconds."""
        times = [
            np.fmin(self.buying.updated_at[_CODES.index(s)], self.selling.updated_at[_CODES.index(t)])
            for s, t in self.routes
        ]
        return np.array(times).reshape(self.profit.shape)

    def unknown_counts(self) -> dict[str, int]:
        """How many routes are unknown for each reason, the most frequent first."""
        counts: dict[str, int] = {}
        for number in range(len(self.routes)):
            products = np.flatnonzero(self.there[number] & np.isnan(self.profit[number]))
            for text, count in zip(*np.unique(self._text(number, products)[0], return_counts=True), strict=True):
                for reason in str(text).split("; "):
                    counts[reason] = counts.get(reason, 0) + int(count)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def frame(self, wanted: Mask | None = None) -> pd.DataFrame:
        """The routes of ``wanted`` (same shape; None: all that are there), one row each.

        ``asin, source, target, buy_price, buy_currency, sell_price, sell_currency`` (shop prices, major units),
        ``buy_basis, sell_basis``, a column per name of :data:`COMPONENTS` (signed, cents, ``currency``),
        ``profit, invested, roi_pct, margin_net_pct, margin_gross_pct, spread_pct, fees, fulfilment``, what explains
        them, and ``unknown`` and ``assumed``: reasons joined by ``"; "``.
        """
        chosen = self.there if wanted is None else wanted & self.there
        parts = []
        for number in range(len(self.routes)):
            for place in range(len(self._legs[number])):
                products = np.flatnonzero(chosen[number] & (self.way[number] == place))
                if len(products):
                    parts.append(self._frame(number, place, products))
        if not parts:
            nothing = np.zeros(0, np.int64)
            return self._frame(0, 0, nothing) if self.routes else pd.DataFrame()
        return pd.concat(parts, ignore_index=True)

    def _route(self, number: int, source: str, target: str) -> None:
        s, t = _CODES.index(source), _CODES.index(target)
        self.there[number] = (self.buying.row[s] >= 0) & (self.selling.row[t] >= 0)
        if source not in self._buys:
            self._buys[source] = self.seller.buy(self.buying, source)
        buy = self._buys[source]
        cross = self.seller.cross(buy, self.selling, source, target)
        legs = [self._leg(way, source, target) for way in self.ways]
        self._legs.append(legs)
        self._crosses.append(cross)
        best, way = self._best(legs, number)
        profit = np.add(best, buy.total, out=self.profit[number])
        invested = self.invested[number]
        np.add(buy.components["purchase_price"], buy.components["input_vat"], out=invested)
        np.negative(invested, out=invested)
        if cross is not None:
            profit -= cross.total
            invested += cross.total
        own = [leg.side.own_costs for leg in legs]
        if all(isinstance(cost, float | int) and cost == own[0] for cost in own) or len(legs) == 1:
            invested += own[0]
        else:
            invested += np.choose(way, [np.broadcast_to(np.asarray(cost, np.float64), way.shape) for cost in own])

    def _leg(self, way: Way, source: str, target: str) -> _Leg:
        seller = self.seller
        stock = seller.stock(way, source, target)
        # The EFN fee, its surcharges and storage tell only the UK, Germany and the other countries apart.
        key = (target, way, stock if stock in ("UK", "DE") or way != "efn" else "EU")
        if key not in self._sells:
            self._sells[key] = seller.sell(self.selling, target, way, stock)
        return _Leg(way, stock, self._sells[key], why_not(way, seller.profile, source, target) is None)

    def _best(self, legs: Sequence[_Leg], number: int) -> tuple[Floats, npt.NDArray[np.int8]]:
        """The selling side that leaves most, and its place; one that is open and known before all others."""
        way = self.way[number]
        candidates = [i for i, leg in enumerate(legs) if leg.open or self._forced]
        if not candidates:
            return np.full(way.shape, np.nan), way
        best = legs[candidates[0]].side.total
        way[:] = candidates[0]
        for place in candidates[1:]:
            total = legs[place].side.total
            # True where this one is more, and where the best so far is unknown and this one is not.
            better = ~(best >= total) & ~np.isnan(total)
            way[better] = place
            best = np.fmax(best, total)
        return best, way

    def _text(self, number: int, products: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.object_], Flags]:
        """Why these routes are unknown, in words; and what is assumed of them, as flags."""
        source, target = self.routes[number]
        words, legs = self.buying.words, self._legs[number]
        buy = self._buys[source]
        way = self.way[number][products]
        unknown, assumed = buy.unknown[products], buy.assumed[products]
        crosses = (source == "UK") != (target == "UK")
        if crosses and self._duty_unknown:
            unknown |= np.uint32(words.unknown.bit(_DUTY))
        elif crosses:
            assumed |= np.uint32(words.assumed.bit("duty and freight by profile"))
        for place, leg in enumerate(legs):
            here = way == place
            if leg.open or self._forced:
                unknown[here] |= leg.side.unknown[products[here]]
                assumed[here] |= leg.side.assumed[products[here]]
                if leg.way == "efn" and crosses:
                    assumed[here] |= np.uint32(words.assumed.bit("currency of UK EFN fees taken as the store's"))
            else:
                unknown[here] = np.uint32(words.unknown.bit(CLOSED))
        lacking = np.isnan(self.profit[number][products])
        unknown[~lacking] = 0
        text = words.unknown.text(unknown)
        text[lacking & (text == "")] = "something needed is unknown"
        return text, assumed

    def _frame(self, number: int, place: int, products: npt.NDArray[np.int64]) -> pd.DataFrame:
        source, target = self.routes[number]
        s, t = _CODES.index(source), _CODES.index(target)
        leg, buy, cross, seller = self._legs[number][place], self._buys[source], self._crosses[number], self.seller
        zero = np.zeros(len(products))
        exact = dict.fromkeys(COMPONENTS, zero)
        for side in (leg.side, buy):
            for name, values in side.components.items():
                exact[name] = exact[name] + values[products]
        if cross is not None:
            for name, cost in (("freight", cross.freight), ("duty", cross.duty), ("import_vat", cross.import_vat)):
                exact[name] = zero - (cost[products] if isinstance(cost, np.ndarray) else cost)
        rounded, profit = to_cents(exact)
        total = self.profit[number][products]
        closed = not (leg.open or self._forced)
        if closed:
            profit = np.full(len(products), np.nan)
        buy_row, sell_row = self.buying.row[s][products], self.selling.row[t][products]
        sell_facts, buy_facts = self.selling.facts, self.buying.facts
        bought, sold = self.buying.offers.iloc[buy_row], self.selling.offers.iloc[sell_row]
        unknown, assumed = self._text(number, products)
        day = self.selling.day
        schedules = np.array([*(x.name for x in day.schedules), ""], object)
        tiers = np.array([*day.tiers, ""], object)
        sale, cost = exact["sale_price"], -exact["purchase_price"]
        invested = self.invested[number][products]
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = {
                "roi_pct": 100 * total / invested,
                "margin_net_pct": 100 * total / (sale + exact["output_vat"]),
                "margin_gross_pct": 100 * total / sale,
                "spread_pct": 100 * (sale - cost) / cost,
            }
        from_keepa, low = sell_facts.from_keepa[sell_row], sell_facts.low_price[sell_row]
        keepa = from_keepa & (leg.way in ("fba-local", "pan-eu"))
        return pd.DataFrame(
            {
                "asin": self.buying.asins[products],
                "source": source,
                "target": target,
                "buy_price": self.buying.buy_price[s][products],
                "buy_currency": MARKETS[source].currency,
                "sell_price": self.selling.sell_price[t][products],
                "sell_currency": MARKETS[target].currency,
                "buy_basis": _basis(bought, buy_facts.buy_averaged[buy_row], seller.profile.buy_basis),
                "sell_basis": _basis(sold, sell_facts.sell_averaged[sell_row], seller.profile.sell_basis),
                **shares,
                "referral_schedule": schedules[sell_facts.schedule[sell_row]],
                "referral_observed": sell_facts.observed[sell_row],
                "referral_candidates": sell_facts.candidates[sell_row],
                "referral_saving": (self.selling.referral[t] - self.selling.referral_least[t])[products]
                * seller.rate[target],
                "vat_class_sold": sell_facts.vat_class[sell_row],
                "vat_class_bought": buy_facts.vat_class[buy_row],
                "updated_at": np.fmin(self.buying.updated_at[s], self.selling.updated_at[t])[products],
                "package_from": sold["package_from"].to_numpy(object) if "package_from" in sold else "",
                "currency": seller.profile.currency,
                **{name: rounded[name] for name in COMPONENTS},
                "profit": profit,
                "profit_exact": np.where(np.isnan(profit), np.nan, total),
                "invested": np.round(invested, 2),
                "fees": -sum(rounded[name] for name in _FEES),
                "fulfilment": leg.way,
                "stock": leg.stock,
                "size_tier": tiers[sell_facts.tier[sell_row]],
                "billing_kg": sell_facts.billing_kg[sell_row],
                "fulfilment_from": np.where(
                    keepa, "keepa", np.where(low & (leg.way != "efn"), "low-price table", "table")
                ),
                "unknown": unknown,
                "assumed": self.buying.words.assumed.text(assumed),
            }
        )


def _basis(offers: pd.DataFrame, averaged: Mask, basis: str) -> npt.NDArray[np.object_]:
    """Where a price comes from, in words: ``buy_box``, or ``buy_box, 90-day average``."""
    names = offers["price_basis"].to_numpy(object)
    if not averaged.any():
        return names
    days = "90" if basis == "robust" else basis.removeprefix("avg")
    return np.asarray(np.where(averaged, names + f", {days}-day average", names))
