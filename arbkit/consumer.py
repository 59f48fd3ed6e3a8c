"""The consumer: ``raw.keepa_updates`` → canonical record → store → ``products.enriched``.

A batch goes in one order: stored and acknowledged, published to ``products.enriched``, the records that cannot
be used put on the dead-letter topic with their original bytes, and only then committed. Killed anywhere in
between it does the batch again, and doing it again changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from arbkit.canonical import from_envelope
from arbkit.errors import BadRecordError, LogError, StoreCorruptError, StoreError
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
from arbkit.store import Store, Update, open_store

__all__ = ["ConsumeSummary", "consume"]

logger = logging.getLogger(__name__)

_BATCH = 500
_POLL_S = 0.5
_TRIM_EVERY_S = 300.0


@dataclass(slots=True)
class ConsumeSummary:
    """What a run did, in records. ``unknown``: the source does not know the product on that marketplace."""

    read: int = 0
    stored: int = 0
    stale: int = 0
    unknown: int = 0
    dead_lettered: int = 0


@dataclass(slots=True)
class _Batch:
    updates: list[Update] = field(default_factory=list)
    origins: list[Message] = field(default_factory=list)
    dead: list[tuple[Message, str]] = field(default_factory=list)
    unknown: int = 0


def consume(settings: Settings, *, until_empty: bool = False, stop: threading.Event) -> ConsumeSummary:
    """Enrich until ``stop`` is set, or with ``until_empty`` until nothing is left to do.

    A store that does not answer is waited for. A record that is neither stored nor dead-lettered is never
    passed over.

    Raises:
        LogError: the log cannot be read or written, or retention has removed what was not read yet.
        StoreError: the store cannot be opened, or (StoreCorruptError) is damaged.
    """
    with open_log(settings) as log, open_store(settings) as store:
        return _Loop(settings, log, store, stop, until_empty=until_empty).run()


class _Loop:
    def __init__(self, settings: Settings, log: Log, store: Store, stop: threading.Event, *, until_empty: bool) -> None:
        self._log = log
        self._store = store
        self._stop = stop
        self._until_empty = until_empty
        self._health = settings.home / "health" / "consumer"
        self._summary = ConsumeSummary()
        self._trim_at = time.monotonic() + _TRIM_EVERY_S

    def run(self) -> ConsumeSummary:
        self._health.parent.mkdir(parents=True, exist_ok=True)
        # Nothing is in hand inside a poll, so a revoked partition needs no flush.
        with self._log.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=_nothing_in_hand) as consumer:
            while not self._stop.is_set():
                self._health.touch()
                messages = consumer.poll(max_records=_BATCH, timeout_s=_POLL_S)
                if messages:
                    self._do(consumer, messages)
                elif self._until_empty and self._caught_up():
                    break
                if time.monotonic() >= self._trim_at:
                    self._trim_at = time.monotonic() + _TRIM_EVERY_S
                    self._log.trim()
        return self._summary

    def _caught_up(self) -> bool:
        return not any(self._log.lag(ENRICH_GROUP, RAW_TOPIC).values())

    def _do(self, consumer: Consumer, messages: Sequence[Message]) -> None:
        """Process a batch to its commit; if stopped while the store is away, leave it uncommitted."""
        batch = _sort(messages)
        if not self._put(consumer, batch):
            return
        self._log.publish(
            ENRICHED_TOPIC,
            [Record(u.offer.asin, orjson.dumps(u.offer.to_dict())) for u in batch.updates],
        )
        self._log.publish(dead_letter_topic(RAW_TOPIC), [_dead_letter(m, why) for m, why in batch.dead])
        try:
            consumer.commit({m.place: m.offset + 1 for m in messages})
        except LogError as error:
            # Another member has the partition now and does the batch again, which changes nothing.
            logger.warning("%s", error)
        self._summary.read += len(messages)
        self._summary.unknown += batch.unknown
        self._summary.dead_lettered += len(batch.dead)
        logger.info(
            "%d records: %d dead-lettered, %d unknown to the source", len(messages), len(batch.dead), batch.unknown
        )

    def _put(self, consumer: Consumer, batch: _Batch) -> bool:
        """Store the batch's updates, however long the store needs; False if stopped before that."""

        def wait(seconds: float) -> None:
            consumer.pause()
            until = time.monotonic() + seconds
            while time.monotonic() < until and not self._stop.is_set():
                consumer.poll(max_records=1, timeout_s=min(_POLL_S, max(0.0, until - time.monotonic())))
            consumer.resume()

        def stopped(_: RetryCallState) -> bool:
            return self._stop.is_set()

        retrying = Retrying(
            retry=retry_if_exception_type(StoreError) & _may_mend,
            wait=wait_random_exponential(multiplier=0.5, max=30),
            sleep=wait,
            stop=stopped,
            before_sleep=_log_retry,
            reraise=True,
        )
        try:
            written = retrying(self._store.put, batch.updates)
        except StoreCorruptError:
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
        return True


def _may_mend(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome is not None else None
    return not isinstance(error, StoreCorruptError)


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    logger.error("the store does not take the batch, trying again: %s", error)


def _nothing_in_hand(_: frozenset[TopicPartition]) -> None:
    return


def _sort(messages: Sequence[Message]) -> _Batch:
    """Tell the records apart: updates, unknown to the source, not usable."""
    batch = _Batch()
    for message in messages:
        try:
            update = from_envelope(orjson.loads(message.value))
        except orjson.JSONDecodeError as error:
            batch.dead.append((message, f"not JSON: {error}"))
        except BadRecordError as error:
            batch.dead.append((message, str(error)))
        else:
            if update is None:
                batch.unknown += 1
            else:
                batch.updates.append(update)
                batch.origins.append(message)
    return batch


def _dead_letter(message: Message, why: str) -> Record:
    """The original bytes and headers, with where they came from and why they are here."""
    return Record(
        message.key,
        message.value,
        {
            **message.headers,
            "topic": message.topic,
            "partition": str(message.partition),
            "offset": str(message.offset),
            "error": why,
            "attempts": str(_attempts(message) + 1),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


def _attempts(message: Message) -> int:
    """How often this record was a dead letter before."""
    text = message.headers.get("attempts", "0")
    return int(text) if text.isascii() and text.isdigit() else 0
