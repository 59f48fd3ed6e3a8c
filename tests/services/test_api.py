"""The REST API over a real store: lists, one product, the watchlist, errors, and who may ask."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from arbkit.core.errors import ConfigError
from arbkit.core.models import Run, Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.web.api import create_app
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.keys import as_user
from tests.helpers.processes import arbkit
from tests.helpers.routes import store_routes

OUTSIDE = "192.0.2.1"
ASINS = [f"B00000000{i}" for i in range(5)]


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """A store of five products on two marketplaces, each with one opportunity, 10 to 50 EUR."""
    with open_store(settings) as store:
        store.put([Update(offer(a, code), history(a, code)) for a in ASINS for code in ("DE", "IT")])
        found = [opportunity(a, profit=10.0 * (i + 1), margin_pct=5.0 * (i + 1)) for i, a in enumerate(ASINS)]
        store_routes(store, found)
        store.put_run(Run(run_id="r1", report="detect", status="succeeded", started_at=1_760_000_000.0))
    folder = settings.reports_dir / "detect" / "r1"
    folder.mkdir(parents=True)
    (folder / "result.json").write_bytes(orjson.dumps({"total": 1, "items": [{"asin": "A", "components": []}]}))
    return settings


@pytest.fixture
def client(filled: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(filled), base_url="http://127.0.0.1:8000", headers=as_user(filled)) as client:
        yield client


def faults(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == 422
    assert {"type", "title", "detail"} <= body.keys()
    errors: list[dict[str, Any]] = body["errors"]
    return errors


def test_health_says_which_prices_and_whether_the_store_answers(client: TestClient, filled: Settings) -> None:
    assert client.get("/health").json()["detail"] is None
    with open_store(filled) as store:
        store.put([Update(offer(a, version=8_000_001), None) for a in ASINS])
    body = client.get("/health").json()
    # There is no key, and the store holds real products: nothing is invented beside them.
    assert (body["status"], body["mode"], body["store"]) == ("ok", "imported", True)
    assert body["detail"] == "5 products not priced yet"


def test_an_api_may_start_before_its_data(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        assert client.get("/health").json()["store"] is False
        early = client.get("/arbitrage")
        assert early.status_code == 503
        assert early.headers["content-type"] == "application/problem+json"
        with open_store(settings) as store:
            store_routes(store, [opportunity()])
        assert client.get("/arbitrage").json()["total"] == 1


def test_arbitrage_pages_through_everything_once_and_in_order(client: TestClient) -> None:
    seen: list[float] = []
    pages = []
    url: str | None = "/arbitrage?limit=2"
    while url:
        body = client.get(url).json()
        pages.append(body["page"])
        assert body["total"] == 5
        seen += [item["profit"] for item in body["items"]]
        url = body["next"]
    assert seen == [50.0, 40.0, 30.0, 20.0, 10.0]
    assert pages == [1, 2, 3]


def test_arbitrage_filters_and_shows_components_on_demand(client: TestClient) -> None:
    assert {i["asin"] for i in client.get("/arbitrage?min_margin=20").json()["items"]} == set(ASINS[3:])
    assert client.get("/arbitrage?source=it&target=de").json()["total"] == 5
    assert client.get("/arbitrage?source=DE").json()["total"] == 0
    item = client.get("/arbitrage?limit=1").json()["items"][0]
    assert "components" not in item
    assert {"source_url", "target_url", "data_age_s", "confidence_reasons"} <= item.keys()
    full = client.get("/arbitrage/top?limit=1&components=true").json()
    assert full["items"][0]["components"][0]["name"] == "sale_price"
    assert client.get(full["next"]).json()["items"][0]["profit"] == 40.0


def test_products_and_one_of_them(client: TestClient) -> None:
    body = client.get("/products?page_size=2&sort_by=asin&page=2").json()
    assert [p["asin"] for p in body["items"]] == ASINS[2:4]
    assert body["next"].endswith("page=3")
    assert client.get("/products?market=DE&max_price=19.99").json()["total"] == 0
    assert client.get("/products?market=DE&max_price=20").json()["total"] == 5
    one = client.get(f"/products/{ASINS[0].lower()}").json()
    assert {o["market"]: o["price"] for o in one["offers"]} == {"DE": 20.0, "IT": 20.0}
    assert one["opportunities"][0]["profit"] == 10.0
    missing = client.get("/products/B0999999ZZ")
    assert missing.status_code == 404
    assert "B0999999ZZ" in missing.json()["detail"]


@pytest.mark.parametrize(
    ("url", "field", "says"),
    [
        ("/arbitrage?min_margn=20", "min_margn", "Did you mean min_margin?"),
        ("/arbitrage?source=US", "source", "UK, DE, FR, IT, ES"),
        ("/arbitrage?limit=0", "limit", "greater than or equal to 1"),
        ("/arbitrage?limit=10&limit=20", "limit", "more than once"),
        ("/arbitrage?cursor=abc", "cursor", "not one that arbkit made"),
        ("/arbitrage?cursor=2.abc", "cursor", ""),
        ("/arbitrage?min_profit=nan", "min_profit", "finite"),
        ("/products?max_price=10", "max_price", "market"),
        ("/products/nonsense", "asin", ""),
        ("/stats?x=1", "x", "takes: none"),
    ],
)
def test_bad_parameters_are_named_with_their_value_and_why(client: TestClient, url: str, field: str, says: str) -> None:
    (fault,) = faults(client.get(url))
    assert fault["field"] == field
    assert "value" in fault
    assert says in fault["why"]


def test_an_unchanged_answer_is_not_sent_twice(client: TestClient) -> None:
    first = client.get("/arbitrage")
    again = client.get("/arbitrage", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_the_watchlist_can_be_read_and_changed(client: TestClient, filled: Settings) -> None:
    assert client.get("/products/watch").json()["items"] == []
    added = client.post("/products/watch", json={"asins": ["B07DVM36PS", "https://www.amazon.de/dp/B00IZ8XDXC"]})
    assert added.status_code == 201
    assert added.json() == {"added": ["B07DVM36PS", "B00IZ8XDXC"], "total": 2}
    assert client.post("/products/watch", json={"asin": "b07dvm36ps"}).status_code == 200
    (fault,) = faults(client.post("/products/watch", json={"asins": ["B07DVM36PS", "nonsense"]}))
    assert fault["field"] == "asins[1]"
    assert client.delete("/products/watch/B07DVM36PS").status_code == 204
    assert client.delete("/products/watch/B07DVM36PS").status_code == 404
    assert [i["asin"] for i in client.get("/products/watch").json()["items"]] == ["B00IZ8XDXC"]
    assert filled.watchlist is not None
    assert "B00IZ8XDXC" in filled.watchlist.read_text()


def test_a_fresh_look_is_asked_for_once_and_what_becomes_of_it_is_told(filled: Settings) -> None:
    polled = filled.model_copy(update={"demo": True, "markets": ("DE", "IT")})
    with TestClient(create_app(polled), base_url="http://127.0.0.1", headers=as_user(polled)) as client:
        assert client.get("/looks").json() == {"items": [], "total": 0}
        asked = client.post("/looks", json={"asin": "https://www.amazon.de/dp/B07DVM36PS"})
        assert asked.status_code == 202
        assert [(i["asin"], i["market"], i["status"]) for i in asked.json()["items"]] == [
            ("B07DVM36PS", "DE", "waiting"), ("B07DVM36PS", "IT", "waiting"),
        ]  # fmt: skip
        again = client.post("/looks", json={"asin": "B07DVM36PS", "market": "it"})
        assert again.json()["items"] == asked.json()["items"][1:]
        assert client.get("/looks").json()["items"] == asked.json()["items"]
        assert client.get("/looks", params={"status": "served"}).json()["total"] == 0
        with open_store(polled) as store:
            (german, _) = store.looks()
            store.put_looks([replace(german, status="refused", answered_at=1.0, why="nobody could serve it")])
        (refused,) = client.get("/looks", params={"status": "refused"}).json()["items"]
        assert (refused["market"], refused["why"]) == ("DE", "nobody could serve it")
        for body, field in (
            ({"asin": "nonsense"}, "asin"), ({"asin": "B07DVM36PS", "market": "US"}, "market"), ({}, "asin"),
            ({"asin": "B07DVM36PS", "more": 1}, "more"),
        ):  # fmt: skip
            assert faults(client.post("/looks", json=body))[0]["field"] == field
        assert faults(client.get("/looks", params={"status": "gone"}))[0]["field"] == "status"
        assert client.post("/looks", json={"asin": "B07DVM36PS"}, headers={"Host": "evil.example"}).status_code == 400
        assert client.get("/looks").json()["total"] == 2


def test_a_look_that_nobody_can_serve_is_refused_with_the_reason(client: TestClient) -> None:
    # There is no key here, and the store holds real products.
    answer = client.post("/looks", json={"asin": "B07DVM36PS"})
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert "KEEPA_API_KEY" in answer.json()["detail"]
    assert client.get("/looks").json()["total"] == 0


def test_reports_and_their_results(client: TestClient) -> None:
    assert client.get("/reports").json()["items"][0]["run_id"] == "r1"
    assert client.get("/reports/r1").json()["result"]["items"] == [{"asin": "A"}]
    assert client.get("/reports/none").status_code == 404


def test_metrics_are_prometheus_text(client: TestClient) -> None:
    text = client.get("/metrics").text
    assert "arbkit_up 1.0" in text
    assert 'arbkit_documents{collection="products"} 5.0' in text


def test_docs_describe_every_endpoint(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/health", "/products", "/products/{asin}", "/products/watch", "/arbitrage", "/arbitrage/top"} <= set(paths)
    assert client.get("/docs").status_code == 200


def test_on_loopback_another_name_for_this_machine_is_refused(client: TestClient) -> None:
    answer = client.get("/health", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert client.get("/health", headers={"Host": "localhost:8000"}).status_code == 200


def test_off_loopback_only_who_knows_the_token_may_ask(filled: Settings) -> None:
    outside = filled.model_copy(update={"host": OUTSIDE, "token": SecretStr("secret-token")})
    with TestClient(create_app(outside), base_url="http://arbkit.example") as client:
        assert client.get("/health").status_code == 200
        refused = client.get("/stats")
        assert refused.status_code == 401
        assert "secret-token" not in refused.text
        for headers in ({"Authorization": "Bearer wrong"}, {"X-API-Key": "wrong"}):
            assert client.get("/stats", headers=headers).status_code == 401
        for headers in ({"Authorization": "Bearer secret-token"}, {"X-API-Key": "secret-token"}):
            assert client.get("/stats", headers=headers).status_code == 200


def test_off_loopback_an_app_without_a_token_does_not_start(filled: Settings) -> None:
    with pytest.raises(ConfigError, match="ARBKIT_TOKEN"):
        create_app(filled.model_copy(update={"host": OUTSIDE}))


def test_a_port_in_use_is_named_with_the_setting_that_changes_it(filled: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = arbkit(filled.model_copy(update={"api_port": port}), "api")
    assert done.returncode == 3
    assert str(port) in done.stderr
    assert "ARBKIT_API_PORT" in done.stderr


def test_a_morning_report_and_a_damaged_result_are_answered_like_any_other(
    client: TestClient, filled: Settings
) -> None:
    folder = filled.reports_dir / "morning"
    with open_store(filled) as store:
        for run_id, text in (("m1", '{"new": 2, "items": [{"asin": "A", "components": []}]}'), ("m2", '{"half": ')):
            store.put_run(Run(run_id=run_id, report="morning", status="succeeded", started_at=1_760_000_001.0))
            (folder / run_id).mkdir(parents=True)
            (folder / run_id / "result.json").write_text(text)
    assert {run["run_id"] for run in client.get("/reports?report=morning").json()["items"]} == {"m1", "m2"}
    assert client.get("/reports/m1").json()["result"] == {"new": 2, "items": [{"asin": "A"}]}
    assert client.get("/reports/m2").json()["result"] is None


def test_a_package_can_be_typed_in_read_and_forgotten(client: TestClient, filled: Settings) -> None:
    path = f"/products/{ASINS[0]}/facts"
    assert client.get(path).json() == {"items": [], "total": 0}
    size = {"length_mm": 510, "width_mm": 450, "height_mm": 470, "weight_g": 14_000}
    put = client.put(f"{path}/package", json=size)
    assert (put.status_code, put.json()["value"], put.json()["market"]) == (200, size, "")
    assert client.put(f"{path}/package?market=de", json={"weight_g": 900}).json()["market"] == "DE"
    assert [fact["value"] for fact in client.get(path).json()["items"]] == [size, {"weight_g": 900}]
    assert client.delete(f"{path}/package?market=DE").status_code == 204
    assert client.delete(f"{path}/package?market=DE").status_code == 404
    with open_store(filled) as store:
        assert [fact.value_json() for fact in store.facts()] == [size]


@pytest.mark.parametrize(
    ("typed", "field", "remedy"),
    [
        ({"length_mm": 0, "width_mm": 1, "height_mm": 1}, "length_mm", "1 to 3,000"),
        ({"length_mm": 9_000, "width_mm": 1, "height_mm": 1}, "length_mm", "1 to 3,000"),
        ({"weight_g": 200_001}, "weight_g", "1 to 200,000"),
        ({"length_mm": 500}, "package", "only the weight"),
        ({}, "package", "Give three sides"),
        ({"weight_kg": 3}, "weight_kg", ""),
    ],
)
def test_a_package_that_cannot_be_is_named(client: TestClient, typed: Any, field: str, remedy: str) -> None:
    (fault,) = faults(client.put(f"/products/{ASINS[0]}/facts/package", json=typed))
    assert fault["field"] == field
    assert remedy in fault["why"]
    assert client.get(f"/products/{ASINS[0]}/facts").json()["total"] == 0


def test_no_answer_shows_where_on_the_machine_files_lie(client: TestClient, filled: Settings) -> None:
    folder = filled.reports_dir / "detect" / "r2"
    with open_store(filled) as store:
        failed = Run(
            run_id="r2", report="detect", status="failed", started_at=1_760_000_002.0, output=str(folder),
            error=f"{folder}/notebook.ipynb: cannot be written",
        )  # fmt: skip
        store.put_run(failed)
    (listed, *_) = client.get("/reports").json()["items"]
    one = client.get("/reports/r2").json()
    for run in (listed, one):
        assert run["output"] == "reports/detect/r2"
        assert run["error"] == "$ARBKIT_HOME/reports/detect/r2/notebook.ipynb: cannot be written"
    assert client.get("/reports/r1").json()["output"] is None


def test_no_error_shows_where_on_the_machine_files_lie(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        said = [client.get(path).text for path in ("/health", "/stats", "/products", "/reports/r", "/metrics")]
    assert any("$ARBKIT_HOME/arbkit.db" in text for text in said)
    assert not any(str(settings.home.parent) in text for text in said)


def test_a_read_that_takes_too_long_is_ended_in_words(filled: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbkit.store.lazy.LONGEST_READ_S", -1.0)
    # So that five products are enough.
    monkeypatch.setattr("arbkit.core.sqlite._STEPS_BETWEEN_LOOKS", 1)
    with TestClient(create_app(filled), base_url="http://127.0.0.1") as client:
        answer = client.get("/products?page_size=500")
        assert answer.status_code == 503
        assert "took longer than a reader may" in answer.json()["detail"]
