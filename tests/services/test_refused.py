"""Whatever is wrong with a request is said in plain words: which field, which value, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.store import open_store
from arbkit.web.api import create_app
from tests.helpers.factories import offer

ASIN = "B000000001"
TOKEN = "an-admins-token"
RAW = ("Input should", "datetime.", "{'", "Field required", "Extra inputs", "Value error", "inf", "e+", "literal[")
"""What only a library, or Python, would say."""
PATHS = {"asin": ASIN, "name": "package"}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    given = settings.model_copy(update={"demo": True, "token": SecretStr(TOKEN)})
    initialise(given)
    with open_store(given) as store:
        store.put([Update(offer(ASIN), None)])
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(create_app(given), base_url="http://127.0.0.1", headers=headers) as one:
        yield one


def operations(client: TestClient) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Method, path with everything in it filled in, and description of every operation."""
    document = client.get("/openapi.json").json()
    for path, found in document["paths"].items():
        for method, operation in found.items():
            yield method, path, operation


def wrong_values(schema: Mapping[str, Any]) -> Iterator[str]:
    """Values that a parameter of this schema cannot have: of another type, too large, too small."""
    for one in schema.get("anyOf", [schema]):
        kind = one.get("type")
        if kind == "null":
            continue
        if kind in ("integer", "number", "boolean") or "enum" in one or "const" in one or one.get("format"):
            yield "no such thing"
        if kind in ("integer", "number"):
            yield from ("nan", "1e999", "99999999999999999999999999", "-99999999999999999999999999", "")
        if kind == "boolean" or one.get("format"):
            yield "2026-13-45"


def filled(path: str, **values: str) -> str:
    """The path with a value for each of its parameters."""
    return re.sub(r"{(\w+)}", lambda found: {**PATHS, **values}.get(found[1], "x"), path)


def refusals(client: TestClient, method: str, path: str, name: str, where: str, value: str) -> list[dict[str, Any]]:
    """What is said of a parameter of this value; nothing where it is taken."""
    address = filled(path, **({name: value} if where == "path" else {}))
    answer = client.request(method, address, params={name: value} if where == "query" else {})
    return list(answer.json()["errors"]) if answer.status_code == 422 else []


def check(errors: list[dict[str, Any]], *where: str) -> None:
    for one in errors:
        assert one["field"], where
        assert not [word for word in RAW if word in one["why"]], (where, one)
        assert "[" not in one["field"].replace("asins[", ""), (where, one)


def test_every_parameter_that_cannot_be_is_refused_in_plain_words(client: TestClient) -> None:
    refused = 0
    for method, path, operation in operations(client):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "header":
                continue
            name, where = parameter["name"], parameter["in"]
            values = [*wrong_values(parameter["schema"])]
            if path == "/events":
                # What is not refused there is a stream without an end.
                values = values[:1]
            for value in values:
                errors = refusals(client, method, path, name, where, value)
                check(errors, method, path, name, value)
                of_it = [one for one in errors if one["field"] == name]
                assert len(of_it) == min(1, len(errors)), (path, name, errors)
                assert all(one["value"] is None for one in errors if one["field"] != name), (path, name, errors)
                refused += len(of_it)
    assert refused > 150


def test_what_no_endpoint_takes_is_refused_with_what_it_takes(client: TestClient) -> None:
    for method, path, operation in operations(client):
        answer = client.request(method, filled(path), params={"qqqq": "1"})
        assert answer.status_code == 422, (method, path, answer.text)
        (error,) = [one for one in answer.json()["errors"] if one["field"] == "qqqq"]
        known = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        assert error["why"].startswith("no such parameter. "), path
        if known:
            assert known[0] in error["why"], path
        else:
            assert error["why"] == "no such parameter. It takes none"


@pytest.mark.parametrize("body", [b"{no", b"[]", b"5", b"", b'{"qqqq": 1}', b'{"asins": 5}', b"null"])
def test_a_body_that_cannot_be_is_refused_in_plain_words(client: TestClient, body: bytes) -> None:
    refused = 0
    for method, path, operation in operations(client):
        if "requestBody" not in operation:
            continue
        answer = client.request(method, filled(path), content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, (method, path, answer.text)
        check(answer.json()["errors"], method, path, body.decode())
        assert not [word for word in RAW if word in answer.json()["detail"]]
        refused += 1
    assert refused > 2


def test_what_parameters_say_together_names_one_of_them(client: TestClient) -> None:
    answer = client.get(f"/products/{ASIN}/history", params={"from": "2026-08-02", "to": "2026-08-01"})
    assert answer.json()["errors"] == [
        {"field": "from", "value": "2026-08-02T00:00:00+00:00", "why": "is after to. Give the earlier time as from"}
    ]
    both = client.get("/arbitrage/export", params={"min_roi": "1", "min_roi_pct": "2"})
    assert "given more than once" in orjson.dumps(both.json()).decode()
    bad = client.get("/profit", params={"source": "IT", "buy": "1", "target": "DE", "fulfilment": "moon"})
    (error,) = [one for one in bad.json()["errors"] if one["field"] == "fulfilment"]
    assert error["why"] == "no such value. Use one of: fba-local, efn, pan-eu, fbm, best"
