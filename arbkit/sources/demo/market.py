"""The seeded market: its invented products, and how their prices move. Pure.

Everything follows from the seed. A product's path on a marketplace is a row of steps of twelve hours: two years
of them lie behind the moment the demo starts, and from then on they pass ``speed`` times faster than the
clock. Times on the wire are real, so data is as fresh as it looks; only the movement is hurried.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from arbkit.core.files import shipped_table
from arbkit.sources.demo.prices import amazon_sells, out_of_stock, price_path

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SEED = 20_260_216
COUNT = 300
MARKETS = ("UK", "DE", "FR", "IT", "ES")
STEP_MINUTES = 720
_STEPS_A_DAY = 1_440 // STEP_MINUTES
PAST_STEPS = 1_460
_FUTURE_STEPS = 1_500
_EXCHANGE = {"UK": 0.86}


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """What does not move: identity, package, where it is listed, its price level by marketplace (minor units)."""

    number: int
    asin: str
    brand: str
    titles: dict[str, str]
    roots: dict[str, str]
    ean: str
    sides_mm: tuple[int, int, int]
    weight_g: int
    fba_fee: dict[str, int]
    referral_pct: float
    closing_fee: int
    levels: dict[str, int]


@dataclass(frozen=True, slots=True)
class Path:
    """What moves, one entry a step: prices in minor units, −1 for no offer."""

    amazon: npt.NDArray[np.int64]
    new: npt.NDArray[np.int64]
    new_fba: npt.NDArray[np.int64]
    buy_box: npt.NDArray[np.int64]
    amazon_wins: npt.NDArray[np.bool_]
    rank: npt.NDArray[np.int64]
    offers: npt.NDArray[np.int64]


def asins(count: int = COUNT) -> tuple[str, ...]:
    """The ASINs of the demo market's products."""
    return tuple(f"B0DEMO{number:04}" for number in range(1, count + 1))


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, Any]:
    return shipped_table(dict[str, Any], "arbkit.sources.demo", "catalogue.toml")


@lru_cache(maxsize=2_048)
def product(asin: str, seed: int = SEED) -> DemoProduct | None:
    """The product of an ASIN, or None if the demo market has none of that name."""
    number = int(asin[6:]) if asin.startswith("B0DEMO") and asin[6:].isdigit() else 0
    if not 1 <= number <= COUNT or len(asin) != 10:
        return None
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 - a market, no secret
    catalogue = _catalogue()
    category = chance.choice(catalogue["categories"])
    size = catalogue["sizes"][chance.choice(category["sizes"])]
    noun, brand = chance.randrange(3), chance.choice(catalogue["brands"])
    adjective = chance.choice(catalogue["adjectives"])
    level = chance.uniform(*category["price"])
    listed = [m for m in MARKETS if chance.random() < 0.86] or ["DE"]
    name = f"{brand} {adjective}"
    return DemoProduct(
        number=number,
        asin=asin,
        brand=brand,
        titles={m: f"{name} {category['nouns'][m][noun]} {number:03}" for m in listed},
        roots=category["roots"],
        ean=_ean(number),
        sides_mm=tuple(int(s * chance.uniform(0.8, 1.0)) for s in size["sides"]),  # type: ignore[arg-type]  # three
        weight_g=int(size["grams"] * chance.uniform(0.7, 1.0)),
        fba_fee=size["fee"],
        referral_pct=category["percent"],
        closing_fee=category.get("closing", 0),
        levels={m: round(100 * level * min(2.2, chance.lognormvariate(0, 0.13)) * _EXCHANGE.get(m, 1)) for m in listed},
    )


def _ean(number: int) -> str:
    """An EAN-13 of the range that shops use among themselves."""
    digits = f"29{number:010}"
    check = -sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10
    return f"{digits}{check}"


@lru_cache(maxsize=2_048)
def path(asin: str, market: str, seed: int = SEED) -> Path:
    """How a product moves on a marketplace it is listed on.

    Raises:
        KeyError: the demo market has no such product.
    """
    import numpy as np

    found = product(asin, seed)
    if found is None:
        raise KeyError(asin)
    steps = PAST_STEPS + _FUTURE_STEPS
    chance = np.random.default_rng([seed, found.number, MARKETS.index(market)])
    level = found.levels[market]
    log_price = price_path(steps, _STEPS_A_DAY, chance)
    gone = out_of_stock(steps, _STEPS_A_DAY, chance)
    sells_itself = amazon_sells(steps, _STEPS_A_DAY, chance) & ~gone
    fba = np.maximum(np.round(level * np.exp(log_price)), 299)
    amazon = np.where(sells_itself, np.round(fba * 0.99), -1)
    fba = np.where(gone, -1, fba)
    cheapest = np.where(fba > 0, np.round(fba * 0.985), -1)
    new = np.where((amazon > 0) & ((cheapest < 0) | (amazon < cheapest)), amazon, cheapest)
    amazon_wins = amazon > 0
    buy_box = np.where(amazon_wins, amazon, fba)
    sold_at = np.exp(chance.normal(8.2, 1.1))
    wobble = np.convolve(chance.normal(0, 0.16, steps), 0.9 ** np.arange(60))[:steps]
    rank = np.maximum(30, sold_at * np.exp(wobble))
    held = np.maximum.accumulate(np.where(np.diff(log_price, prepend=np.nan) != 0, np.arange(steps), 0))
    offers = np.clip(np.round(4 + 3 * np.sin(held / 90) + chance.integers(-1, 2, steps)[held]), 1, 25)
    offers = np.where(new > 0, offers, 0)
    whole = [a.astype(np.int64) for a in (amazon, new, fba, buy_box, rank, offers)]
    return Path(whole[0], whole[1], whole[2], whole[3], amazon_wins, whole[4], whole[5])
