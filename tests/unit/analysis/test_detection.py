"""Detection keeps what its filter asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from arbkit.analysis.detection import detect
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.offers import OfferScan, offers_frame
from arbkit.profit import Profile, load_rates, load_tables
from tests.helpers.factories import offer

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC).timestamp()
PACKAGE = {"length_mm": 200, "width_mm": 100, "height_mm": 50, "weight_g": 400, "shipping_minor": 0}


def found(**asked: Any) -> set[str]:
    """The ids of what detection keeps among two products on two marketplaces each."""
    profile, old = Profile.neutral(), int(NOW) - 10 * 3600
    offers = [
        offer("B000000001", "IT", price_minor=2_000, price_at=int(NOW), **PACKAGE),
        offer("B000000001", "DE", price_minor=7_000, price_at=int(NOW), title="Lantern, red", **PACKAGE),
        offer("B000000002", "IT", price_minor=3_000, price_at=old, brand="Zeta", **PACKAGE),
        offer("B000000002", "DE", price_minor=5_000, price_at=old, brand="Zeta", amazon_minor=5_000, **PACKAGE),
    ]
    parameters = DetectParameters(**asked)
    scan, tables, rates = OfferScan(iter([offers_frame(offers)])), load_tables(), load_rates()
    detection = detect(scan, profile, tables, rates, parameters=parameters, run_id="r", now=NOW)
    return {o.asin for o in detection.opportunities}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {"B000000001", "B000000002"}),
        ({"q": "lant"}, {"B000000001"}),
        ({"q": "lantern blue"}, set()),
        ({"asin": "b000000002"}, {"B000000002"}),
        ({"brand": "Zeta"}, {"B000000002"}),
        ({"category": "Tools"}, set()),
        ({"amazon_sells": True}, {"B000000002"}),
        ({"max_age_hours": 1}, {"B000000001"}),
        ({"min_profit": 25}, {"B000000001"}),
        ({"min_roi": 50}, {"B000000001"}),
        ({"min_margin": 45}, {"B000000001"}),
        ({"min_confidence": 1}, set()),
        ({"source": "DE"}, set()),
        ({"sources": ("IT",), "target": "DE"}, {"B000000001", "B000000002"}),
    ],
)
def test_detection_keeps_what_passes_its_filter(asked: dict[str, Any], expected: set[str]) -> None:
    assert found(**asked) == expected
