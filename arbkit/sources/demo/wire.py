"""The demo market in Keepa's own words: product objects as ``/product`` answers them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import resources

import numpy as np
import numpy.typing as npt
import orjson

from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_minutes
from arbkit.core.marketplaces import Market
from arbkit.sources.demo.market import PAST_STEPS, STEP_MINUTES, DemoProduct, Path, path, product
from arbkit.sources.raw_types import RawProduct

Ints = npt.NDArray[np.int64]
SERIES = 36
_SAME: RawProduct = orjson.loads(resources.files("arbkit.sources.demo").joinpath("product.json").read_bytes())
"""What all products have alike."""
_SHIPPING = 399
"""What a buyer pays for shipping, in minor units, and what NEW left out before February 2026."""


class Clock:
    """Step ↔ Keepa minutes: steps up to ``start`` (Keepa minutes) lie in the past, later ones pass faster."""

    def __init__(self, start: int, speed: float) -> None:
        self._start = start
        self._step = STEP_MINUTES / speed if speed else float("inf")

    def step(self, now: float) -> int:
        """The step of a moment in (fractional) Keepa minutes."""
        return PAST_STEPS + max(0, int((now - self._start) / self._step))

    def times(self, last: int) -> Ints:
        """The Keepa minutes at which the steps up to ``last`` began."""
        past = self._start - (PAST_STEPS - np.arange(PAST_STEPS)) * STEP_MINUTES
        later = np.arange(last - PAST_STEPS + 1)
        return np.concatenate(
            [past, self._start + np.floor(later * self._step if len(later) > 1 else later).astype(int)]
        )


def product_object(
    asin: str, market: Market, clock: Clock, *, now: float, seed: int, buybox: bool, history: bool, stats: int
) -> RawProduct:
    """A product as Keepa sends it, also where it is not listed on that marketplace."""
    known, identity = product(asin, seed), {"asin": asin, "domainId": market.keepa_domain}
    if known is None or market.code not in known.levels:
        return {**identity, "title": None, "csv": None, "productType": 5, "lastUpdate": 0}
    moves = path(asin, market.code, seed)
    step = min(clock.step(now), len(moves.new) - 1)
    times = clock.times(step)[: step + 1]
    end = slice(0, step + 1)
    new_shown = _without_shipping(moves.new[end], times)
    csv: list[list[int] | None] = [None] * SERIES
    csv[0] = _flat(times, moves.amazon[end])
    csv[1] = _flat(times, new_shown)
    csv[3] = _flat(times, moves.rank[end], every=3)
    list_price = round(known.levels[market.code] * 1.2)
    csv[4] = _flat(times[:1], np.array([list_price]))
    csv[11] = _flat(times, moves.offers[end])
    csv[16] = _flat(times[:1], np.array([38 + known.number % 12]))
    if buybox:
        csv[10] = _flat(times, moves.new_fba[end])
        csv[18] = _flat(times, moves.buy_box[end], shipping=0)
    # At least the demo's start: what it shows was looked at then.
    updated = int(times[-1])
    root = root_category(known)
    fee_at = updated - (200_000 if known.number % 9 == 0 else 1_000)
    fee = {"lastUpdate": fee_at, "pickAndPackFee": known.fba_fee[market.code]}
    return {
        **_SAME,
        **identity,
        "csv": csv if history else None,
        "categories": [root * 10],
        "manufacturer": known.brand,
        "title": known.titles[market.code],
        "lastUpdate": updated,
        "lastPriceChange": last_change(times, moves.new[end]),
        "lastRatingUpdate": updated,
        "lastOffersUpdate": updated if buybox else 0,
        "rootCategory": root,
        "trackingSince": int(times[0]),
        "listedSince": int(times[0]),
        "brand": known.brand,
        "packageLength": known.sides_mm[0],
        "packageWidth": known.sides_mm[1],
        "packageHeight": known.sides_mm[2],
        "packageWeight": known.weight_g,
        "availabilityAmazon": 0 if moves.amazon[step] > 0 else -1,
        "eanList": [known.ean],
        "fbaFees": None if known.number % 7 == 0 else fee,
        "referralFeePercent": round(known.referral_pct),
        "referralFeePercentage": known.referral_pct,
        "variableClosingFee": known.closing_fee,
        "monthlySold": 50 * (1 + known.number % 4) if known.number % 5 == 0 else None,
        "categoryTree": [{"catId": root, "name": known.roots[market.code]}],
        "salesRankReference": root,
        "stats": (
            _stats(moves, step, stats, buybox=buybox, new_shown=new_shown, list_price=list_price) if stats else None
        ),
    }


def offers(asin: str, market: Market, clock: Clock, *, now: float, seed: int, most: int) -> list[RawProduct]:
    """The offers of new goods, the cheapest first; none where the product is not listed."""
    known = product(asin, seed)
    if known is None or market.code not in known.levels:
        return []
    moves = path(asin, market.code, seed)
    step = min(clock.step(now), len(moves.new) - 1)
    price, at = int(moves.new[step]), int(clock.times(step)[-1])
    return [
        {
            "offerId": number,
            "sellerId": f"DEMO{known.number:04}{number:02}",
            "condition": 1,
            "isFBA": number % 3 != 2,
            "isAmazon": number == 0 and bool(moves.amazon_wins[step]),
            "offerCSV": [at, price + 10 * number, 0],
        }
        for number in range(min(most, int(moves.offers[step])))
    ]


def root_category(known: DemoProduct) -> int:
    """The number of the product's root category."""
    return 1_000 + known.number % 8


