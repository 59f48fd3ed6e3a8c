"""In a notebook a route that is no opportunity can be told from one."""

from __future__ import annotations

from arbkit.display.record_frames import opportunities_frame
from arbkit.display.route_tables import routes_table
from tests.helpers.factories import opportunity


def test_what_is_no_opportunity_says_why_and_what_its_packages_leave() -> None:
    sized, open_size = opportunity(), opportunity("B000000002", status="needs_size", profit_low=-4.0, profit_high=3.0)
    frame = opportunities_frame([sized, open_size])
    assert list(frame["status"]) == ["opportunity", "needs_size"]
    assert (frame["profit_low"][1], frame["profit_high"][1]) == (-4.0, 3.0)
    assert "status" not in opportunities_frame([sized])


KNOWN = opportunity(
    profit_chance_pct=82.0, profit_p1=-6.0, profit_p10=-1.2, profit_p50=4.0, profit_p90=9.8, expected_profit=4.1,
    expected_profit_per_day_pct=0.314, sold_in_30_days_pct=61.0, days_to_sell_p50=18.0,
)  # fmt: skip
UNKNOWN = opportunity("B000000002", forecast_unknown="no history")


def test_a_forecast_is_shown_with_its_units_and_stays_numbers() -> None:
    frame = opportunities_frame([KNOWN, UNKNOWN])
    assert frame["expected_profit"].dtype == frame["days_to_sell_p50"].dtype == "float64"
    text = frame.to_markup()
    assert ("82.0 %" in text, "−1.20 EUR" in text, "0.31 %" in text) == (True, True, True)
    assert str(opportunities_frame([UNKNOWN])["profit_chance_pct"].dtype) == "float64"


def test_a_table_of_a_report_has_the_forecast_where_one_of_its_routes_has() -> None:
    text = routes_table([KNOWN, UNKNOWN])
    for said in ("Chance of profit", "82 %", "−1.20 to 9.80 EUR", "4.10 EUR", "0.31 %"):
        assert said in text
    assert "Chance of profit" not in routes_table([UNKNOWN])


def test_a_table_of_a_report_calls_no_chance_certain() -> None:
    text = routes_table([opportunity("B000000003", profit_chance_pct=99.6, profit_p10=1.0, profit_p90=2.0)])
    assert ("over 99 %" in text, "100 %" in text) == (True, False)
