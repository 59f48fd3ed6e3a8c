"""A market of invented offers, priced as a sweep prices it and left as a snapshot."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.detector.pricing import price_products
from arbkit.analysis.market.segment import Segment, segment_of
from arbkit.analysis.market.snapshot import MarketFiles
from arbkit.core.models import Offer, ProductState
from arbkit.profit import Profile, load_rates, load_tables
from tests.helpers.factories import PACKAGE, offer

__all__ = ["NOW", "ON", "SELLER", "inputs_of", "left", "market_states", "segment"]

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC).timestamp()
ON = datetime.fromtimestamp(NOW, UTC).date()
SELLER = Profile.neutral(name="configured", return_rate_pct=3, prep_per_unit=0.4, customs={"duty_pct": 3})
_CATEGORIES = ("Toys & Games", "Beauty", "Kitchen & Home", None)
_BRANDS = ("Zeta", "Alpha Works", None)
_WORDS = ("lamp", "robot", "Küche", "tent")


def inputs_of(profile: Profile = SELLER) -> Inputs:
    """What products are priced with at noon of 1 August 2026."""
    return Inputs(profile, load_tables(), load_rates(), ON)


def market_states(products: int, *, seed: int = 1, change: int = 1) -> list[ProductState]:
    """Products on some marketplaces each, some without a package, a price or a category."""
    rng = random.Random(seed)
    return [
        ProductState(asin, change, tuple(_offers(asin, rng)))
        for asin in (f"B0{number:08}" for number in range(1, products + 1))
    ]


def _offers(asin: str, rng: random.Random) -> list[Offer]:
    base, brand, category = rng.randrange(800, 9_000), rng.choice(_BRANDS), rng.choice(_CATEGORIES)
    package: dict[str, Any] = {**PACKAGE} if rng.random() < 0.7 else {}
    title = f"{rng.choice(_WORDS)} {rng.choice(_WORDS)} {asin[-3:]}"
    return [
        offer(
            asin, code, title=title, brand=brand, category=category, shipping_minor=rng.choice((0, 0, 350)),
            price_minor=None if rng.random() < 0.1 else round(base * rng.uniform(0.6, 2.4)), price_at=int(NOW) - 3_600,
            price_avg90_minor=round(base * rng.uniform(0.8, 1.6)),
            sales_rank=rng.choice((None, rng.randrange(1, 9_999))),
            offers_new=rng.randrange(1, 40), amazon_minor=rng.choice((None, base)), rank_drops30=rng.randrange(90),
            eans=(f"40{asin[2:]}123"[:13],), **package,
        )
        for code in ("DE", "ES", "FR", "IT", "UK")
        if rng.random() < 0.8
    ]  # fmt: skip


def segment(states: Sequence[ProductState], inputs: Inputs | None = None) -> Segment:
    """The segment that a sweep makes of these products."""
    priced = price_products(states, inputs or inputs_of(), now=NOW)
    assert priced.prepared is not None
    return segment_of(states, priced.prepared, priced.results)


def left(home: Path, states: Sequence[ProductState]) -> MarketFiles:
    """The snapshot of a home after a sweep over these products."""
    files = MarketFiles(home)
    files.replace([segment(states[start : start + 50]) for start in range(0, len(states), 50)], since=0)
    return files
