"""What the opportunities page says of coming profits: columns, the sentence of a route, and what makes it wide."""

from __future__ import annotations

import html
import re
import time
from pathlib import Path
from typing import Any

import pytest

from arbkit.analysis.track_record.forecasting import forecast_stored
from arbkit.analysis.track_record.results import words_of_chance
from arbkit.analysis.track_record.score import track_record
from arbkit.core.models import Opportunity, Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.web.dashboards.html import forecast_html
from arbkit.web.dashboards.opportunities.columns import COLUMNS, chosen_columns, table_row
from tests.helpers.factories import FORECAST, history, offer, opportunity
from tests.helpers.forecasts import MADE_AT, forecast
from tests.helpers.pages import Seen, shipped_page
from tests.helpers.routes import store_routes

ASIN, OTHER = "B000000001", "B000000002"
NOTHING_SEEN = "no sales rank <b>was</b> seen"
SHOWN = ("chance", "range", "expected", "per_day", "days_to_sell", "sold_in_30")


def text(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup)).replace(" ,", ",").replace(" .", ".")


def cells(found: Opportunity) -> dict[str, Any]:
    return dict(zip(COLUMNS, table_row(found, list(COLUMNS), now=1_760_000_300)["cells"], strict=True))


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Two routes: one with a forecast that was stored, one whose forecast is unknown."""
    now = int(time.time())
    ranked = {"sales_rank": 60_000, "sales_rank_at": now, "rank_drops30": 12, "rank_drops90": 36, "updated_at": now}
    package = {"length_mm": 300, "width_mm": 200, "height_mm": 100, "weight_g": 700, "price_minor": 7_000}
    with open_store(settings) as store:
        store.put(
            [
                Update(offer(a, code, **package, **ranked, version=9_000_000), history(a, code))
                for a in (ASIN, OTHER)
                for code in ("DE", "IT")
            ]
        )
        store_routes(store, [opportunity(ASIN, **FORECAST), opportunity(OTHER, forecast_unknown=NOTHING_SEEN)])
    return settings


def test_a_route_shows_its_chance_its_range_and_what_it_earns_a_day() -> None:
    shown = cells(opportunity(**FORECAST))
    assert [shown[name]["text"] for name in SHOWN] == ["82 %", "−1.20 to 9.80", "4.10", "0.12 %", "24", "62 %"]
    assert shown["chance"]["bar"] == 82.0
    assert shown["chance"]["note"] == "About 8 of 10 such purchases would make money"
    assert "Worst plausible −14.00 EUR" in shown["range"]["note"]
    assert cells(opportunity(**{**FORECAST, "expected_profit": -0.5}))["expected"]["tone"] == "bad"


def test_what_is_unknown_says_so_and_why_and_is_no_zero() -> None:
    for found, why in (
        (opportunity(forecast_unknown=NOTHING_SEEN), NOTHING_SEEN),
        (opportunity(), "no forecast was made when it was priced"),
    ):
        shown = cells(found)
        assert {shown[name]["text"] for name in SHOWN} == {"unknown"}
        assert {shown[name]["why"] for name in SHOWN} == {why}
    slow = cells(opportunity(**{**FORECAST, "days_to_sell_p50": None, "expected_profit_per_day_pct": None}))
    assert slow["days_to_sell"] == {
        "text": "unknown",
        "why": "less than half are sold within the time that is forecast",
    }
    assert slow["per_day"] == {"text": "unknown", "why": "no capital is tied up"}
    assert slow["chance"]["text"] == "82 %"


def test_the_first_columns_are_a_choice_of_all() -> None:
    first = chosen_columns((), what_if=False)
    decides = {"buy", "max_buy", "profit", "range", "chance", "per_day", "days_to_sell", "rank", "drops30", "sellers"}
    assert decides | {"confidence", "age"} <= set(first)
    assert {"sold_in_30", "expected"}.isdisjoint(first)
    assert "sold_in_30" in chosen_columns(["sold_in_30"], what_if=False)


@pytest.mark.parametrize(
    ("chance", "words", "percent"),
    [
        (0.4, "Fewer than 1 of 20", "under 1 %"), (5.0, "About 1 of 10", "5 %"), (49.9, "About 5 of 10", "50 %"),
        (94.9, "About 9 of 10", "95 %"), (99.6, "More than 19 of 20", "over 99 %"),
    ],
)  # fmt: skip
def test_a_chance_in_words_is_never_certain(chance: float, words: str, percent: str) -> None:
    shown = cells(opportunity(**{**FORECAST, "profit_chance_pct": chance}))["chance"]
    assert shown["text"] == percent
    assert shown["note"].startswith(words)
    assert f"{words} such purchases would make money" in text(
        forecast_html(opportunity(**{**FORECAST, "profit_chance_pct": chance}), why="", record=None, detail=None)
    )


def test_a_verdict_stands_above_the_chosen_route_and_unfolds_to_its_rules(filled: Settings) -> None:
    seen = Seen(shipped_page("opportunities", filled)).begin(f"?chosen={ASIN}:IT:DE")
    shown = text(seen.html("verdict"))
    assert shown.startswith((" Watch:", " Pass:", " Buy"))
    assert "arbkit verdict init" in shown
    assert next(region["id"] for region in seen.widget.regions if region["beside"] == "table") == "verdict"
    seen = Seen(shipped_page("opportunities", filled)).begin(f"?chosen={OTHER}:IT:DE")
    assert "chance of a profit unknown (wanted: at least" in text(seen.html("verdict"))


def test_a_bad_file_of_rules_is_named_in_place_of_the_verdict(filled: Settings, tmp_path: Path) -> None:
    rules = tmp_path / "verdict.toml"
    rules.write_text("[[rule]]\nfact = '<b>luck</b>'\n", "utf-8")
    page = shipped_page("opportunities", filled.model_copy(update={"verdict": rules}))
    seen = Seen(page).begin(f"?chosen={ASIN}:IT:DE")
    assert "No verdict" in seen.html("verdict")
    assert "<b>luck" not in seen.html("verdict")
    assert "such purchases would make money" in seen.html("forecast")


def test_the_chosen_route_says_how_many_of_ten_purchases_make_money(filled: Settings) -> None:
    seen = Seen(shipped_page("opportunities", filled)).begin(f"?chosen={ASIN}:IT:DE")
    shown = text(seen.html("forecast"))
    assert (
        "About 8 of 10 such purchases would make money : 10 % leave less than −1.20 EUR, 10 % more than 9.80 EUR; "
        "worst plausible −14.00 EUR." in shown
    )
    assert "Expected profit 4.10 EUR : 0.12 % a day of the capital" in shown
    assert "Once on sale, 62 % are sold within 30 days, half within 24 days." in shown
    assert "How have such forecasts come out? No forecast of arbkit's own has ended yet." in html.unescape(shown)
    seen.emit("select", region="table", id=f"{OTHER}:IT:DE")
    assert "unknown: no sales rank &lt;b&gt;was&lt;/b&gt; seen." in seen.html("forecast")
    assert "width" not in seen.html("forecast")


def test_what_makes_it_wide_is_forecast_only_when_it_is_asked_for(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def noted(*given: Any, **named: Any) -> Any:
        asked.append(named["wanted"])
        return forecast_stored(*given, **named)

    monkeypatch.setattr("arbkit.web.dashboards.opportunities.forecast.forecast_stored", noted)
    seen = Seen(shipped_page("opportunities", filled)).begin(f"?chosen={ASIN}:IT:DE")
    seen.emit("tick")
    assert asked == []
    seen.click("width", id=f"{ASIN}:IT:DE")
    assert asked == [[(ASIN, "IT", "DE")]]
    shown = text(seen.html("forecast"))
    assert re.search(r"What makes it so wide\? Selling price \d+ %", shown)
    assert "Assumed: unsold after 90 days: sold off" in shown
    assert "About 8 of 10 such purchases" in shown


def test_a_forecast_says_how_those_of_a_chance_like_it_came_out() -> None:
    ended: dict[str, Any] = {
        "horizon_days": 30,
        "scored_at": MADE_AT + 31 * 86_400,
        "price_then": 2_000,
        "in_band": True,
    }
    records = [
        forecast(f"B{n:09d}", **ended, profit_chance_pct=82.0, profit_then=1.0 if n % 5 else -1.0) for n in range(100)
    ]
    records += [forecast(f"C{n:09d}", **ended, profit_chance_pct=96.0, profit_then=1.0) for n in range(7)]
    record, _ = track_record(records, [], at=MADE_AT + 40 * 86_400, demo=False)
    assert words_of_chance(record, 85.0) == (
        "Of 100 with a chance of 80 to 90 %, 80 % left a profit at the price 30 days later"
    )
    assert words_of_chance(record, 99.6) == (
        "Of 7 with a chance of 90 to 100 %, 100 % left a profit at the price 30 days later, too few to say"
    )
    assert words_of_chance(record, 40.0) == "None with a chance of 40 to 50 % has ended yet, of others 107"
    nothing, _ = track_record([], [], at=MADE_AT, demo=False)
    for none in (None, nothing):
        assert words_of_chance(none, 85.0) == "No forecast of arbkit's own has ended yet"
