"""From what was paid for to the log: kept in the home until it is published, over an outage and over a restart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count

import orjson

from arbkit.core.errors import ServiceError
from arbkit.core.retry import backoff_s
from arbkit.core.service.metrics import PRODUCED, timed
from arbkit.core.settings import Settings
from arbkit.pipeline.producer_state import KeptBatch, PaidBatch, Progress
from arbkit.sources.envelope import envelope
from arbkit.sources.keepa_api.arriving import Arrived, ArrivingAnswers
from arbkit.sources.keepa_api.token_budget import Tokens, write_tokens
from arbkit.stream import RAW_TOPIC, Record, Stream, dead_letters

logger = logging.getLogger(__name__)

_PUBLISH_BYTES = 8 << 20
"""Bytes after which a batch of up to 17 MB is published in parts, to bound memory."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 60.0
"""Between two tries to write: prices that are paid for get older meanwhile."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a producer waits where it cannot write: ``pause`` says why and waits; ``once``: it is an error instead."""

    pause: Callable[[ServiceError, float], None]
    is_stopped: Callable[[], bool]
    once: bool


class Publisher:
    """Publishes answers; ``missing`` of the last one are the (ASIN, market) that it left out."""

    def __init__(
        self, settings: Settings, stream: Stream, arriving: ArrivingAnswers, progress: Progress, waiting: Waiting
    ) -> None:
        self.missing: frozenset[tuple[str, str]] = frozenset()
        self._settings = settings
        self._stream = stream
        self._arriving = arriving
        self._progress = progress
        self._waiting = waiting
        self._kept = KeptBatch(settings.home / "unpublished.jsonl")

    def left_over(self, run_id: str) -> PaidBatch | None:
        """What an earlier run has paid for, as far as it came in, and not published."""
        kept = self._kept.read()
        if kept is None and (arrived := self._arriving.read()) is not None:
            return self.keep(arrived, run_id=run_id)
        self._arriving.drop()
        return kept

    def can_write(self, tokens: Tokens) -> bool:
        """Whether log and home take a write now: else an answer would be paid for in vain.

        Raises:
            ServiceError: with ``once``, they do not.
        """
        return self._written(partial(self._stream.prove_writable, RAW_TOPIC)) and self._written(
            partial(write_tokens, self._settings, tokens)
        )

    def keep(self, arrived: Arrived, missing: tuple[str, ...] = (), *, run_id: str, full: bool = False) -> PaidBatch:
        """What has arrived as it is published, kept in the home until it is."""
        records = list(_records(arrived, run_id))
        odd = {product["asin"] for product in arrived.products} - {record.key for record in records}
        paid = PaidBatch(arrived.market, records, (*missing, *sorted(odd)), arrived.fetched_at, full)
        try:
            self._kept.keep(paid)
        except ServiceError as error:
            logger.error("%s; what was just paid for is lost if arbkit ends before it is published", error)
        else:
            self._arriving.drop()
        return paid

    def publish(self, batch: PaidBatch) -> tuple[list[tuple[str, str]], bool]:
        """Publish a batch and remember it as looked at, part by part; what of it is done, and whether that is all.

        Raises:
            ServiceError: with ``once``, it cannot be written.
        """
        seen: list[tuple[str, str]] = []
        self.missing = frozenset()
        mark = partial(self._progress.mark, full=batch.full)
        with timed("producer", "publish"):
            for part in _parts(batch.records):
                if not self._written(partial(self._publish_part, batch.market, part)):
                    return seen, False
                seen += [(record.key, batch.market) for record in part]
                if not self._written(partial(mark, seen)):
                    return seen, False
        self.missing = frozenset((asin, batch.market) for asin in batch.missing)
        seen += self.missing
        return seen, self._written(partial(mark, seen)) and self._written(self._kept.drop)

    def _publish_part(self, market: str, part: list[Record]) -> None:
        large = dead_letters.publish(self._stream, RAW_TOPIC, part)
        PRODUCED.labels("published", market).inc(len(part) - large)
        PRODUCED.labels("dead_letter", market).inc(large)

    def _written(self, write: Callable[[], None]) -> bool:
        """Write, again and again until it is done; False if stopped before."""
        for failures in count(1):
            try:
                write()
            except ServiceError as error:
                if self._waiting.once and not self._waiting.is_stopped():
                    raise
                self._waiting.pause(error, backoff_s(failures, first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S))
            else:
                return True
            if self._waiting.is_stopped():
                return False
        return False


def _records(arrived: Arrived, run_id: str) -> Iterator[Record]:
    at = datetime.fromtimestamp(arrived.fetched_at, UTC)
    wrapped = partial(
        envelope, market=arrived.market, origin=arrived.origin, fetched_at=f"{at:%Y-%m-%dT%H:%M:%SZ}", run_id=run_id
    )
    for product in arrived.products:
        try:
            yield Record(product["asin"], orjson.dumps(wrapped(asin=product["asin"], product=product)))
        except orjson.JSONEncodeError as error:
            # Nested more deeply than can be written: it must not stop the others.
            logger.error("%s: %s is left out: %s", arrived.market, product["asin"], error)


def _parts(records: Iterable[Record]) -> Iterator[list[Record]]:
    """The records in lists of about :data:`_PUBLISH_BYTES`."""
    part: list[Record] = []
    size = 0
    for record in records:
        part.append(record)
        size += len(record.value)
        if size >= _PUBLISH_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part
