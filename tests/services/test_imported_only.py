"""Without a key, on exports alone: every command works, nothing is polled, and nothing is invented."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import orjson
import pytest
import requests
from fastapi.testclient import TestClient

import arbkit as workbench
from arbkit.core.errors import ConfigError, StoreError, UsageError
from arbkit.core.models import Offer, Update
from arbkit.core.settings import Settings
from arbkit.core.sqlite import restore_mark
from arbkit.ops.fill_demo import fill_demo
from arbkit.ops.supervisor import plan_services
from arbkit.pipeline import producer
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.producer import produce
from arbkit.sources.demo.server import DemoServer
from arbkit.store import open_store
from arbkit.store.mode import mode_at_start, settle_mode
from arbkit.stream import RAW_TOPIC, Record, open_stream
from arbkit.web.api import create_app
from tests.helpers.factories import PACKAGE, offer
from tests.helpers.keys import as_user
from tests.helpers.pages import Seen, shipped_page
from tests.helpers.processes import arbkit
from tests.helpers.running import running
from tests.helpers.waiting import eventually

pytestmark = pytest.mark.e2e

_EXPORT = """\
Locale,Title,ASIN,Categories: Root,Buy Box 🚚: Current,New: Current,Package: Length (cm),Package: Width (cm),\
Package: Height (cm),Package: Weight (g),Last Update
{rows}
KEEPA.COM | {stamp} | Export
"""


def put(settings: Settings, *offers: Offer) -> None:
    with open_store(settings) as store:
        store.put([Update(one, None) for one in offers])


def sold(asin: str, code: str, price: int, **fields: object) -> Offer:
    return offer(asin, code, price_minor=price, **{"origin": "export", **PACKAGE, **fields})


@pytest.fixture
def imported(settings: Settings) -> Settings:
    """A home with two imported products, no key, no word on the demo market and no watchlist."""
    put(
        settings,
        *(sold(f"B00000000{n}", code, price) for n in (1, 2) for code, price in (("IT", 2_000), ("DE", 9_000))),
    )
    return settings


@pytest.fixture
def mixed(imported: Settings) -> Settings:
    """The same after a demo market had run in it."""
    put(imported, *(sold("B0DEMO0001", code, 5_000, origin="demo", title="Invented") for code in ("IT", "DE")))
    return imported


def test_the_mode_is_what_the_store_holds(settings: Settings) -> None:
    assert settle_mode(settings).mode == "demo", "nothing is there"
    forbidden = settings.model_copy(update={"demo": False})
    with pytest.raises(ConfigError, match="nothing is imported"):
        settle_mode(forbidden)
    put(settings, sold("B0DEMO0001", "DE", 5_000, origin="demo"))
    assert settle_mode(settings).mode == "demo", "nothing real is there"
    put(settings, sold("B000000001", "DE", 5_000))
    assert settle_mode(settings).mode == settle_mode(forbidden).mode == "imported"
    assert settle_mode(settings.model_copy(update={"demo": True})).mode == "demo", "forced"
    key = type(settings.keepa_api_key)("k" * 64)
    assert settle_mode(settings.model_copy(update={"keepa_api_key": key})).mode == "keepa"
    assert settle_mode(forbidden.model_copy(update={"keepa_api_key": key})).mode == "keepa"


@pytest.mark.parametrize("forbidden", [False, True])
def test_every_command_works_and_none_speaks_of_a_demo_market(imported: Settings, forbidden: bool) -> None:
    settings = imported.model_copy(update={"demo": False if forbidden else None})
    for words in (
        ["status"], ["watch", "list"], ["watch", "list", "--json"], ["detect"], ["reports", "run", "morning"],
        ["reports", "list"], ["export", "found.csv"], ["watch", "add", "B000000001"], ["replay"], ["doctor"],
        ["schedule", "list"], ["consume", "--until-empty"], ["dlq", "list"], ["demo", "remove"],
    ):  # fmt: skip
        done = arbkit(settings, *words)
        assert done.returncode == 0, (words, done.stderr)
        said = done.stdout.replace("\n", " ")
        assert "DEMO market" not in said, words
        assert "DEMO:" not in said, words
    asked = arbkit(settings, "produce", "--once")
    assert asked.returncode == ConfigError.exit_code
    assert "there is no key" in asked.stderr
    status = orjson.loads(arbkit(settings, "status", "--json").stdout)
    assert (status["mode"], status["store"]["products"], status["tokens"]) == ("imported", 2, None)


@pytest.mark.parametrize("how", ["restoring", "damaged", "unreachable", "newer"])
@pytest.mark.parametrize("forbidden", [False, True])
def test_a_store_that_does_not_answer_makes_no_demo_market_of_what_was_imported(
    imported: Settings, how: str, forbidden: bool
) -> None:
    # What is put on the watchlist meanwhile would be on that of the demo market, which nobody sees again.
    settings = imported.model_copy(update={"demo": False if forbidden else None})
    if how == "restoring":
        restore_mark(settings.database).touch()
    elif how == "damaged":
        settings.database.write_bytes(bytes(5_000))
    elif how == "newer":
        with closing(sqlite3.connect(settings.database)) as connection, connection:
            connection.execute("UPDATE store_meta SET value = 999 WHERE name = 'version'")
    else:
        settings = settings.model_copy(update={"store": "http://127.0.0.1:9"})
    for words in (["watch", "add", "B000000009"], ["watch", "list"], ["watch", "remove", "B000000009"], ["status"]):
        done = arbkit(settings, *words)
        assert done.returncode == StoreError.exit_code, (words, done.stdout)
        assert "nothing" not in done.stderr, "something is stored, and it cannot be read"
    with TestClient(create_app(settings), base_url="http://127.0.0.1", headers=as_user(settings)) as client:
        assert client.post("/products/watch", json={"asins": ["B000000009"]}).status_code == 503
        assert client.get("/products/watch").status_code == 503
        assert client.delete("/products/watch/B000000009").status_code == 503
        assert client.get("/health").json()["services"]["store"]["status"] == "unhealthy"
    assert not (settings.home / "demo-watchlist.txt").exists()
    # A producer of the demo market looks at this every few seconds: a store that is away does not end it.
    assert mode_at_start(settings) == settings


def test_a_producer_of_the_demo_market_waits_while_there_are_real_products(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "_CHECK_MODE_S", 0.1)
    stop = threading.Event()
    with DemoServer("127.0.0.1", 0) as server, ThreadPoolExecutor(1) as beside:
        running = beside.submit(
            producer.produce,
            settings.model_copy(
                update={"mode": "demo", "watchlist": None, "keepa_url": server.url, "poll_interval": 0.5}
            ),
            once=False,
            stop=stop,
        )
        try:
            with open_store(settings) as store:
                store.put([Update(offer("B000000001", "DE"), None)])
            eventually(lambda: running.done() or "the demo market is hidden and not polled" in caplog.text)
            assert not running.done(), running.exception()
        finally:
            stop.set()
        assert running.result(60).stopped


def test_an_empty_store_without_key_and_demo_can_still_be_imported_into(settings: Settings) -> None:
    forbidden = settings.model_copy(update={"demo": False})
    settings.home.mkdir()
    assert arbkit(forbidden, "status").returncode == ConfigError.exit_code
    rows = "\n".join(f"de,Toy {n},B00000000{n},Spielwaren,12.50,12.00,36,10,10,800,2026/05/20 10:00" for n in (1, 2))
    path = settings.home / "KeepaExport-2026-05-20.csv"
    path.write_text(_EXPORT.format(rows=rows, stamp="2026-05-20T10:00:00"), "utf-8")
    done = arbkit(forbidden, "import", str(path), "--json")
    assert done.returncode in (0, 6), done.stderr
    assert orjson.loads(done.stdout)["products"] == 2
    assert "imported data only" in arbkit(forbidden, "status").stdout


def test_nothing_of_the_demo_market_is_poured_in(imported: Settings) -> None:
    with pytest.raises(UsageError, match="the store holds real products"):
        fill_demo(imported)
    with workbench.open(imported) as arb:
        arb.fill_demo()
        assert arb.stats()["products"].iloc[0] == 2
    assert [one.name for one in plan_services(settle_mode(imported))] == [
        "consumer", "detector", "dispatcher", "scheduler", "api", "dashboards",
    ]  # fmt: skip
    # What a demo market had left on the log stays there.
    with DemoServer("127.0.0.1", 0) as server:
        url = f"{server.url}/product?key=demo&domain=3&asin=B0DEMO0002&buybox=1&stats=90&history=1"
        (product,) = requests.get(url, timeout=60).json()["products"]
    envelope = {
        "v": 1, "asin": "B0DEMO0002", "market": "DE", "source": "demo", "fetched_at": "2026-08-01T10:00:00Z",
        "run_id": "r", "product": product,
    }  # fmt: skip
    with open_stream(imported) as log:
        log.publish(RAW_TOPIC, [Record("B0DEMO0002", orjson.dumps(envelope))])
    consume(imported, until_empty=True, stop=threading.Event())
    with open_store(imported.model_copy(update={"demo": True})) as store:
        assert (store.stats().products, store.stats().demo_products) == (2, 0)
    shown = imported.model_copy(update={"demo": True})
    with open_stream(shown) as log:
        log.publish(RAW_TOPIC, [Record("B0DEMO0002", orjson.dumps(envelope))])
    consume(shown, until_empty=True, stop=threading.Event())
    with open_store(shown) as store:
        assert store.stats().demo_products == 1, "forced"


def test_every_page_shows_the_real_products_of_a_mixed_store_alone(mixed: Settings) -> None:
    assert arbkit(mixed, "detect").returncode == 0
    pages = (shipped_page("opportunities", mixed), shipped_page("product", mixed), shipped_page("pipeline", mixed))
    for page, search in zip(pages, ("", "?q=Invented", ""), strict=True):
        seen = Seen(page).begin(search)
        text = repr(seen.regions)
        assert "DEMO" not in text.replace("B0DEMO0001", ""), page.NAME
    gone = Seen(shipped_page("product", mixed)).begin("?asin=B0DEMO0001")
    assert "no data about this product" in gone.html("about")
    with workbench.open(mixed) as arb:
        assert set(arb.products()["asin"]) == {"B000000001", "B000000002"}
        assert "DEMO" not in repr(arb)
        assert arb.watchlist().empty


def test_one_command_counts_and_then_removes_the_demo_market(mixed: Settings) -> None:
    counted = orjson.loads(arbkit(mixed, "demo", "remove", "--json").stdout)
    assert counted == {"dry_run": True, "products": 1, "offers": 2}
    assert "hidden" in arbkit(mixed, "status").stdout
    done = arbkit(mixed, "demo", "remove", "--yes")
    assert "removed 1 product of the demo market, with 2 offers" in " ".join(done.stdout.split())
    with open_store(mixed.model_copy(update={"demo": True}), read_only=True) as store:
        assert (store.stats().products, store.stats().demo_products) == (2, 0)
    # The log may still hold it: a replay does not bring it back.
    assert arbkit(mixed, "replay").returncode == 0
    assert "hidden" not in arbkit(mixed, "status").stdout


def test_everything_runs_on_imported_data_alone(mixed: Settings, tmp_path: Path) -> None:
    home = tmp_path / "var"
    assert home == mixed.home
    with running(home) as up:
        assert set(up.addresses) == {"api", "dashboards"}
        api = up.addresses["api"].removesuffix("/docs")
        assert requests.get(f"{api}/health", timeout=60).json()["mode"] == "imported"
        stats = requests.get(f"{api}/stats", timeout=60).json()
        assert (stats["products"], stats["demo"], stats["hidden_products"]) == (2, False, 1)
    assert "DEMO market" not in up.log.read_text("utf-8")


def test_a_demo_market_is_polled_no_longer_once_real_products_are_there(imported: Settings) -> None:
    assert imported.watchlist is not None
    imported.watchlist.write_text("B0DEMO0001", "utf-8")
    with pytest.raises(ConfigError, match="real products have been imported"):
        produce(imported, once=True, stop=threading.Event())
    with open_stream(imported) as log:
        assert not any(end for _, end in log.watermarks(RAW_TOPIC).values())
