"""Who may ask the API what: open reading on this machine, keys for the rest, their scopes and their end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from arbkit.core.errors import ConfigError
from arbkit.core.service.api_keys import KeyRing, keys_file
from arbkit.core.settings import Settings
from arbkit.web.api import create_app
from tests.helpers.keys import as_user
from tests.helpers.processes import arbkit

OUTSIDE = "192.0.2.1"
ASIN = "B07DVM36PS"


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        yield client


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def watch(client: TestClient, headers: Any = None) -> Any:
    return client.post("/products/watch", json={"asins": [ASIN]}, headers=headers)


def test_on_loopback_everybody_reads_and_changes_ask_for_a_key(client: TestClient, settings: Settings) -> None:
    assert client.get("/products/watch").status_code == 200
    for answer in (
        watch(client),
        client.delete(f"/products/watch/{ASIN}"),
        client.post("/looks", json={"asin": ASIN}),
        client.put(f"/products/{ASIN}/facts/package", json={"weight_g": 1}),
        client.delete(f"/products/{ASIN}/facts/package"),
        client.get("/keys"),
        client.post("/keys", json={"name": "tool"}),
    ):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"
        assert "api.token" in answer.json()["detail"]
        assert "arbkit api keys add" in answer.json()["detail"]
        assert str(settings.home) not in answer.text
    assert client.get("/products/watch").json()["total"] == 0
    assert watch(client, as_user(settings)).status_code == 201
    own = settings.model_copy(update={"token": SecretStr("my-own-tökén")})
    with TestClient(create_app(own), base_url="http://127.0.0.1") as other:
        assert watch(other, {"X-API-Key": "my-own-tökén".encode()}).status_code == 200


def test_a_key_lets_in_to_its_scope(client: TestClient, settings: Settings) -> None:
    ring = KeyRing(settings)
    reader, writer, admin = (bearer(ring.add(scope, scope).secret) for scope in ("read", "write", "admin"))
    refused = watch(client, reader)
    assert refused.status_code == 403
    assert "read" in refused.json()["detail"]
    assert watch(client, writer).status_code == 201
    assert client.get("/keys", headers=writer).status_code == 403
    listed = client.get("/keys", headers=admin).json()
    assert [key["name"] for key in listed["items"]] == ["read", "write", "admin"]
    assert not any("sha256" in key for key in listed["items"])
    unknown = client.get("/stats", headers=bearer("arbkit_none"))
    assert unknown.status_code == 401
    assert unknown.json()["detail"] == "This key is unknown, has expired or was revoked"


def test_keys_are_made_and_revoked_over_http(client: TestClient, settings: Settings) -> None:
    admin = as_user(settings)
    made = client.post("/keys", json={"name": "tool", "scope": "write", "expires": "90d"}, headers=admin)
    assert made.status_code == 201
    assert made.headers.get("cache-control") == "no-store"
    body = made.json()
    assert body["about"]["expires_at"] - body["about"]["created_at"] == 90 * 86_400
    assert body["key"] not in keys_file(settings).read_text()
    assert watch(client, bearer(body["key"])).status_code == 201
    for wrong, field in (
        ({"name": "a b"}, "name"), ({"name": "x", "scope": "all"}, "scope"), ({"name": "tool"}, "name"),
        ({"name": "x", "expires": "soon"}, "expires"),
    ):  # fmt: skip
        answer = client.post("/keys", json=wrong, headers=admin)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert client.delete("/keys/tool", headers=admin).status_code == 204
    assert client.delete("/keys/tool", headers=admin).status_code == 404
    assert watch(client, bearer(body["key"])).status_code == 401


def test_off_loopback_a_key_is_enough_and_without_any_nothing_starts(settings: Settings) -> None:
    outside = settings.model_copy(update={"host": OUTSIDE})
    with pytest.raises(ConfigError, match="arbkit api keys add"):
        create_app(outside)
    secret = KeyRing(settings).add("tool").secret
    with TestClient(create_app(outside), base_url="http://arbkit.example") as client:
        assert client.get("/health").status_code in {200, 503}
        assert client.get("/products/watch").status_code == 401
        assert client.get("/products/watch", headers=bearer(secret)).status_code == 200
        assert client.get("/products/watch", headers={"X-API-Key": secret}).status_code == 200
        assert watch(client, bearer(secret)).status_code == 403


def test_a_damaged_file_of_keys_lets_nobody_in_but_by_the_token(settings: Settings) -> None:
    outside = settings.model_copy(update={"host": OUTSIDE, "token": SecretStr("t" * 20)})
    secret = KeyRing(settings).add("tool").secret
    with TestClient(create_app(outside), base_url="http://arbkit.example") as client:
        keys_file(settings).write_text("nonsense")
        assert client.get("/products/watch", headers=bearer(secret)).status_code == 401
        assert client.get("/products/watch", headers=bearer("t" * 20)).status_code in {200, 401}


def test_the_command_line_makes_lists_and_revokes_keys(settings: Settings) -> None:
    made = arbkit(settings, "api", "keys", "add", "tool", "--scope", "write", "--expires", "12h", "--json")
    assert made.returncode == 0, made.stderr
    secret = orjson.loads(made.stdout)["key"]
    assert KeyRing(settings).caller(secret.encode()) is not None
    listed = arbkit(settings, "api", "keys", "list")
    assert "tool" in listed.stdout
    assert "write" in listed.stdout
    assert secret not in listed.stdout
    (row,) = orjson.loads(arbkit(settings, "api", "keys", "list", "--json").stdout)["items"]
    assert (row["name"], row["scope"], row["used_at"]) == ("tool", "write", None)
    assert arbkit(settings, "api", "keys", "revoke", "tool").returncode == 0
    again = arbkit(settings, "api", "keys", "revoke", "tool")
    assert again.returncode == 2
    assert "arbkit api keys list" in again.stderr
    assert arbkit(settings, "api", "keys", "add", "tool", "--scope", "all").returncode == 2


def test_requests_are_logged_with_the_key_and_without_secrets(
    client: TestClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    secret = KeyRing(settings).add("tool").secret
    with caplog.at_level(logging.INFO, logger="arbkit.web.edge.request_log"):
        client.get(f"/products?q=lamp&api_key={secret}&token={secret}", headers=bearer(secret))
        client.get("/products/watch", headers=bearer(secret))
        client.get("/none%0a%1b[31m")
        client.get("/health/live")
    lines = [record.getMessage() for record in caplog.records if record.name == "arbkit.web.edge.request_log"]
    assert len(lines) == 3
    assert lines[0].startswith("GET /products?q=lamp&api_key=…&token=… 422 ")
    assert lines[1].startswith("GET /products/watch 200 ")
    assert lines[1].endswith(" key=tool")
    assert "key=" not in lines[2]
    assert all(line.isprintable() and secret not in line for line in lines)


def test_who_asks_too_often_waits_and_others_do_not(settings: Settings) -> None:
    ring = KeyRing(settings)
    first, second = (bearer(ring.add(name).secret) for name in ("first", "second"))
    limited = settings.model_copy(update={"api_rate": 5})
    with TestClient(create_app(limited), base_url="http://127.0.0.1") as client:
        answers = [client.get("/products/watch", headers=first) for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 12
        assert answers[-1].headers["content-type"] == "application/problem+json"
        assert client.get("/products/watch", headers=second).status_code == 200
        assert client.get("/products/watch").status_code == 200


def test_no_page_of_another_site_may_call_unless_it_is_named(settings: Settings) -> None:
    asked = {"Origin": "https://tools.example", "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "authorization, content-type"
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        assert "access-control-allow-origin" not in client.get("/products/watch", headers=asked).headers
    named = settings.model_copy(update={"cors": "https://tools.example, http://localhost:3000/"})
    with TestClient(create_app(named), base_url="http://127.0.0.1") as client:
        before = client.options("/products/watch", headers=asked)
        assert before.status_code == 200
        assert before.headers["access-control-allow-origin"] == "https://tools.example"
        read = client.get("/products/watch", headers={"Origin": "http://localhost:3000"})
        assert read.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert "access-control-allow-credentials" not in read.headers
        refused = watch(client, {"Origin": "https://tools.example"})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://tools.example")
        other = client.get("/products/watch", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    "origins", ["*", "tools.example", "https://a.example/path", "https://u:p@a.example", "null", "https://["]
)
def test_what_is_no_origin_is_refused_at_the_start(settings: Settings, origins: str) -> None:
    with pytest.raises(ConfigError, match="ARBKIT_CORS"):
        create_app(settings.model_copy(update={"cors": origins}))
