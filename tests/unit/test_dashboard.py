"""What the dashboard shows, without a browser: rows, price lines, charts, texts, and the app's answers to wishes."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest

from arbkit.ages import age_words
from arbkit.charts import history_figure, waterfall_figure
from arbkit.dashboard.app import OpportunitiesApp
from arbkit.dashboard.data import COLUMNS, Detail, row
from arbkit.dashboard.panels import components_html, detail_html, error_html, headline_html
from arbkit.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_minutes, to_unix
from arbkit.models import History, Series
from arbkit.money import load_rates
from arbkit.prices import price_lines
from arbkit.settings import Settings
from arbkit.store import Stats, open_store
from arbkit.store.base import Update
from tests.store_factories import history, offer, opportunity

HOSTILE = "<img src=x onerror=alert(1)>"


def line(code: str = "DE", *, name: str = "buy_box", values: list[int], shipping: list[int] | None = None, **more: Any):
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


def test_a_row_has_a_cell_per_column_and_links_to_both_shops() -> None:
    cells = row(opportunity(demo=True), now=1_760_000_300)["cells"]
    assert len(cells) == len(COLUMNS)
    assert [c["href"].split("/")[2] for c in cells if "href" in c] == ["www.amazon.it", "www.amazon.de"]
    assert cells[1]["tag"] == "DEMO"
    assert cells[4]["text"] == "10.00 EUR"
    assert cells[-1]["text"] == "5 min"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (2e5, "2 d")]
)
def test_ages_in_words(seconds: float, words: str) -> None:
    assert age_words(seconds) == words


def test_hostile_texts_are_escaped_everywhere() -> None:
    part = {**opportunity().components[0], "rule": HOSTILE, "source": HOSTILE}
    found = opportunity(
        title=HOSTILE, brand=HOSTILE, category=HOSTILE, confidence_reasons=(HOSTILE,), components=(part,)
    )
    for html in (detail_html(found), components_html(Detail(found, (), ())), error_html(HOSTILE)):
        assert "<img" not in html
        assert "&lt;img" in html


@pytest.fixture
def app(settings: Settings) -> OpportunitiesApp:
    """An app over thirty opportunities, 1 to 30 EUR."""
    asins = [f"B0000000{i:02}" for i in range(1, 31)]
    with open_store(settings) as store:
        store.put([Update(offer(a, code), history(a, code)) for a in asins for code in ("DE", "IT")])
        store.replace_opportunities([opportunity(a, profit=float(i)) for i, a in enumerate(asins, 1)], run_id="r")
    return OpportunitiesApp(settings)


def profits(app: OpportunitiesApp) -> list[str]:
    return [r["cells"][4]["text"] for r in app.table.view["rows"]]


def wish(app: OpportunitiesApp, **content: Any) -> None:
    app.table._handle_custom_msg(content, [])


def test_nothing_is_read_before_a_browser_has_drawn_the_page(app: OpportunitiesApp) -> None:
    assert app.table.view == {}
    wish(app, type="ready")
    assert profits(app)[0] == "30.00 EUR"
    assert app.table.view["selected"] == app.table.view["rows"][0]["id"]


def test_wishes_turn_pages_and_sort(app: OpportunitiesApp) -> None:
    wish(app, type="ready")
    wish(app, type="page", page=2)
    assert profits(app) == [f"{n}.00 EUR" for n in (5, 4, 3, 2, 1)]
    wish(app, type="sort", sort="profit")
    assert profits(app)[0] == "1.00 EUR"
    wish(app, type="page", page=99)
    assert app.table.view["page"] == 2
    before = app.table.view
    for nonsense in ({"type": "sort", "sort": "1; drop"}, {"type": "page", "page": "x"}, {"type": "?"}, {}):
        wish(app, **nonsense)
    assert app.table.view == before


def test_filters_begin_again_at_the_first_page(app: OpportunitiesApp) -> None:
    wish(app, type="ready")
    wish(app, type="page", page=2)
    app.profit.value = 29
    assert profits(app) == ["30.00 EUR", "29.00 EUR"]
    app.target.value = "UK"
    assert app.table.view["message"].startswith("No opportunity")


def test_without_a_store_the_page_says_what_is_wrong_and_recovers(settings: Settings) -> None:
    app = OpportunitiesApp(settings)
    wish(app, type="ready")
    assert app._error.value
    assert "looks again by itself" in app.table.view["message"]
    with open_store(settings) as store:
        store.put([Update(offer(), history())])
        store.replace_opportunities([opportunity()], run_id="r")
    wish(app, type="tick")
    assert not app._error.value
    assert profits(app) == ["10.00 EUR"]


def test_a_chosen_route_that_is_gone_is_not_shown_any_more(app: OpportunitiesApp, settings: Settings) -> None:
    wish(app, type="ready")
    with open_store(settings) as store:
        store.replace_opportunities([opportunity("B000000001", evaluated_at=1_760_000_200.0)], run_id="r2")
    app.load()
    assert app.table.view["selected"] == "B000000001:IT:DE"


@pytest.mark.parametrize(
    ("products", "invented", "demo_mode", "says"),
    [
        (0, 0, True, "DEMO: invented products and prices"),
        (300, 300, True, "DEMO: invented products and prices"),
        (300, 0, True, None),
        (300, 20, False, "DEMO: 20 of 300 products are invented"),
        (0, 0, False, None),
    ],
)
def test_genuine_products_are_not_called_demo(products: int, invented: int, demo_mode: bool, says: str | None) -> None:
    stats = Stats(
        products=products, offers=0, opportunities=0, total_profit=0, currency=None, demo_products=invented, markets={},
        routes={}, categories=(), oldest_at=None, newest_at=None, evaluated_at=None,
    )  # fmt: skip
    html = headline_html(stats, total=0, demo_mode=demo_mode, now=0)
    assert (says in html) if says else ("DEMO" not in html)
