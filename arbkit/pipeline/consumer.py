"""The consumer: ``raw.keepa_updates`` → canonical record → store → ``products.enriched``.

A batch goes in one order: stored and acknowledged, published to ``products.enriched``, the unusable records put
on the dead-letter topic with their original bytes, and only then committed. Killed anywhere in between it does the
batch again, and doing it again changes nothing.

One batch is under way in a thread of its own; while it waits for the store's server, the next is read and decoded, and
there are never more. Of a backlog, a process of its own decodes the next batch while one is stored. The thread that
polls also commits, and before a partition goes to another member the batch under way is finished first.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field

from arbkit.core.errors import GroupBusyError, StoreCorruptError, StoreError, StoreRefusedError, StreamError, may_pass
from arbkit.core.models import ProductState
from arbkit.core.offers.merging import Outcome
from arbkit.core.retry import Failure, sleep_unless, with_retry
from arbkit.core.service.heartbeat import Pulse
from arbkit.core.service.metrics import CONSUMED, CONSUMER_LAG, CONSUMER_PARTITIONS, STORE_RETRIES, expose, timed
from arbkit.core.settings import Settings
from arbkit.pipeline.dead_letter_limit import DeadLetterLimit
from arbkit.pipeline.decode import DecodedBatch
from arbkit.pipeline.decode_helper import Decoding
from arbkit.pipeline.enriched import to_record
from arbkit.pipeline.membership import Commits, run_in_turn
from arbkit.store import Store, Written, open_store
from arbkit.store.absorbing import put_guarded
from arbkit.store.mode import takes_demo
from arbkit.stream import (
    ENRICH_GROUP,
    ENRICHED_TOPIC,
    RAW_TOPIC,
    Consumer,
    Message,
    Record,
    Stream,
    TopicPartition,
    dead_letter_topic,
    open_stream,
)
from arbkit.stream.dead_letters import attempts, dead_letter, publish

logger = logging.getLogger(__name__)

_BATCH = 500
_POLL_S = 0.5
_SHORT_POLL_S = 0.05
_UNPAUSED_S = 2.0
_REVOKE_S = 8.0
"""How long a partition's next owner waits for us: within the session's time-out."""
_RETENTION_EVERY_S = 300.0
_SHOW_EVERY_S = 1.0
_PATIENCE_S = 60.0
"""How long another consumer may commit nothing before its work is waited for no longer."""


@dataclass(slots=True)
class Outcomes:
    """What became of records that reached the store: the first of their offer, a change, all older, nothing new."""

    stored: int = 0
    updated: int = 0
    older: int = 0
    equal: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.stored + self.updated + self.older + self.equal

    def note(self, outcome: Outcome) -> None:
        """Count one."""
        setattr(self, outcome, getattr(self, outcome) + 1)


@dataclass(slots=True)
class ConsumeSummary(Outcomes):
    """What a run did, in records. ``unknown``: the source does not know the product on that marketplace.

    ``files`` has the outcomes of imported records by the name of their file.
    """

    read: int = 0
    unknown: int = 0
    dead_lettered: int = 0
    files: dict[str, Outcomes] = field(default_factory=dict)

    @property
    def stale(self) -> int:
        """Records that changed nothing."""
        return self.older + self.equal

    def of_file(self, name: str, records: int) -> Outcomes | None:
        """What became of a file's records; None if another consumer did some of them, or two files have the name."""
        found = self.files.get(name)
        return found if found is not None and found.total == records else None


def consume(
    settings: Settings, *, until_empty: bool = False, stop: threading.Event, summary: ConsumeSummary | None = None
) -> ConsumeSummary:
    """Enrich until ``stop`` is set, or with ``until_empty`` until nothing is left to do.

    A store that does not answer is waited for. A record that is neither stored nor dead-lettered is never
    passed over.

    Args:
        settings: where log and store are.
        until_empty: end when nothing is left.
        stop: ends the run.
        summary: one to go on counting in.

    Raises:
        StreamError: the log cannot be read or written, or retention has removed what was not read yet.
        GroupBusyError: with ``until_empty``, the log is a SQLite file and its consumer runs already; without, one that
            has come first is waited for, as a member of a group without partitions does on Kafka.
        StoreError: the store cannot be opened, is damaged, or lacks a right or an index.
        DeadLetterLimitError: nearly everything is unusable.
    """
    expose(settings, settings.consumer_metrics_port, "ARBKIT_CONSUMER_METRICS_PORT")
    # Of a run that ends, such as an import's, heartbeats would hide that the service itself hangs.
    pulse = Pulse(settings, "consumer", is_silent=until_empty)
    with pulse, open_stream(settings) as stream, open_store(settings) as store:
        loop = _Loop(settings, stream, store, stop, pulse, until_empty=until_empty)
        counted = ConsumeSummary() if summary is None else summary
        # Else all that is loaded now is looked through for garbage again and again while a batch is decoded.
        gc.freeze()
        run_in_turn(lambda: loop.run(counted), stop=stop, pulse=pulse, logger=logger, may_wait=not until_empty)
        return counted


