"""The REST API over a real store: lists, one product, the watchlist, errors, and who may ask."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
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
from tests.helpers.factories import PACKAGE, history, offer, opportunity
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
    assert client.get("/health").json()["services"]["store"]["detail"] is None
    with open_store(filled) as store:
        store.put([Update(offer(a, version=8_000_001), None) for a in ASINS])
    body = client.get("/health").json()
    # There is no key, and the store holds real products: nothing is invented beside them.
    assert (body["status"], body["mode"], "keepa" in body["services"]) == ("healthy", "imported", False)
    store_state = body["services"]["store"]
    assert (store_state["status"], store_state["detail"]) == ("healthy", "5 products not priced yet")
    assert (body["services"]["log"]["status"], body["services"]["consumer"]["status"]) == ("healthy", "unknown")
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_an_api_may_start_before_its_data(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
        assert "nothing is stored yet" in health.json()["services"]["store"]["detail"]
        assert client.get("/health/live").status_code == 200
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.headers["content-type"]) == (503, "application/problem+json")
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
        ("/arbitrage?limit=0", "limit", "must be at least 1"),
        ("/arbitrage?limit=10&limit=20", "limit", "more than once"),
        ("/arbitrage?cursor=abc", "cursor", "not one that arbkit made"),
        ("/arbitrage?cursor=2.abc", "cursor", ""),
        ("/arbitrage?min_profit=nan", "min_profit", "finite"),
        ("/products?max_price=10", "max_price", "market"),
        ("/products/nonsense", "asin", ""),
        ("/stats?x=1", "x", "takes none"),
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


def test_what_is_said_of_a_watched_product_is_kept_when_it_is_removed(client: TestClient) -> None:
    started, note = time.time(), "=1+1 <script>alert(1)</script>"
    sent = {"asin": "B07DVM36PS", "notes": note, "groups": ["toys", "a  b"]}
    assert client.post("/products/watch", json=sent).status_code == 201
    assert client.post("/products/watch", json={"asins": ["B07DVM36PS"], "groups": ["c"]}).status_code == 200
    (item,) = client.get("/products/watch").json()["items"]
    assert (item["notes"], item["groups"]) == (note, ["a b", "c", "toys"])
    assert started <= item["added_at"] <= time.time() + 1
    assert client.delete("/products/watch/B07DVM36PS").status_code == 204
    assert client.get("/products/watch").json()["items"] == []
    assert client.post("/products/watch", json={"asin": "B07DVM36PS"}).status_code == 201
    (again,) = client.get("/products/watch").json()["items"]
    assert (again["notes"], again["groups"]) == (note, ["a b", "c", "toys"])
    for wrong in ({"notes": "\x00"}, {"groups": ["a,b"]}, {"groups": ["x"] * 21}, {"note": "a"}):
        assert client.post("/products/watch", json={"asin": "B00IZ8XDXC", **wrong}).status_code == 422
    assert len(client.get("/products/watch").json()["items"]) == 1


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
    # Who has only the address finds them too.
    assert client.get("/").url.path == "/docs"


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


def test_products_go_on_by_a_cursor_whatever_is_stored_meanwhile(client: TestClient, filled: Settings) -> None:
    first = client.get("/products?page_size=2&sort_by=asin&page=1").json()
    with open_store(filled) as store:
        # By its number the next page would begin with a product that has been seen.
        store.put([Update(offer("A000000000"), None)])
    seen, url = [p["asin"] for p in first["items"]], first["next"]
    pages = [first["page"]]
    while url:
        body = client.get(url).json()
        seen += [p["asin"] for p in body["items"]]
        pages.append(body["page"])
        url = body["next"]
    assert (seen, pages) == (ASINS, [1, 2, 3])
    (fault,) = faults(client.get(first["next"].replace("page=2", "page=3")))
    assert (fault["field"], "is of page 2, not 3" in fault["why"]) == ("cursor", True)
    assert faults(client.get("/products?sort_by=title&cursor=" + first["next"].split("cursor=")[1].split("&")[0]))


def test_runs_are_paged_by_cursor_and_by_number(client: TestClient, filled: Settings) -> None:
    with open_store(filled) as store:
        for i in range(4):
            store.put_run(Run(run_id=f"x{i}", report="x", status="succeeded", started_at=1_760_000_000.25))
    seen, url = [], "/reports?page_size=2&report=x"
    while url:
        body = client.get(url).json()
        assert body["total"] == 4
        seen += [run["run_id"] for run in body["items"]]
        url = body["next"]
    assert seen == ["x3", "x2", "x1", "x0"]
    assert [r["run_id"] for r in client.get("/reports?page_size=2&report=x&page=2").json()["items"]] == ["x1", "x0"]


def test_products_are_ordered_by_price_and_found_by_one_category_in_any_language(
    client: TestClient, filled: Settings
) -> None:
    with open_store(filled) as store:
        made = [("Spielzeug", 500), ("Giochi e giocattoli", 9_000), ("Garten", 700)]
        store.put(
            [Update(offer(f"B00000010{i}", category=c, price_minor=p), None) for i, (c, p) in enumerate(made)]
            + [Update(offer("B000000103", price_minor=None), None)]
        )
    by_price = client.get("/products?market=de&sort_by=price_asc&page_size=3").json()["items"]
    assert [p["markets"]["DE"]["price"] for p in by_price] == [5.0, 7.0, 20.0]
    (fault,) = faults(client.get("/products?sort_by=price"))
    assert (fault["field"], "Give market" in fault["why"]) == ("sort_by", True)
    for word in ("toys", "Spielzeug", "toys & games", "Juguetes y juegos"):
        assert client.get("/products", params={"category": word}).json()["total"] == 8, word
    assert client.get("/products?category=garden").json()["items"][0]["category_id"] == "garden"
    assert client.get("/products?category=Nothing").json()["total"] == 0
    assert client.get("/products?category=toys&category=garden").json()["total"] == 9
    (fault,) = faults(client.get("/products?market=DE&market=IT"))
    assert "more than once" in fault["why"]
    routes = [
        client.get(f"/arbitrage?{asked}").json()["total"] for asked in ("category=toys", "category=x&category=toys")
    ]
    assert routes[0] == routes[1] > 0
    (toys, *_) = client.get("/categories").json()["items"]
    assert (toys["id"], toys["name"], "Spielzeug" in toys["names"]) == ("toys", "Toys & Games", True)


def test_a_product_says_since_when_it_is_known_and_where_its_picture_is(client: TestClient, filled: Settings) -> None:
    with open_store(filled) as store:
        store.put([Update(offer(ASINS[0], version=8_000_001, image="51aBc+d.jpg"), None)])
        store.put([Update(offer(ASINS[1], version=8_000_001, image="../x.jpg"), None)])
    one, other = (client.get(f"/products/{asin}").json() for asin in ASINS[:2])
    assert one["image_url"] == "https://m.media-amazon.com/images/I/51aBc+d._SX500_.jpg"
    assert other["image_url"] is None
    assert one["created_at"] == one["first_seen"] > 0


def test_the_summary_is_of_all_pages(client: TestClient) -> None:
    body = client.get("/arbitrage?limit=2&min_profit=20").json()
    summary = body["summary"]
    assert (summary["count"], summary["total_profit"], summary["average_profit"]) == (4, 140.0, 35.0)
    assert (summary["best_profit"], summary["average_margin_pct"], summary["currency"]) == (50.0, 17.5, "EUR")
    assert summary["routes"] == {"IT:DE": {"count": 4, "best_profit": 50.0, "total_profit": 140.0}}
    assert client.get(body["next"]).json()["summary"] is None
    nothing = client.get("/arbitrage?min_profit=900").json()["summary"]
    assert (nothing["count"], nothing["average_profit"], nothing["best_profit"]) == (0, None, None)
    assert client.get("/arbitrage?summary=false").json()["summary"] is None


def test_stats_say_what_each_marketplace_is_good_for(client: TestClient) -> None:
    body = client.get("/stats").json()
    assert (body["average_profit"], body["average_margin_pct"], body["best_target"]) == (30.0, 15.0, "DE")
    assert body["products_with_opportunities"] == 5
    assert body["by_market"] == {
        "DE": {"offers": 5, "bought_on": 0, "sold_on": 5, "profit_bought_on": 0.0, "profit_sold_on": 150.0},
        "IT": {"offers": 5, "bought_on": 5, "sold_on": 0, "profit_bought_on": 150.0, "profit_sold_on": 0.0},
    }


def test_a_history_has_readable_times_and_major_units(client: TestClient) -> None:
    body = client.get(f"/products/{ASINS[0]}/history?series=buy_box,new&market=de").json()
    assert list(body["markets"]) == ["DE"]
    box = body["markets"]["DE"]["series"]["buy_box"]
    assert (box["unit"], box["total"], box["thinned"]) == ("EUR", 3, False)
    assert box["points"] == [
        {"at": "2026-01-08T02:40:00Z", "value": 19.9, "shipping": 0.0},
        {"at": "2026-02-11T20:00:00Z", "value": 20.1, "shipping": None},
        {"at": "2026-03-11T14:40:00Z", "value": None, "shipping": 0.0},
    ]
    assert [p["value"] for p in body["markets"]["DE"]["series"]["new"]["points"]] == [20.0, None, 21.0]
    later = client.get(f"/products/{ASINS[0]}/history?from=2026-02-20&to=2026-12-01T00:00:00%2B02:00&series=new").json()
    assert (later["from"], later["to"]) == ("2026-02-20T00:00:00Z", "2026-11-30T22:00:00Z")
    assert later["markets"]["IT"]["series"]["new"]["points"] == [
        {"at": "2026-02-20T00:00:00Z", "value": None}, {"at": "2026-03-11T14:40:00Z", "value": 21.0},
    ]  # fmt: skip
    assert client.get("/products/B0999999ZZ/history").status_code == 404


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("series=buybox", "series", "Did you mean buy_box?"),
        ("from=tomorrow", "from", "not a time"),
        ("from=2026-02-01&to=2026-01-01", "from", "is after to"),
        ("max_points=1", "max_points", "must be at least 10"),
        ("market=US", "market", "UK, DE, FR, IT, ES"),
        ("from=0001-01-01T00:00:00%2B14:00", "from", "no time that can be"),
        ("from=9999-12-31T23:59:59.999999Z", "from", "no time that can be"),
    ],
)
def test_a_stretch_of_history_that_cannot_be_is_named(client: TestClient, query: str, field: str, says: str) -> None:
    (fault,) = faults(client.get(f"/products/{ASINS[0]}/history?{query}"))
    assert fault["field"] == field
    assert says in fault["why"]


def test_sales_say_how_long_some_units_take(client: TestClient, filled: Settings) -> None:
    now = int(time.time())
    ranked = offer(
        ASINS[0], "DE", version=9_500_000, updated_at=now, sales_rank=60_000, sales_rank_at=now, rank_drops90=36
    )
    with open_store(filled) as store:
        store.put([Update(ranked, None)])
    one, five = (client.get(f"/products/{ASINS[0]}/sales", params={"units": units}).json() for units in (1, 5))
    assert (one["asin"], one["units"], five["units"]) == (ASINS[0], 1, 5)
    assert five["markets"]["DE"]["days_to_sell_p50"] > 2 * one["markets"]["DE"]["days_to_sell_p50"]
    assert one["markets"]["DE"]["unknown"] == {}
    # What nobody knows has its reason, and no figure.
    italian = one["markets"]["IT"]
    assert {name for name, value in italian.items() if value is None} == italian["unknown"].keys()
    assert "no sales rank" in italian["unknown"]["share_pct"]
    assert client.get("/products/B0999999ZZ/sales").status_code == 404
    assert client.get(f"/products/{ASINS[0]}/sales", params={"units": 0}).status_code == 422


def test_opportunities_say_what_they_will_earn_where_that_is_asked(client: TestClient, filled: Settings) -> None:
    path, now = f"/products/{ASINS[0]}", int(time.time())
    fresh = {"updated_at": now, "price_at": now, **PACKAGE}
    ranked = {"sales_rank": 60_000, "sales_rank_at": now, "rank_drops90": 36}
    with open_store(filled) as store:
        store.put([Update(offer(ASINS[0], "DE", version=9_500_000, price_minor=6_999, **fresh, **ranked), None),
                   Update(offer(ASINS[0], "IT", version=9_500_000, price_minor=3_000, **fresh), None)])  # fmt: skip
    assert "forecast" not in client.get(path).json()["opportunities"][0]
    (found,) = (
        one["forecast"]
        for one in client.get(path, params={"forecasts": True}).json()["opportunities"]
        if (one["source"], one["target"]) == ("IT", "DE")
    )
    assert found["unknown"] is None
    assert found["profit_p1"] <= found["profit_p10"] <= found["profit_p50"] <= found["profit_p90"]
    assert 0 < found["profit_chance_pct"] < 100
    assert sum(found["width"].values()) == pytest.approx(100, abs=0.3)
    assert any("sold off" in said for said in found["assumed"])


def test_windows_say_when_a_route_was_an_opportunity(client: TestClient, filled: Settings) -> None:
    with open_store(filled) as store:
        # What ended more than 400 days ago is forgotten.
        store.put([Update(offer(ASINS[0], version=8_500_000), None)])
        store_routes(store, [opportunity(a, profit=70.0) for a in ASINS[1:]])
    (ended,) = client.get(f"/products/{ASINS[0]}/windows").json()["items"]
    assert (ended["source"], ended["target"], ended["best_profit"]) == ("IT", "DE", 10.0)
    assert ended["ended_at"] is not None
    (still,) = client.get(f"/products/{ASINS[1]}/windows").json()["items"]
    assert (still["ended_at"], still["best_profit"]) == (None, 70.0)
    assert client.get("/products/B0999999ZZ/windows").status_code == 404


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
