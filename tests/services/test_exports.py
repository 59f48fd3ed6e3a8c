"""Exports: everything that a filter finds, in order, a row a line, whole or visibly not."""

from __future__ import annotations

import csv
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import uvicorn
from fastapi.testclient import TestClient

from arbkit.core.errors import StoreError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.sqlite.store import SqliteStore
from arbkit.web.api import create_app
from arbkit.web.edge import exports
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.routes import store_routes

ASINS = [f"B00000000{i}" for i in range(7)]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_PAGE", 2)


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Seven products, each with one opportunity, 10 to 70 EUR; the first has a title that is a formula."""
    titles = ["=cmd|' /C calc'!A0", *(f"Lamp {i}" for i in range(1, 7))]
    with open_store(settings) as store:
        updates = [
            Update(offer(a, code, title=title, image="71abcDEFghL.jpg"), history(a, code))
            for a, title in zip(ASINS, titles, strict=True)
            for code in ("DE", "IT")
        ]
        store.put(updates)
        found = [
            opportunity(a, title=title, profit=10.0 * (i + 1), margin_pct=5.0 * (i + 1))
            for i, (a, title) in enumerate(zip(ASINS, titles, strict=True))
        ]
        store_routes(store, found)
    return settings


@pytest.fixture
def client(filled: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(filled), base_url="http://127.0.0.1:8000") as client:
        yield client


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200
    assert answer.text.endswith("\n") or not answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def table(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def test_all_rows_come_once_and_in_order(client: TestClient) -> None:
    answer = client.get("/arbitrage/export")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="arbitrage.ndjson"'
    assert [row["profit"] for row in lines(answer)] == [70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0]
    (listed, *_) = client.get("/arbitrage?verdict=true").json()["items"]
    assert listed["verdict"]["verdict"] in ("buy", "watch", "pass")
    assert "verdict" not in client.get("/arbitrage").json()["items"][0]
    (exported, *_) = lines(answer)
    assert exported == listed | {"data_age_s": exported["data_age_s"]}
    assert [row["asin"] for row in lines(client.get("/products/export"))] == ASINS
    products = {item["asin"]: item for item in client.get("/products").json()["items"]}
    assert lines(client.get("/products/export"))[3] == products[ASINS[3]]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 8])
def test_a_limit_ends_it_wherever_pages_end(client: TestClient, limit: int) -> None:
    assert len(lines(client.get(f"/arbitrage/export?limit={limit}"))) == min(limit, 7)
    assert len(table(client.get(f"/products/export?limit={limit}&format=csv"))) == min(limit, 7)


def test_every_filter_of_the_lists_is_taken(client: TestClient) -> None:
    assert [r["asin"] for r in lines(client.get("/arbitrage/export?min_margin=30&sort_by=margin_asc"))] == ASINS[5:]
    assert lines(client.get("/arbitrage/export?source_marketplace=DE")) == []
    assert [r["asin"] for r in lines(client.get("/products/export?q=lamp+3"))] == [ASINS[3]]
    assert client.get("/arbitrage/export?min_margn=1").status_code == 422
    assert client.get("/products/export?format=xlsx").status_code == 422
    assert "components" in lines(client.get("/arbitrage/export?components=true&limit=1"))[0]


def test_a_csv_names_its_units_and_holds_no_formula(client: TestClient) -> None:
    rows = table(client.get("/arbitrage/export?format=csv&sort_by=profit_asc"))
    assert {"buy_price [buy_currency]", "profit [currency]", "roi_pct [%]", "evaluated_at [UTC]"} <= rows[0].keys()
    assert rows[0]["title"] == "'=cmd|' /C calc'!A0"
    assert [float(row["profit [currency]"]) for row in rows] == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]
    listed = client.get("/arbitrage?verdict=true&sort_by=profit_asc").json()["items"]
    assert [row["verdict"] for row in rows] == [one["verdict"]["verdict"] for one in listed]
    assert all(row["verdict_sentence"].endswith(".") for row in rows)
    products = table(client.get("/products/export?format=csv"))
    assert products[0]["title"] == "'=cmd|' /C calc'!A0"
    assert (products[0]["price_DE [EUR]"], products[0]["price_UK [GBP]"]) == ("20.0", "")
    assert products[6]["best_profit [best_currency]"] == "70.0"
    listed = client.get("/products").json()["items"][0]
    assert {listed[name] for name in ("category_id", "image_url")} == {
        products[0]["category_id"],
        products[0]["image_url"],
    }
    assert products[0]["created_at [UTC]"] == products[0]["first_seen [UTC]"] != ""


def test_an_empty_store_is_an_empty_file(settings: Settings) -> None:
    open_store(settings).close()
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        assert lines(client.get("/arbitrage/export")) == []
        assert table(client.get("/products/export?format=csv")) == []


def test_without_a_store_it_is_an_error_like_any_other(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        answer = client.get("/arbitrage/export")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


@pytest.fixture
def address(filled: Settings) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(filled), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(("form", "last"), [("ndjson", '{"error":{'), ("csv", "not complete: ")])
def test_a_store_that_fails_in_the_middle_leaves_no_file_that_looks_whole(
    address: str, monkeypatch: pytest.MonkeyPatch, form: str, last: str
) -> None:
    ask = SqliteStore.opportunities
    asked = []

    def failing(self: SqliteStore, query: Any) -> Any:
        asked.append(query)
        if len(asked) > 2:
            raise StoreError("the disk is gone")
        return ask(self, query)

    monkeypatch.setattr(SqliteStore, "opportunities", failing)
    got: list[bytes] = []
    with requests.get(f"{address}/arbitrage/export?format={form}", stream=True, timeout=60) as answer:
        pieces = answer.iter_content(None)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            got.extend(pieces)
    rows = b"".join(got).decode("utf-8-sig").splitlines()
    assert len(rows) == 4 + 1 + (form == "csv")
    assert rows[-1].startswith(last)
    assert "the disk is gone" in rows[-1]
