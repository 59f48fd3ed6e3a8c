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
ACTIVE = "status : opportunity and is_active : true"
FOUND_BY: dict[str, list[Any]] = {"": [], ACTIVE: [{"term": {"status": "opportunity"}}, {"term": {"is_active": True}}]}
"""A query of Kibana's → what it asks Elasticsearch for."""

# How Lens asks Elasticsearch for each kind of column.
_METRICS = {"sum": "sum", "average": "avg", "median": "percentiles", "max": "max"}


@dataclass(frozen=True)
class Panel:
    """A panel: its data view and its columns, in the order in which Lens nests them."""

    title: str
    view: str
    columns: dict[str, dict[str, Any]]
    query: str
    time_range: str | None


def panels() -> list[Panel]:
    references = {one["name"]: one["id"] for one in DASHBOARD["references"]}
    found = []
    for one in PANELS:
        ((layer, state),) = one["embeddableConfig"]["attributes"]["state"]["datasourceStates"]["formBased"][
            "layers"
        ].items()
        view = references[f"{one['panelIndex']}:indexpattern-datasource-layer-{layer}"]
        config = one["embeddableConfig"]
        columns = {name: state["columns"][name] for name in state["columnOrder"]}
        query = config["attributes"]["state"]["query"]["query"]
        found.append(Panel(one["title"], view, columns, query, config.get("timeRange", {}).get("from")))
    return found


def mapping(view: str) -> dict[str, Any]:
    return dict(COLLECTIONS[view.removeprefix("arbkit-")])


def test_the_data_views_are_those_of_our_aliases() -> None:
    assert set(VIEWS) == {f"arbkit-{name}" for name in ("opportunities", "products", "offers", "history", "runs")}
    assert all(view["attributes"]["title"] == name for name, view in VIEWS.items())


@pytest.mark.parametrize("view", VIEWS)
def test_a_data_view_goes_by_a_date_that_the_index_holds(view: str) -> None:
    field = mapping(view)[VIEWS[view]["attributes"]["timeFieldName"]]
    assert field["type"] == "date"
    # Lens counts by it.
    assert field.get("doc_values", True)
    assert field.get("index", True)


def test_the_dashboard_opens_with_the_last_week_and_products_whatever_their_age() -> None:
    attributes = DASHBOARD["attributes"]
    assert attributes["timeRestore"] is True
    assert (attributes["timeFrom"], attributes["timeTo"]) == ("now-7d", "now")
    ranges = {panel.title: panel.time_range for panel in panels() if panel.view == "arbkit-products"}
    assert set(ranges.values()) == {"now-20y"}


def test_panels_of_opportunities_show_those_that_are_active() -> None:
    asked = {panel.query for panel in panels() if panel.view == "arbkit-opportunities"}
    assert asked == {ACTIVE}
    assert {panel.query for panel in panels() if panel.view != "arbkit-opportunities"} == {""}


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
        kind = mapping(panel.view)[column["sourceField"]]
        assert kind["type"] in ("keyword", "long", "double", "date")
        assert (column["dataType"] == "date") == (kind["type"] == "date")
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
        store_routes(store, [opportunity(), opportunity(target="FR", status="needs_size")])
        store.put_run(Run(run_id="r1", report="detect", status="succeeded", started_at=1_790_000_000.5))
    return f"{elasticsearch.url}/{prefix}"


def aggregations(panel: Panel) -> dict[str, Any]:
    """What Lens makes of a panel's columns: its buckets inside each other, its metrics in the innermost."""
    inner: dict[str, Any] = {}
    for name, column in reversed(panel.columns.items()):
        kind, field = column["operationType"], column["sourceField"]
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
                hours = {"field": field, "calendar_interval": "1h", "min_doc_count": 1}
                inner = {name: {"date_histogram": hours, "aggs": inner}}
            case _:
                inner = {**inner, name: {_METRICS[kind]: {"field": field}}}
    return inner


@pytest.mark.parametrize("panel", panels(), ids=lambda p: p.title)
def test_elasticsearch_answers_what_a_panel_asks(filled: str, panel: Panel) -> None:
    asked: dict[str, Any] = {"size": 0, "query": {"bool": {"filter": FOUND_BY[panel.query]}}}
    if made := aggregations(panel):
        asked["aggs"] = made
    url = f"{filled}{panel.view.removeprefix('arbkit-')}/_search?request_cache=false"
    requests.post(url.replace("_search?request_cache=false", "_refresh"), timeout=30).raise_for_status()
    answer = requests.post(url, json=asked, timeout=30)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["hits"]["total"]["value"] > 0
    if panel.view == "arbkit-opportunities":
        assert body["hits"]["total"]["value"] == 1
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
