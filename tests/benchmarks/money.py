"""Evaluation of routes: its rate, its memory, how it grows, and how much it gains over one row at a time."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from datetime import date
from statistics import median

import numpy as np
import pandas as pd

from arbkit.core.marketplaces import MARKETS
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.offer_costs import cost_offers
from arbkit.profit.trade_costs import SellerCosts
from tests.helpers import oracle

__all__ = ["evaluation"]

Report = Callable[[str, str, str], None]
_ON = date(2026, 11, 24)
_CATEGORIES = ["Toys & Games", "Home & Kitchen", "Beauty", "Electronics & Photo", "Grocery", "Baby", "Fashion"]


def _profile() -> Profile:
    """A seller with costs of every kind, so that every component is there."""
    return Profile.neutral(
        prep_per_unit=0.3, inbound_per_unit=0.2, inbound_per_kg=0.45, exchange_spread_pct=1.5, expected_days=30,
        return_rate_pct=4, return_handling=1.5, customs={"duty_pct": 3.5, "freight_per_unit": 0.6},
    )  # fmt: skip


def _offers(products: int) -> pd.DataFrame:
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
            "market": np.repeat(np.array(list(MARKETS), object), products),
            "price_basis": "buy_box",
            "category": np.array(_CATEGORIES, object)[rng.integers(0, len(_CATEGORIES), count)],
            **{name: values.astype(float) for name, values in facts.items()},
        }
    )


def _best(act: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return median(times)


def evaluation(report: Report) -> None:
    """All routes by their best way, every component, categories, tiers and bands resolved once per product and
    marketplace; against the oracle of the tests, one route at a time."""
    profile, day, rates = _profile(), load_tables().on(_ON), load_rates()
    offers = _offers(100_000)
    resolved = cost_offers(offers, profile, day)

    def evaluate() -> Evaluation:
        return evaluate_costs(resolved, resolved, SellerCosts(profile, day, rates))

    evaluate()
    taken = _best(evaluate, 9)
    routes = evaluate().profit.size
    report(
        "evaluation, 100,000 products × 20 routes",
        f"{routes / taken / 1e6:.0f} million routes/s",
        "at least 20 million",
    )

    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    found = evaluate()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    result = found.profit.nbytes + found.invested.nbytes + found.method_index.nbytes + found.listed_on_both.nbytes
    report(
        "memory of the evaluation beyond its result", f"{(peak - result) / routes:.0f} bytes/route", "at most 400 bytes"
    )

    rows = offers[offers["asin"] < "B000000060"].to_dict("records")
    by_key = {(r["asin"], r["market"]): r for r in rows}
    pairs = [(a, b) for (asin, s), a in by_key.items() for (other, t), b in by_key.items() if asin == other and s != t]

    def one_at_a_time() -> None:
        for buy, sell in pairs:
            for way in profile.fulfilment:
                oracle.route(buy, sell, way, profile, rates, _ON)

    slow = _best(one_at_a_time, 3) / len(pairs)
    report("… against one route at a time", f"{slow / (taken / routes):.0f} × as fast", "at least 100 ×")

    small, large = _per_route(1_000, profile), _per_route(1_000_000, profile)
    report("time per route, 1,000,000 products / 1,000", f"{large / small:.2f} ×", "about 1 ×")


def _per_route(products: int, profile: Profile) -> float:
    day, rates = load_tables().on(_ON), load_rates()
    resolved = cost_offers(_offers(products), profile, day)
    act = lambda: evaluate_costs(resolved, resolved, SellerCosts(profile, day, rates))  # noqa: E731
    act()
    return _best(act, 3 if products > 100_000 else 101) / (products * 20)
