"""The same filter asked over HTTP, in a notebook, on the page and by commands finds the same opportunities."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

import arbkit as package
from arbkit.core.input.filters import ALIASES, OpportunityFilter
from arbkit.core.models import Update
from arbkit.core.results import RunOut
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.web.api import create_app
from arbkit.web.api.schemas import Listing, OpportunityListing, ProductDetail, StatsOut
from arbkit.web.dashboards.opportunities.filters import parse
from tests.helpers.decisions import decision
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.processes import arbkit
from tests.helpers.routes import store_routes

NOW_ISH = 4_000_000_000
"""Data this young is younger than any age asked for here."""
CASES: list[tuple[dict[str, Any], set[str]]] = [
    ({"q": "lantern"}, {"B000000001"}),
    ({"asin": "B000000002"}, {"B000000002"}),
    ({"brand": "zet"}, {"B000000002"}),
    ({"exclude_brands": "acme, no such"}, {"B000000002"}),
    ({"exclude_brands": "ZET"}, {"B000000001", "B000000003"}),
    ({"category": "Tools"}, {"B000000003"}),
    ({"source": "FR"}, {"B000000003"}),
    ({"target": "UK"}, {"B000000003"}),
    ({"min_profit": 20.0}, {"B000000002", "B000000003"}),
    ({"min_roi": 60.0}, {"B000000003"}),
    ({"min_margin": 25.0}, {"B000000002"}),
    ({"min_confidence": 0.95}, {"B000000001"}),
    ({"max_age_hours": 1.0}, {"B000000003"}),
    ({"amazon_sells": False}, {"B000000002"}),
    ({"min_chance": 80.0}, {"B000000002"}),
    ({"min_expected_profit": -5.0}, {"B000000002", "B000000003"}),
    ({"min_profit_per_day": 0.25}, {"B000000002"}),
    ({"min_p10": -4.0}, {"B000000002"}),
    ({"max_days_to_sell": 100_000.0}, {"B000000002", "B000000003"}),
    ({"min_sold_in_30_days": 0.0}, {"B000000002", "B000000003"}),
    ({"max_rank": 900.0}, {"B000000002"}),
    ({"min_drops30": 2.0}, {"B000000002", "B000000003"}),
    ({"min_drops90": 20.0}, {"B000000002"}),
    ({"min_monthly_sold": 50.0}, {"B000000002"}),
    ({"max_sellers": 4.0}, {"B000000002"}),
    ({"max_amazon_share": 20.0}, {"B000000002"}),
    ({"max_price_position": 10.0}, {"B000000002", "B000000003"}),
    ({"min_buy_price": 31.0}, {"B000000001", "B000000003"}),
    ({"max_buy_price": 30.0}, {"B000000002"}),
    ({"min_profit": 5.0, "amazon_sells": True}, {"B000000003"}),
    ({"decision": "buy_list,bought"}, {"B000000001"}),
    ({"all_routes": True}, {"B000000001", "B000000002", "B000000003", "B000000004"}),
]


def forecast(*, chance: float, expected: float, per_day: float, p10: float, days: float, sold: float) -> dict[str, Any]:
    """The fields of an opportunity of which all is known."""
    return {
        "profit_chance_pct": chance, "expected_profit": expected, "expected_profit_per_day_pct": per_day,
        "profit_p10": p10, "days_to_sell_p50": days, "sold_in_30_days_pct": sold,
    }  # fmt: skip


def demand(harder: int) -> dict[str, Any]:
    """How well a route sells: of 2 half as well as of 1, and against twice as many."""
    return {
        "rank": 900 * harder, "rank_drops30": 12 // harder, "rank_drops90": 36 // harder, "monthly_sold": 50 // harder,
        "sellers": 4 * harder, "amazon_share90_pct": 20.0 * harder, "sell_position_pct": 5.0 * harder,
    }  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store with three opportunities that differ in everything a filter asks for, and a route that is none."""
    folder = tmp_path_factory.mktemp("filters")
    settings = Settings.load(_env_file=None, home=folder / "var", watchlist=folder / "watchlist.txt", demo=True)
    found = [
        opportunity("B000000001", profit=10.0, roi_pct=20.0, margin_pct=10.0, confidence=0.99, title="Lantern"),
        opportunity(
            "B000000002", profit=20.0, roi_pct=40.0, margin_pct=30.0, confidence=0.5, brand="Zeta", amazon_sells=False,
            **forecast(chance=82.0, expected=4.1, per_day=0.3, p10=-1.2, days=12.0, sold=70.0),
            **demand(1), buy_price=30.0,
        ),
        opportunity(
            "B000000003", "FR", "UK", profit=30.0, roi_pct=80.0, margin_pct=20.0, confidence=0.6, category="Tools",
            amazon_sells=True, data_at=NOW_ISH,
            **forecast(chance=55.0, expected=0.9, per_day=-0.1, p10=-9.0, days=40.0, sold=20.0),
            **demand(2),
        ),
        opportunity("B000000004", profit=90.0, profit_low=-3.0, profit_high=95.0, status="needs_size", title="Lantern"),
    ]  # fmt: skip
    with open_store(settings) as store:
        store.put(
            [Update(offer(o.asin, code, title=o.title), history(o.asin, code)) for o in found for code in ("DE", "IT")]
        )
        store_routes(store, found)
        store.add_decisions([decision("B000000001", "buy_list")])
    return settings


