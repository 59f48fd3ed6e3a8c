"""What only a real Elasticsearch shows: faults of its own, and indices renewed behind their aliases."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from elasticsearch import Elasticsearch as Client
from prometheus_client import REGISTRY

from arbkit.analysis.detector.service import follow
from arbkit.core.errors import StoreError, StoreRefusedError
from arbkit.core.models import Run, Update
from arbkit.core.offers.facts import Fact
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.settings import Settings
from arbkit.ops.doctor import examine
from arbkit.ops.setup import initialise
from arbkit.ops.setup import migrate as renew
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.enriched import to_record
from arbkit.pipeline.replay import replay
from arbkit.store import OpportunityQuery, ProductQuery, Store, open_store
from arbkit.store.elastic import schema
from arbkit.store.elastic.indices import create, migrate
from arbkit.store.elastic.store import ElasticStore
from arbkit.stream import ENRICHED_TOPIC, RAW_TOPIC, open_stream
from tests.helpers.factories import PACKAGE, history, offer, opportunity
from tests.helpers.paths import ROOT
from tests.helpers.routes import store_routes
from tests.helpers.streams import good
from tests.helpers.waiting import eventually
from tests.servers.launch import Elasticsearch
from tests.servers.proxy import Proxy, error_body


@pytest.fixture
def prefix(elasticsearch: Elasticsearch) -> Iterator[str]:
    """The prefix of a store that is there; gone afterwards."""
    made = f"t{uuid4().hex[:12]}-"
    create(elasticsearch.url, prefix=made)
    yield made
    elasticsearch.forget(made)


@pytest.fixture
def proxy(elasticsearch: Elasticsearch) -> Iterator[Proxy]:
    with Proxy(elasticsearch.url) as one:
        yield one


@pytest.fixture
def store(proxy: Proxy, prefix: str) -> Iterator[ElasticStore]:
    with ElasticStore(proxy.url, prefix=prefix) as opened:
        yield opened


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let retries not wait, and note them."""
    tries: list[int] = []
    monkeypatch.setattr("arbkit.store.elastic.bulk.back_off", tries.append)
    monkeypatch.setattr("arbkit.store.elastic.bulk._PATIENCE_S", {})
    monkeypatch.setattr("arbkit.store.elastic.bulk._SHORT_PATIENCE_S", 0.5)
    return tries


def offers_of(batch: int) -> list[Update]:
    return [Update(offer(f"B{i:09}"), None) for i in range(batch)]


# How indices are laid out


def layout_of(url: str, prefix: str) -> dict[str, tuple[str, str, str, str | None]]:
    """Collection → shards, replicas as asked for, replicas, refresh."""
    with Client(url) as client:
        found = client.indices.get(index=f"{prefix}*", features=["settings", "aliases"])
    return {
        alias.removeprefix(prefix): (
            of["number_of_shards"], of.get("auto_expand_replicas", ""), of["number_of_replicas"],
            of.get("refresh_interval", ""),
        )
        for about in found.values()
        for alias in about["aliases"]
        for of in [about["settings"]["index"]]
    }  # fmt: skip


