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
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from arbkit.core.errors import ConfigError, KeepaError, KeepaKeyError, KeepaTokensError, ServiceError
from arbkit.core.files import sole_process
from arbkit.core.retry import backoff_s
from arbkit.core.service.heartbeat import Pulse
from arbkit.core.service.metrics import PRODUCED, TOKENS_LEFT, expose, timed
from arbkit.core.settings import Settings
from arbkit.pipeline.discovery.knowledge import StoreKnowledge
from arbkit.pipeline.discovery.scout import Scout
from arbkit.pipeline.lease.key_lease import KeyLease
from arbkit.pipeline.looks import LookDesk
from arbkit.pipeline.polling.next_looks import NextLooks, ValuesOf
from arbkit.pipeline.polling.outlook import outlook
from arbkit.pipeline.polling.plan_file import write_plan
from arbkit.pipeline.polling.publishing import Publisher, Waiting
from arbkit.pipeline.polling.request import Idle, ReadDeals, Request
from arbkit.pipeline.polling.round import next_of_round
from arbkit.pipeline.polling.stoppable import unless_stopped
from arbkit.pipeline.producer_state import MAX_SHOWN, PaidBatch, Progress
from arbkit.pipeline.watchlist.following import WatchedList
from arbkit.sources.keepa_api.arriving import Arrived, ArrivingAnswers
from arbkit.sources.keepa_api.calls import BestSellersCall, Call, DealsCall, ProductCall
from arbkit.sources.keepa_api.product_lists import BestSellers, DealsPage
from arbkit.sources.keepa_api.token_budget import Tokens, write_tokens
from arbkit.sources.keepa_api.token_costs import products_within
from arbkit.store.mode import mode_at_start
from arbkit.stream import Stream, open_stream

if TYPE_CHECKING:
    from arbkit.sources.keepa_api.client import Batch, KeepaSource

logger = logging.getLogger(__name__)

T = TypeVar("T")

_TICK_S = 1.0
"""How often an idle producer looks whether the watchlist has changed."""

_ASK_TOKENS_S = 60.0
_LATER_S = 60.0
"""How much longer than it was said a wait for tokens must get to be said again."""
_CHECK_MODE_S = 15.0
_FIRST_PLAN_S, _SHOW_PLAN_S, _SHOWN_HOURS = 20.0, 120.0, 1.0
"""When a plan is first shown (what is looked at first comes first), how often anew, and how far it reaches."""
_STOOD_BY_S = 2.0
"""Who has waited longer for the key asks anew how many tokens it has."""
_HIDDEN = "real products have been imported: the demo market is hidden and not polled"
_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 300.0
_FIRST_KEY_PAUSE_S, _LONGEST_KEY_PAUSE_S = 60.0, 3600.0
"""The first and the longest wait after the service has refused the key; each is twice the one before."""


@dataclass(slots=True)
class ProduceSummary:
    """What a run did. ``missing`` counts products that the source never answered for."""

    run_id: str
    batches: int = 0
    products: int = 0
    missing: int = 0
    tokens: Tokens | None = None
    stopped: bool = False


