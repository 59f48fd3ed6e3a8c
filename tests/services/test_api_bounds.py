"""What the API does not let anybody do: guess, send without end, load from elsewhere; and how it says so."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from arbkit.core.service.addresses import listen
from arbkit.core.settings import Settings
from arbkit.web.api import create_app
from arbkit.web.bounds import BODY_S, LARGEST_BODY, LARGEST_HEADERS, Bounds
from arbkit.web.edge.guard import OPEN_PATHS
from tests.helpers.dashboards import environment
from tests.helpers.keys import as_user

TOKEN = "secret-token"


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000", headers=as_user(settings)) as client:
        yield client


@pytest.fixture
def outside(settings: Settings) -> Iterator[TestClient]:
    with TestClient(
        create_app(settings.model_copy(update={"host": "192.0.2.1", "token": SecretStr(TOKEN)})),
        base_url="http://arbkit.example",
    ) as client:
        yield client


def test_the_page_of_the_api_names_every_address_and_loads_nothing(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script|<link|<img|<iframe|https?://|@import|url\(", page.text)
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        assert f"<code>{path}</code>" in page.text
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                assert f"<code>{parameter['name']}</code>" in page.text
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page.text
    assert "Takes the bytes of a file." in page.text
    for other in ("/redoc", "/docs/oauth2-redirect"):
        assert client.get(other).status_code == 404


def test_off_loopback_a_browser_may_read_how_to_ask_but_nothing_that_is_stored(outside: TestClient) -> None:
    for path in ("/", "/docs", "/openapi.json", "/health/live"):
        assert outside.get(path).status_code == 200, path
    paths = outside.get("/openapi.json").json()["paths"]
    for path in paths.keys() - OPEN_PATHS:
        for method in ("GET", "POST", "PUT", "DELETE"):
            assert outside.request(method, path).status_code == 401, (method, path)


def test_allow_names_every_method_of_an_address(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path, operations in paths.items():
        address = path.replace("{asin}", "B000000001").replace("{run}", "r").replace("{name}", "package")
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - {name.upper() for name in operations}:
            answer = client.request(method, address)
            if answer.status_code == 405:
                assert answer.headers["content-type"] == "application/problem+json"
                assert {name.upper() for name in operations} <= set(answer.headers["allow"].split(", ")), path
                assert method not in answer.headers["allow"]
    assert client.put("/products/watch").headers["allow"] == "GET, POST"


def test_every_answer_carries_the_policies(client: TestClient, outside: TestClient) -> None:
    answers = [client.get(path) for path in ("/health", "/docs", "/openapi.json", "/none", "/products?x=1", "/metrics")]
    answers += [client.get("/health", headers={"Host": "evil.example"}), outside.get("/stats")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff", answer.url
        assert answer.headers["x-frame-options"] == "DENY", answer.url
        assert answer.headers["referrer-policy"] == "same-origin", answer.url
        assert "default-src 'none'" in answer.headers["content-security-policy"], answer.url
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], answer.url


def test_who_guesses_the_token_must_wait_and_who_gives_none_is_not_counted(outside: TestClient) -> None:
    for _ in range(20):
        assert outside.get("/stats").status_code == 401
    answers = [outside.get("/stats", headers={"X-API-Key": f"guess-{n}"}).status_code for n in range(12)]
    assert answers == [401] * 10 + [429] * 2
    right = outside.get("/stats", headers={"Authorization": f"Bearer {TOKEN}"})
    assert right.status_code == 429
    assert 1 <= int(right.headers["retry-after"]) <= 60
    assert right.headers["content-type"] == "application/problem+json"
    assert outside.get("/health/live").status_code == 200


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused_however_it_comes(client: TestClient, declared: bool) -> None:
    body = b" " * (LARGEST_BODY + 1)
    content = body if declared else iter(body[at : at + 100_000] for at in range(0, len(body), 100_000))
    answer = client.post("/products/watch", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert "1,048,576 bytes" in answer.json()["detail"]


def test_the_largest_watchlist_fits(client: TestClient) -> None:
    asins = [f"B0{n:08d}" for n in range(10_000)]
    assert client.post("/products/watch", json={"asins": asins}).status_code in {200, 201}


def test_a_body_that_does_not_come_is_given_up(settings: Settings) -> None:
    assert BODY_S <= 60
    app = Bounds(create_app(settings.model_copy(update={"token": SecretStr(TOKEN)})), body_s=0.2)
    sent: list[MutableMapping[str, Any]] = []

    async def never() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def ask() -> None:
        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"10")]
        headers.append((b"x-api-key", TOKEN.encode()))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/products/watch", "raw_path": b"/products/watch", "query_string": b"", "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "root_path": "",
        }  # fmt: skip
        await app(scope, never, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["status"] == 408


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    home = tmp_path_factory.mktemp("api") / "var"
    with listen("127.0.0.1", 0, "ARBKIT_API_PORT") as free:
        port: int = free.getsockname()[1]
    settings = Settings.load(_env_file=None, home=home, api_port=port)
    served = subprocess.Popen(
        [sys.executable, "-m", "arbkit", "api"], env=environment(settings), cwd=home.parent, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert served.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            break
    yield port
    served.terminate()
    served.wait(30)


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"],
)
def test_a_connection_that_asks_nothing_more_is_closed(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(begun)
        while connection.recv(65536):
            pass


def test_headers_have_a_bound(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * (2 * LARGEST_HEADERS))
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")
