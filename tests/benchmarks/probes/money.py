"""The money kernel at any commit: 100,000 products × 20 routes, and the costs of their offers before."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.layouts import find
from tests.benchmarks.measuring import Figures, figures_of, taken
from tests.benchmarks.probes.base import Probe, nothing

__all__ = ["CATEGORIES", "MARKETS", "ON", "PROBE", "SELLER", "offers"]

ON = date(2026, 11, 24)
CATEGORIES = ("Toys & Games", "Home & Kitchen", "Beauty", "Electronics & Photo", "Grocery", "Baby", "Fashion")
MARKETS = ("UK", "DE", "FR", "IT", "ES")
SELLER: dict[str, Any] = {
    "prep_per_unit": 0.3, "inbound_per_unit": 0.2, "inbound_per_kg": 0.45, "exchange_spread_pct": 1.5,
    "expected_days": 30, "return_rate_pct": 4, "return_handling": 1.5,
    "customs": {"duty_pct": 3.5, "freight_per_unit": 0.6},
}  # fmt: skip
"""A seller with costs of every kind, so that every component is there."""
_PRODUCTS = 100_000
_EVALUATIONS = 9


def offers(products: int) -> pd.DataFrame:
    """An offer of each product on each marketplace, as the kernel takes them."""
    rng = np.random.default_rng(1)
    count = products * len(MARKETS)
    asins = np.char.add("B", np.char.zfill(np.arange(products).astype(str), 9)).astype(object)
    facts = {
        "price_minor": rng.integers(500, 15_000, count),
        "shipping_minor": np.zeros(count),
        "length_mm": rng.integers(100, 500, count),
        "width_mm": rng.integers(50, 300, count),
        "height_mm": rng.integers(10, 200, count),
        "weight_g": rng.integers(20, 8_000, count),
        "hazmat": np.zeros(count),
        "updated_at": np.full(count, 1.79e9),
        **{n: np.full(count, np.nan) for n in ("keepa_fba_fee_minor", "keepa_referral_pct", "keepa_closing_fee_minor")},
    }
    return pd.DataFrame(
        {
            "asin": np.tile(asins, len(MARKETS)),
            "market": np.repeat(np.array(MARKETS, object), products),
            "price_basis": "buy_box",
            "category": np.array(CATEGORIES, object)[rng.integers(0, len(CATEGORIES), count)],
            **{name: values.astype(float) for name, values in facts.items()},
        }
    )


def _measure(_: Path, __: Path) -> Figures:
    profile, day = find("profit.profile").neutral(**SELLER), find("profit.tables")().on(ON)
    seller = find("profit.seller")(profile, day, find("profit.rates")())
    frame, cost, evaluate = offers(_PRODUCTS), find("profit.offer_costs"), find("profit.evaluate")
    costs = cost(frame, profile, day)
    evaluate(costs, costs, seller)
    costing = [taken(lambda: cost(frame, profile, day)) for _ in range(3)]
    evaluating = [taken(lambda: evaluate(costs, costs, seller)) for _ in range(_EVALUATIONS)]
    return {
        **figures_of("costs of 500,000 offers", costing),
        **figures_of("kernel, 100,000 products × 20 routes", evaluating),
    }


PROBE = Probe(nothing, _measure)
