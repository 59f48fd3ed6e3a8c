"""What cells of a notebook display: hostile text stays text, and the figures are those of the data."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from arbkit.display.frames import DisplayFrame
from arbkit.display.labels import component_label, fulfilment_label
from arbkit.display.notebook_html import style_tag
from arbkit.display.quote_view import QuoteView, max_cost_text
from arbkit.display.route_tables import not_priced, paragraph, shown
from arbkit.display.waterfall import Waterfall
from arbkit.profit.quote.results import MaxBuy, Quote
from tests.helpers.factories import opportunity

HOSTILE = "<img src=x onerror=alert(1)>\"'"
UNSAFE = "javascript:alert(1)"


def part(name: str, amount: float | None, **fields: Any) -> dict[str, Any]:
    defaults = {"currency": "EUR", "rule": "a rule", "table": None, "valid_from": None, "source": None}
    return {"name": name, "amount": amount, "assumed": False, **defaults, **fields}


def quote(**fields: Any) -> QuoteView:
    defaults: dict[str, Any] = {
        "source": "IT", "target": "DE", "on": "2026-08-01", "currency": "EUR", "profit": 10.0, "roi_pct": 31.5,
        "margin_net_pct": 18.25, "fulfilment": "fba-local", "break_even_sell": [54.44], "warnings": [], "hints": [],
        "unknown": [], "max_buy": {"target_roi_pct": 30, "price": 40.48, "currency": "EUR"},
        "components": [part("sale_price", 50.0), part("purchase_price", -40.0)], "margin_gross_pct": 15.0,
        "invested": 32.0, "alternatives": [], "size_tier": None, "dead_zones": [], "vat_grid": [], "sensitivity": [],
        "input_vat": "net-intra-eu",
        "referral": {"schedule": None, "decided_by": None, "candidates": [], "profit_range": None},
        "tables_version": "2026-04-17", "profile": "test",
    }  # fmt: skip
    return QuoteView(Quote.model_validate({**defaults, **fields}), title=HOSTILE)


def hostile_opportunity() -> Any:
    parts = (part(HOSTILE, 10.0, rule=HOSTILE, table=HOSTILE, source=HOSTILE),)
    return opportunity(title=HOSTILE, confidence_reasons=(HOSTILE,), source_url=UNSAFE, components=parts)


@pytest.mark.parametrize(
    "cell",
    [
        DisplayFrame({"title": [HOSTILE], HOSTILE: [1.5], "page_url": [UNSAFE]}),
        DisplayFrame({"page_url": [f"https://www.amazon.de/{HOSTILE}"]}),
        shown([hostile_opportunity()]),
        Waterfall(hostile_opportunity()),
        paragraph(HOSTILE),
        not_priced({HOSTILE: 3}),
        quote(warnings=[HOSTILE], hints=[HOSTILE]),
        quote(profit=None, unknown=[HOSTILE], components=[part(HOSTILE, None)]),
    ],
)
def test_hostile_text_stays_text(cell: Any) -> None:
    html = cell._repr_html_()
    assert "&lt;img" in html
    assert "<img" not in html
    assert "onerror=alert(1)>" not in html
    assert f'href="{UNSAFE}' not in html


def test_a_note_above_a_table_is_text_too() -> None:
    frame = DisplayFrame({"title": ["A"]})
    frame.attrs["note"] = HOSTILE
    assert "<b>&lt;img" in frame.to_markup()
    assert (frame.iloc[:0]._repr_html_() or "").startswith("<p>&lt;img")


def test_a_table_is_displayed_with_currencies_percentages_and_dates_and_keeps_its_numbers() -> None:
    frame = DisplayFrame(
        {
            "profit": [-1_234.5, None], "currency": ["EUR", "EUR"], "roi_pct": [31.5, None], "change_pct": [5.0, -5.0],
            "reviews": [12_345, 1], "at": pd.to_datetime([0, 60], unit="s", utc=True), "allowed": [True, False],
        }
    )  # fmt: skip
    html = frame._repr_html_() or ""
    for text in ("−1,234.50 EUR", ">–<", "31.5 %", "+5.0 %", "−5.0 %", "12,345", "1970-01-01 00:01 UTC", "yes", "no"):
        assert text in html
    assert "<th style" in html
    assert ">currency<" not in html
    assert "−1,234.50 EUR" in repr(frame)
    assert frame["profit"].sum() == -1_234.5


def test_the_bars_of_a_waterfall_start_where_the_one_before_ended() -> None:
    parts = (part("sale_price", 100.0), part("referral_fee", -20.0, assumed=True), part("purchase_price", -90.0))
    html = Waterfall(opportunity(components=parts, profit=-10.0))._repr_html_()
    bars = re.findall(r'arb-(in|out|sum)" style="margin-left:([\d.]+)%;width:([\d.]+)%', html)
    # From −10 to 100: a unit is 100 / 110 percent.
    assert bars == [
        ("in", "9.09", "90.91"),
        ("out", "81.82", "18.18"),
        ("out", "0.00", "81.82"),
        ("sum", "0.00", "9.09"),
    ]
    assert "Referral fee *" in html
    assert "* assumed." in html
    assert "−10.00" in html


def test_a_waterfall_of_nothing_but_zeros_is_drawn() -> None:
    assert "arb-total" in Waterfall(opportunity(components=(part("sale_price", 0.0),), profit=0.0))._repr_html_()


def test_an_invented_product_is_marked_wherever_it_is_displayed() -> None:
    found = opportunity(demo=True)
    alone, mixed = shown([found])._repr_html_(), shown([found, opportunity("B000000002")])._repr_html_()
    # Once where all are, and behind each where real ones stand beside them.
    assert alone.count("DEMO") == alone.count("DEMO: invented products and prices") == 1
    assert (mixed.count(">DEMO<"), mixed.count("invented products")) == (1, 0)
    assert "(DEMO)" in Waterfall(found)._repr_html_()
    assert "DEMO" not in shown([opportunity()])._repr_html_()


def test_every_cell_brings_its_style_along() -> None:
    for cell in (shown([opportunity()]), shown([]), Waterfall(opportunity()), quote()):
        assert cell._repr_html_().startswith(style_tag())


def test_a_quote_says_first_what_it_comes_to() -> None:
    first, second = repr(quote(warnings=["a warning"])).splitlines()[:2]
    assert "10.00 EUR profit, FBA (local stock), ROI 31.5 %, margin 18.2 % of net revenue" in first
    assert second == "Break-even selling price 54.44; max cost 40.48 EUR (30 % ROI)"
    unknown = quote(profit=None, unknown=["package size"], hints=["give --size-mm and --weight-g"])
    assert "profit unknown: package size" in repr(unknown)
    assert "give size_mm and weight_g" in unknown._repr_html_()


def test_a_quote_of_an_uncertain_package_says_its_range() -> None:
    found = quote(range={"low": -2.5, "likely": 10.0, "high": None})
    assert "profit −2.50 to unknown EUR, depending on the package" in repr(found)
    assert "profit −2.50 to unknown EUR, depending on the package" in found._repr_html_()
    assert (found.profit_low, found.profit, found.profit_high) == (-2.5, 10.0, None)
    assert (quote().profit_low, quote().profit_high) == (10.0, 10.0)
    assert "depending on the package" not in repr(quote())


def test_the_max_cost_names_its_targets_also_where_no_price_reaches_them() -> None:
    assert max_cost_text(MaxBuy(target_roi_pct=30, price=None, currency="EUR")) == "no cost reaches 30 % ROI"
    text = max_cost_text(MaxBuy(target_roi_pct=30, price=40.48, currency="EUR", target_profit=5))
    assert text == "max cost 40.48 EUR (30 % ROI and 5.00 profit)"


@pytest.mark.parametrize(
    ("label", "text"),
    [
        (component_label("vat_on_fees"), "VAT on fees"),
        (component_label("sale_price"), "Sale price"),
        (fulfilment_label("fba-local"), "FBA (local stock)"),
        (fulfilment_label("drone"), "drone"),
    ],
)
def test_names_in_the_data_have_names_for_people(label: str, text: str) -> None:
    assert label == text