def produce(
    settings: Settings, *, once: bool = False, stop: threading.Event, values: ValuesOf | None = None
) -> ProduceSummary:
    """Poll the watchlist until ``stop`` is set, first what is worth most a token; with ``once`` a single plain round.

    ``values``: what a look may be worth; None: all are worth the same.

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
        KeyLease(settings) as lease,
    ):
        doors = _Doors(stream, source, arriving, pulse, lease)
        return _Producer(settings, doors, stop, values, once=once).run()


@dataclass(frozen=True, slots=True)
class _Doors:
    """What leads out of a producer."""

    stream: Stream
    source: KeepaSource
    arriving: ArrivingAnswers
    pulse: Pulse
    lease: KeyLease


class _Producer:
    def __init__(
        self, settings: Settings, doors: _Doors, stop: threading.Event, values: ValuesOf | None, *, once: bool
    ) -> None:
        self._settings = settings
        self._source = doors.source
        self._stop = stop
        self._once = once
        self._summary = ProduceSummary(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}")
        self._watch = WatchedList(settings)
        self._desk = LookDesk(settings)
        self._consumed: int | None = None
        self._scout = Scout(settings, StoreKnowledge(settings))
        self._progress = Progress(settings.home / "producer.json")
        waiting = Waiting(self._pause, stop.is_set, once)
        self._publisher = Publisher(settings, doors.stream, doors.arriving, self._progress, waiting)
        self._values = values
        self._tokens: Tokens | None = None
        self._failures = 0
        self._mode_due_at = 0.0
        self._said_s: float | None = None
        self._plan_at = time.monotonic() + _FIRST_PLAN_S
        self._pulse = doors.pulse
        self._lease = doors.lease

    def run(self) -> ProduceSummary:
        self._watch.refresh(required=self._once)
        self._progress.keep(self._watch.asins, self._settings.markets, interval=self._settings.poll_interval)
        looked: set[tuple[str, str]] = set()
        if left := self._publisher.left_over(self._summary.run_id):
            logger.info("%s: %d products of an earlier run are published first", left.market, len(left.records))
            looked.update(done := self._publish(left))
            self._desk.settle_earlier(done, self._publisher.missing, left.fetched_at)
        if self._once:
            self._go_round(looked)
        else:
            self._go_on(NextLooks(self._settings, self._progress, self._values))
        self._summary.stopped = self._stop.is_set()
        return self._summary

    def _go_round(self, looked: set[tuple[str, str]]) -> None:
        """Look at everything that has not been looked at in this run."""
        while self._goes_on():
            if (asked := self._desk.next_request()) is not None:
                looked.update(self._serve(asked))
            elif (step := next_of_round(self._watch.asins, self._settings.markets, looked)) is not None:
                looked.update(self._turn(step))
            else:
                return

    def _go_on(self, looks: NextLooks) -> None:
        """Look at what is worth most, again and again."""
        while self._goes_on():
            looks.follow(self._watch.asins)
            if (asked := self._desk.next_request()) is not None:
                looks.looked(self._serve(asked), time.time(), full=asked.buybox)
            elif looks.learn(time.time()):
                continue
            elif (call := self._scout.next_call(time.time(), self._tokens)) is not None:
                self._go_scouting(call)
            elif time.monotonic() >= self._plan_at:
                self._show_plan(looks)
            elif self._tokens is None and (self._watch.asins or self._settings.discovery_share):
                self._ask_tokens()
            else:
                self._look(looks)

    def _look(self, looks: NextLooks) -> None:
        """Make the next request, or wait for it."""
        tokens = self._tokens
        step = Idle(math.inf) if tokens is None else looks.next(tokens, time.time())
        if isinstance(step, Request):
            looks.looked(self._turn(step), time.time(), full=step.buybox)
        elif isinstance(step, ReadDeals):
            self._read_deals(step, looks)
        elif step.for_tokens:
            self._wait_for_tokens(step.seconds)
        else:
            self._pulse.succeeded()
            self._said_s = None
            self._wait(min(step.seconds, looks.rest_s(time.time())), or_new_list=True)

    def _show_plan(self, looks: NextLooks) -> None:
        """Leave what is to come where pages and `arbkit status` read it."""
        self._plan_at = time.monotonic() + _SHOW_PLAN_S
        try:
            write_plan(self._settings, outlook(looks, self._summary.tokens, time.time(), hours=_SHOWN_HOURS))
        except ServiceError as error:
            logger.warning("%s", error)

    def _read_deals(self, step: ReadDeals, looks: NextLooks) -> None:
        if isinstance(page := self._listed(DealsCall(step.market, step.root_category)), DealsPage):
            looks.hear(step, page, time.time())

    def _listed(self, call: DealsCall | BestSellersCall) -> DealsPage | BestSellers | None:
        """A page of deals or a list of best sellers, which discovery gets to see too."""
        if self._ready() is None:
            return None
        found = self._asked(partial(self._ask, partial(self._source.read_list, call)))
        if found is not None:
            self._tokens = found.tokens
            self._scout.take(call, found, time.time())
            logger.info("%s: a list of %d products", call.market, len(found))
        return found

    def _go_scouting(self, call: Call) -> None:
        """Make a call for discovery."""
        if not isinstance(call, ProductCall):
            self._listed(call)
            return
        take = partial(self._scout.take, call)
        self._turn(Request(call.market, call.asins, buybox=call.buybox), then=lambda batch: take(batch, time.time()))

    def _goes_on(self) -> bool:
        """Between two steps: beat, see that there is a market to poll, and read the list; False once stopped."""
        if not self._stop.is_set():
            self._beat()
            self._check_mode()
            self._watch.refresh(required=self._once)
        return not self._stop.is_set()

    def _beat(self) -> None:
        self._pulse.beat()
        self._lease.renew()

    def _serve(self, asked: Request) -> list[tuple[str, str]]:
        """Make a request that somebody asked for beside the watchlist; what has been looked at by it."""
        self._consumed = None
        done: list[tuple[str, str]] = []
        try:
            done = self._turn(asked)
        finally:
            self._desk.settle(done, self._publisher.missing if done else (), self._consumed)
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

    def _turn(self, request: Request, then: Callable[[Batch], None] | None = None) -> list[tuple[str, str]]:
        """Wait for tokens or make the request; what has been looked at by it. ``then`` takes the answer, published."""
        tokens = self._ready()
        return [] if tokens is None else self._asked(partial(self._buy, request, tokens, then)) or []

    def _ready(self) -> Tokens | None:
        """The tokens, where there are any and the key is ours to spend; else None, after a wait."""
        if self._tokens is None:
            self._ask_tokens()
        if self._tokens is None:
            return None
        if (wait_s := self._tokens.wait_s(time.time())) > 0:
            self._wait_for_tokens(wait_s)
            return None
        began = time.monotonic()
        if not self._lease.wait_for_turn(stop=self._stop, pulse=self._pulse, may_wait=not self._once):
            return None
        if time.monotonic() - began > _STOOD_BY_S:
            # Another producer has spent of them meanwhile.
            self._tokens = None
        return self._tokens

    def _ask_tokens(self) -> None:
        self._tokens = self._asked(partial(self._ask, self._source.tokens))

    def _buy(self, request: Request, tokens: Tokens, then: Callable[[Batch], None] | None) -> list[tuple[str, str]]:
        if not self._publisher.can_write(tokens) or not (batch := self._fetch(request)):
            return []
        self._tokens = batch.tokens
        self._consumed = None if batch.tokens is None else batch.tokens.consumed
        arrived = Arrived(request.market, self._source.origin, tuple(batch.products), batch.fetched_at)
        keep = partial(self._publisher.keep, run_id=self._summary.run_id, full=request.buybox)
        done = self._publish(keep(arrived, batch.missing))
        if then is not None:
            then(batch)
        return done

    def _publish(self, batch: PaidBatch) -> list[tuple[str, str]]:
        done, is_all = self._publisher.publish(batch)
        if is_all:
            self._note_published(batch)
        return done

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

    def _asked(self, call: Callable[[], T]) -> T | None:
        """What the source answers; None where it does not, which has been said and waited for then."""
        try:
            return call()
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
                self._pause(error, backoff_s(self._failures, first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S))
        return None

    def _fetch(self, request: Request) -> Batch | None:
        with timed("producer", "fetch"):
            buybox = request.buybox and self._settings.keepa_buybox
            # The rest of a call that would be too dear is asked for next.
            most = max(1, products_within(self._settings.call_tokens, buybox=buybox))
            return self._ask(partial(self._source.fetch, request.market, request.asins[:most], buybox=buybox))

    def _ask(self, call: Callable[[], T]) -> T | None:
        """What the source answers; None if stopped meanwhile."""
        try:
            answer = unless_stopped(call, self._stop, self._beat)
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
