"""The producer: watchlist × markets → source → ``raw.keepa_updates``.

What counts as looked at has been published first. Tokens are money: before each request the log and the home are
seen to take a write, and an answer is kept in the home until it is published, over an outage and over a restart; killed
while an answer comes in, the producer asks again only for what had not come. It waits where it must (tokens, nothing
due, an outage) and can be stopped in every wait. A home has one producer at a time.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

import orjson

from arbkit.core.errors import ConfigError, KeepaError, KeepaKeyError, KeepaTokensError, ServiceError
from arbkit.core.files import sole_process
from arbkit.core.retry import backoff_s
from arbkit.core.service.heartbeat import Pulse
from arbkit.core.service.metrics import PRODUCED, TOKENS_LEFT, expose, timed
from arbkit.core.settings import Settings
from arbkit.pipeline.looks import LookDesk
from arbkit.pipeline.planner import Request, plan
from arbkit.pipeline.producer_state import MAX_SHOWN, KeptBatch, PaidBatch, Progress
from arbkit.pipeline.watchlist.following import WatchedList
from arbkit.sources.envelope import envelope
from arbkit.sources.keepa_api.arriving import Arrived, ArrivingAnswers
from arbkit.sources.keepa_api.token_budget import Tokens, write_tokens
from arbkit.store.mode import mode_at_start
from arbkit.stream import RAW_TOPIC, Record, Stream, dead_letters, open_stream

if TYPE_CHECKING:
    from arbkit.sources.keepa_api.client import Batch, KeepaSource

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PUBLISH_BYTES = 8 << 20
"""Bytes after which a batch of up to 17 MB is published in parts, to bound memory."""

_GRACE_S = 4.0
"""How long an answer that is on its way may still come in after a stop: it is paid for."""

_TICK_S = 1.0
"""How often an idle producer looks whether the watchlist has changed."""

_ASK_TOKENS_S = 60.0
_LATER_S = 60.0
"""How much longer than it was said a wait for tokens must get to be said again."""
_CHECK_MODE_S = 15.0
_HIDDEN = "real products have been imported: the demo market is hidden and not polled"
_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 300.0
_FIRST_KEY_PAUSE_S, _LONGEST_KEY_PAUSE_S = 60.0, 3600.0
"""The first and the longest wait after the service has refused the key; each is twice the one before."""
_LONGEST_WRITE_PAUSE_S = 60.0
"""The longest wait between two tries to write: prices that are paid for get older meanwhile."""


@dataclass(slots=True)
class ProduceSummary:
    """What a run did. ``missing`` counts products that the source never answered for."""

    run_id: str
    batches: int = 0
    products: int = 0
    missing: int = 0
    tokens: Tokens | None = None
    stopped: bool = False


def produce(settings: Settings, *, once: bool = False, stop: threading.Event) -> ProduceSummary:
    """Poll the watchlist until ``stop`` is set; with ``once`` every product a single time.

    An outage of the source or of the log is waited out; with ``once`` it is an error, and the next run publishes what
    was paid for.

    Raises:
        ConfigError: no watchlist, or a setting is wrong; with ``once``, the demo market is hidden by real products.
        KeepaKeyError: with ``once``, the key is wrong; else it is asked again after minutes, more each time.
        KeepaError: with ``once``, the source gives no usable answer.
        StreamError: the log cannot be opened; with ``once``, it cannot be written.
        ServiceError: $ARBKIT_HOME cannot be written, or has a producer already: two would pay for everything twice.
    """
    from arbkit.sources.keepa_api.client import KeepaSource

    expose(settings, settings.producer_metrics_port, "ARBKIT_PRODUCER_METRICS_PORT")
    arriving = ArrivingAnswers(settings.home / "arriving.answer")
    with (
        # A second producer, which is refused, says nothing of the first.
        sole_process(settings.home, "producer"),
        Pulse(settings, "producer") as pulse,
        open_stream(settings) as stream,
        KeepaSource(settings, arriving=arriving, stop=stop) as source,
    ):
        return _Producer(settings, stream, source, arriving, stop, pulse, once=once).run()


class _Producer:
    def __init__(
        self,
        settings: Settings,
        stream: Stream,
        source: KeepaSource,
        arriving: ArrivingAnswers,
        stop: threading.Event,
        pulse: Pulse,
        *,
        once: bool,
    ) -> None:
        self._settings = settings
        self._stream = stream
        self._source = source
        self._stop = stop
        self._once = once
        self._summary = ProduceSummary(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}")
        self._watch = WatchedList(settings)
        self._arriving = arriving
        self._kept = KeptBatch(settings.home / "unpublished.jsonl")
        self._desk = LookDesk(settings)
        self._missing: frozenset[tuple[str, str]] = frozenset()
        self._consumed: int | None = None
        self._progress = Progress(settings.home / "producer.json")
        self._tokens: Tokens | None = None
        self._failures = 0
        self._mode_due_at = 0.0
        self._said_s: float | None = None
        self._pulse = pulse
        self._beat = pulse.beat

    def run(self) -> ProduceSummary:
        self._watch.refresh(required=self._once)
        self._progress.keep(self._watch.asins, self._settings.markets, interval=self._settings.poll_interval)
        # With `once` everything is due that this run has not looked at.
        looks = {} if self._once else self._progress.looks
        interval = math.inf if self._once else self._settings.poll_interval
        if left := self._left_over():
            logger.info("%s: %d products of an earlier run are published first", left.market, len(left.records))
            looks.update(dict.fromkeys(done := self._publish(left), time.time()))
            self._desk.settle_earlier(done, self._missing, left.fetched_at)
        while not self._stop.is_set():
            self._beat()
            self._check_mode()
            self._watch.refresh(required=self._once)
            if (asked := self._desk.next_request()) is not None:
                looks.update(dict.fromkeys(self._serve(asked), time.time()))
                continue
            step = plan(self._watch.asins, self._settings.markets, looks, now=time.time(), interval=interval)
            if isinstance(step, Request):
                looks.update(dict.fromkeys(self._turn(step), time.time()))
            elif self._once:
                break
            else:
                self._pulse.succeeded()
                self._said_s = None
                self._wait(step.seconds, or_new_list=True)
        self._summary.stopped = self._stop.is_set()
        return self._summary

    def _left_over(self) -> PaidBatch | None:
        """What an earlier run has paid for, as far as it came in, and not published."""
        kept = self._kept.read()
        if kept is None and (arrived := self._arriving.read()) is not None:
            return self._paid(arrived)
        self._arriving.drop()
        return kept

    def _serve(self, asked: Request) -> list[tuple[str, str]]:
        """Make a request that somebody asked for beside the watchlist; what has been looked at by it."""
        self._missing, self._consumed = frozenset(), None
        done: list[tuple[str, str]] = []
        try:
            if self._tokens is None:
                # The first turn only asks how many there are.
                self._turn(asked)
            done = self._turn(asked)
        finally:
            self._desk.settle(done, self._missing, self._consumed)
        return done

    def _check_mode(self) -> None:
        """Poll no demo market while there are real products to work with."""
        if self._settings.mode != "demo" or self._settings.demo or time.monotonic() < self._mode_due_at:
            return
        if mode_at_start(self._settings).mode == "imported":
            if self._once:
                raise ConfigError(_HIDDEN, field="KEEPA_API_KEY", remedy="Put your Keepa key into .env")
            logger.warning("%s; for real prices put your Keepa key into .env and start arbkit again", _HIDDEN)
            while mode_at_start(self._settings).mode == "imported" and not self._stop.is_set():
                self._wait(_CHECK_MODE_S)
        self._mode_due_at = time.monotonic() + _CHECK_MODE_S

    def _turn(self, request: Request) -> list[tuple[str, str]]:
        """Wait for tokens or make the request; what has been looked at by it."""
        try:
            if self._tokens is None:
                self._tokens = self._ask(self._source.tokens)
            elif (wait_s := self._tokens.wait_s(time.time())) > 0:
                self._wait_for_tokens(wait_s)
            elif self._can_write(self._tokens) and (batch := self._fetch(request)):
                self._tokens = batch.tokens
                self._consumed = None if batch.tokens is None else batch.tokens.consumed
                arrived = Arrived(request.market, self._source.origin, tuple(batch.products), batch.fetched_at)
                return self._publish(self._paid(arrived, batch.missing))
        except KeepaTokensError as error:
            self._wait_for_tokens(error.wait_s)
        except KeepaError as error:
            if self._once and not self._stop.is_set():
                raise
            self._failures += 1
            if isinstance(error, KeepaKeyError):
                # It may be paid by now; but who asks with a wrong key again and again is shut out.
                seconds = min(_FIRST_KEY_PAUSE_S * 2.0 ** (self._failures - 1), _LONGEST_KEY_PAUSE_S)
                self._pause(error, seconds)
            else:
                self._pause(error, _backoff(self._failures, _LONGEST_PAUSE_S))
        return []

    def _can_write(self, tokens: Tokens) -> bool:
        """Whether log and home take a write now: else an answer would be paid for in vain."""
        return self._written(partial(self._stream.prove_writable, RAW_TOPIC)) and self._written(
            partial(write_tokens, self._settings, tokens)
        )

    def _written(self, write: Callable[[], None]) -> bool:
        """Write, again and again until it is done; False if stopped before.

        Raises:
            ServiceError: with ``once``, it cannot be done.
        """
        for failures in count(1):
            try:
                write()
            except ServiceError as error:
                if self._once and not self._stop.is_set():
                    raise
                self._pause(error, _backoff(failures, _LONGEST_WRITE_PAUSE_S))
            else:
                return True
            if self._stop.is_set():
                return False
        return False

    def _fetch(self, request: Request) -> Batch | None:
        with timed("producer", "fetch"):
            fetch = partial(self._source.fetch, buybox=self._settings.keepa_buybox)
            return self._ask(partial(fetch, request.market, request.asins))

    def _ask(self, call: Callable[[], T]) -> T | None:
        """What the source answers; None if stopped meanwhile."""
        try:
            answer = _unless_stopped(call, self._stop, self._beat)
        finally:
            tokens = self._source.state
            if tokens is not None and tokens is not self._summary.tokens:
                TOKENS_LEFT.set(tokens.left)
                self._summary.tokens = tokens
                try:
                    write_tokens(self._settings, tokens)
                except ServiceError as error:
                    # What has been answered is worth more than the news of it.
                    logger.warning("%s", error)
        self._failures = 0
        return answer

    def _paid(self, arrived: Arrived, missing: tuple[str, ...] = ()) -> PaidBatch:
        """What has arrived as it is published, kept in the home until it is."""
        records = list(self._records(arrived))
        odd = {product["asin"] for product in arrived.products} - {record.key for record in records}
        paid = PaidBatch(arrived.market, records, (*missing, *sorted(odd)), arrived.fetched_at)
        try:
            self._kept.keep(paid)
        except ServiceError as error:
            logger.error("%s; what was just paid for is lost if arbkit ends before it is published", error)
        else:
            self._arriving.drop()
        return paid

    def _publish(self, batch: PaidBatch) -> list[tuple[str, str]]:
        """Publish a batch and remember it as looked at, part by part; what of it is done."""
        seen: list[tuple[str, str]] = []
        with timed("producer", "publish"):
            for part in _parts(batch.records):
                if not self._written(partial(self._publish_part, batch.market, part)):
                    return seen
                seen += [(record.key, batch.market) for record in part]
                if not self._written(partial(self._progress.mark, seen)):
                    return seen
        self._missing = frozenset((asin, batch.market) for asin in batch.missing)
        seen += self._missing
        if self._written(partial(self._progress.mark, seen)) and self._written(self._kept.drop):
            self._note_published(batch)
        return seen

    def _publish_part(self, market: str, part: list[Record]) -> None:
        large = dead_letters.publish(self._stream, RAW_TOPIC, part)
        PRODUCED.labels("published", market).inc(len(part) - large)
        PRODUCED.labels("dead_letter", market).inc(large)

    def _note_published(self, batch: PaidBatch) -> None:
        if batch.missing:
            shown = ", ".join(batch.missing[:MAX_SHOWN])
            logger.warning("%s: no answer for %d products: %s", batch.market, len(batch.missing), shown)
        self._pulse.succeeded()
        self._summary.batches += 1
        self._summary.products += len(batch.records)
        self._summary.missing += len(batch.missing)
        PRODUCED.labels("missing", batch.market).inc(len(batch.missing))
        left = "" if self._tokens is None else f", {self._tokens.left} tokens left"
        logger.info("%s: %d products%s", batch.market, len(batch.records), left)

    def _records(self, arrived: Arrived) -> Iterator[Record]:
        at = datetime.fromtimestamp(arrived.fetched_at, UTC)
        fetched_at = f"{at:%Y-%m-%dT%H:%M:%SZ}"
        run_id, market = self._summary.run_id, arrived.market
        wrapped = partial(envelope, market=market, origin=arrived.origin, fetched_at=fetched_at, run_id=run_id)
        for product in arrived.products:
            try:
                yield Record(product["asin"], orjson.dumps(wrapped(asin=product["asin"], product=product)))
            except orjson.JSONEncodeError as error:
                # Nested more deeply than can be written: it must not stop the others.
                logger.error("%s: %s is left out: %s", market, product["asin"], error)

    def _wait_for_tokens(self, seconds: float) -> None:
        """Wait until there may be tokens, at most a minute; then ask how many, which costs none."""
        self._pulse.succeeded()
        # One wait is asked about many times, and where tokens are short each request waits. It gets longer only where
        # others spend tokens of the same key.
        if self._said_s is None or seconds > self._said_s + _LATER_S:
            self._said_s = seconds
            logger.info("waiting for tokens: about %d s", math.ceil(seconds))
        self._tokens = None
        self._wait(min(max(seconds, _TICK_S), _ASK_TOKENS_S))

    def _pause(self, error: ServiceError, seconds: float) -> None:
        """Say what is wrong, and wait."""
        self._pulse.failed(error)
        if not self._stop.is_set():
            logger.error("%s; the next try is in %.0f s", error, seconds)
            self._wait(seconds)

    def _wait(self, seconds: float, *, or_new_list: bool = False) -> None:
        """Wait that long, until stopped, or until the watchlist changes."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not (
            or_new_list and (self._watch.changed() or self._desk.is_due())
        ):
            self._beat()
            if self._stop.wait(min(left, _TICK_S)):
                return


def _backoff(failures: int, longest_s: float) -> float:
    return backoff_s(failures, first_s=_FIRST_PAUSE_S, longest_s=longest_s)


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


def _unless_stopped(call: Callable[[], T], stop: threading.Event, beat: Callable[[], None]) -> T | None:
    """What ``call`` gives, or None if ``stop`` is set and it does not end within :data:`_GRACE_S`.

    It runs in a thread that may be left behind: an HTTP request cannot be broken off from outside.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            future.set_exception(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    while not stop.is_set():
        beat()
        if wait([future], timeout=0.1).done:
            return future.result()
    return future.result() if wait([future], timeout=_GRACE_S).done else None
