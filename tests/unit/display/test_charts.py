"""Price lines and charts, without a browser."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest

from arbkit.analysis.price_history import PriceLine, price_lines
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_minutes, to_unix
from arbkit.core.models import History, Series
from arbkit.display.charts import history_figure, waterfall_figure
from arbkit.profit import load_rates
from tests.helpers.factories import offer, opportunity


def line(
    code: str = "DE", *, name: str = "buy_box", values: list[int], shipping: list[int] | None = None, **more: Any
) -> list[PriceLine]:
    times = array("i", more.get("times", [8_000_000 + 1_440 * i for i in range(len(values))]))
    series = {name: Series(times, array("i", values), array("i", shipping) if shipping else None)}
    end = more.get("end", to_unix(times[-1] + 1_440))
    one = offer(code=code, price_basis=name, updated_at=end)
    known = History(one.asin, code, 1, one.currency, series)
    return price_lines([known], {code: one}, "EUR", load_rates())


def test_a_line_has_gaps_where_nobody_offers_and_ends_when_it_was_last_looked_at() -> None:
    (one,) = line(values=[2_000, -1, 2_100])
    assert one.prices.tolist() == [20.0, pytest.approx(np.nan, nan_ok=True), 21.0, 21.0]
    assert one.times[-1] - one.times[-2] == np.timedelta64(1, "D")


def test_a_buy_box_line_includes_shipping_where_it_is_known() -> None:
    (one,) = line(values=[2_000, 2_000], shipping=[399, -1])
    assert one.prices.tolist() == [23.99, 20.0, 20.0]


def test_pounds_are_drawn_in_euro_by_the_rate_of_each_week() -> None:
    start = to_minutes(1_735_689_600)
    (one,) = line("UK", values=[10_000], times=[start], end=to_unix(start + 60 * 1_440))
    assert len(one.prices) == 10
    assert len(set(one.prices.tolist())) > 5
    assert all(110 < price < 125 for price in one.prices)


def test_no_line_where_there_never_was_a_price() -> None:
    assert line(values=[-1, -1]) == []


def test_the_day_on_which_new_began_to_include_shipping_is_marked() -> None:
    around = [to_minutes(NEW_INCLUDES_SHIPPING_FROM) + d * 1_440 for d in (-30, 30)]
    spans = line(name="new", values=[2_000, 2_100], times=around)
    assert len(history_figure(spans, currency="EUR").layout.shapes) == 1
    other = line(values=[2_000, 2_100], times=around)
    assert not history_figure(other, currency="EUR").layout.shapes


def test_a_product_without_history_says_so() -> None:
    figure = history_figure((), currency="EUR")
    assert "No price history" in figure.layout.annotations[0].text


def test_every_bar_of_the_waterfall_names_rule_table_date_and_source() -> None:
    part = {
        "name": "referral_fee", "amount": -10.5, "currency": "EUR", "rule": "15 % <b>", "table": "referral",
        "valid_from": "2026-02-01", "source": "Amazon DE", "assumed": True,
    }  # fmt: skip
    trace = waterfall_figure(opportunity(components=(part,), profit=-10.5)).data[0]
    assert trace.x == ("Referral fee*", "Profit")
    for text in ("15 % &lt;b&gt;", "referral", "2026-02-01", "Amazon DE", "assumed"):
        assert text in trace.hovertext[0]
