"""All routes of some products: selling and buying reckoned once each, a route as their sum and what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.core.marketplaces import MARKETS
from arbkit.profit.components import COMPONENTS, round_components
from arbkit.profit.offer_costs import OfferCosts
from arbkit.profit.seller_profile import FulfilmentMethod, ineligibility_reason
from arbkit.profit.trade_costs import CostSide, SellerCosts

__all__ = ["RouteBatch"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
CLOSED = "no way of fulfilment is open to this profile"
_DUTY = "duty unknown: set duty_pct"
_CODES = list(MARKETS)
_FEES = (
    "referral_fee", "closing_fee", "fulfilment_fee", "fuel_surcharge", "peak_surcharge", "digital_services_fee",
    "vat_on_fees", "storage", "refunds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FulfilmentOption:
    """One way of one route: the selling side, the stock's country and what crossing adds."""

    way: FulfilmentMethod
    stock: str
    side: CostSide
    open: bool


class RouteBatch:
    """All routes of some products: each side reckoned once, and kept while the batch is looked at."""

    def __init__(
        self,
        buying: OfferCosts,
        selling: OfferCosts,
        seller: SellerCosts,
        routes: Sequence[tuple[str, str]],
        methods: Sequence[FulfilmentMethod],
        *,
        forced: bool,
    ) -> None:
        self.buying, self.selling, self.seller = buying, selling, seller
        self.routes, self.methods, self._forced = routes, methods, forced
        self._buys: dict[str, CostSide] = {}
        self._sells: dict[tuple[str, FulfilmentMethod, str], CostSide] = {}

    def listed_on_both(self, number: int) -> Mask:
        """Which products are offered on both marketplaces."""
        s, t = (_CODES.index(code) for code in self.routes[number])
        return np.asarray((self.buying.row[s] >= 0) & (self.selling.row[t] >= 0))

    def price(self, number: int, profit: Floats, invested: Floats, way: npt.NDArray[np.int8]) -> None:
        """Write what one route leaves, what it ties up, and by which way."""
        source, target = self.routes[number]
        buy = self._buy(source)
        cross = self.seller.cross(buy, self.selling, source, target)
        legs = self._legs(number)
        best = self._best(legs, way)
        np.add(best, buy.total, out=profit)
        np.add(buy.components["purchase_price"], buy.components["input_vat"], out=invested)
        np.negative(invested, out=invested)
        if cross is not None:
            profit -= cross.total
            invested += cross.total
        own = [leg.side.own_costs for leg in legs]
        if all(cost is own[0] or (isinstance(cost, float | int) and cost == own[0]) for cost in own):
            invested += own[0]
        else:
            invested += np.choose(way, [np.broadcast_to(np.asarray(cost, np.float64), way.shape) for cost in own])

    def reasons(
        self, number: int, products: npt.NDArray[np.int64], profit: Floats, way: npt.NDArray[np.int8]
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
        """Why these routes are unknown, and what is assumed of them, in words."""
        source, target = self.routes[number]
        words, buy, seller = self.buying.words, self._buy(source), self.seller
        unknown, assumed = buy.unknown[products], buy.assumed[products]
        crosses = (source == "UK") != (target == "UK")
        if crosses and np.isnan(seller.duty_rate):
            unknown |= np.uint32(words.unknown.bit(_DUTY))
        elif crosses:
            assumed |= np.uint32(words.assumed.bit("duty and freight by profile"))
        for place, leg in enumerate(self._legs(number)):
            here = way == place
            if leg.open or self._forced:
                unknown[here] |= leg.side.unknown[products[here]]
                assumed[here] |= leg.side.assumed[products[here]]
                if leg.way == "efn" and crosses:
                    assumed[here] |= np.uint32(words.assumed.bit("currency of UK EFN fees taken as the store's"))
            else:
                unknown[here] = np.uint32(words.unknown.bit(CLOSED))
        lacking = np.isnan(profit)
        unknown[~lacking] = 0
        text = words.unknown.text(unknown)
        text[lacking & (text == "")] = "something needed is unknown"
        return text, words.assumed.text(assumed)

    def _buy(self, source: str) -> CostSide:
        if source not in self._buys:
            self._buys[source] = self.seller.buy(self.buying, source)
        return self._buys[source]

    def _legs(self, number: int) -> list[FulfilmentOption]:
        source, target = self.routes[number]
        return [self._leg(way, source, target) for way in self.methods]

    def _leg(self, way: FulfilmentMethod, source: str, target: str) -> FulfilmentOption:
        seller = self.seller
        stock = seller.stock(way, source, target)
        # The EFN fee, its surcharges and storage tell only the UK, Germany and the other countries apart.
        key = (target, way, stock if stock in ("UK", "DE") or way != "efn" else "EU")
        if key not in self._sells:
            self._sells[key] = seller.sell(self.selling, target, way, stock)
        return FulfilmentOption(
            way, stock, self._sells[key], ineligibility_reason(way, seller.profile, source, target) is None
        )

    def _best(self, legs: Sequence[FulfilmentOption], way: npt.NDArray[np.int8]) -> Floats:
        """The selling side that leaves most, its place to ``way``; one that is open and known before all others."""
        candidates = [i for i, leg in enumerate(legs) if leg.open or self._forced]
        if not candidates:
            return np.full(way.shape, np.nan)
        best = legs[candidates[0]].side.total
        way[:] = candidates[0]
        for place in candidates[1:]:
            total = legs[place].side.total
            # True where this one is more, and where the best so far is unknown and this one is not.
            better = ~(best >= total) & ~np.isnan(total)
            way[better] = place
            best = np.fmax(best, total)
        return best

    def frame(
        self, number: int, place: int, products: npt.NDArray[np.int64], total: Floats, invested: Floats
    ) -> pd.DataFrame:
        """These routes by one way: see :meth:`Evaluation.frame`."""
        source, target = self.routes[number]
        s, t = _CODES.index(source), _CODES.index(target)
        leg, buy, seller = self._legs(number)[place], self._buy(source), self.seller
        cross = seller.cross(buy, self.selling, source, target)
        zero = np.zeros(len(products))
        exact = dict.fromkeys(COMPONENTS, zero)
        for side in (leg.side, buy):
            for name, values in side.components.items():
                exact[name] = exact[name] + values[products]
        if cross is not None:
            for name, cost in (("freight", cross.freight), ("duty", cross.duty), ("import_vat", cross.import_vat)):
                exact[name] = zero - (cost[products] if isinstance(cost, np.ndarray) else cost)
        rounded, profit = round_components(exact)
        closed = not (leg.open or self._forced)
        if closed:
            profit = np.full(len(products), np.nan)
        buy_row, sell_row = self.buying.row[s][products], self.selling.row[t][products]
        sell_facts, buy_facts = self.selling.facts, self.buying.facts
        bought, sold = self.buying.offers.iloc[buy_row], self.selling.offers.iloc[sell_row]
        unknown, assumed = self.reasons(number, products, total, np.full(len(products), place, np.int8))
        day = self.selling.day
        schedules = np.array([*(x.name for x in day.schedules), ""], object)
        tiers = np.array([*day.tiers, ""], object)
        sale, cost = exact["sale_price"], -exact["purchase_price"]
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
                "assumed": assumed,
            }
        )


def _basis(offers: pd.DataFrame, averaged: Mask, basis: str) -> npt.NDArray[np.object_]:
    """Where a price comes from, in words: ``buy_box``, or ``buy_box, 90-day average``."""
    names = offers["price_basis"].to_numpy(object)
    if not averaged.any():
        return names
    days = "90" if basis == "robust" else basis.removeprefix("avg")
    return np.asarray(np.where(averaged, names + f", {days}-day average", names))