def test_indices_are_laid_out_as_the_settings_say_also_those_that_a_detection_makes(
    elasticsearch: Elasticsearch, settings: Settings
) -> None:
    prefix = f"t{uuid4().hex[:12]}-"
    on_elastic = settings.model_copy(update={"store": elasticsearch.url, "store_prefix": prefix})
    assert initialise(on_elastic) == []
    found = layout_of(elasticsearch.url, prefix)
    assert set(found) == set(schema.COLLECTIONS)
    # One node has no room for a copy.
    assert set(found.values()) == {("1", "0-1", "0", None)}
    asked = on_elastic.model_copy(update={"store_shards": 3, "store_replicas": "0", "store_refresh": "200ms"})
    said = initialise(asked)
    assert [one for one in said if one == f"{prefix}runs: changed, 0 replicas and a refresh every 200ms from now on"]
    unlike = f"{prefix}offers: shards are 1, asked for 3; `arbkit init --migrate` renews it"
    assert [one for one in said if "shards" in one and "offers" in one] == [unlike]
    assert [one for one in initialise(asked) if "changed" in one] == []
    marks = {name: schema.fingerprint(name) for name in schema.COLLECTIONS}
    with open_store(asked) as store:
        filled(store, 40)
        before = content(store, 40)
        assert len(renew(asked)) == len(schema.LARGE)
        assert initialise(asked) == []
        assert {name: schema.fingerprint(name) for name in schema.COLLECTIONS} == marks
        assert content(store, 40) == before
        assert layout_of(elasticsearch.url, prefix)["offers"] == ("3", "false", "0", "200ms")
        assert layout_of(elasticsearch.url, prefix)["facts"] == ("1", "false", "0", "200ms")
        store_routes(store, [opportunity("B000000005")])
        assert store.stats().unpriced_products == 0
        store.put([Update(offer(f"B{place:09}", version=8_300_000), None) for place in (1, 5, 9, 33)])
        assert store.stats().unpriced_products == 4
        assert layout_of(elasticsearch.url, prefix)["opportunities"] == ("3", "false", "0", "200ms")
    elasticsearch.forget(prefix)


# Faults of the server


def test_a_storm_of_429_is_ridden_out(store: ElasticStore, proxy: Proxy, quick: list[int]) -> None:
    """Whole requests and single documents are refused in turn; all are stored in the end."""
    asked = 0

    def busy(method: str, path: str, body: bytes) -> tuple[int, Any] | None:
        nonlocal asked
        if not path.startswith("/_bulk"):
            return None
        asked += 1
        if asked == 1:
            return 429, error_body("es_rejected_execution_exception", "queue is full", 429)
        if asked == 2:
            lines = body.splitlines()[::2]
            refused = error_body("es_rejected_execution_exception", "queue is full", 429)
            return 200, {"errors": True, "items": [{"index": refused} for _ in lines]}
        return None

    proxy.fault = busy
    written = store.put(offers_of(5))
    assert (written.ok, written.stale, written.poison) == (5, 0, {})
    assert quick == [1, 2]
    assert store.stats().offers == 5


def test_a_store_that_stays_busy_is_one_error_and_nothing_is_half_told(
    store: ElasticStore, proxy: Proxy, quick: list[int]
) -> None:
    proxy.fault = lambda method, path, body: (
        (503, error_body("unavailable", "no shard", 503)) if path.startswith("/_bulk") else None
    )
    with pytest.raises(StoreError, match="503") as caught:
        store.put(offers_of(2))
    assert not isinstance(caught.value, StoreRefusedError)
    proxy.fault = lambda method, path, body: None
    assert store.put(offers_of(2)).ok == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_user_is_named_at_once_and_not_tried_again(
    store: ElasticStore, proxy: Proxy, prefix: str, status: int, quick: list[int]
) -> None:
    proxy.fault = lambda method, path, body: (status, error_body("security_exception", "no such user", status))
    with pytest.raises(StoreRefusedError, match="ARBKIT_STORE_API_KEY"):
        store.put(offers_of(1))
    with pytest.raises(StoreRefusedError, match="ARBKIT_STORE_API_KEY"):
        ElasticStore(proxy.url, prefix=prefix)
    assert quick == []


def test_a_read_only_store_says_so_and_takes_the_batch_afterwards(
    store: ElasticStore, prefix: str, elasticsearch: Elasticsearch, quick: list[int]
) -> None:
    """As the disk watermark makes it: 429 with a block, which no short wait mends."""
    batch = offers_of(3)
    with Client(elasticsearch.url) as client:

        def block(on: bool | None) -> None:
            client.indices.put_settings(index=f"{prefix}offers", settings={"index.blocks.read_only_allow_delete": on})

        def put_again_and_again() -> None:
            nonlocal batch
            for version in range(8_000_001, 8_000_100):
                block(True)
                store.put(batch)
                # The server looks at its disk from time to time, and lifts a block that has no reason.
                batch = [Update(replace(u.offer, version=version, updated_at=version), None) for u in batch]

        with pytest.raises(StoreError, match="takes no writes") as caught:
            put_again_and_again()
        assert caught.value.kind == "blocked"
        block(None)
    assert store.put(batch).ok == 3


