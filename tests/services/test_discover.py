"""``arbkit discover``, and what a backup keeps of it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.analysis.detector.service import follow
from arbkit.core.settings import Settings
from arbkit.ops.backup import back_up
from arbkit.ops.restore import restore
from arbkit.ops.setup import initialise
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.discovery.kept import discovery_path, read_discovery
from arbkit.pipeline.discovery.knowledge import StoreKnowledge
from arbkit.pipeline.discovery.scout import Scout
from arbkit.pipeline.producer import produce
from arbkit.sources.demo.server import DemoServer
from arbkit.sources.keepa_api.calls import BestSellersCall, DealsCall, ProductCall
from arbkit.sources.keepa_api.client import KeepaSource
from arbkit.sources.keepa_api.token_costs import cost_at_most
from tests.helpers.processes import arbkit
from tests.helpers.waiting import eventually

ONE = "B07DVM36PS"


def document(settings: Settings, *arguments: str) -> dict[str, Any]:
    done = arbkit(settings, "discover", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


def test_by_hand_from_the_command_line_to_a_backup_and_back(settings: Settings, tmp_path: Path) -> None:
    initialise(settings)
    empty = arbkit(settings, "discover")
    assert empty.returncode == 0
    assert "discovery is off: set ARBKIT_DISCOVERY_SHARE" in empty.stdout
    assert "nothing was found yet" in empty.stdout
    done = arbkit(settings, "discover", "promote", ONE.lower())
    assert (done.returncode, done.stdout.strip()) == (0, "added 1 product to the watchlist")
    assert ONE in arbkit(settings, "watch", "list", "--group", "discovered").stdout
    (item,) = document(settings, "--json")["items"]
    assert (item["asin"], item["state"], item["by"], item["why"]) == (ONE, "promoted", "person", "promoted by hand")
    bad = arbkit(settings, "discover", "demote", "nonsense")
    assert bad.returncode == 2
    assert "asin" in bad.stderr
    backup = back_up(settings, tmp_path / "copy")
    discovery_path(settings).write_text("{")
    damaged = arbkit(settings, "discover")
    assert damaged.returncode == 3
    assert "discovery.json" in damaged.stderr
    restore(settings, Path(backup.path))
    assert document(settings, "--json")["items"] == [item]
    given_up = arbkit(settings, "discover", "demote", ONE)
    assert given_up.stdout.strip() == "gave up 1 product, of which 1 left the watchlist"
    assert ONE not in arbkit(settings, "watch", "list").stdout
    assert "demoted" in arbkit(settings, "discover").stdout


def test_a_shared_folder_of_users_files_is_backed_up_too(settings: Settings, tmp_path: Path) -> None:
    shared = settings.model_copy(update={"shared": tmp_path / "shared", "watchlist": None})
    initialise(shared)
    path = discovery_path(shared)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"v": 1, "allowance": 7}')
    backup = back_up(shared, tmp_path / "copy")
    path.unlink()
    restore(shared, Path(backup.path))
    assert read_discovery(shared).allowance == 7


def test_lists_of_the_demo_market_become_candidates_that_are_looked_at(settings: Settings) -> None:
    """The scout with the real client and store, as a producer would ask it."""
    assert settings.watchlist is not None
    settings.watchlist.write_text("B0DEMO0001\n")
    initialise(settings)
    with DemoServer("127.0.0.1", 0, speed=0, rate=1_000) as demo:
        here = settings.model_copy(
            update={"demo": True, "keepa_url": demo.url, "markets": ("DE", "IT"), "discovery_share": 50.0}
        )
        produce(here, once=True, stop=threading.Event())
        consume(here, until_empty=True, stop=threading.Event())
        before = demo.bill.total
        scout, spent, made = Scout(here, StoreKnowledge(here)), 0, list[str]()
        now = time.time()
        with KeepaSource(here) as source:
            tokens = source.tokens()
            scout.next_call(now, tokens)
            for _ in range(12):
                now += 60
                call = scout.next_call(now, tokens)
                if call is None:
                    continue
                spent += cost_at_most(call)
                made.append(type(call).__name__)
                match call:
                    case ProductCall():
                        scout.take(call, source.fetch(call.market, call.asins, buybox=call.buybox), now)
                    case DealsCall() | BestSellersCall():
                        scout.take(call, source.read_list(call), now)
        assert demo.bill.total == before + spent
    assert set(made) == {"ProductCall", "DealsCall", "BestSellersCall"}
    products = read_discovery(here).products
    assert len(products) > 20
    assert "B0DEMO0001" not in products
    assert sum(len(one.looked_at) for one in products.values()) > 20
    shown = document(here, "--json")
    assert shown["total"] == len(products)
    assert shown["share_pct"] == 50
    assert sum(one["candidates"] for one in shown["yields"]) == len(products)
    assert all(one["candidates"] for one in shown["yields"])
    assert sum(one["tokens"] for one in shown["yields"]) == spent


def test_a_producer_finds_products_that_pay_and_watches_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.watchlist is not None
    settings.watchlist.write_text("B0DEMO0001\n")
    initialise(settings)
    monkeypatch.setattr("arbkit.pipeline.discovery.scout._SETTLE_S", 2.0)
    stop = threading.Event()
    with DemoServer("127.0.0.1", 0, speed=0, rate=20_000) as demo, ThreadPoolExecutor(3) as pool:
        here = settings.model_copy(
            update={"demo": True, "keepa_url": demo.url, "markets": ("DE", "IT", "FR"), "discovery_share": 50.0}
        )
        running = [pool.submit(service, here, stop=stop) for service in (produce, consume, follow)]
        try:
            eventually(
                lambda: (
                    any(one.done() for one in running)
                    or any(one.state == "promoted" for one in read_discovery(here).products.values())
                )
            )
        finally:
            stop.set()
    assert [one.exception() for one in running] == [None, None, None]
    found = read_discovery(here).products
    promoted = {asin for asin, one in found.items() if one.state == "promoted"}
    assert promoted
    assert all("opportunit" in found[asin].why for asin in promoted)
    assert {"B0DEMO0001", *promoted} == set(StoreKnowledge(here).watched())
    spent = sum(one["tokens"] for one in document(here, "--json")["yields"])
    assert 0 < spent <= demo.bill.total
