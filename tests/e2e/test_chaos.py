"""Random kills among producers, consumers, detectors and broker; the full form is `python -m tests.chaos.trial`."""

from __future__ import annotations

from uuid import uuid4

import pytest

from arbkit.core.settings import Settings
from tests.chaos.trial import Plan, Report, run
from tests.helpers.streams import empty
from tests.servers.launch import Elasticsearch, Kafka

pytestmark = pytest.mark.e2e


@pytest.fixture
def scaled(settings: Settings, kafka: Kafka) -> Settings:
    empty(kafka)
    return settings.model_copy(update={"log": kafka.url, "store_prefix": f"t{uuid4().hex[:10]}-"})


def nothing_is_lost(report: Report, *kinds: str) -> None:
    assert report.differences == [], "\n".join(report.lines())
    assert set(report.kills) == set(kinds)
    assert report.distinct_letters > 0


def test_kills_on_kafka_and_elasticsearch(scaled: Settings, kafka: Kafka, elasticsearch: Elasticsearch) -> None:
    settings = scaled.model_copy(update={"store": elasticsearch.url})
    report = run(Plan(kills=7, records=1_000, seed=1), settings, broker=kafka)
    nothing_is_lost(report, "consumer", "detector", "feeder", "producer", "broker")


def test_kills_on_kafka_and_sqlite(scaled: Settings, kafka: Kafka) -> None:
    report = run(Plan(kills=8, records=1_000, seed=2), scaled, broker=kafka)
    nothing_is_lost(report, "consumer", "detector", "feeder", "producer", "broker")


def test_kills_on_one_sqlite_file(settings: Settings) -> None:
    report = run(Plan(kills=8, records=1_500, seed=3), settings, broker=None)
    nothing_is_lost(report, "consumer", "detector", "feeder", "producer")
