"""Confidence puts real routes in the order in which a reseller trusts their numbers.

The reading (``tests/data/twenty_routes.toml``) was written before any score of those routes was seen. Prices age, so
the scores are those of the day of the exports.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from arbkit.analysis.detection import scan_states
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.detector.pricing import price_products
from arbkit.profit import load_profile, load_rates, load_tables
from arbkit.store import open_store
from tests.helpers.processes import with_real_exports

READING = Path(__file__).parents[1] / "data" / "twenty_routes.toml"
EXPORTED = datetime(2026, 5, 20, 9, tzinfo=UTC)
GOAL = 0.8


def reading() -> dict[str, int]:
    """Places by the ids of routes, 1 the most trusted."""
    routes = tomllib.loads(READING.read_text("utf-8"))["route"]
    return {f"{r['asin']}:{r['source']}:{r['target']}": r["place"] for r in routes}


def agreements(places: Mapping[str, int], scores: Mapping[str, float]) -> Iterator[float]:
    """Of each pair that the reading tells apart: 1 ordered alike, 0 the other way round, 0.5 a tie of scores."""
    for one, other in combinations(places, 2):
        if places[one] != places[other]:
            first, second = sorted((one, other), key=places.__getitem__)
            yield 1.0 if scores[first] > scores[second] else 0.5 if scores[first] == scores[second] else 0.0


def test_agreement_counts_pairs() -> None:
    places = {"a": 1, "b": 2, "c": 2, "d": 4}
    assert list(agreements(places, {"a": 0.9, "b": 0.5, "c": 0.9, "d": 0.6})) == [1.0, 0.5, 1.0, 0.0, 1.0]


def test_every_route_of_the_reading_has_a_reason() -> None:
    routes = tomllib.loads(READING.read_text("utf-8"))["route"]
    assert len(routes) == len(reading()) == 20
    assert all(1 <= route["place"] <= 20 and len(route["reading"]) > 40 for route in routes)


def test_real_routes_are_trusted_in_the_order_of_a_reseller(real_data: Path, tmp_path: Path) -> None:
    settings = with_real_exports(real_data, tmp_path)
    inputs = Inputs(load_profile(None), load_tables(), load_rates(), EXPORTED.date())
    with open_store(settings, read_only=True) as store:
        # Losses too: they are never stored, and a reseller reads them as well.
        priced = [
            price_products(states, inputs, now=EXPORTED.timestamp(), least=-100_000) for states in scan_states(store)
        ]
    scores = {o.id: o.confidence for some in priced for o in some.found}
    agreed = list(agreements(reading(), scores))
    assert sum(agreed) / len(agreed) >= GOAL
    assert len(set(scores.values())) >= 20, "a score that most routes share ranks nothing"
