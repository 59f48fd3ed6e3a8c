"""The detector: from a changed price to the opportunity, its rate and memory, and a sweep of everything."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from statistics import median
from typing import Any, NamedTuple, cast

import orjson
import psutil
import requests
from confluent_kafka.admin import AdminClient as Admin

from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import Offer, Opportunity, Update
from arbkit.core.settings import Settings
from arbkit.pipeline.enriched import to_record
from arbkit.sources.envelope import envelope, from_envelope
from arbkit.store import OpportunityQuery, Store, open_store
from arbkit.stream import DETECT_GROUP, ENRICHED_TOPIC, RAW_TOPIC, Record, Stream, open_stream
from tests.benchmarks.inputs import demo_products
from tests.benchmarks.measuring import Report, skip
from tests.benchmarks.scale import scaled
from tests.helpers.streams import empty
from tests.servers.launch import Elasticsearch, Kafka, ServersMissingError, free_ports

__all__ = ["changed_prices", "detector_lag", "fill", "run", "service", "wait_for_news", "wait_until"]

_TEMPLATES = 400
_AT_ONCE = 1_000
_SIZES = (10_000, 50_000, 200_000)
_MESSAGES = 1_000_000
_STORED = 100_000
_SAMPLES = 100
_PATIENCE_S = 3_600.0
_ONE_S = 120.0
"""How long one changed price may take at most: a benchmark that waits for what never comes says so."""
_LOOK_S = 0.01
_BUY_BOX = 18
"""Where Keepa's current prices have that of the buy box."""


def run(report: Report) -> None:
    """All of this file; ARBKIT_BENCH_PRODUCTS sets one smaller number of products for all."""
    given = os.environ.get("ARBKIT_BENCH_PRODUCTS")
    stored = int(given or _STORED)
    _embedded(report, stored)
    _streaming(report, [int(given)] if given else _SIZES, _MESSAGES if given is None else 5 * stored)
    _scaled_out(report, stored)


def _templates() -> list[list[Offer]]:
    """Offers of the demo market's products, each on all marketplaces."""
    found: dict[str, list[Offer]] = {}
    for market, asin, product in demo_products(_TEMPLATES, history=False):
        message = envelope(
            asin=asin, market=market.code, origin="keepa", fetched_at=_now(), run_id="bench", product=product
        )
        update = from_envelope(orjson.loads(orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)))
        if update is not None:
            found.setdefault(asin, []).append(update.offer)
    return list(found.values())


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def fill(store: Store, stream: Stream, products: int) -> None:
    """That many products into the store, and on the stream as a consumer puts them."""
    known = _templates()
    for start in range(0, products, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, products))
        offers = [replace(o, asin=f"B1{n:08}") for n in numbers for o in known[n % len(known)]]
        done = store.put([Update(offer, None) for offer in offers])
        stream.publish(ENRICHED_TOPIC, [to_record(state) for state in done.states.values()])


