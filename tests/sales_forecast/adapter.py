"""Simulated products in the form that arbkit has of real ones."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from arbkit.analysis.demand import AMAZON_SELLERS
from arbkit.core.history.facts import with_history_facts
from arbkit.core.keepa_time import to_unix
from arbkit.core.models import History, Offer, Series, Update
from tests.simulated_market.market import PAST_DAYS, Observed, SimulatedProduct

_DAY_MIN = 1_440
_FIRST = 7_000_000
"""Keepa minutes of the first simulated day."""
NOW = float(to_unix(_FIRST + PAST_DAYS * _DAY_MIN))
"""The end of what is seen, in Unix seconds."""
MARKET = "DE"


def offers_of(products: Sequence[SimulatedProduct]) -> list[Offer]:
    """The products as offers that say what their histories say."""
    seen = [product.observed for product in products]
    offers = [_offer(one) for one in seen]
    updates = [Update(offer, _history(offer, one)) for offer, one in zip(offers, seen, strict=True)]
    return [update.offer for update in with_history_facts(updates)]


def histories_of(products: Sequence[SimulatedProduct]) -> list[History]:
    """What was seen of the products over time."""
    return [_history(_offer(product.observed), product.observed) for product in products]


def _offer(seen: Observed) -> Offer:
    at = int(NOW)
    price = int(seen.price[-1])
    amazon = bool(seen.amazon[-1])
    return Offer(
        asin=f"B{seen.number:09d}", market=MARKET, version=1, origin="keepa", fetched_at=NOW, updated_at=at,
        currency="EUR", category=f"Simulated {seen.category}",
        new_minor=price if price > 0 else None, new_at=at, price_minor=price if price > 0 else None, price_basis="new",
        amazon_minor=price if amazon else None, amazon_at=at,
        sales_rank=int(seen.rank.ranks[-1]) if len(seen.rank.ranks) else None, sales_rank_at=at,
        rank_drops30=seen.drops30, rank_drops90=seen.drops90, monthly_sold=seen.badge,
        offers_new=seen.offers, offers_new_at=at,
    )  # fmt: skip


def _history(offer: Offer, seen: Observed) -> History:
    days = np.arange(PAST_DAYS) * _DAY_MIN
    series = {
        "new": _steps(days, seen.price),
        "amazon": _steps(days, np.where(seen.amazon, seen.price, -1)),
        "sales_rank": _series(seen.rank.times, seen.rank.ranks),
    }
    sellers: tuple[str, ...] = ()
    if seen.holder is not None:
        sellers = ("-1", AMAZON_SELLERS[MARKET], *(f"S{n}" for n in range(2, int(seen.holder.max()) + 1)))
        series["buy_box_seller"] = _steps(days, seen.holder)
    return History(offer.asin, MARKET, 1, "EUR", series, sellers)


def _steps(times: np.ndarray, values: np.ndarray) -> Series:
    changed = np.append(True, values[1:] != values[:-1])
    return _series(times[changed], values[changed])


def _series(times: np.ndarray, values: np.ndarray) -> Series:
    return Series(array("i", (times + _FIRST).tolist()), array("i", values.tolist()))
