"""The API's description of itself: complete, as the repository holds it, and enough to make a client of."""

from __future__ import annotations

import importlib
import io
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
import uvicorn
from pydantic import SecretStr

from arbkit.core.models import Run, Update
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.sources.settlements.template import template
from arbkit.store import open_store
from arbkit.web.api import create_app
from tests.docs.openapi import OPENAPI, openapi
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.routes import store_routes
from tests.helpers.sales import sale

ASIN = "B000000001"
TOKEN = "an-admins-token"
RENEW = "reviewed and right? `python -m tests.docs.openapi` renews it"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return dict(json.loads(openapi()))


def test_the_repository_holds_the_api_as_it_is() -> None:
    assert OPENAPI.read_text("utf-8") == openapi(), RENEW


def test_every_answer_has_a_schema_and_every_error_is_a_problem(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            assert {"400", "401", "422", "500"} <= answers.keys(), (method, path)
            for status, answer in answers.items():
                where = (method, path, status)
                if status == "204":
                    assert "content" not in answer, where
                    continue
                if path.endswith("/export") and status == "200":
                    forms = {"text/csv"} if path == "/sales/export" else {"text/csv", "application/x-ndjson"}
                    assert answer["content"].keys() == forms, where
                    continue
                ((kind, content),) = answer["content"].items()
                if (path, status) == ("/health", "503"):
                    # It names every part all the same.
                    assert content == answers["200"]["content"]["application/json"], where
                elif int(status) >= 400:
                    assert kind == "application/problem+json", where
                    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, where
                elif path == "/metrics":
                    assert kind == "text/plain", where
                elif path == "/events":
                    assert kind == "text/event-stream", where
                else:
                    assert content["schema"], where


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package that openapi-python-client makes."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "config.yml").write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(OPENAPI), "--meta", "none"]
    more = ["--config", str(folder / "config.yml"), "--output-path", str(folder / "arbkit_client"), "--fail-on-warning"]
    done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("arbkit_client")
    finally:
        sys.path.remove(str(folder))
        for name in [n for n in sys.modules if n.split(".")[0] == "arbkit_client"]:
            del sys.modules[name]


@pytest.fixture
def address(either_store: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the API over a store with something of everything is served, and somebody takes looks."""
    settings = either_store.model_copy(update={"demo": True, "token": SecretStr(TOKEN)})
    # Whether a wrong key is refused is asked again and again here.
    monkeypatch.setattr("arbkit.core.service.failed_logins._MOST_FAILURES", 1_000_000)
    initialise(settings)
    with open_store(settings) as store:
        store.put([Update(offer(ASIN, code), history(ASIN, code)) for code in ("DE", "IT")])
        store_routes(store, [opportunity(ASIN)])
        store.put_sales([sale(1), sale(2)])
        store.put_run(Run(run_id="r1", report="detect", status="succeeded", started_at=1_760_000_000.0))
    folder = settings.reports_dir / "detect" / "r1"
    folder.mkdir(parents=True)
    (folder / "result.json").write_bytes(orjson.dumps({"total": 1, "items": []}))
    assert settings.watchlist is not None
    settings.watchlist.write_text(f"{ASIN}\nno asin\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 60
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_a_generated_client_reads_every_endpoint(
    client: ModuleType, address: str, document: dict[str, Any], tmp_path: Path
) -> None:
    calls: dict[str, dict[str, Any]] = {
        "health": {},
        "live": {},
        "ready": {},
        "products": {"market": "DE", "max_price": 1_000.0},
        "product": {"asin": ASIN, "components": True},
        "history": {"asin": ASIN, "series": "new,buy_box", "max_points": 10},
        "windows": {"asin": ASIN},
        "sales": {"asin": ASIN, "units": 2},
        "categories": {},
        "watched": {},
        "watch": {"body": {"asins": ["B07DVM36PS"]}},
        "unwatch": {"asin": "B07DVM36PS"},
        "arbitrage": {"min_profit": 1.0, "source": "IT", "sort_by": "margin", "components": True},
        "top": {},
        "profit": {"source": "IT", "buy": 40.0, "target": "DE", "sell": 69.99, "no_profile": True},
        "stats": {},
        "reports": {},
        "report_run": {"run": "r1"},
        "metrics": {},
        "track_record": {},
        "decisions": {},
        "add_decision": {"body": {"asin": ASIN, "status": "buy_list"}},
        "decisions_of": {"asin": ASIN},
        "list_sales": {"market": "DE", "page_size": 1},
        "add_sale": {"body": {"date": "2026-11-02", "asin": ASIN, "marketplace": "DE", "principal": 59.98, "units": 2}},
        "import_sales": {"body": template().encode(), "sku": [f"DE-0042:{ASIN}"]},
        "score_sales": {"asin": ASIN},
        "export_sales": {"from_": date(2026, 11, 2)},
        "remove_sale": {"sale": "s1:2"},
        "put_package": {"asin": ASIN, "body": {"weight_g": 900}},
        "facts": {"asin": ASIN},
        "delete_fact": {"asin": ASIN, "name": "package"},
        "look": {"body": {"asin": ASIN, "market": "DE"}},
        "looks": {},
        "export_arbitrage": {"limit": 3, "min_profit": 1.0},
        "export_products": {"limit": 3},
        "events": {"max_seconds": 0.1},
        "add_key": {"body": {"name": "tool", "scope": "write", "expires": "90d"}},
        "list_keys": {},
        "revoke_key": {"name": "tool"},
    }
    operations = {o["operationId"]: o for paths in document["paths"].values() for o in paths.values()}
    assert calls.keys() == operations.keys()
    with client.AuthenticatedClient(base_url=address, token=TOKEN, raise_on_unexpected_status=True) as session:
        read = {name: _call(client, session, operations[name], name, given) for name, given in calls.items()}
    assert read["arbitrage"].items[0].components[0].name == "sale_price"
    assert read["arbitrage"].summary.routes["IT:DE"].count == 1
    assert read["product"].markets["DE"].currency == "EUR"
    assert read["products"].items[0].category_id == "toys"
    assert [point.value for point in read["history"].markets["DE"].series["new"].points] == [20.0, None, 21.0]
    assert [window.ended_at for window in read["windows"].items] == [None]
    assert read["sales"].markets["DE"].units == 2
    assert read["health"].services["store"].status == "healthy"
    assert read["product"].offers[0].source == "keepa"
    # Where machines share a store, that is the list, and takes over only what is an ASIN.
    assert [line.text for line in read["watched"].bad] in (["no asin"], [])
    assert [(look.asin, look.market, look.status) for look in read["looks"].items] == [(ASIN, "DE", "waiting")]
    assert read["watch"].added == ["B07DVM36PS"]
    assert read["report_run"].result["total"] == 1
    assert "arbkit_up 1.0" in read["metrics"]
    assert [fact.name for fact in read["facts"].items] == ["package"]
    assert json.loads(read["export_arbitrage"])["asin"] == ASIN
    assert json.loads(read["export_products"])["asin"] == ASIN
    assert read["events"].startswith("retry: ")
    assert read["list_sales"].items[0].fees.additional_properties["Commission"] == -4.5
    assert (read["add_sale"].total, read["import_sales"].new) == (59.98, 1)
    assert read["score_sales"].purchases == []
    assert read["export_sales"].startswith("\N{BYTE ORDER MARK}id,kind,day,")
    assert [key.name for key in read["list_keys"].items] == ["tool"]
    assert read["add_key"].about.scope == "write"


def test_a_generated_client_reads_problems(client: ModuleType, address: str, document: dict[str, Any]) -> None:
    operations = {o["operationId"]: o for paths in document["paths"].values() for o in paths.values()}
    with client.Client(base_url=address) as session:
        missing = _call(client, session, operations["product"], "product", {"asin": "B0999999ZZ"})
        wrong = _call(client, session, operations["arbitrage"], "arbitrage", {"min_confidence": 2.0})
    assert (missing.status, missing.title) == (404, "Not Found")
    assert [(e.field, e.value) for e in wrong.errors] == [("min_confidence", "2.0")]


def test_whatever_is_asked_it_answers_as_it_says(address: str, tmp_path: Path) -> None:
    """Right and wrong values of every parameter and body, the same in each run, and calls that follow from answers."""
    command = [str(Path(sys.executable).with_name("schemathesis"))]
    command += ["--config-file", str(Path(__file__).with_name("schemathesis.toml"))]
    command += ["run", str(OPENAPI), "--url", address, "-H", f"Authorization: Bearer {TOKEN}", "--mode", "all"]
    command += ["--phases", "coverage,fuzzing,stateful"]
    command += ["--max-examples", "5", "--generation-deterministic", "--no-color"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False)
    said = "\n".join(line[:300] for line in done.stdout.splitlines())
    assert done.returncode == 0, said
    tested = re.search(r"Tested: (\d+)", said)
    assert tested is not None, said
    assert int(tested[1]) == sum(map(len, json.loads(OPENAPI.read_text("utf-8"))["paths"].values()))


def _call(client: ModuleType, session: Any, operation: dict[str, Any], name: str, given: dict[str, Any]) -> Any:
    """What the generated function of an operation returns."""
    (tag,) = operation["tags"]
    function = importlib.import_module(f"{client.__name__}.api.{tag}.{name}")
    values = dict(given)
    body = values.get("body")
    if isinstance(body, bytes):
        values["body"] = importlib.import_module(f"{client.__name__}.types").File(payload=io.BytesIO(body))
    elif body:
        models = importlib.import_module(f"{client.__name__}.models")
        requests = {
            "watch": models.WatchRequest, "look": models.LookRequest, "put_package": models.PackageRequest,
            "add_key": models.KeyRequest, "add_decision": models.DecisionBody, "add_sale": models.SaleRequest,
        }  # fmt: skip
        values["body"] = requests[name].from_dict(body)
    if "sort_by" in values:
        models = importlib.import_module(f"{client.__name__}.models")
        values["sort_by"] = models.ArbitrageSortBy(values["sort_by"])
    return function.sync(client=session, **values)
