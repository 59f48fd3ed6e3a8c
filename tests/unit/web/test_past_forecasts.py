"""The panel of past forecasts on the pipeline page, which the morning report shows as well."""

from __future__ import annotations

from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.track_record.recalibrating import recalibrate
from arbkit.analysis.track_record.results import MonthRecord, TrackRecord
from arbkit.analysis.track_record.score import track_record
from arbkit.core.forecasts.record import ForecastRecord
from arbkit.display.record_frames import track_record_frame
from arbkit.web.dashboards.pipeline.html import forecasts_html
from tests.helpers.forecasts import MADE_AT, forecast
from tests.unit.analysis.track_record.simulated import came_out


def record(records: list[ForecastRecord], *, demo: bool = False) -> TrackRecord:
    month = MonthRecord(month="2024-09", horizon_days=14, forecasts=90, known=80, covered=60, brier=9.5)
    found, scored = track_record(records, [month], at=MADE_AT, demo=demo)
    learnt = recalibrate(scored, model=load_price_model().version, at=MADE_AT)
    return found.model_copy(update={"recalibration": learnt})


def test_nothing_scored_says_what_to_do() -> None:
    assert "<code>arbkit forecasts score</code>" in forecasts_html(None, is_recalibrated=True)
    waiting = forecasts_html(record([forecast()]), is_recalibrated=True)
    assert "1 wait until their horizon ends" in waiting
    assert "<table" not in waiting


def test_scores_are_shown_with_their_intervals_by_version_and_in_bins() -> None:
    html = forecasts_html(record(came_out(400, wider=2.0, seed=1)), is_recalibrated=True)
    for words in ("400", "In the 80 % band", "By version", "2025-02.1", "90 to 100 %", "60 of 80", "widen price moves"):
        assert words in html, words
    assert "too few to say" not in html
    assert "switched off" in forecasts_html(record(came_out(400, wider=2.0, seed=1)), is_recalibrated=False)


def test_few_forecasts_and_those_of_the_demo_market_are_marked() -> None:
    html = forecasts_html(record(came_out(9, wider=1.0, seed=1), demo=True), is_recalibrated=True)
    assert "too few to say" in html
    assert "DEMO" in html


def test_a_notebook_has_a_row_a_horizon_and_one_a_version() -> None:
    frame = track_record_frame(record(came_out(400, wider=1.0, seed=1)))
    assert frame["forecasts"].tolist() == [400, 400]
    assert len(track_record_frame(None)) == 0
