"""What is learnt of scored forecasts: bands that are too narrow get wider, right ones stay, and it holds later."""

from __future__ import annotations

import numpy as np
import pytest

from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.price.recalibration import Recalibration, Widening
from arbkit.analysis.track_record.parameters import PARAMETERS
from arbkit.analysis.track_record.recalibrating import recalibrate
from arbkit.analysis.track_record.score import track_record
from arbkit.analysis.track_record.scored import Scored
from arbkit.core.forecasts.record import ForecastRecord
from tests.helpers.forecasts import MADE_AT
from tests.unit.analysis.track_record.simulated import came_out, past

MODEL = load_price_model()
COUNT = 600


def learnt(records: list[ForecastRecord]) -> Recalibration | None:
    return recalibrate(Scored.of(records), model=MODEL.version, at=MADE_AT)


def one_of(records: list[ForecastRecord]) -> tuple[Recalibration, Widening]:
    found = learnt(records)
    assert found is not None
    (widening,) = found.widenings
    return found, widening


def covered(records: list[ForecastRecord]) -> float:
    """The share of outcomes between the 10 and 90 % levels, a price that stays to the part that lies there."""
    score = track_record(records, [], at=MADE_AT, demo=False)[0].horizons[0]
    assert score.covered_pct.value is not None
    return score.covered_pct.value


@pytest.mark.parametrize("wider", [1.5, 2.0])
def test_bands_that_were_too_narrow_cover_what_comes_later_once_they_are_widened(wider: float) -> None:
    found, widening = one_of(came_out(COUNT, wider=wider, seed=1))
    assert widening.applied
    assert widening.low <= wider * 1.1
    assert widening.high >= wider * 0.9
    model = MODEL.recalibrated(found)
    before, after = (
        track_record(came_out(COUNT, wider=wider, seed=2, model=one, first=COUNT), [], at=MADE_AT, demo=False)[0]
        for one in (MODEL, model)
    )
    right = covered(came_out(COUNT, wider=1.0, seed=2))
    (was,), (now,) = before.horizons, after.horizons
    assert was.covered_pct.value is not None
    assert now.covered_pct.value is not None
    assert now.covered_pct.value == pytest.approx(right, abs=4)
    assert was.covered_pct.value < now.covered_pct.value - 4
    assert now.pinball.value is not None
    assert was.pinball.value is not None
    assert now.pinball.value < was.pinball.value
    assert now.version is None
    assert after.versions[0].version == f"prices {MODEL.version}, recalibrated 2026-09-21 from {COUNT} forecasts"


@pytest.mark.parametrize("seed", range(5))
def test_right_bands_stay_as_they_are(seed: int) -> None:
    found, widening = one_of(came_out(COUNT, wider=1.0, seed=seed))
    assert widening.low <= 1.1
    assert widening.high >= 0.9
    if not widening.applied:
        assert MODEL.recalibrated(found) is MODEL


def test_bands_that_were_too_wide_get_narrower() -> None:
    _, widening = one_of(came_out(2 * COUNT, wider=0.6, seed=3))
    assert widening.applied
    assert widening.high < 1


def test_of_forecasts_that_were_widened_the_same_is_learnt_again() -> None:
    first, before = one_of(came_out(COUNT, wider=2.0, seed=1))
    _, after = one_of(came_out(COUNT, wider=2.0, seed=4, model=MODEL.recalibrated(first), first=COUNT))
    assert after.factor == pytest.approx(before.factor, abs=0.5)
    assert after.applied


def test_too_few_forecasts_or_products_or_those_of_another_model_teach_nothing() -> None:
    needed = PARAMETERS.recalibration
    records = came_out(needed.least_forecasts, wider=2.0, seed=1)
    assert learnt(records) is not None
    assert learnt(records[1:]) is None
    assert learnt([]) is None
    assert recalibrate(Scored.of(records), model="another", at=MADE_AT) is None
    few = came_out(needed.least_products - 1, wider=2.0, seed=1)
    assert learnt(few * (needed.least_forecasts // len(few) + 1)) is None


def test_a_recalibration_widens_prices_and_no_chance_that_they_stay() -> None:
    found, widening = one_of(came_out(COUNT, wider=2.0, seed=1))
    origins = past(50, 9)
    own, wide = (model.forecast(origins, 14) for model in (MODEL, MODEL.recalibrated(found)))
    moves = [np.log(one.quantiles((0.02, 0.98)) / origins.price[:, None]) for one in (own, wide)]
    assert np.allclose(moves[1], widening.factor * moves[0])
    assert (own.chances == wide.chances).all()
    prices = own.price * np.exp(-0.05)
    assert np.allclose(wide.chance_below(own.price * np.exp(-0.05 * widening.factor))[0], own.chance_below(prices)[0])
    assert MODEL.recalibrated(found.model_copy(update={"model": "another"})) is MODEL
    assert MODEL.recalibrated(None) is MODEL


def test_between_two_horizons_the_factor_goes_over() -> None:
    made = Widening(horizon_days=14, factor=1.5, low=1.2, high=1.8, applied=True, forecasts=300, products=200)
    kept = made.model_copy(update={"horizon_days": 30, "factor": 1.1, "low": 0.9, "applied": False})
    found = Recalibration(
        made_on="2026-09-21", made_at=MADE_AT, model=MODEL.version, forecasts=600, products=200, widenings=[made, kept]
    )
    factors = MODEL.recalibrated(found).widening(np.array([1.0, 14.0, 20.0, 30.0, 90.0]))
    assert factors[[0, 1, 3, 4]].tolist() == [1.5, 1.5, 1.0, 1.0]
    assert 1.0 < factors[2] < 1.5