@pytest.fixture(scope="module")
def client(filled: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(filled), base_url="http://127.0.0.1:8000") as client:
        yield client


def test_the_cases_ask_for_every_field() -> None:
    assert {name for asked, _ in CASES for name in asked} == OpportunityFilter.model_fields.keys()


@pytest.mark.parametrize(("asked", "expected"), CASES)
def test_every_door_finds_the_same(
    filled: Settings, client: TestClient, asked: dict[str, Any], expected: set[str]
) -> None:
    answer = client.get("/arbitrage", params=asked).json()
    assert {item["asin"] for item in answer["items"]} == expected
    with package.open(filled) as arb:
        assert set(arb.opportunities(**asked)["asin"]) == expected
    texts = {name: ("yes" if value else "no") if isinstance(value, bool) else value for name, value in asked.items()}
    view, wrong = parse("&".join(f"{name}={text}" for name, text in texts.items()))
    assert wrong == {}
    with open_store(filled, read_only=True) as store:
        assert {o.asin for o in store.opportunities(view.page_query(now=2_000_000_000)).items} == expected


@pytest.mark.parametrize(("alias", "name"), [(a, n) for a, n in ALIASES.items() if n in OpportunityFilter.model_fields])
def test_earlier_parameters_of_the_api_mean_the_same(client: TestClient, alias: str, name: str) -> None:
    (asked, expected), *_ = [case for case in CASES if set(case[0]) == {name}]
    answer = client.get("/arbitrage", params={alias: asked[name]}).json()
    assert {item["asin"] for item in answer["items"]} == expected


def test_a_wrong_value_is_named_by_the_parameter_that_was_given(client: TestClient) -> None:
    assert [e["field"] for e in client.get("/arbitrage?confidence=2").json()["errors"]] == ["confidence"]
    assert [e["field"] for e in client.get("/arbitrage?min_confidence=2").json()["errors"]] == ["min_confidence"]
    twice = client.get("/arbitrage?confidence=0.5&min_confidence=0.5").json()["errors"]
    assert [(e["field"], e["why"]) for e in twice] == [("min_confidence", "given more than once")]
    assert client.get("/arbitrage?marketplace=DE").status_code == 422
    assert client.get("/products?marketplace=DE").json()["total"] == 4


def test_the_most_profit_per_day_comes_first_everywhere_and_what_has_no_forecast_last(
    filled: Settings, client: TestClient, tmp_path: Path
) -> None:
    expected = ["B000000002", "B000000003", "B000000001"]
    for path in ("/arbitrage", "/arbitrage/top", "/arbitrage?sort_by=profit_per_day"):
        assert [item["asin"] for item in client.get(path).json()["items"]] == expected, path
    exported = client.get("/arbitrage/export").text.splitlines()
    assert [orjson.loads(line)["asin"] for line in exported] == expected
    with package.open(filled) as arb:
        assert list(arb.opportunities()["asin"]) == expected
        assert list(arb.opportunities(sort_by="days_to_sell", descending=False)["asin"]) == expected
    quickest = client.get("/arbitrage?sort_by=days_to_sell").json()["items"]
    assert [item["days_to_sell_p50"] for item in quickest] == [12.0, 40.0, None]


def test_an_order_that_contradicts_the_sort_is_refused(client: TestClient) -> None:
    answer = client.get("/arbitrage?sort_by=profit_desc&order=asc")
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert "order=asc contradicts sort_by=profit_desc" in fault["why"]
    assert "Give sort_by=profit with order" in fault["why"]
    assert client.get("/arbitrage?sort_by=profit_desc&order=desc").status_code == 200


def test_an_order_in_the_sort_holds_on_every_page(client: TestClient) -> None:
    profits, url = [], "/arbitrage?sort_by=margin_asc&limit=1"
    while url:
        body = client.get(url).json()
        profits += [item["margin_pct"] for item in body["items"]]
        url = body["next"]
    assert profits == [10.0, 20.0, 30.0]


def test_export_takes_every_filter_as_an_option_and_a_view(filled: Settings, tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    options = ["--min-profit", "5", "--no-amazon-sells", "--target", "de"]
    done = arbkit(filled, "export", str(file), "--view", "min_confidence=0.4&sort=roi", *options, "--json")
    assert orjson.loads(done.stdout) == {"file": str(file), "rows": 1}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        assert "B000000002" in [cell for row in csv.reader(lines) for cell in row]
    wrong = arbkit(filled, "export", str(file), "--source", "US")
    assert wrong.returncode == 2
    assert "source: not a marketplace arbkit knows (got 'US'). Use UK, DE, FR, IT, ES" in wrong.stderr


def test_what_is_answered_has_the_shape_that_is_described(client: TestClient) -> None:
    OpportunityListing.model_validate(client.get("/arbitrage?components=true").json())
    ProductDetail.model_validate(client.get("/products/B000000001?components=true").json())
    Listing[RunOut].model_validate(client.get("/reports").json())
    StatsOut.model_validate(client.get("/stats").json())