def average(series: Ints, step: int, days: int) -> float:
    """The mean of the days up to a step, leaving out stretches without an offer; −1 if there was none."""
    window = series[max(0, step + 1 - 2 * days) : step + 1]
    there = window[window > 0]
    return float(there.mean()) if len(there) else -1


def _without_shipping(new: Ints, times: Ints) -> Ints:
    before = times < to_minutes(NEW_INCLUDES_SHIPPING_FROM)
    return np.where(before & (new > _SHIPPING * 3), new - _SHIPPING, new)


def _flat(times: Ints, values: Ints, *, every: int = 1, shipping: int | None = None) -> list[int]:
    """Change points only, flat, as Keepa sends them; of several in one minute the last."""
    times, values = times[::-1][::every][::-1], values[::-1][::every][::-1]
    first = np.append(True, values[1:] != values[:-1])
    times, values = times[first], values[first]
    distinct = np.append(times[1:] != times[:-1], True)
    columns = [times[distinct], values[distinct]]
    if shipping is not None:
        columns.append(np.where(columns[1] > 0, shipping, -1))
    flat: list[int] = np.column_stack(columns).ravel().tolist()
    return flat


def last_change(times: Ints, values: Ints) -> int:
    """When the values became what they are, in Keepa minutes."""
    changes = np.flatnonzero(values[1:] != values[:-1])
    return int(times[changes[-1] + 1]) if len(changes) else int(times[0])


def _stats(moves: Path, step: int, days: int, *, buybox: bool, new_shown: Ints, list_price: int) -> RawProduct:
    """The statistics object: −1 no offer, −2 not looked at; averages leave out stretches without an offer."""
    shown = {
        0: moves.amazon, 1: np.append(new_shown, moves.new[step + 1 :]), 3: moves.rank,
        4: np.full_like(moves.new, list_price), 11: moves.offers,
    }  # fmt: skip
    if buybox:
        shown |= {10: moves.new_fba, 18: moves.buy_box}

    def row(pick: Callable[[Ints], float]) -> list[int]:
        return [int(pick(shown[i])) if i in shown else -1 for i in range(SERIES)]

    def mean(length: int) -> list[int]:
        return row(partial(average, step=step, days=length))

    def out_of_stock(series: Ints) -> float:
        return 100 * float((series[max(0, step - 179) : step + 1] <= 0).mean())

    def drops(length: int) -> int:
        window = moves.rank[max(0, step + 1 - 2 * length) : step + 1]
        return int((window[1:] < 0.9 * window[:-1]).sum())

    price = int(moves.buy_box[step])
    return {
        "current": row(lambda s: s[step]),
        "avg": mean(days),
        **{f"avg{named}": mean(named) for named in (30, 90, 180)},
        "outOfStockPercentage90": row(out_of_stock),
        **{f"salesRankDrops{named}": drops(named) for named in (30, 90, 180)},
        "totalOfferCount": int(moves.offers[step]),
        "buyBoxPrice": price if buybox else -2,
        "buyBoxShipping": (0 if price > 0 else -1) if buybox else -2,
        "buyBoxIsFBA": bool(not moves.amazon_wins[step]) if buybox else None,
        "buyBoxIsAmazon": bool(moves.amazon_wins[step]) if buybox else None,
        "buyBoxSellerId": None,
    }