def drain(
    settings: Settings, *, stop: threading.Event, patience_s: float = _PATIENCE_S, summary: ConsumeSummary | None = None
) -> bool:
    """See to it that what is on the raw topic now is enriched, here or by the consumer that runs already.

    Only what is done here is counted in ``summary``.

    Returns:
        Whether all of it is; False if ``stop`` was set, or if the other consumer commits nothing for ``patience_s``
        seconds.

    Raises:
        StreamError: as :func:`consume`, but for a consumer that runs already.
        StoreError: as :func:`consume`.
        DeadLetterLimitError: as :func:`consume`.
    """
    # The port of the metrics belongs to the consumer that runs for long.
    quiet = settings.model_copy(update={"consumer_metrics_port": None})
    with open_stream(quiet) as stream:
        goal = {partition: end for partition, (_, end) in stream.watermarks(RAW_TOPIC).items()}
        before: dict[TopicPartition, int] = {}
        deadline = time.monotonic() + patience_s
        while not stop.is_set():
            try:
                consume(quiet, until_empty=True, stop=stop, summary=summary)
            except GroupBusyError as error:
                logger.info("%s", error.why)
            else:
                return not stop.is_set()
            committed = stream.committed_offsets(ENRICH_GROUP, RAW_TOPIC)
            if all(committed.get(partition, 0) >= end for partition, end in goal.items()):
                return True
            if committed != before:
                before, deadline = committed, time.monotonic() + patience_s
            elif time.monotonic() >= deadline:
                return False
    return False