@pytest.mark.parametrize(
    ("block", "remedy"),
    [
        ("read_only", "index.blocks.read_only to null"), ("read_only_allow_delete", "Make room"),
        ("write", "init --migrate"),
    ],
)  # fmt: skip
def test_a_block_is_one_error_that_says_what_lifts_it_also_where_an_offer_is_there_already(
    store: ElasticStore, proxy: Proxy, prefix: str, elasticsearch: Elasticsearch, quick: list[int],
    monkeypatch: pytest.MonkeyPatch, block: str, remedy: str,
) -> None:  # fmt: skip
    monkeypatch.setattr("arbkit.store.elastic.writer.back_off", quick.append)
    store.put(offers_of(3))
    newer = [Update(offer(u.offer.asin, version=8_000_001), None) for u in offers_of(3)]
    with Client(elasticsearch.url) as client:

        def lift_or_set(on: bool | None) -> None:
            client.indices.put_settings(index=f"{prefix}offers", settings={f"index.blocks.{block}": on})

        def keep_blocked(method: str, path: str, body: bytes) -> None:
            # The server looks at its disk from time to time, and lifts a block that has no reason.
            if path.startswith("/_bulk"):
                lift_or_set(True)

        proxy.fault = keep_blocked
        with pytest.raises(StoreError, match="takes no writes") as caught:
            store.put(newer)
        assert caught.value.kind == "blocked"
        assert remedy in str(caught.value)
        assert store.offers(["B000000000"])[0].version == 8_000_000
        proxy.fault = lambda method, path, body: None
        lift_or_set(None)
    assert store.put(newer).ok == 3


def test_a_consumer_waits_while_an_index_is_read_only_and_goes_on_when_that_is_lifted(
    prefix: str, elasticsearch: Elasticsearch, settings: Settings, quick: list[int]
) -> None:
    on_elastic = settings.model_copy(update={"store": elasticsearch.url, "store_prefix": prefix})
    initialise(on_elastic)
    with open_stream(on_elastic) as stream:
        stream.publish(RAW_TOPIC, good(3))

    def retries() -> float:
        return REGISTRY.get_sample_value("arbkit_store_retries_total", {"kind": "blocked"}) or 0

    with Client(elasticsearch.url) as client, ThreadPoolExecutor(1) as pool:
        client.indices.put_settings(index=f"{prefix}offers", settings={"index.blocks.read_only": True})
        try:
            before = retries()
            running = pool.submit(consume, on_elastic, until_empty=True, stop=threading.Event())
            while retries() < before + 3:
                assert not running.done()
                time.sleep(0.05)
        finally:
            client.indices.put_settings(index=f"{prefix}offers", settings={"index.blocks.read_only": None})
        done = running.result(timeout=120)
    assert (done.read, done.dead_lettered) == (3, 0)
    with open_store(on_elastic) as store:
        # What another store has written is seen within a second.
        eventually(lambda: store.stats().offers >= 3)


