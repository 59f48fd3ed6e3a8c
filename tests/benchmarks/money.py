"""Evaluation of routes: its rate, its memory, how it grows, and how much it gains over one row at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.offer_costs import cost_offers
from arbkit.profit.trade_costs import SellerCosts
from tests.benchmarks.measuring import Report, seconds
from tests.benchmarks.probes.money import ON, SELLER, offers
from tests.helpers import oracle

__all__ = ["run"]


def _median(act: Callable[[], object], repeats: int) -> float:
    return median(seconds(act) for _ in range(repeats))


def run(report: Report) -> None:
    """All routes by their best way, every component, categories, tiers and bands resolved once per product and
    marketplace; against the oracle of the tests, one route at a time."""
    profile, day, rates = Profile.neutral(**SELLER), load_tables().on(ON), load_rates()
    frame = offers(100_000)
    resolved = cost_offers(frame, profile, day)

    def evaluate() -> Evaluation:
        return evaluate_costs(resolved, resolved, SellerCosts(profile, day, rates))

    evaluate()
    taken = _median(evaluate, 9)
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

    rows: Any = frame[frame["asin"] < "B000000060"].to_dict("records")
    by_key = {(r["asin"], r["market"]): r for r in rows}
    pairs = [(a, b) for (asin, s), a in by_key.items() for (other, t), b in by_key.items() if asin == other and s != t]

    def one_at_a_time() -> None:
        for buy, sell in pairs:
            for way in profile.fulfilment:
                oracle.route(buy, sell, way, profile, rates, ON)

    slow = _median(one_at_a_time, 3) / len(pairs)
    report("… against one route at a time", f"{slow / (taken / routes):.0f} × as fast", "at least 100 ×")

    small, large = _per_route(1_000, profile), _per_route(1_000_000, profile)
    report("time per route, 1,000,000 products / 1,000", f"{large / small:.2f} ×", "about 1 ×")


def _per_route(products: int, profile: Profile) -> float:
    day, rates = load_tables().on(ON), load_rates()
    resolved = cost_offers(offers(products), profile, day)
    seller = SellerCosts(profile, day, rates)

    def evaluate() -> Evaluation:
        return evaluate_costs(resolved, resolved, seller)

    evaluate()
    return _median(evaluate, 3 if products > 100_000 else 101) / (products * 20)
