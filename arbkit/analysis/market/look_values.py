"""The money that a look may reveal: what each route leaves at any price, by the profit kernel, for the token planner.

What a route leaves is computed at a few prices around those of now, and lies on lines between them. It counts with the
chance to sell one unit within 30 days, so that of two alike the one that sells is looked at first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd

from arbkit.analysis.detection_inputs import fingerprint, today
from arbkit.analysis.forecast.profit.distribution import SOLD_WITHIN_DAYS
from arbkit.analysis.forecast.profit.outlook import one_unit_sold
from arbkit.analysis.market.assumptions import Assumptions
from arbkit.analysis.offers import prepare_offers, typed_offers
from arbkit.core.models import Offer, ProductState
from arbkit.core.settings import Settings
from arbkit.pipeline.planning.book import Floats, Ints
from arbkit.pipeline.planning.parameters import planning_parameters
from arbkit.pipeline.polling.known import log_prices
from arbkit.profit import Profile, Rates, Tables, evaluate, load_profile, load_rates, load_tables
from arbkit.profit.fees.arrays import SmallFloats

_SELLING = np.array([0.4, 0.7, 0.85, 1.0, 1.15, 1.35, 2.2])
"""Selling prices, relative to those of now, at which the profit of a route is computed."""
_BUYING = 1.1
"""The buying price at which it is computed how fast a dearer purchase eats it."""
_MONTH = SOLD_WITHIN_DAYS.tolist().index(30.0)
Watched = Callable[[], Collection[str]]


class LookValues:
    """What routes leave at any price, learned product by product; NaN where a route is closed or cannot be priced."""

    def __init__(self, settings: Settings, markets: Sequence[str], *, watched: Watched = frozenset) -> None:
        """``markets``: those that are watched, in the planner's order; ``watched``: what weighs more."""
        self._settings = settings
        pairs = list(permutations(range(len(markets)), 2))
        self._markets = tuple(markets)
        self._routes = [(markets[source], markets[target]) for source, target in pairs]
        self.source, self.target = np.array(pairs, np.int64).reshape(-1, 2).T
        self._watched = watched
        self._inputs: tuple[str, Profile, Tables, Rates] | None = None
        self._profit = np.zeros((0, len(pairs), len(_SELLING)), np.float32)
        self._purchase = np.zeros((0, len(pairs)), np.float32)
        self._sold = np.zeros((0, len(pairs)), np.float32)
        self._now = np.zeros((2, 0, len(markets)))

    def watched(self) -> frozenset[str]:
        """The products that a person or a rule of alerts watches."""
        return frozenset(self._watched())

    def mark(self) -> str:
        """Another one once profile, tables or the day change: then all is to be learned anew."""
        return fingerprint(self._settings, today())

    def move(self, order: Ints) -> None:
        """Go on with a changed list: ``order`` has the number until now of each product of it, -1 of a new one."""
        kept = (order >= 0) & (order < len(self._profit))

        def moved(values: SmallFloats) -> SmallFloats:
            found = np.full((len(order), *values.shape[1:]), np.nan, np.float32)
            found[kept] = values[order[kept]]
            return found

        self._profit, self._purchase, self._sold = moved(self._profit), moved(self._purchase), moved(self._sold)
        now = np.full((2, len(order), len(self._markets)), np.nan)
        now[:, kept] = self._now[:, order[kept]]
        self._now = now

    def learn(self, products: Ints, states: Sequence[ProductState]) -> None:
        """Take what is known of the products of these numbers.

        Raises:
            ConfigError: the profile cannot be used.
        """
        self._grow(int(products.max(initial=-1)) + 1)
        now = time.time()
        rows = [
            (place, _as_of_now(offer, now))
            for place, state in enumerate(states)
            for offer in typed_offers(state.offers, state.facts)
            if offer.market in self._markets
        ]
        self._profit[products] = np.nan
        if not rows or not self._routes:
            return
        places, offers = np.array([place for place, _ in rows]), [offer for _, offer in rows]
        columns = np.array([self._markets.index(offer.market) for offer in offers])
        at = products[places], columns
        self._now[0][at], self._now[1][at] = np.array([log_prices(offer) for offer in offers]).T
        np.nan_to_num(self._now[1], copy=False)
        priced = prepare_offers(offers, now=now)
        asins = [states[place].asin for place in dict.fromkeys(places.tolist())]
        found = products[list(dict.fromkeys(places.tolist()))]
        self._price(priced, asins, found)
        chance = one_unit_sold(offers, now=now)[0][:, _MONTH]
        sold = np.full((len(self._profit), len(self._markets)), np.nan)
        sold[at] = chance
        unknown = planning_parameters().unknown_sale
        self._sold[found] = np.nan_to_num(sold[found][:, self.target], nan=unknown)

    def __call__(self, products: Ints, routes: Ints, buy: Floats, sell: Floats) -> Floats:
        """The profit at these log prices (all arrays broadcast), weighed with the chance of a sale within 30 days."""
        if not len(self._profit):
            return np.full(np.broadcast_shapes(products.shape, routes.shape, buy.shape, sell.shape), np.nan)
        source, target = self.source[routes], self.target[routes]
        bought = np.exp(buy - self._now[0][products, source])
        ratio = np.exp(sell - self._now[0][products, target] - self._now[1][products, target])
        after = np.clip(np.searchsorted(_SELLING, ratio), 1, len(_SELLING) - 1)
        low, high = self._profit[products, routes, after - 1], self._profit[products, routes, after]
        part = (ratio - _SELLING[after - 1]) / (_SELLING[after] - _SELLING[after - 1])
        left = low + (high - low) * part - self._purchase[products, routes] * (bought - 1)
        return np.asarray(left * self._sold[products, routes])

    def _price(self, offers: pd.DataFrame, asins: Sequence[str], products: Ints) -> None:
        """Compute what the routes of these products leave at each price; ``offers`` hold them in this order."""
        profile, tables, rates = self._load()

        def profit(selling: float, buying: float = 1.0) -> Floats:
            assumed = Assumptions(
                profile=profile, sell_change_pct=100 * (selling - 1), buy_change_pct=100 * (buying - 1)
            )
            found = evaluate(
                assumed.bought(offers), profile, tables, rates, on=today(), selling=assumed.sold(offers),
                routes=self._routes,
            )  # fmt: skip
            place = {asin: number for number, asin in enumerate(found.buying.asins.tolist())}
            return np.asarray(found.profit[:, [place[asin] for asin in asins]].T)

        by_price = np.stack([profit(ratio) for ratio in _SELLING.tolist()], axis=2)
        at_today = by_price[:, :, _SELLING.tolist().index(1.0)]
        self._profit[products] = by_price
        self._purchase[products] = (at_today - profit(1.0, _BUYING)) / (_BUYING - 1)

    def _load(self) -> tuple[Profile, Tables, Rates]:
        mark = self.mark()
        if self._inputs is None or self._inputs[0] != mark:
            profile = load_profile(self._settings.profile_path, self._settings.profile_name)
            # Prices of now move, and averages hardly do.
            spot = profile.model_copy(update={"buy_basis": "spot", "sell_basis": "spot"})
            self._inputs = mark, spot, load_tables(), load_rates()
        return self._inputs[1:]

    def _grow(self, count: int) -> None:
        missing = count - len(self._profit)
        if missing > 0:
            missing = max(missing, len(self._profit))
            self._profit = _longer(self._profit, missing)
            self._purchase, self._sold = _longer(self._purchase, missing), _longer(self._sold, missing)
            self._now = np.concatenate([self._now, np.full((2, missing, len(self._markets)), np.nan)], axis=1)


def _longer(values: SmallFloats, missing: int) -> SmallFloats:
    return np.concatenate([values, np.full((missing, *values.shape[1:]), np.nan, np.float32)])


def _as_of_now(offer: Offer, now: float) -> Offer:
    """An offer as it would be if it had been looked at now: with its usual price where nobody offers it."""
    price = offer.price_minor or offer.new_minor or offer.new_median90_minor
    at = int(now)
    dated = replace(offer, updated_at=at, price_at=at, new_at=at, buy_box_at=at, stamps=())
    return dated if offer.price_minor else replace(dated, price_minor=price, price_basis="new")