class _Loop:
    def __init__(
        self,
        settings: Settings,
        stream: Stream,
        store: Store,
        stop: threading.Event,
        pulse: Pulse,
        *,
        until_empty: bool,
    ) -> None:
        self._stream = stream
        self._pulse = pulse
        self._store = store
        self._stop = stop
        self._until_empty = until_empty
        self._settings = settings
        # What a demo market left on the log is not poured among real products.
        self._decoding = Decoding(full=_BATCH, demo=takes_demo(settings, store))
        self._limit = DeadLetterLimit(share=settings.dead_letter_share, run=settings.dead_letter_run)
        self._summary: ConsumeSummary
        self._retention_at = time.monotonic() + _RETENTION_EVERY_S
        self._show_at = 0.0
        self._ended = False
        self._consumer: Consumer
        self._under_way: Future[bool] | None = None
        self._offsets: dict[TopicPartition, int] = {}
        self._commits = Commits("consumer")

    def run(self, summary: ConsumeSummary) -> ConsumeSummary:
        self._summary = summary
        ahead: deque[tuple[Callable[[], DecodedBatch], Sequence[Message]]] = deque()
        with (
            self._stream.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=self._before_revoke) as self._consumer,
            ThreadPoolExecutor(1, "batch") as worker,
            closing(self._decoding),
        ):
            # Only now: a consumer that waits for another one has nothing to decode.
            self._decoding.expect(sum(self._stream.lag(ENRICH_GROUP, RAW_TOPIC).values()))
            try:
                while not self._stop.is_set():
                    self._pulse.beat()
                    if messages := self._poll():
                        ahead.append((self._decoding.start(messages), messages))
                    # Of a backlog the helper always has one more to decode.
                    kept = 1 if self._decoding.beside and len(messages) == _BATCH else 0
                    while len(ahead) > kept:
                        self._begin(worker, *ahead.popleft())
                    if not messages and self._under_way is not None and self._under_way.done():
                        self._commit()
                    elif not messages and self._until_empty and self._under_way is None and self._caught_up():
                        break
                    self._decoding.end_if_idle()
                    self._look_after()
                self._settle()
            finally:
                self._ended = True
        return self._summary

    # The thread that polls

    def _begin(
        self, worker: ThreadPoolExecutor, decoding: Callable[[], DecodedBatch], messages: Sequence[Message]
    ) -> None:
        """Have a batch processed, after the one before."""
        self._settle()
        ends = {(m.topic, m.partition): m.offset + 1 for m in messages}
        self._offsets = {TopicPartition(*at): end for at, end in ends.items()}
        self._under_way = worker.submit(self._process, decoding, messages)
        if not (self._store.waits_for_server or self._decoding.beside):
            # Two threads that both compute take longer than one after the other.
            self._settle()

    def _poll(self) -> Sequence[Message]:
        # The batch under way may be done at any moment, and so may a run that ends.
        patience = _POLL_S if self._under_way is None and not self._until_empty else _SHORT_POLL_S
        with timed("consumer", "poll"):
            return self._consumer.poll(max_records=_BATCH, timeout_s=patience)

    def _settle(self) -> None:
        """Wait for the batch that is under way, staying a member of the group, and commit it."""
        future = self._under_way
        if future is None:
            return
        # Pausing throws away what the client has fetched ahead: only where it takes long.
        if not wait([future], timeout=_UNPAUSED_S).done:
            self._consumer.pause()
            while not wait([future], timeout=_SHORT_POLL_S).done:
                self._pulse.beat()
                self._consumer.poll(max_records=1, timeout_s=0)
            self._consumer.resume()
        self._commit()

    def _before_revoke(self, _: frozenset[TopicPartition]) -> None:
        """Finish what is under way, unless the store keeps it waiting: then the next owner does it again."""
        if self._under_way is not None and wait([self._under_way], timeout=_REVOKE_S).done:
            self._commit()
        self._commits.forget()

    def _commit(self) -> None:
        """Commit the batch that is done."""
        future, self._under_way = self._under_way, None
        if future is not None and future.result():
            self._commits.commit(self._consumer, self._offsets)
            self._commits.report(self._consumer, self._pulse, done=True)

    def _caught_up(self) -> bool:
        return not any(self._stream.lag(ENRICH_GROUP, RAW_TOPIC).values())

    def _look_after(self) -> None:
        """What is due from time to time: a commit that failed, retention, and the metrics."""
        now = time.monotonic()
        self._commits.commit_again(self._consumer)
        if self._under_way is None:
            self._commits.report(self._consumer, self._pulse, done=False)
        if now >= self._retention_at:
            self._retention_at = now + _RETENTION_EVERY_S
            self._stream.apply_retention()
        if self._settings.consumer_metrics_port is not None and now >= self._show_at:
            self._show_at = now + _SHOW_EVERY_S
            self._show_lag()

    def _show_lag(self) -> None:
        CONSUMER_PARTITIONS.set(len(self._consumer.assignment()))
        CONSUMER_LAG.clear()
        try:
            for topic_partition, behind in self._consumer.lag().items():
                CONSUMER_LAG.labels(str(topic_partition.partition)).set(behind)
        except StreamError as error:
            # Unknown for the moment; what cannot be read at all shows when it is polled.
            logger.warning("%s", error)

    # The thread of the batch

    def _process(self, decoding: Callable[[], DecodedBatch], messages: Sequence[Message]) -> bool:
        """Process a batch up to its commit; False, and nothing passed over, if stopped while the store is away."""
        batch = decoding()
        with timed("consumer", "store"):
            written = self._put(batch)
        if written is None:
            return False
        enriched = _enriched(batch, written.states)
        rejected = {id(message) for message, _ in batch.rejected}
        # What was a dead letter before says nothing about the stream.
        self._limit.note(id(m) in rejected for m in messages if not m.headers or not attempts(m.headers))
        with timed("consumer", "publish"):
            publish(self._stream, ENRICHED_TOPIC, enriched)
            self._stream.publish(dead_letter_topic(RAW_TOPIC), [dead_letter(m, why) for m, why in batch.rejected])
        self._summary.read += len(messages)
        self._summary.unknown += batch.unknown
        self._summary.dead_lettered += len(batch.rejected)
        CONSUMED.labels("unknown").inc(batch.unknown)
        CONSUMED.labels("dead_letter").inc(len(batch.rejected))
        logger.info(
            "%d records: %d dead-lettered, %d not found at Keepa", len(messages), len(batch.rejected), batch.unknown
        )
        return True

    def _put(self, batch: DecodedBatch) -> Written | None:
        """Store the batch's updates, however long the store needs; None if stopped before that."""
        try:
            written = with_retry(
                lambda: put_guarded(self._store.put, batch.updates),
                retry_on=may_pass,
                give_up=lambda _: self._is_over(),
                first_s=0.5,
                longest_s=30,
                before_wait=self._note_retry,
                sleep=sleep_unless(self._is_over, self._stop),
            )
        except (StoreCorruptError, StoreRefusedError):
            raise
        except StoreError:
            if self._is_over():
                return None
            raise
        for index, why in written.poison.items():
            batch.rejected.append((batch.origins[index], why))
        for index, outcome in written.outcomes.items():
            self._summary.note(outcome)
            if (file := batch.origins[index].headers.get("file")) is not None:
                self._summary.files.setdefault(file, Outcomes()).note(outcome)
        batch.keep(i for i in range(len(batch.updates)) if i not in written.poison)
        CONSUMED.labels("stored").inc(written.ok)
        CONSUMED.labels("stale").inc(written.stale)
        return written

    def _note_retry(self, failure: Failure, _: float) -> None:
        if isinstance(failure.error, StoreError):
            STORE_RETRIES.labels(failure.error.kind).inc()
        logger.error("the store does not take the batch, trying again: %s", failure.error)
        self._pulse.failed(failure.error)

    def _is_over(self) -> bool:
        return self._ended or self._stop.is_set()


def _enriched(batch: DecodedBatch, states: Mapping[str, ProductState]) -> list[Record]:
    """The products that were stored; what made one that cannot be written are dead letters, and the others go on."""
    records: list[Record] = []
    for asin in dict.fromkeys(update.offer.asin for update in batch.updates):
        try:
            records.append(to_record(states[asin]))
        except Exception as error:
            logger.exception("product %s", asin)
            origins = (o for u, o in zip(batch.updates, batch.origins, strict=True) if u.offer.asin == asin)
            batch.rejected += [(origin, f"a fault of arbkit: {error!r}") for origin in origins]
    return records
