"""The real processes, from the demo market to opportunities."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from arbkit.analysis.what_if import quote_request_for
from arbkit.core.settings import Settings
from arbkit.profit import load_profile, load_rates, load_tables
from arbkit.profit.quote.quote import quote
from arbkit.sources.demo.market import asins
from arbkit.sources.demo.server import DemoServer
from arbkit.store import OpportunityQuery, open_store
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, Record, dead_letter_topic, open_stream
from tests.helpers.processes import arbkit

pytestmark = pytest.mark.e2e


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer("127.0.0.1", 0, speed=0) as server:
        yield server


@pytest.fixture
def watched(settings: Settings, demo: DemoServer) -> Settings:
    """Settings that watch forty products of a demo market."""
    assert settings.watchlist is not None
    settings.watchlist.write_text("\n".join(asins()[:40]))
    return settings.model_copy(update={"keepa_url": demo.url})


def documents(settings: Settings) -> list[Any]:
    with open_store(settings, read_only=True) as store:
        found = list(asins()[:40])
        return [
            [(o.asin, o.market, o.version, o.price_minor) for o in store.offers(found)],
            [store.product(a) for a in found],
        ]


def test_demo_to_opportunities(watched: Settings) -> None:
    assert arbkit(watched, "produce", "--once").returncode == 0
    assert arbkit(watched, "consume", "--until-empty").returncode == 0
    before = documents(watched)
    detected = arbkit(watched, "detect", "--json", "--components")
    assert detected.returncode == 0, detected.stderr
    result = orjson.loads(detected.stdout)
    assert result["total"] == len(result["items"]) > 0
    for item in result["items"]:
        assert item["demo"]
        assert round(sum(c["amount"] for c in item["components"]), 2) == item["profit"]
    asked_again_by_hand(watched)
    folder = watched.home / "reports" / "detect" / "latest"
    assert {p.name for p in folder.iterdir()} >= {"notebook.ipynb", "report.html", "result.json"}
    # The same again changes nothing and finds nothing new.
    assert arbkit(watched, "produce", "--once").returncode == 0
    assert arbkit(watched, "consume", "--until-empty").returncode == 0
    assert documents(watched)[0] == before[0]
    again = orjson.loads(arbkit(watched, "detect", "--json").stdout)
    assert again["new"] == []
    status = orjson.loads(arbkit(watched, "status", "--json").stdout)
    assert status["log"]["lag"] == 0
    assert status["store"]["runs"][0]["status"] == "succeeded"


def asked_again_by_hand(settings: Settings) -> None:
    """What the what-if panel starts from is what detection found."""
    profile = load_profile(None)
    with open_store(settings, read_only=True) as store:
        found = store.opportunities(OpportunityQuery(limit=500)).items
        for one in found[:: len(found) // 12]:
            on = datetime.fromtimestamp(one.evaluated_at, UTC).date()
            question, package = quote_request_for(one, store.offers([one.asin]), profile, on=on)
            again = quote(question, profile, load_tables(), load_rates(), what_if=False, package=package)
            assert (again.profit, again.fulfilment) == (one.profit, one.fulfilment), one
            assert {c.name: c.amount for c in again.components} == {c["name"]: c["amount"] for c in one.components}


def test_a_source_that_fails_now_and_then_is_asked_again(settings: Settings) -> None:
    assert settings.watchlist is not None
    settings.watchlist.write_text("\n".join(asins()[:40]))
    with DemoServer("127.0.0.1", 0, speed=0, fail_every=2) as failing:
        one = settings.model_copy(update={"keepa_url": failing.url})
        done = arbkit(one, "produce", "--once")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    with open_stream(one) as log:
        assert sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values()) == 5 * 40


def test_deals_are_what_the_products_say(demo: DemoServer) -> None:
    selection = {"priceTypes": [18], "dateRange": 2, "deltaPercentRange": [10, 90], "page": 0}

    def ask(**changed: object) -> requests.Response:
        words = orjson.dumps({**selection, **changed}).decode()
        return requests.get(f"{demo.url}/deal", params={"key": "demo", "domain": "3", "selection": words}, timeout=10)

    answer = ask().json()
    found = answer["deals"]["dr"]
    drops = [deal["deltaPercent"][2][18] for deal in found]
    assert drops == sorted(drops, reverse=True)
    assert all(10 <= drop <= 90 for drop in drops)
    assert len(found) > 0
    assert answer["tokensConsumed"] == 5
    url = f"{demo.url}/product?key=demo&domain=3&asin={found[0]['asin']}&buybox=1&stats=180"
    product = requests.get(url, timeout=10).json()["products"][0]
    assert product["stats"]["buyBoxPrice"] == found[0]["current"][18]
    assert ask(dateRange=9).status_code == 400


def test_bad_records_are_dead_lettered_with_their_bytes_and_the_rest_goes_on(watched: Settings) -> None:
    assert arbkit(watched, "produce", "--once").returncode == 0
    with open_stream(watched) as log:
        log.publish(RAW_TOPIC, [Record("B0DEMO0001", b"not json"), Record("B0DEMO0001", b'{"v":9}')])
        assert arbkit(watched, "consume", "--until-empty").returncode == 0
        dead = log.read(dead_letter_topic(RAW_TOPIC))
    assert [m.value for m in dead] == [b"not json", b'{"v":9}']
    assert dead[0].headers["topic"] == RAW_TOPIC
    assert "JSON" in dead[0].headers["error"]
    with open_store(watched, read_only=True) as store:
        assert store.stats().products > 0


def test_a_consumer_killed_in_the_middle_leaves_what_an_undisturbed_one_does(watched: Settings, tmp_path: Path) -> None:
    assert arbkit(watched, "produce", "--once").returncode == 0
    with open_stream(watched) as log:
        raw = [m for p in range(4) for m in log.read(RAW_TOPIC, partition=p, max_records=10_000)]
        for round_ in range(1, 20_000 // len(raw) + 1):
            later = []
            for m in raw:
                envelope = orjson.loads(m.value)
                # Minutes, and none of them far ahead of the clock.
                envelope["product"]["lastUpdate"] += (round_ + 1) // 2 * (envelope["product"]["lastUpdate"] > 0)
                envelope["product"]["csv"] = None
                later.append(Record(m.key, orjson.dumps(envelope)))
            log.publish(RAW_TOPIC, later)
        total = sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())
    assert total >= 20_000
    undisturbed = watched.model_copy(update={"home": tmp_path / "other"})
    undisturbed.home.mkdir()
    undisturbed.database.write_bytes(watched.database.read_bytes())
    for batches in (5, 15):
        kill_after(watched, batches)
        with open_stream(watched) as log:
            left = sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())
        assert 0 < left < total
    for one in (watched, undisturbed):
        done = arbkit(one, "consume", "--until-empty")
        assert done.returncode == 0, done.stderr
    assert documents(watched) == documents(undisturbed)


def kill_after(settings: Settings, batches: int) -> None:
    """Run a consumer and kill it once it has logged this many batches."""
    process = subprocess.Popen(
        [sys.executable, "-m", "arbkit", "consume"],
        env={**os.environ, **settings.environment()},
        cwd=settings.home.parent,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    seen = 0
    while seen < batches:
        line = process.stderr.readline()
        assert line, "the consumer ended by itself"
        seen += "records:" in line
    process.send_signal(signal.SIGKILL)
    process.communicate()
