"""The consumer: ``raw.keepa_updates`` → canonical record → store → ``products.enriched``.

A batch goes in one order: stored and acknowledged, published to ``products.enriched``, the records that cannot
be used put on the dead-letter topic with their original bytes, and only then committed. Killed anywhere in
between it does the batch again, and doing it again changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import orjson
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from arbkit.counters import BATCH_SECONDS, CONSUMED, CONSUMER_LAG, CONSUMER_PARTITIONS, STORE_RETRIES, expose
from arbkit.dead_limit import DeadLetterLimit
from arbkit.enrich import Enriched, attempts, dead_letter, enriched
from arbkit.errors import LogError, StoreCorruptError, StoreError, StoreRefusedError
from arbkit.log import (
    ENRICH_GROUP,
    ENRICHED_TOPIC,
    RAW_TOPIC,
    Consumer,
    Log,
    Message,
    Record,
    TopicPartition,
    dead_letter_topic,
    open_log,
)
from arbkit.settings import Settings
from arbkit.store import Store, open_store

__all__ = ["ConsumeSummary", "consume"]

logger = logging.getLogger(__name__)

_BATCH = 500
_POLL_S = 0.5
_TRIM_EVERY_S = 300.0
_SHOW_EVERY_S = 1.0


@dataclass(slots=True)
class ConsumeSummary:
    """What a run did, in records. ``unknown``: the source does not know the product on that marketplace."""

    read: int = 0
    stored: int = 0
    stale: int = 0
    unknown: int = 0
    dead_lettered: int = 0


def consume(settings: Settings, *, until_empty: bool = False, stop: threading.Event) -> ConsumeSummary:
    """Enrich until ``stop`` is set, or with ``until_empty`` until nothing is left to do.

    A store that does not answer is waited for. A record that is neither stored nor dead-lettered is never
    passed over.

    Raises:
        LogError: the log cannot be read or written, or retention has removed what was not read yet.
        StoreError: the store cannot be opened, is damaged, or lacks a right or an index.
        DeadLetterLimitError: nearly everything is of no use.
    """
    port = expose(settings.host, settings.consumer_metrics_port, "ARBKIT_CONSUMER_METRICS_PORT")
    if port is not None:
        logger.info("metrics on port %d", port)
    with open_log(settings) as log, open_store(settings) as store:
        return _Loop(settings, log, store, stop, until_empty=until_empty).run()


class _Loop:
    def __init__(self, settings: Settings, log: Log, store: Store, stop: threading.Event, *, until_empty: bool) -> None:
        self._log = log
        self._store = store
        self._stop = stop
        self._until_empty = until_empty
        self._health = settings.home / "health" / "consumer"
        self._limit = DeadLetterLimit(share=settings.dead_letter_share, run=settings.dead_letter_run)
        self._summary = ConsumeSummary()
        self._trim_at = time.monotonic() + _TRIM_EVERY_S
        self._show_at = 0.0

    def run(self) -> ConsumeSummary:
        self._health.parent.mkdir(parents=True, exist_ok=True)
        # Nothing is in hand inside a poll, so a revoked partition needs no flush.
        with self._log.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=_nothing_in_hand) as consumer:
            while not self._stop.is_set():
                self._health.touch()
                with _timed("poll"):
                    messages = consumer.poll(max_records=_BATCH, timeout_s=_POLL_S)
                if messages:
                    self._do(consumer, messages)
                elif self._until_empty and self._caught_up():
                    break
                self._look_after(consumer)
        return self._summary

    def _caught_up(self) -> bool:
        return not any(self._log.lag(ENRICH_GROUP, RAW_TOPIC).values())

    def _look_after(self, consumer: Consumer) -> None:
        """What is due now and then: retention, and the figures."""
        now = time.monotonic()
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_EVERY_S
            self._log.trim()
        if now >= self._show_at:
            self._show_at = now + _SHOW_EVERY_S
            lag = consumer.lag()
            CONSUMER_PARTITIONS.set(len(lag))
            CONSUMER_LAG.clear()
            for place, behind in lag.items():
                CONSUMER_LAG.labels(str(place.partition)).set(behind)

    def _do(self, consumer: Consumer, messages: Sequence[Message]) -> None:
        """Process a batch to its commit; if stopped while the store is away, leave it uncommitted."""
        with _timed("decode"):
            batch = enriched(messages)
        with _timed("store"):
            if not self._put(consumer, batch):
                return
        dead = {(message.place, message.offset) for message, _ in batch.dead}
        # What was a dead letter before says nothing about the stream.
        self._limit.note((m.place, m.offset) in dead for m in messages if not attempts(m))
        with _timed("publish"):
            self._log.publish(
                ENRICHED_TOPIC, [Record(u.offer.asin, orjson.dumps(u.offer.to_dict())) for u in batch.updates]
            )
            self._log.publish(dead_letter_topic(RAW_TOPIC), [dead_letter(m, why) for m, why in batch.dead])
        with _timed("commit"):
            _commit(consumer, messages)
        self._summary.read += len(messages)
        self._summary.unknown += batch.unknown
        self._summary.dead_lettered += len(batch.dead)
        CONSUMED.labels("unknown").inc(batch.unknown)
        CONSUMED.labels("dead_letter").inc(len(batch.dead))
        logger.info(
            "%d records: %d dead-lettered, %d unknown to the source", len(messages), len(batch.dead), batch.unknown
        )

    def _put(self, consumer: Consumer, batch: Enriched) -> bool:
        """Store the batch's updates, however long the store needs; False if stopped before that."""

        def wait(seconds: float) -> None:
            consumer.pause()
            until = time.monotonic() + seconds
            while time.monotonic() < until and not self._stop.is_set():
                self._health.touch()
                consumer.poll(max_records=1, timeout_s=min(_POLL_S, max(0.0, until - time.monotonic())))
            consumer.resume()

        def stopped(_: RetryCallState) -> bool:
            return self._stop.is_set()

        retrying = Retrying(
            retry=retry_if_exception_type(StoreError) & _may_mend,
            wait=wait_random_exponential(multiplier=0.5, max=30),
            sleep=wait,
            stop=stopped,
            before_sleep=_note_retry,
            reraise=True,
        )
        try:
            written = retrying(self._store.put, batch.updates)
        except (StoreCorruptError, StoreRefusedError):
            raise
        except StoreError:
            if self._stop.is_set():
                return False
            raise
        for index, why in written.poison.items():
            batch.dead.append((batch.origins[index], why))
        batch.updates = [u for i, u in enumerate(batch.updates) if i not in written.poison]
        self._summary.stored += written.ok
        self._summary.stale += written.stale
        CONSUMED.labels("stored").inc(written.ok)
        CONSUMED.labels("stale").inc(written.stale)
        return True


def _commit(consumer: Consumer, messages: Sequence[Message]) -> None:
    """Commit a batch, as far as its partitions are still this member's."""
    mine = consumer.assignment()
    try:
        consumer.commit({m.place: m.offset + 1 for m in messages if m.place in mine})
    except LogError as error:
        # Another member has them now and does the batch again, which changes nothing.
        logger.warning("%s", error)


@contextmanager
def _timed(step: str) -> Iterator[None]:
    with BATCH_SECONDS.labels("consumer", step).time():
        yield


def _may_mend(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome is not None else None
    return not isinstance(error, StoreCorruptError | StoreRefusedError)


def _note_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, StoreError):
        STORE_RETRIES.labels(error.kind).inc()
    logger.error("the store does not take the batch, trying again: %s", error)


def _nothing_in_hand(_: frozenset[TopicPartition]) -> None:
    return
