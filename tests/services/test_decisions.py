"""Decisions over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.web.api import create_app
from tests.helpers.decisions import decision
from tests.helpers.factories import offer, opportunity
from tests.helpers.keys import as_user
from tests.helpers.routes import store_routes

ASIN, OTHER = "B000000001", "B000000002"
ROUTE = {"asin": ASIN, "source": "IT", "target": "DE"}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """The API over a store with a route of each of two products."""
    with open_store(settings) as store:
        store.put([Update(offer(asin, code), None) for asin in (ASIN, OTHER) for code in ("IT", "DE")])
        store_routes(store, [opportunity(ASIN), opportunity(OTHER)])
    with TestClient(create_app(settings), base_url="http://127.0.0.1", headers=as_user(settings)) as made:
        yield made


def found(client: TestClient, statuses: str | None = None) -> dict[str, str]:
    asked = {} if statuses is None else {"decision": statuses}
    answer = client.get("/arbitrage", params=asked)
    assert answer.status_code == 200, answer.text
    return {one["asin"]: one["decision"]["status"] for one in answer.json()["items"]}


def test_routes_say_what_was_decided_and_are_filtered_by_it(client: TestClient) -> None:
    made = client.post("/decisions", json={**ROUTE, "status": "dismissed", "note": "<b>bulky</b>", "seen": 0})
    assert made.status_code == 201, made.text
    assert (made.json()["version"], made.json()["note"]) == (1, "<b>bulky</b>")
    assert found(client) == {ASIN: "dismissed", OTHER: "new"}
    shown = {one["asin"]: one["decision"] for one in client.get("/arbitrage").json()["items"]}
    assert shown[ASIN] == {"status": "dismissed", "note": "<b>bulky</b>", "at": made.json()["at"]}
    assert shown[OTHER] == {"status": "new", "note": "", "at": None}
    assert found(client, "dismissed") == {ASIN: "dismissed"}
    assert found(client, "new,looked_at") == {OTHER: "new"}
    assert [one["status_now"] for one in client.get("/decisions").json()["items"]] == ["dismissed"]


def test_who_decides_second_is_told_what_the_first_decided(client: TestClient) -> None:
    assert client.post("/decisions", json={**ROUTE, "status": "buy_list", "seen": 0}).status_code == 201
    second = client.post("/decisions", json={**ROUTE, "status": "dismissed", "seen": 0})
    assert second.status_code == 409
    assert second.headers["content-type"] == "application/problem+json"
    assert "buy list" in second.text
    assert found(client)[ASIN] == "buy_list"
    assert client.post("/decisions", json={**ROUTE, "status": "dismissed", "seen": 1}).status_code == 201


def test_a_purchase_whose_status_is_ended_stays_in_the_history(client: TestClient) -> None:
    bought = {**ROUTE, "status": "bought", "quantity": 3, "price": 9.5}
    assert client.post("/decisions", json=bought).json()["price_currency"] == "EUR"
    assert found(client)[ASIN] == "bought"
    assert client.post("/decisions", json={**ROUTE, "status": "new"}).status_code == 201
    assert found(client)[ASIN] == "new"
    kept = client.get(f"/decisions/{ASIN}").json()["items"]
    assert [(one["status"], one["quantity"]) for one in kept] == [("bought", 3), ("new", None)]


def test_one_purchase_is_cancelled_alone_and_no_other_decision_can_be(client: TestClient) -> None:
    for quantity in (3, 4):
        made = client.post("/decisions", json={**ROUTE, "status": "bought", "quantity": quantity, "price": 9.5})
        assert made.status_code == 201
    cancelled = client.post("/decisions", json={"asin": ASIN, "status": "new", "cancels": 1, "note": "sold out"})
    assert cancelled.status_code == 201, cancelled.text
    assert (cancelled.json()["quantity"], cancelled.json()["cancels"]) == (3, 1)
    assert found(client)[ASIN] == "bought"
    again = client.post("/decisions", json={"asin": ASIN, "status": "new", "cancels": 1})
    assert again.status_code == 422
    assert "2 (4 units" in again.text
    assert client.post("/decisions", json={"asin": ASIN, "status": "new", "cancels": 2}).status_code == 201
    assert found(client)[ASIN] == "new"


def test_what_cannot_be_decided_is_a_problem_and_keeps_nothing(client: TestClient) -> None:
    long = client.post("/decisions", json={**ROUTE, "status": "buy_list", "note": "<i>" + "x" * 10_000})
    assert long.status_code == 422
    assert "2,000" in long.text
    assert len(long.text) < 600
    for name, value in {"quantity": True, "price": False, "seen": "0", "until": 20270131}.items():
        odd = client.post("/decisions", json={**ROUTE, "status": "bought", "quantity": 1, "price": 9.5, name: value})
        assert (odd.status_code, odd.json()["errors"][0]["field"]) == (422, name), odd.text
    unknown = client.post("/decisions", json={"asin": "B000000009", "status": "buy_list"})
    assert unknown.status_code == 422
    assert "is not in the store" in unknown.text
    assert client.get("/decisions").json()["total"] == 0


def test_a_decision_on_a_product_that_left_the_store_is_listed_and_can_be_ended(
    client: TestClient, settings: Settings
) -> None:
    gone = "B000000009"
    with open_store(settings) as store:
        store.add_decisions([decision(gone, "buy_list")])
    assert [one["asin"] for one in client.get("/decisions").json()["items"]] == [gone]
    assert client.post("/decisions", json={"asin": gone, "status": "new"}).status_code == 201
    assert client.get("/decisions").json()["total"] == 0


def test_a_blocked_brand_is_blocked_whatever_its_case(client: TestClient) -> None:
    brand = next(one["brand"] for one in client.get("/arbitrage").json()["items"])
    assert client.post("/decisions", json={"brand": brand.upper(), "status": "blocked"}).status_code == 201
    assert set(found(client, "blocked").values()) == {"blocked"}
    assert client.get("/decisions", params={"brand": brand.lower()}).json()["total"] == 1
