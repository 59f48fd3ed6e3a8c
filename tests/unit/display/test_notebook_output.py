"""What cells of a notebook display: hostile text stays text, and the figures are those of the data."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

import arbkit
from arbkit.display.frames import DisplayFrame
from arbkit.display.labels import component_label, fulfilment_label
from arbkit.display.notebook_html import style_tag
from arbkit.display.quote_view import QuoteView
from arbkit.display.route_tables import not_priced, paragraph, shown
from arbkit.display.waterfall import Waterfall
from tests.helpers.factories import opportunity

HOSTILE = "<img src=x onerror=alert(1)>\"'"
UNSAFE = "javascript:alert(1)"


def part(name: str, amount: float | None, **fields: Any) -> dict[str, Any]:
    defaults = {"currency": "EUR", "rule": "a rule", "table": None, "valid_from": None, "source": None}
    return {"name": name, "amount": amount, "assumed": False, **defaults, **fields}


def quote(**fields: Any) -> QuoteView:
    """The worked example, with changes; None leaves a field out."""
    example = {
        "source": "IT", "buy": 40.00, "target": "DE", "sell": 69.99, "category": "Toys & Games",
        "size_mm": "360x100x100", "weight_g": 800, "vat_status": "reclaiming", "home": "DE", "fulfilment": "fba-local",
        "warehouses": "de", "other_costs": 1.30, "on": "2026-08-01",
    }  # fmt: skip
    with arbkit.open() as arb:
        found = arb.profit(neutral=True, **{k: v for k, v in {**example, **fields}.items() if v is not None})
    found.title = HOSTILE
    return found


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
    ],
)
def test_hostile_text_stays_text(cell: Any) -> None:
    is_harmless(cell)


def test_a_hostile_title_of_a_quote_stays_text() -> None:
    for found in (quote(), quote(category=HOSTILE)):
        is_harmless(found)


def is_harmless(cell: Any) -> None:
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
    assert ">DEMO<" in shown([found])._repr_html_()
    assert "(DEMO)" in Waterfall(found)._repr_html_()
    assert ">DEMO<" not in shown([opportunity()])._repr_html_()


def test_every_cell_brings_its_style_along() -> None:
    for cell in (shown([opportunity()]), shown([]), Waterfall(opportunity()), quote()):
        assert cell._repr_html_().startswith(style_tag())


def test_a_quote_says_first_what_it_comes_to() -> None:
    first, second = repr(quote()).splitlines()[:2]
    assert "10.74 EUR profit, FBA (local stock), ROI 31.5 %, margin 18.2 % of net revenue" in first
    assert second == "Break-even selling price 54.44; max cost 40.48 EUR (30 % ROI)"
    unknown = quote(size_mm=None)
    assert "profit unknown: package size" in repr(unknown)
    assert "give size_mm and weight_g" in unknown._repr_html_()


def test_the_max_cost_names_its_targets_also_where_no_price_reaches_them() -> None:
    assert "max cost 40.48 EUR (30 % ROI and 5.00 profit)" in repr(quote(target_profit=5))
    assert "no cost reaches 30 % ROI and 1,000.00 profit" in repr(quote(target_profit=1_000))


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
