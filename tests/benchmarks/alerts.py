"""From a changed price on the log to the webhook that is told of it: consumer, detector and dispatcher, all real."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from statistics import median
from unittest.mock import patch

from arbkit.core.models import Opportunity
from arbkit.core.settings import Settings
from arbkit.store import OpportunityQuery, Store, open_store
from arbkit.stream import RAW_TOPIC, Record, open_stream
from tests.benchmarks.detector import changed_prices, detector_lag, fill, service, wait_for_news, wait_until
from tests.benchmarks.measuring import Report, skip
from tests.benchmarks.scale import scaled
from tests.helpers.delivery import webhook
from tests.helpers.receivers import SECRET, Hook, hook
from tests.helpers.streams import empty
from tests.servers.launch import Elasticsearch, Kafka, ServersMissingError

__all__ = ["run"]

_PRODUCTS = 10_000
_SAMPLES = 100
_UNCOUNTED = 3
"""The first ones wait for processes that are only starting."""
_CANDIDATES = 500
_LOOK_S = 0.005
_RULE = '[[rule]]\nname = "falls"\non = ["price_drop"]\nprice_drop_pct = 5\ncool_down_hours = 0\n'


def run(report: Report) -> None:
    """Embedded and scaled out; ARBKIT_BENCH_PRODUCTS and ARBKIT_BENCH_SAMPLES set other numbers of each."""
    products = int(os.environ.get("ARBKIT_BENCH_PRODUCTS", _PRODUCTS))
    with scaled("", "") as settings:
        _measure(report, settings, "embedded", products)
    try:
        servers = Kafka(), Elasticsearch()
    except ServersMissingError as error:
        skip("alerts on Kafka and Elasticsearch", str(error))
        return
    kafka, elastic = servers
    with kafka, elastic:
        empty(kafka)
        with scaled(kafka.url, elastic.url) as settings:
            _measure(report, settings, "Kafka and Elasticsearch", products)


def _measure(report: Report, settings: Settings, name: str, products: int) -> None:
    with hook() as receiver, patch.dict(os.environ, HOOK_SECRET=SECRET):
        rules = settings.home.parent / "alerts.toml"
        rules.write_text(f"{_RULE}\n{webhook(receiver.url)}")
        ordered = sorted(_delays(settings.model_copy(update={"alerts": rules}), receiver, products))
    report(
        f"changed price → webhook, {name}, {products:,} products",
        f"median {median(ordered):.2f} s, p99 {ordered[int(len(ordered) * 0.99)]:.2f} s, of {len(ordered)}",
        "at most 2 s, 5 s",
    )


def _delays(settings: Settings, receiver: Hook, products: int) -> Iterator[float]:
    """Seconds from a cheaper price on the raw topic until the webhook has its alert, one after the other."""
    wanted = int(os.environ.get("ARBKIT_BENCH_SAMPLES", _SAMPLES))
    with open_stream(settings) as stream, open_store(settings) as store:
        fill(store, stream, products)
        with (
            service(settings, "consume"),
            service(settings, "detect", "--follow"),
            service(settings, "alerts", "deliver"),
        ):
            wait_until(lambda: not detector_lag(stream) and not store.unpriced(1))
            for number, record in enumerate(_cheaper(store, wanted + _UNCOUNTED)):
                started = time.perf_counter()
                stream.publish(RAW_TOPIC, [record])
                wait_for_news(record.key, lambda key: key in _heard_of(receiver), _LOOK_S)
                if number >= _UNCOUNTED:
                    yield time.perf_counter() - started


def _cheaper(store: Store, count: int) -> list[Record]:
    """Records of that many products that pay, a fifth cheaper where they are bought."""
    best = store.opportunities(OpportunityQuery(limit=_CANDIDATES)).items
    records = list(changed_prices(reversed([o for o in best if _is_believed(o)]), lambda price: price * 4 // 5))
    assert len(records) >= count, "too few products: a larger ARBKIT_BENCH_PRODUCTS, or fewer samples"
    return records[:count]


def _is_believed(route: Opportunity) -> bool:
    """Whether nothing holds its alerts back: prices of a week ago would."""
    return not any("older" in warning["code"] for warning in route.warnings)


def _heard_of(receiver: Hook) -> set[str]:
    return {alert["asin"] for body in list(receiver.bodies) for alert in body["alerts"]}
