"""A client as it was written for the original API contract gets what it reads, by the names that it knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.web.api import create_app
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.routes import store_routes


class OriginalClient:
    """Knows the contract alone, nothing of arbkit."""

    def __init__(self, http: TestClient) -> None:
        self._http = http

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self._http.get(path, params=query)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def is_healthy(self) -> bool:
        body = self._get("/health")
        datetime.fromisoformat(body["timestamp"])
        return body["status"] == "healthy" and all(
            service["response_time_ms"] >= 0 for service in body["services"].values()
        )

    def cheap_products(self, marketplace: str, category: str, *, max_price: float, min_margin: float) -> list[str]:
        found: list[str] = []
        page = 1
        while True:
            body = self._get(
                "/products", page=page, page_size=2, marketplace=marketplace, min_margin=min_margin,
                max_price=max_price, category=category, sort_by="margin_desc",
            )  # fmt: skip
            found += [product["asin"] for product in body["items"]]
            if page * body["page_size"] >= body["total"]:
                return found
            page += 1

    def product(self, asin: str) -> dict[str, Any]:
        return self._get(f"/products/{asin}")

    def opportunities(self, **query: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        body = self._get("/arbitrage", **query)
        return body["items"], body["summary"]

    def top(self, limit: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._get("/arbitrage/top", limit=limit)["items"]
        return items

    def watch(self, asin: str, notes: str) -> None:
        answer = self._http.post("/products/watch", json={"asin": asin, "notes": notes})
        assert answer.status_code == 201, answer.text

    def watched(self) -> dict[str, str | None]:
        return {item["asin"]: item["notes"] for item in self._get("/products/watch")["items"]}

    def stats(self) -> dict[str, Any]:
        return self._get("/stats")


@pytest.fixture
def client(settings: Settings) -> Iterator[OriginalClient]:
    """Over five products on two marketplaces, with 10 to 50 EUR and 5 to 25 % each."""
    asins = [f"B00000000{i}" for i in range(5)]
    with open_store(settings) as store:
        store.put([Update(offer(a, code), history(a, code)) for a in asins for code in ("DE", "IT")])
        routes = [opportunity(a, profit=10.0 * (i + 1), margin_pct=5.0 * (i + 1)) for i, a in enumerate(asins)]
        store_routes(store, routes)
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as http:
        yield OriginalClient(http)


def test_it_finds_products_by_marketplace_margin_price_and_category(client: OriginalClient) -> None:
    found = client.cheap_products("DE", "Toys & Games", max_price=50.0, min_margin=10.0)
    assert found == ["B000000004", "B000000003", "B000000002", "B000000001"]
    assert client.cheap_products("DE", "Books", max_price=50.0, min_margin=10.0) == []
    assert client.cheap_products("DE", "Toys & Games", max_price=1.0, min_margin=10.0) == []
    product = client.product(found[0])
    assert (product["asin"], product["created_at"] > 0, len(product["opportunities"])) == ("B000000004", True, 1)


def test_it_finds_opportunities_with_their_summary(client: OriginalClient) -> None:
    items, summary = client.opportunities(
        min_margin=10, min_profit=30, limit=10, source_marketplace="IT", target_marketplace="DE"
    )
    assert [item["profit"] for item in items] == [50.0, 40.0, 30.0]
    assert (summary["count"], summary["total_profit"], summary["average_profit"]) == (3, 120.0, 40.0)
    assert client.opportunities(source_marketplace="DE", target_marketplace="IT")[0] == []
    assert [item["profit"] for item in client.top(2)] == [50.0, 40.0]


def test_it_watches_a_product_with_notes(client: OriginalClient) -> None:
    client.watch("B07DVM36PS", "ask the supplier # twice")
    client.watch("B00IZ8XDXC", "")
    assert client.watched() == {"B07DVM36PS": "ask the supplier # twice", "B00IZ8XDXC": None}


def test_it_reads_health_and_stats(client: OriginalClient) -> None:
    assert client.is_healthy()
    stats = client.stats()
    assert (stats["products"], stats["opportunities"], stats["average_margin_pct"], stats["best_target"]) == (
        5, 5, 15.0, "DE",
    )  # fmt: skip
