"""What the detector stores is what the record keeps: the figures that are shown, as they are shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.detector.storing import price_into
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.recalibration import Recalibration, Widening
from arbkit.core.models import Offer, Update
from arbkit.profit import load_rates, load_tables
from arbkit.store import OpportunityQuery
from arbkit.store.sqlite.store import SqliteStore
from tests.profit_forecast.reseller import NOW, ON, PROFILE, offers_on_sale
from tests.simulated_market.market import simulate


@pytest.fixture(scope="module")
def offers() -> list[Offer]:
    return offers_on_sale(simulate(1, 25), 1)


def priced(path: Path, offers: list[Offer], recalibration: Recalibration | None) -> SqliteStore:
    store = SqliteStore(path)
    store.put([Update(one, None) for one in offers])
    inputs = Inputs(PROFILE, load_tables(), load_rates(), ON, recalibration=recalibration)
    states = store.states(sorted({one.asin for one in offers})).values()
    price_into(store, states, lambda: replace(inputs, generation=store.generation("x")))
    return store


def test_a_record_has_the_figures_of_the_opportunity_that_was_stored(tmp_path: Path, offers: list[Offer]) -> None:
    with priced(tmp_path / "store.db", offers, None) as store:
        shown = {one.id: one for one in store.opportunities(OpportunityQuery(limit=500)).items}
        kept = list(store.forecasts(demo=False))
        assert len(kept) > 10
        for record in kept:
            one = shown[f"{record.asin}:{record.source}:{record.target}"]
            assert record.made_at == one.evaluated_at
            assert record.version == one.forecast_version
            assert (record.profit_chance_pct, record.profit_p50) == (one.profit_chance_pct, one.profit_p50)
            assert record.widening == 1.0


def test_a_recalibration_widens_what_is_shown_and_is_named_in_it(tmp_path: Path, offers: list[Offer]) -> None:
    wide = Widening(horizon_days=14, factor=2.0, low=1.8, high=2.2, applied=True, forecasts=412, products=300)
    learnt = Recalibration(
        made_on="2027-01-05",
        made_at=NOW,
        model=load_price_model().version,
        forecasts=412,
        products=300,
        widenings=[wide],
    )
    with priced(tmp_path / "own.db", offers, None) as own, priced(tmp_path / "wide.db", offers, learnt) as other:
        before = {one.id: one for one in own.opportunities(OpportunityQuery(limit=500)).items}
        after = {one.id: one for one in other.opportunities(OpportunityQuery(limit=500)).items}
        known = [name for name, one in before.items() if one.profit_p50 is not None]
        assert known
        for name in known:
            assert after[name].forecast_version is not None
            assert "recalibrated 2027-01-05 from 412 forecasts" in str(after[name].forecast_version)
        widths = [
            sum(float(found[name].profit_p90 or 0) - float(found[name].profit_p10 or 0) for name in known)
            for found in (before, after)
        ]
        assert widths[1] > 1.3 * widths[0]
        assert {record.widening for record in other.forecasts(demo=False)} == {2.0}