def test_a_detector_waits_while_an_index_is_read_only_and_goes_on_when_that_is_lifted(
    prefix: str, elasticsearch: Elasticsearch, settings: Settings, quick: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    on_elastic = settings.model_copy(update={"store": elasticsearch.url, "store_prefix": prefix})
    initialise(on_elastic)
    fields: dict[str, Any] = {"price_at": int(time.time()), "shipping_minor": 0, **PACKAGE}
    offers = [offer("B000000001", code, price_minor=p, **fields) for code, p in (("IT", 2_000), ("DE", 7_000))]
    with open_store(on_elastic) as store:
        done = store.put([Update(one, None) for one in offers])
    with open_stream(on_elastic) as stream:
        stream.publish(ENRICHED_TOPIC, [to_record(state) for state in done.states.values()])

    stop = threading.Event()
    with Client(elasticsearch.url) as client, ThreadPoolExecutor(1) as pool, open_store(on_elastic) as store:

        def block(on: bool | None) -> None:
            client.indices.put_settings(index=f"{prefix}products", settings={"index.blocks.read_only": on})

        block(True)
        running = pool.submit(follow, on_elastic, stop=stop)
        try:
            eventually(lambda: running.done() or caplog.text.count("nothing is priced, trying again: ") >= 2)
            assert "index.blocks.read_only to null" in caplog.text
            block(None)
            eventually(lambda: [o.id for o in store.opportunities(OpportunityQuery()).items] == ["B000000001:IT:DE"])
        finally:
            stop.set()
            block(None)
        running.result(timeout=120)


def test_a_deleted_index_is_an_error_and_not_made_anew(
    store: ElasticStore, prefix: str, elasticsearch: Elasticsearch
) -> None:
    store.put(offers_of(2))
    with Client(elasticsearch.url) as client:
        (index,) = client.indices.get_alias(name=f"{prefix}offers")
        client.indices.delete(index=index)
        with pytest.raises(StoreRefusedError, match="arbkit init"):
            store.put(offers_of(2))
        with pytest.raises(StoreRefusedError, match="arbkit replay"):
            store.offers(["B000000000"])
        assert not client.indices.exists(index=f"{prefix}offers")
    create(elasticsearch.url, prefix=prefix)
    assert store.put(offers_of(2)).ok == 2


def test_a_mapping_of_another_arbkit_is_no_fault_of_the_records(
    store: ElasticStore, prefix: str, elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanting = {n: t for n, t in schema.COLLECTIONS["offers"].items() if n != "title"}
    monkeypatch.setitem(schema.COLLECTIONS, "offers", wanting)
    migrate(elasticsearch.url, prefix=prefix)
    with pytest.raises(StoreRefusedError, match="arbkit init --migrate"):
        store.put(offers_of(2))


@pytest.mark.parametrize("place", range(5))
def test_a_poisoned_document_in_any_place_spares_the_others(store: ElasticStore, place: int) -> None:
    updates = offers_of(5)
    # Taken by our own checks, refused by the server: its id is too long.
    updates[place] = Update(offer("B" * 600), None)
    written = store.put(updates)
    assert (written.ok, list(written.poison)) == (4, [place])
    assert store.stats().offers == 4


# Renewing indices


def filled(store: Store, count: int) -> None:
    store.put([Update(offer(f"B{i:09}", version=8_000_000 + i), history(f"B{i:09}")) for i in range(count)])
    store_routes(store, [opportunity(f"B{i:09}", profit=float(i)) for i in range(0, count, 3)])
    store.put_run(Run(run_id="r", report="detect", status="succeeded", started_at=1.0))
    store.put_fact(Fact.of("B000000001", "package", {"weight_g": 900}, at=1.0))
    store.put_watched([WatchEntry(asin="B000000001", notes="mine", groups=("a", "b"), added_at=1.5, listed=True)])
    store.adopt_watchlist("abc")


def another_arbkit(monkeypatch: pytest.MonkeyPatch, *collections: str) -> None:
    """Let every one of these have a field more from now on."""
    for name in collections:
        more = {**schema.COLLECTIONS[name], "from_tomorrow": {"type": "keyword"}}
        monkeypatch.setitem(schema.COLLECTIONS, name, more)


def content(store: Store, count: int) -> list[Any]:
    asins = [f"B{i:09}" for i in range(count)]
    return [
        store.offers(asins), [store.product(a) for a in asins], [store.history(a) for a in asins[:5]],
        store.opportunities(OpportunityQuery(limit=100)).items, store.runs(), store.facts(), store.stats(),
        store.watched(), store.adopted_watchlist(),
    ]  # fmt: skip


def test_migrating_keeps_everything_and_the_external_versions(
    store: ElasticStore, prefix: str, elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store, 30)
    before = content(store, 30)
    another_arbkit(monkeypatch, *schema.COLLECTIONS)
    assert len(create(elasticsearch.url, prefix=prefix)) == len(schema.COLLECTIONS)
    with pytest.raises(StoreRefusedError, match="arbkit init --migrate"):
        ElasticStore(elasticsearch.url, prefix=prefix)
    assert any("offers is renewed: 30 documents" in done for done in migrate(elasticsearch.url, prefix=prefix))
    assert create(elasticsearch.url, prefix=prefix) == []
    assert migrate(elasticsearch.url, prefix=prefix) == []
    with ElasticStore(elasticsearch.url, prefix=prefix) as renewed:
        assert content(renewed, 30) == before
        assert renewed.put([Update(offer("B000000007", version=8_000_007), None)]).stale == 1
    with Client(elasticsearch.url) as client:
        # Nothing of before is left.
        assert len(client.indices.get(index=f"{prefix}*")) == len(schema.COLLECTIONS)
        (mapping,) = client.indices.get_mapping(index=f"{prefix}offers").values()
        assert "from_tomorrow" in mapping["mappings"]["properties"]


def test_readers_and_writers_notice_nothing_of_a_migration(
    store: ElasticStore, prefix: str, elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store, 200)
    stop = threading.Event()
    last: dict[str, int] = {}

    def until_stopped(act: Callable[[int], None]) -> int:
        rounds = 0
        while not stop.is_set() or rounds < 3:
            act(rounds)
            rounds += 1
        return rounds

    def read(_: int) -> None:
        assert store.stats().offers == 200
        assert sum(len(frame) for frame in store.scan_offers(["asin", "market"])) == 200
        assert store.products(ProductQuery(limit=10)).total == 200
        assert store.opportunities(OpportunityQuery(limit=1)).total == 67

    def write(number: int) -> None:
        batch = [Update(offer(f"B{i:09}", version=8_100_000 + number), None) for i in range(0, 200, 7)]
        assert store.put(batch).ok == len(batch)
        last.update({u.offer.asin: u.offer.version for u in batch})

    def detect(number: int) -> None:
        found = [opportunity(f"B{i:09}", profit=float(number)) for i in range(0, 200, 3)]
        store_routes(store, found)

    another_arbkit(monkeypatch, "offers", "history", "products", "runs")
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(until_stopped, act) for act in (read, write, detect)]
        try:
            for _ in range(2):
                assert len(migrate(elasticsearch.url, prefix=prefix)) == 4
                another_arbkit(monkeypatch, "offers", "history", "products", "runs")
                for name in ("offers", "history", "products", "runs"):
                    again = {**schema.COLLECTIONS[name], f"more{uuid4().hex[:4]}": {"type": "keyword"}}
                    monkeypatch.setitem(schema.COLLECTIONS, name, again)
        finally:
            stop.set()
        rounds = [one.result(timeout=120) for one in running]
    assert min(rounds) >= 3
    assert {o.asin: o.version for o in store.offers(sorted(last))} == last
    for asin, version in last.items():
        product = store.product(asin)
        assert product is not None
        assert product.version == version
    marked = store.product("B000000003")
    assert marked is not None
    assert marked.best is not None
    assert marked.best["profit"] == float(rounds[2] - 1)


def test_a_migration_that_breaks_off_leaves_the_store_usable(
    store: ElasticStore, proxy: Proxy, prefix: str, monkeypatch: pytest.MonkeyPatch, quick: list[int]
) -> None:
    filled(store, 10)
    before = content(store, 10)
    another_arbkit(monkeypatch, "offers")
    proxy.fault = lambda method, path, body: (
        (500, error_body("fault", "broken", 500)) if path.startswith("/_aliases") else None
    )
    with pytest.raises(StoreError, match="broken"):
        migrate(proxy.url, prefix=prefix)
    proxy.fault = lambda method, path, body: None
    assert content(store, 10) == before
    assert store.put([Update(offer("B000000001", version=8_100_000), None)]).ok == 1
    assert len(migrate(proxy.url, prefix=prefix)) == 1


def test_a_document_that_cannot_be_renewed_is_named_and_nothing_is_swapped(
    store: ElasticStore, prefix: str, elasticsearch: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store, 3)
    with Client(elasticsearch.url) as client:
        client.index(index=f"{prefix}offers", id="strange", document={"asin": "strange"}, refresh=True)
    another_arbkit(monkeypatch, "offers")
    with pytest.raises(StoreError, match=r"strange .* cannot be renewed"):
        migrate(elasticsearch.url, prefix=prefix)
    assert store.put([Update(offer("B000000001", version=8_100_000), None)]).ok == 1


LEAVES = """
import os, sys
from elasticsearch import Elasticsearch
from arbkit.store.elastic.indices import temporary_indices
with Elasticsearch(sys.argv[1]) as client, temporary_indices(client, sys.argv[2], ["offers", "outbox"]):
    print("made", flush=True)
    sys.stdin.readline()
    os._exit(1)
"""


def test_what_a_killed_replay_has_left_goes_at_once_and_what_may_still_be_filled_stays(
    prefix: str, elasticsearch: Elasticsearch, settings: Settings
) -> None:
    command = [sys.executable, "-c", LEAVES, elasticsearch.url, prefix]
    on_elastic = settings.model_copy(update={"store": elasticsearch.url, "store_prefix": prefix})

    def half_filled() -> list[str]:
        with Client(elasticsearch.url) as client:
            found = client.indices.get(index=f"{prefix}*", features=["aliases"])
        return sorted(name.split("-")[1] for name, about in found.items() if not about["aliases"])

    def doctor() -> str:
        return next(check.says for check in examine(on_elastic) if check.name == "store")

    for clean in (doctor, lambda: replay(on_elastic, stop=threading.Event(), progress=lambda *_: None)):
        initialise(on_elastic)
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "made\n"
            assert half_filled() == ["offers", "outbox"]
            clean()
            assert half_filled() == ["offers", "outbox"], "its maker runs"
            process.kill()
        said = clean()
        # A replay makes no outbox, so it looks for none.
        assert half_filled() == ([] if clean is doctor else ["outbox"])
        if isinstance(said, str):
            assert said.count("was never put to use and is deleted") == 2
    # One of another machine, or of an older arbkit, cannot be asked for.
    with Client(elasticsearch.url) as client:
        client.indices.create(index=f"{prefix}offers-20260801000000-0123abcd")
    assert "cannot be known here: kept for a day" in doctor()
    assert half_filled() == ["offers"]


def test_the_doctor_names_blocks_and_full_disks(
    prefix: str, elasticsearch: Elasticsearch, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_elastic = settings.model_copy(update={"store": elasticsearch.url, "store_prefix": prefix})
    initialise(on_elastic)

    def found() -> list[str]:
        checks = [check for check in examine(on_elastic) if check.name == "store"]
        return [f"{check.says} → {check.remedy}" for check in checks if not check.ok]

    assert found() == []
    with Client(elasticsearch.url) as client:
        block = "index.blocks.read_only_allow_delete"
        client.indices.put_settings(index=f"{prefix}offers", settings={block: True})
        (said,) = found()
        assert f"{prefix}offers-" in said
        assert "Make room on Elasticsearch's disk" in said
        client.indices.put_settings(index=f"{prefix}offers", settings={block: None})
        # Whatever this machine's disk has is too little now; a node of tests does not look at it.
        monkeypatch.setattr("arbkit.store.elastic.client._FULL_PCT", 0.0)
        monkeypatch.setattr("arbkit.store.elastic.client._ROOM", 1 << 60)
        assert found() == []
        client.cluster.put_settings(persistent={"cluster.routing.allocation.disk.threshold_enabled": True})
        try:
            (said,) = found()
        finally:
            client.cluster.put_settings(persistent={"cluster.routing.allocation.disk.threshold_enabled": None})
    assert "% full" in said


def test_templates_make_an_index_of_that_name_as_strict_as_ours(prefix: str, elasticsearch: Elasticsearch) -> None:
    with Client(elasticsearch.url) as client:
        client.indices.create(index=f"{prefix}offers-by-hand")
        (mapping,) = client.indices.get_mapping(index=f"{prefix}offers-by-hand").values()
    assert mapping["mappings"]["dynamic"] == "strict"
    assert orjson.dumps(mapping["mappings"]["_meta"]) == orjson.dumps({"arbkit": schema.fingerprint("offers")})


# Searches that take too long

TIMED_OUT = {"type": "search_timeout_exception", "reason": "Time exceeded", "timed_out": True}
# As Elasticsearch 9.5 answers where it may not give a part.
REFUSED = {
    "error": {
        "root_cause": [TIMED_OUT], "type": "search_phase_execution_exception", "reason": "all shards failed",
        "phase": "query", "grouped": True, "failed_shards": [{"shard": 0, "index": "x", "reason": TIMED_OUT}],
    },
    "status": 429,
}  # fmt: skip
PART = {"took": 1, "timed_out": True, "_shards": {"total": 1, "failed": 0}, "hits": {"hits": []}, "aggregations": {}}
READS: dict[str, Callable[[ElasticStore], object]] = {
    "products": lambda store: store.products(ProductQuery()),
    "opportunities": lambda store: store.opportunities(OpportunityQuery()),
    "sums": lambda store: store.sums(OpportunityQuery()),
    "scan_offers": lambda store: list(store.scan_offers(["asin"])),
    "runs": ElasticStore.runs,
    "facts": ElasticStore.facts,
    "looks": ElasticStore.looks,
    "watched": ElasticStore.watched,
    "watchlist_version": ElasticStore.watchlist_version,
    "stats": ElasticStore.stats,
    "ages": lambda store: store.ages([60.0], now=0.0),
    "unsent": lambda store: store.unsent(10),
    "holds_real_products": ElasticStore.holds_real_products,
    "remove_demo": lambda store: store.remove_demo(dry_run=True),
    "replace_opportunities": lambda store: store_routes(store, [opportunity("B000000000")]),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_search_has_a_limit_at_the_server_and_is_answered_whole_or_not_at_all(
    store: ElasticStore, proxy: Proxy, read: Callable[[ElasticStore], object]
) -> None:
    asked: list[tuple[str, bytes]] = []

    def note(method: str, path: str, body: bytes) -> None:
        if "/_search" in path:
            asked.append((path, body))

    proxy.fault = note
    read(store)
    assert asked
    for path, body in asked:
        assert "allow_partial_search_results=false" in path
        # Sooner than the client, which gives a request up after 30 s, and then does not know why.
        assert orjson.loads(body)["timeout"] == "25s"


@pytest.mark.parametrize("answer", [(429, REFUSED), (200, PART)], ids=["refused", "a part"])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_search_that_takes_too_long_is_an_error_and_never_a_short_answer(
    store: ElasticStore, proxy: Proxy, read: Callable[[ElasticStore], object], answer: tuple[int, Any]
) -> None:
    proxy.fault = lambda method, path, body: answer if "/_search" in path else None
    with pytest.raises(StoreError, match=r"took longer than a reader may.*filters") as caught:
        read(store)
    assert not isinstance(caught.value, StoreRefusedError)
    proxy.fault = lambda method, path, body: None
    read(store)