@contextmanager
def service(settings: Settings, *command: str) -> Iterator[psutil.Process]:
    """The real command, running, and ended in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "arbkit", *command],
        env={**os.environ, **settings.environment()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def wait_until(done: Callable[[], bool]) -> None:
    """Wait, looking ten times a second."""
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wait_for_news(asin: str, has_come: Callable[[str], bool], look_s: float) -> None:
    """Wait until what is made of a product's changed price has come, looking every ``look_s`` seconds.

    Raises:
        AssertionError: it has not come in two minutes.
    """
    deadline = time.monotonic() + _ONE_S
    while not has_come(asin):
        assert time.monotonic() < deadline, f"nothing has come of the changed price of {asin} in {_ONE_S:.0f} s"
        time.sleep(look_s)


def detector_lag(stream: Stream) -> int:
    """Messages of products that no detector has priced yet."""
    return sum(stream.lag(DETECT_GROUP, ENRICHED_TOPIC).values())


def _embedded(report: Report, products: int) -> None:
    with scaled("", "") as settings:
        with open_stream(settings) as stream, open_store(settings) as store:
            fill(store, stream, products)
        _sweep(report, settings, products)
        _latency(report, settings, "embedded", products)


def _sweep(report: Report, settings: Settings, products: int) -> None:
    """A sweep in a process of its own, without the notebook around it."""
    code = "from arbkit.analysis import detection; from arbkit.core.settings import Settings; "
    code += "detection.run(Settings.load(_env_file=None), run_id='bench')"
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **settings.environment()})
    _, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - start
    assert status == 0
    report(
        f"a sweep of {products:,} products",
        f"{taken:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of processor time), {used.ru_maxrss / 1024:.0f} MB",
        "at most 40 s and 600 MB at 100,000",
    )


def _streaming(report: Report, sizes: Sequence[int], messages: int) -> None:
    """All products of the stream priced by one detector, and its memory by the number of products and messages."""
    peaks = []
    for products in sizes:
        with scaled("", "") as settings, open_stream(settings) as stream, open_store(settings) as store:
            fill(store, stream, products)
            again = messages // products if products == max(sizes) else 1
            peak, busy = 0.0, 0.0
            for _ in range(again - 1):
                _publish_again(store, stream)
            with service(settings, "detect", "--follow") as detector:
                whole = products * again
                wait_until(lambda whole=whole: detector_lag(stream) < whole)  # type: ignore[misc]
                before, begun = _used(detector), detector_lag(stream)
                while detector_lag(stream):
                    peak = max(peak, detector.memory_info().rss / 1e6)
                    time.sleep(0.2)
                busy = _used(detector) - before
            peaks.append(peak)
            report(
                f"detector, {begun:,} messages of {products:,} products",
                f"{begun / busy:,.0f} products/s a core, {peak:.0f} MB",
                "at least 2,000/s, at most 400 MB",
            )
    report("its memory over these sizes", f"{max(peaks) - min(peaks):.0f} MB apart", "within 20 MB")


def _publish_again(store: Store, stream: Stream) -> None:
    """Every product once more on the stream, as if it had changed."""
    after = ""
    while asins := store.asins(after=after, limit=_AT_ONCE):
        after = asins[-1]
        stream.publish(ENRICHED_TOPIC, [to_record(state) for state in store.states(asins).values()])


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _latency(report: Report, settings: Settings, name: str, products: int) -> None:
    """Raw records with another price, until store and API show another profit."""
    (port,) = free_ports(1)
    settings = settings.model_copy(update={"api_port": port})
    with (
        open_stream(settings) as stream,
        open_store(settings) as store,
        service(settings, "consume"),
        service(settings, "detect", "--follow"),
        service(settings, "api"),
    ):
        wait_until(lambda: not detector_lag(stream) and not store.unpriced(1))
        wait_until(lambda: _answers(port))
        in_store, in_api = [], []
        # Dearer where it pays to buy it.
        best = store.opportunities(OpportunityQuery(limit=_SAMPLES)).items
        for number, record in enumerate(changed_prices(reversed(best), _dearer)):
            before = _profit(store, record.key)
            started = time.perf_counter()
            stream.publish(RAW_TOPIC, [record])
            wait_for_news(record.key, lambda key, old=before: _profit(store, key) != old, _LOOK_S)  # type: ignore[misc]
            in_store.append(time.perf_counter() - started)
            wait_for_news(record.key, lambda key, old=before: _profit_by_api(port, key) != old, _LOOK_S)  # type: ignore[misc]
            in_api.append(time.perf_counter() - started)
            if number + 1 == _SAMPLES:
                break
    for where, taken in (("store", in_store), ("API", in_api)):
        ordered = sorted(taken)
        report(
            f"changed price → {where}, {name}, {products:,} products",
            f"median {median(ordered):.2f} s, p99 {ordered[int(len(ordered) * 0.99)]:.2f} s",
            "at most 1 s, 3 s",
        )


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def changed_prices(routes: Iterable[Opportunity], change: Callable[[int], int]) -> Iterator[Record]:
    """A record for each product that :func:`fill` has stored: its buy box, where it is bought, at another price.

    Args:
        routes: the best of a product last.
        change: the price of the buy box in cents → another one.
    """
    by_asin = {o.asin: o for o in routes}
    known = _templates()
    originals = {asin: known[int(asin[2:]) % len(known)][0].asin for asin in by_asin}
    wanted = {*originals.values()}
    raw = {(a, market.code): p for market, a, p in demo_products(_TEMPLATES, history=False) if a in wanted}
    for asin, best in by_asin.items():
        product = raw[originals[asin], best.source]
        message = envelope(
            asin=asin, market=best.source, origin="keepa", fetched_at=_now(), run_id="bench",
            product=_at_another_price({**product, "asin": asin}, change),
        )  # fmt: skip
        yield Record(asin, orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY))


def _dearer(price: int) -> int:
    return price + 777


def _at_another_price(product: dict[str, object], change: Callable[[int], int]) -> dict[str, object]:
    """The product a minute later, at another price of its buy box."""
    stats = dict(cast("dict[str, Any]", product["stats"]))
    price = change(stats["buyBoxPrice"])
    current = list(stats["current"])
    current[_BUY_BOX] = price
    # Times are minutes: a later one, within what clocks may differ by. Of two buy boxes of one minute either may hold.
    now = to_minutes(time.time()) + 2
    later = {"lastUpdate": now, "lastOffersUpdate": now}
    return {**product, **later, "stats": {**stats, "buyBoxPrice": price, "current": current}}


def _profit(store: Store, asin: str) -> float | None:
    return next((o.profit for o in store.opportunities(OpportunityQuery(asin=asin, limit=1)).items), None)


def _profit_by_api(port: int, asin: str) -> float | None:
    answer = requests.get(f"http://127.0.0.1:{port}/arbitrage", params={"asin": asin, "limit": "1"}, timeout=30)
    answer.raise_for_status()
    return next((float(item["profit"]) for item in answer.json()["items"]), None)


def _scaled_out(report: Report, products: int) -> None:
    try:
        servers = Kafka(), Elasticsearch()
    except ServersMissingError as error:
        skip("detector on Kafka and Elasticsearch", str(error))
        return
    kafka, elastic = servers
    with kafka, elastic:
        empty(kafka)
        with scaled(kafka.url, elastic.url) as settings:
            with open_stream(settings) as stream, open_store(settings) as store:
                fill(store, stream, products)
            _latency(report, settings, "Kafka and Elasticsearch", products)
        used = {count: _by_detectors(kafka, elastic, count, products // 5) for count in (1, 2)}
    one, two = used[1], used[2]
    report("processor time of 2 detectors / of one", f"{two.busy / one.busy:.2f} ×", "at most 1.15 ×")
    report("2 detectors / one, by the clock", f"{one.clock / two.clock:.2f} ×", "1.3 × on two idle cores")
    report("partitions of 2 detectors", " + ".join(map(str, two.partitions)), "split evenly")


class _Detectors(NamedTuple):
    """What some detectors took for all messages: seconds, of processor time and by the clock; partitions of each."""

    busy: float
    clock: float
    partitions: Sequence[int]


def _by_detectors(kafka: Kafka, elastic: Elasticsearch, count: int, products: int) -> _Detectors:
    empty(kafka)
    with scaled(kafka.url, elastic.url) as settings, ExitStack() as stack:
        stream, store = stack.enter_context(open_stream(settings)), stack.enter_context(open_store(settings))
        detectors = [stack.enter_context(service(settings, "detect", "--follow")) for _ in range(count)]
        fill(store, stream, products)
        wait_until(lambda: not detector_lag(stream) and not store.unpriced(1))
        again = [message for some in stream.scan(ENRICHED_TOPIC) for message in some]
        # A client that nobody holds any more answers no question.
        admin = Admin({"bootstrap.servers": kafka.address})
        group = admin.describe_consumer_groups([DETECT_GROUP])[DETECT_GROUP].result()
        partitions = [len(member.assignment.topic_partitions) for member in group.members]
        before, started = sum(map(_used, detectors)), time.perf_counter()
        # All at once: what fills the store meanwhile takes the processors that they are measured on.
        stream.publish(ENRICHED_TOPIC, [Record(message.key, message.value) for message in again])
        wait_until(lambda: not detector_lag(stream))
        return _Detectors(sum(map(_used, detectors)) - before, time.perf_counter() - started, partitions)
