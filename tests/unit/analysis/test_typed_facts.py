"""What the user typed in wins, in detection as on the pages."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from arbkit.analysis.detection import detect, scan_states
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.offers import known_offers, prepare_offers
from arbkit.analysis.routes import price_routes
from arbkit.core.models import Opportunity, Update
from arbkit.core.offers.facts import Fact, FactName
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.profit.facts.packages import Certainty
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.factories import offer, unforecast

NOW = time.time()
ASIN = "B000000001"
PROFILE = Profile.neutral(fulfilment=("fba-local",))
SMALL: dict[str, Any] = {"length_mm": 200, "width_mm": 100, "height_mm": 50, "weight_g": 400}
LARGE: dict[str, Any] = {"length_mm": 510, "width_mm": 470, "height_mm": 450, "weight_g": 14_000}


def found(path: Path, *facts: Fact, **fields: Any) -> Opportunity:
    """The one route of a product, as detection and as a page price it."""
    with SqliteStore(path / "store.db") as store:
        store.put([
            Update(offer(ASIN, code, price_minor=p, price_at=int(NOW), shipping_minor=0, **fields), None)
            for code, p in (("IT", 4_200), ("DE", 6_000))
        ])  # fmt: skip
        for fact in facts:
            store.put_fact(fact)
        tables, rates, on = load_tables(), load_rates(), datetime.fromtimestamp(NOW, UTC).date()
        parameters = DetectParameters(min_profit=-100, all_routes=True)
        inputs = Inputs(PROFILE, tables, rates, on)
        detected = detect(scan_states(store), inputs, parameters=parameters, run_id="", now=NOW)
        (one,) = [o for o in detected.opportunities if o.source == "IT"]
        page = price_routes(prepare_offers(known_offers(store, [ASIN]), now=NOW), PROFILE, tables, rates, on=on)
        (same,) = [o for o in page.opportunities(now=NOW, listings=store.offers) if o.source == "IT"]
        assert same == unforecast(one)
        return one


def fact(name: FactName, market: str = "", **value: Any) -> Fact:
    return Fact.of(ASIN, name, value, at=NOW, market=market)


def test_a_typed_size_makes_an_opportunity_of_what_needed_one(tmp_path: Path) -> None:
    unknown = found(tmp_path / "a")
    assert unknown.status == "needs_size"
    assert unknown.profit_low is None or unknown.profit_low < unknown.profit
    small = found(tmp_path / "b", fact("package", **SMALL))
    assert (small.status, small.profit_low, small.profit_high) == ("opportunity", small.profit, small.profit)
    large = found(tmp_path / "c", fact("package", **LARGE))
    assert large.profit < small.profit


def test_a_typed_size_wins_over_what_a_listing_and_keepas_fee_say(tmp_path: Path) -> None:
    observed = {**SMALL, "keepa_fba_fee_minor": 300, "keepa_fba_fee_at": int(NOW)}
    assert found(tmp_path / "a", fact("package", **LARGE), **observed).profit < found(tmp_path / "b", **observed).profit


def test_a_fact_of_one_marketplace_goes_before_that_of_all(tmp_path: Path) -> None:
    both = fact("package", **LARGE), fact("package", market="DE", **SMALL)
    assert found(tmp_path / "a", *both).profit == found(tmp_path / "b", fact("package", **SMALL)).profit


def test_sides_without_a_weight_stay_and_only_the_weight_is_a_range(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store.db") as store:
        store.put([Update(offer(ASIN, "DE"), None)])
        store.put_fact(fact("package", length_mm=300, width_mm=200, height_mm=100))
        (row,) = prepare_offers(known_offers(store, [ASIN]), now=NOW).to_dict("records")
    assert row["package_certainty"] == Certainty.DERIVED
    for extreme in ("smallest_", "", "largest_"):
        assert [row[extreme + name] for name in ("length_mm", "width_mm", "height_mm")] == [300, 200, 100]
    assert row["smallest_weight_g"] < row["weight_g"] < row["largest_weight_g"]


@pytest.mark.parametrize(
    ("name", "value"), [("category", {"category": "Books"}), ("vat_class", {"vat_class": "books"})]
)
def test_a_typed_category_and_vat_class_are_priced(tmp_path: Path, name: FactName, value: dict[str, Any]) -> None:
    plain, typed = found(tmp_path / "a", **SMALL), found(tmp_path / "b", fact(name, **value), **SMALL)
    assert typed.profit != plain.profit
