"""The saved objects of Kibana: whole, about fields that exist and can be counted, and asked of a real Elasticsearch."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import uuid4

import orjson
import pytest
import requests

from arbkit.core.models import Run, Update
from arbkit.core.settings import Settings
from arbkit.store import elastic_options, open_store
from arbkit.store.elastic.indices import create
from arbkit.store.elastic.schema import COLLECTIONS
from tests.helpers.compose import load
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.paths import ROOT
from tests.helpers.routes import store_routes
from tests.servers.launch import Elasticsearch

FILE = ROOT / "docker" / "kibana" / "arbkit.ndjson"
OBJECTS = [orjson.loads(line) for line in FILE.read_text().splitlines()]
VIEWS = {one["id"]: one for one in OBJECTS if one["type"] == "index-pattern"}
(DASHBOARD,) = [one for one in OBJECTS if one["type"] == "dashboard"]
PANELS = orjson.loads(DASHBOARD["attributes"]["panelsJSON"])
RECORDS = "___records___"

# How Lens asks Elasticsearch for each kind of column.
_METRICS = {"sum": "sum", "average": "avg", "median": "percentiles", "max": "max"}


@dataclass(frozen=True)
class Panel:
    """A panel: its data view and its columns, in the order in which Lens nests them."""

    title: str
    view: str
    columns: dict[str, dict[str, Any]]


def panels() -> list[Panel]:
    references = {one["name"]: one["id"] for one in DASHBOARD["references"]}
    found = []
    for one in PANELS:
        ((layer, state),) = one["embeddableConfig"]["attributes"]["state"]["datasourceStates"]["formBased"][
            "layers"
        ].items()
        view = references[f"{one['panelIndex']}:indexpattern-datasource-layer-{layer}"]
        found.append(Panel(one["title"], view, {name: state["columns"][name] for name in state["columnOrder"]}))
    return found


def stored_field(view: str, field: str) -> str:
    """The field of the index behind a field of a data view, which may be made of it when it is read."""
    runtime = orjson.loads(VIEWS[view]["attributes"]["runtimeFieldMap"])
    if field not in runtime:
        return field
    made = re.fullmatch(
        r"if \(doc\['(\w+)'\]\.size\(\) != 0\) \{ emit\(\(long\) \(doc\['(\w+)'\]\.value \* 1000\)\); \}",
        runtime[field]["script"]["source"],
    )
    assert made is not None
    assert made[1] == made[2]
    assert runtime[field]["type"] == "date"
    assert field not in mapping(view)
    return made[1]


def mapping(view: str) -> dict[str, Any]:
    return dict(COLLECTIONS[view.removeprefix("arbkit-")])


def test_the_data_views_are_those_of_our_aliases() -> None:
    assert set(VIEWS) == {f"arbkit-{name}" for name in ("opportunities", "products", "offers", "runs")}
    assert all(view["attributes"]["title"] == name for name, view in VIEWS.items())
    # Times are seconds since 1970 in numbers: none of them is what Kibana calls a time field.
    assert not any("timeFieldName" in view["attributes"] for view in VIEWS.values())


def test_every_reference_leads_somewhere() -> None:
    known = {(one["type"], one["id"]) for one in OBJECTS}
    assert len(known) == len(OBJECTS)
    outer = {(one["name"], one["type"], one["id"]) for one in DASHBOARD["references"]}
    inner = {
        (f"{panel['panelIndex']}:{one['name']}", one["type"], one["id"])
        for panel in PANELS
        for one in panel["embeddableConfig"]["attributes"]["references"]
    }
    assert outer == inner
    assert {(kind, name) for _, kind, name in outer} <= known


@pytest.mark.parametrize("panel", panels(), ids=lambda p: p.title)
def test_every_field_of_a_panel_exists_and_can_be_counted(panel: Panel) -> None:
    for column in panel.columns.values():
        if column["sourceField"] == RECORDS:
            assert column["operationType"] == "count"
            continue
        kind = mapping(panel.view)[stored_field(panel.view, column["sourceField"])]
        assert kind["type"] in ("keyword", "long", "double")
        assert kind.get("doc_values", True)
        assert (column["operationType"] == "terms") == (kind["type"] == "keyword")


@pytest.mark.parametrize("panel", PANELS, ids=lambda p: p["title"])
def test_a_panel_shows_columns_that_it_has(panel: dict[str, Any]) -> None:
    state = panel["embeddableConfig"]["attributes"]["state"]
    ((layer, data),) = state["datasourceStates"]["formBased"]["layers"].items()
    assert set(data["columnOrder"]) == set(data["columns"])
    shown = set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", orjson.dumps(state["visualization"]).decode()))
    assert shown == {layer, *data["columns"]}
    grid = panel["gridData"]
    assert grid["x"] + grid["w"] <= 48
    assert grid["i"] == panel["panelIndex"]


@pytest.fixture(scope="module")
def filled(elasticsearch: Elasticsearch) -> str:
    """A store with something in it; gives the address before the name of a collection."""
    prefix = f"k{uuid4().hex[:10]}-"
    settings = Settings.load(_env_file=None, store=elasticsearch.url, store_prefix=prefix)
    create(elasticsearch.url, **elastic_options(settings))
    with open_store(settings) as store:
        store.put([Update(offer(code=code), history(code=code)) for code in ("DE", "IT")])
        store_routes(store, [opportunity()])
        store.put_run(Run(run_id="r1", report="detect", status="succeeded", started_at=1_790_000_000.5))
    return f"{elasticsearch.url}/{prefix}"


def aggregations(panel: Panel) -> dict[str, Any]:
    """What Lens makes of a panel's columns: its buckets inside each other, its metrics in the innermost."""
    inner: dict[str, Any] = {}
    for name, column in reversed(panel.columns.items()):
        kind, field = column["operationType"], stored_field(panel.view, column["sourceField"])
        match kind:
            case "count":
                continue
            case "terms":
                by = column["params"]["orderBy"].get("columnId")
                terms = {
                    "field": field,
                    "size": column["params"]["size"],
                    "order": {by or "_key": "desc" if by else "asc"},
                }
                inner = {name: {"terms": terms, "aggs": inner}}
            case "range":
                inner = {name: {"histogram": {"field": field, "interval": 0.5}, "aggs": inner}}
            case "date_histogram":
                inner = {name: {"histogram": {"field": field, "interval": 3600, "min_doc_count": 1}, "aggs": inner}}
            case _:
                inner = {**inner, name: {_METRICS[kind]: {"field": field}}}
    return inner


