"""What /health says of each part, also where one is away or hangs."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from arbkit.core.models import Update
from arbkit.core.service.heartbeat import LIMIT_S, heartbeat_path, record_heartbeat
from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect
from arbkit.sources.keepa_api.token_budget import Tokens, write_tokens
from arbkit.store import open_store
from arbkit.stream import ALERTS_TOPIC, Record, open_stream
from arbkit.web.api import create_app
from tests.helpers.factories import offer


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """A store with one product."""
    with open_store(settings) as store:
        store.put([Update(offer(), None)])
    return settings


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def health(settings: Settings, *, host: str = "127.0.0.1") -> tuple[int, dict[str, Any]]:
    with TestClient(create_app(settings), base_url=f"http://{host}") as client:
        answer = client.get("/health")
        return answer.status_code, answer.json()


def test_every_service_that_runs_is_healthy(filled: Settings) -> None:
    for name in ("consumer", "detector", "dispatcher", "scheduler"):
        record_heartbeat(filled, name)
    status, body = health(filled)
    assert (status, body["status"]) == (200, "healthy")
    assert {name: one["status"] for name, one in body["services"].items()} == dict.fromkeys(
        ("store", "log", "consumer", "detector", "dispatcher", "scheduler"), "healthy"
    )
    assert all(one["response_time_ms"] >= 0 for one in body["services"].values())


def test_a_service_whose_heartbeats_ended_degrades_the_whole(filled: Settings) -> None:
    record_heartbeat(filled, "consumer")
    past = time.time() - 10 * LIMIT_S
    os.utime(heartbeat_path(filled, "consumer"), (past, past))
    status, body = health(filled)
    assert (status, body["status"], body["services"]["consumer"]["status"]) == (200, "degraded", "unhealthy")
    assert "no heartbeat for 20 min" in body["services"]["consumer"]["detail"]


def test_the_log_may_be_away_while_what_is_stored_is_served(filled: Settings) -> None:
    away = filled.model_copy(update={"log": "kafka://127.0.0.1:9", "store": filled.store_url})
    status, body = health(away)
    assert (status, body["status"], body["services"]["log"]["status"]) == (200, "degraded", "unhealthy")
    assert body["services"]["store"]["status"] == "healthy"


def test_a_group_that_is_late_degrades_the_whole_while_something_runs(filled: Settings) -> None:
    with open_stream(filled) as stream:
        stream.publish(ALERTS_TOPIC, [Record("B000000001", b"{}")])
    record_heartbeat(filled, "consumer")
    assert health(filled)[1]["services"]["log"]["status"] == "healthy"
    with closing(connect(filled.database)) as connection:
        connection.execute("UPDATE log_messages SET timestamp = timestamp - 3600")
    status, body = health(filled)
    assert (status, body["status"], body["services"]["log"]["status"]) == (200, "degraded", "degraded")
    detail = body["services"]["log"]["detail"]
    assert "group arbkit-alerts: has read nothing yet: 1 message of arbitrage.alerts waits for it" in detail
    assert "`arbkit alerts deliver`" in detail
    # Where nothing runs, nobody is late.
    heartbeat_path(filled, "consumer").unlink()
    assert health(filled)[1]["services"]["log"]["status"] == "healthy"


def test_a_store_that_is_away_or_hangs_is_503_and_the_process_lives(
    settings: Settings, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arbkit.web.api.health.LIMIT_S", 0.5)
    for port, says in ((silent, "no answer"), (9, "cannot be reached")):
        away = settings.model_copy(update={"store": f"http://127.0.0.1:{port}", "demo": True})
        with TestClient(create_app(away), base_url="http://127.0.0.1") as client:
            answer = client.get("/health")
            # Whoever is refused at once may take longer to say so than anybody waits here.
            while says not in answer.json()["services"]["store"]["detail"]:
                answer = client.get("/health")
            assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
            assert answer.json()["services"]["store"]["status"] == "unhealthy"
            assert client.get("/health/ready").status_code == 503
            assert client.get("/health/live").json() == {"status": "alive"}


def test_a_demo_market_that_does_not_run_degrades_the_whole(filled: Settings, silent: int) -> None:
    _, body = health(filled.model_copy(update={"demo": True, "demo_port": silent}))
    assert (body["mode"], body["status"], body["services"]["keepa"]["status"]) == ("demo", "degraded", "unhealthy")


@pytest.mark.parametrize(("age_s", "status"), [(60.0, "healthy"), (20_000.0, "degraded")])
def test_keepa_is_judged_by_its_last_answer(filled: Settings, age_s: float, status: str) -> None:
    keyed = filled.model_copy(update={"keepa_api_key": SecretStr("k" * 64)})
    _, body = health(keyed)
    assert (body["services"]["keepa"]["status"], body["status"]) == ("unknown", "healthy")
    at = time.time() - age_s
    write_tokens(keyed, Tokens(left=300, refill_rate=5, refill_in_s=30.0, at=at, consumed=1, origin="keepa"))
    _, body = health(keyed)
    assert (body["mode"], body["services"]["keepa"]["status"]) == ("keepa", status)
    assert "300 tokens" in body["services"]["keepa"]["detail"]


def test_off_loopback_nobody_learns_where_servers_are(settings: Settings) -> None:
    outside = settings.model_copy(
        update={
            "host": "192.0.2.1", "token": SecretStr("secret"), "demo": True,
            "store": "http://user:word@127.0.0.1:9", "log": "kafka://127.0.0.1:9",
        }
    )  # fmt: skip
    with TestClient(create_app(outside), base_url="http://arbkit.example") as client:
        texts = [client.get(path).text for path in ("/health", "/health/ready", "/health/live")]
    assert not any(word in text for text in texts for word in ("127.0.0.1", "word", "secret"))
