"""The same commands on every combination of log and store: demo market → opportunities on the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import orjson
import pytest
from fastapi.testclient import TestClient

from arbkit.core.settings import Settings
from arbkit.sources.demo.market import asins
from arbkit.sources.demo.server import DemoServer
from arbkit.stream import RAW_TOPIC, Record, dead_letter_topic, open_stream
from arbkit.web.api import create_app
from tests.helpers.processes import arbkit
from tests.helpers.streams import empty

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer("127.0.0.1", 0, speed=0) as server:
        yield server


@pytest.fixture(params=["sqlite", "kafka"])
def log_url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    server = request.getfixturevalue("kafka")
    empty(server)
    return str(server.url)


@pytest.fixture(params=["sqlite", "elasticsearch"])
def store_url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue(request.param).url)


@pytest.fixture
def scaled(settings: Settings, demo: DemoServer, log_url: str, store_url: str) -> Settings:
    assert settings.watchlist is not None
    settings.watchlist.write_text("\n".join(asins()[:20]))
    more = {"keepa_url": demo.url, "log": log_url, "store": store_url, "store_prefix": f"t{uuid4().hex[:10]}-"}
    return settings.model_copy(update=more)


def done(settings: Settings, *words: str) -> str:
    result = arbkit(settings, *words)
    assert result.returncode == 0, result.stderr
    return result.stdout


_SEEN: dict[str, Any] = {}


def test_demo_to_opportunities_on_the_api(scaled: Settings) -> None:
    done(scaled, "init")
    done(scaled, "produce", "--once")
    with open_stream(scaled) as log:
        log.publish(RAW_TOPIC, [Record("B000000001", b"not JSON")])
    done(scaled, "consume", "--until-empty")
    found = orjson.loads(done(scaled, "detect", "--json"))
    assert found["total"] > 0
    assert len(found["new"]) == found["total"]
    with TestClient(create_app(scaled), base_url="http://127.0.0.1") as client:
        shown = client.get("/arbitrage?limit=500").json()
        health = client.get("/health").json()["services"]
        assert (health["store"]["status"], health["log"]["status"]) == ("healthy", "healthy")
        stats = client.get("/stats").json()
        searched = client.get("/products", params={"q": shown["items"][0]["asin"]}).json()
    routes = {
        (o["asin"], o["source"], o["target"]): (o["profit"], o["roi_pct"], o["fulfilment"]) for o in shown["items"]
    }
    assert len(routes) == shown["total"] == found["total"]
    assert searched["total"] == 1
    # Every combination finds the same.
    seen = {"routes": routes, "offers": stats["offers"], "markets": stats["markets"]}
    assert _SEEN.setdefault("first", seen) == seen
    status = orjson.loads(done(scaled, "status", "--json"))
    assert (status["log"]["lag"], status["log"]["dead_letters"]) == (0, 1)
    with open_stream(scaled) as log:
        (dead,) = log.read(dead_letter_topic(RAW_TOPIC))
    assert dead.value == b"not JSON"
    assert dead.headers["error"].startswith("not JSON")
    dead_letters_are_seen_and_tried_again(scaled)
    rebuilt_from_the_log_it_is_the_same(scaled, stats)
    # The same again changes nothing and finds nothing new.
    done(scaled, "produce", "--once")
    done(scaled, "consume", "--until-empty")
    assert orjson.loads(done(scaled, "detect", "--json"))["new"] == []
    assert done(scaled, "doctor")


def dead_letters_are_seen_and_tried_again(settings: Settings) -> None:
    (listed,) = orjson.loads(done(settings, "dlq", "list", "--json"))["items"]
    assert (listed["key"], listed["attempts"], listed["bytes"]) == ("B000000001", 1, 8)
    whole = orjson.loads(done(settings, "dlq", "show", str(listed["offset"])))
    assert whole["text"] == "not JSON"
    assert "1 record replayed" in done(settings, "dlq", "replay")
    assert "0 records replayed" in done(settings, "dlq", "replay")
    done(settings, "consume", "--until-empty")
    again = orjson.loads(done(settings, "dlq", "list", "--json"))["items"]
    assert [one["attempts"] for one in again] == [1, 2]
    assert arbkit(settings, "dlq", "replay", "99").returncode == 2


def rebuilt_from_the_log_it_is_the_same(settings: Settings, stats: dict[str, Any]) -> None:
    done(settings, "init", "--migrate")
    replayed = orjson.loads(done(settings, "replay", "--json"))
    assert replayed["rebuilt"] == {"offers": stats["offers"], "kept": 0}
    # The record that is no JSON, and the same once more as a dead letter that was tried again.
    assert replayed["unusable"] == 2
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        # All is made anew, perhaps by another arbkit: it counts as not priced until the next detection.
        assert client.get("/stats").json() == {**stats, "unpriced_products": stats["products"]}


def test_without_init_the_remedy_is_named(scaled: Settings) -> None:
    if not (scaled.log or scaled.store):
        return
    result = arbkit(scaled, "consume", "--until-empty")
    assert result.returncode == 4
    assert "arbkit init" in result.stderr
    assert "Traceback" not in result.stderr