@pytest.mark.parametrize("panel", panels(), ids=lambda p: p.title)
def test_elasticsearch_answers_what_a_panel_asks(filled: str, panel: Panel) -> None:
    asked = {"size": 0, "aggs": aggregations(panel)} if aggregations(panel) else {"size": 0}
    url = f"{filled}{panel.view.removeprefix('arbkit-')}/_search?request_cache=false"
    requests.post(url.replace("_search?request_cache=false", "_refresh"), timeout=30).raise_for_status()
    answer = requests.post(url, json=asked, timeout=30)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["hits"]["total"]["value"] > 0
    for name, found in body.get("aggregations", {}).items():
        assert found.get("buckets") or found.get("value") is not None or found.get("values"), (name, found)


class _Kibana(BaseHTTPRequestHandler):
    """Takes an import as Kibana does, and notes it."""

    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        content = next(part for part in form.walk() if not part.is_multipart()).get_payload(decode=True)
        assert isinstance(content, bytes)
        self.server.seen.append((self.path, self.headers["kbn-xsrf"], content))
        self._say()

    def _say(self) -> None:
        answer = self.server.answer
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        assert self.path == "/api/status"
        self._say()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Nobody reads it."""


class _Server(HTTPServer):
    answer = b""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Kibana)


@contextmanager
def kibana_that_says(answer: bytes) -> Iterator[_Server]:
    with _Server() as kibana:
        kibana.answer = answer
        thread = threading.Thread(target=kibana.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield kibana
        finally:
            kibana.shutdown()
            thread.join()


@pytest.mark.parametrize(("level", "status"), [("available", 0), ("degraded", 1)])
def test_the_health_check_of_kibana_waits_until_all_of_it_is_there(level: str, status: int) -> None:
    _, command = load()["services"]["kibana"]["healthcheck"]["test"]
    with kibana_that_says(b'{"status":{"overall":{"level":"%s"}}}' % level.encode()) as kibana:
        local = command.replace("5601", str(kibana.server_port))
        assert subprocess.run(["/bin/sh", "-c", local], timeout=60, check=False).returncode == status


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b'{"successCount":5,"success":true}', 0), (b'{"successCount":4,"success":false,"errors":[]}', 1)],
)
def test_the_setup_of_kibana_hands_the_file_over_and_hears_the_answer(answer: bytes, status: int) -> None:
    service = load()["services"]["kibana-setup"]
    assert service["volumes"] == ["./docker/kibana/arbkit.ndjson:/arbkit.ndjson:ro"]
    (script,) = service["command"]
    with kibana_that_says(answer) as kibana:
        local = script.replace("kibana:5601", f"127.0.0.1:{kibana.server_port}").replace("@", f"@{FILE.parent}")
        done = subprocess.run([*service["entrypoint"], local], capture_output=True, timeout=60, check=False)
    assert done.returncode == status
    assert answer in done.stdout
    ((path, token, sent),) = kibana.seen
    assert path == "/api/saved_objects/_import?overwrite=true"
    assert token
    assert sent == FILE.read_bytes()
