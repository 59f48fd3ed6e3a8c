"""The dispatcher: ``arbitrage.alerts`` → store → channels, at least once each, under the alert's own id.

What is read is kept in the store before it is committed, and what became of it on each channel is kept there too.
Killed anywhere it goes on with what is not marked as sent: a message may come twice, with the same id; none is lost.
Of several dispatchers that share the topic's partitions all read, and the one that has the first partition sends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from arbkit.alerts.delivery.intake import keep, read_messages
from arbkit.alerts.delivery.lanes import Delivered, Lanes
from arbkit.alerts.delivery.plan import DeliveryPlan, PlanMark, load_plan, plan_mark
from arbkit.core.errors import ConfigError, StoreError, StreamError
from arbkit.core.retry import until_done
from arbkit.core.service.heartbeat import Pulse
from arbkit.core.settings import Settings
from arbkit.pipeline.membership import Commits, run_in_turn
from arbkit.store import Store, open_store
from arbkit.stream import ALERTS_GROUP, ALERTS_TOPIC, Consumer, Message, Stream, dead_letter_topic, open_stream
from arbkit.stream.dead_letters import dead_letter

logger = logging.getLogger(__name__)

_SERVICE = "dispatcher"
_BATCH = 500
_POLL_S, _BUSY_WAIT_S = 0.5, 0.05
_CATCH_UP_S = 10.0
"""How long what waits on the topic is read before anything is sent: the best of many goes first."""
_PLAN_EVERY_S = 1.0
_LAST_WAIT_S = 15.0
"""How long messages that are under way may take once it is to end: what comes of them later is sent again."""


def deliver(settings: Settings, *, stop: threading.Event, until_empty: bool = False) -> Delivered:
    """Send alerts until ``stop`` is set; or, with ``until_empty``, all that can be sent now.

    A store that does not answer is waited for, and so is an ``alerts.toml`` that cannot be read.

    Returns:
        How many were received and what became of them.

    Raises:
        StreamError: the log cannot be read or written, or retention has removed what was not read yet.
        StoreError: the store cannot be opened, is damaged, or lacks a right or an index.
        GroupBusyError: with ``until_empty``, another dispatcher is at work on an embedded log.
    """
    with Pulse(settings, _SERVICE) as pulse, open_stream(settings) as stream, open_store(settings) as store:
        dispatcher = _Dispatcher(settings, stream, store, stop, pulse, until_empty=until_empty)
        try:
            run_in_turn(dispatcher.run, stop=stop, pulse=pulse, logger=logger, may_wait=not until_empty)
        finally:
            dispatcher.close()
    return dispatcher.delivered


class _Dispatcher:
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
        self.delivered = Delivered()
        self._pulse = pulse
        self._commits = Commits(_SERVICE)
        self._settings = settings
        self._stream = stream
        self._store = store
        self._stop = stop
        self._until_empty = until_empty
        self._lanes = Lanes(settings, stream, store, self.delivered)
        self._plan: DeliveryPlan | None = None
        self._mark: PlanMark = None
        self._plan_at = 0.0
        self._read_until = 0.0

    def run(self) -> None:
        with self._stream.consumer(
            ALERTS_GROUP, [ALERTS_TOPIC], on_revoke=lambda _: self._commits.forget()
        ) as consumer:
            while not self._stop.is_set():
                self._pulse.beat()
                if not self._until_done(self._follow_plan) or self._plan is None:
                    return
                is_busy = self._lanes.is_busy
                messages = consumer.poll(max_records=_BATCH, timeout_s=0 if is_busy else _POLL_S)
                if is_busy and not messages:
                    self._lanes.await_outcome(_BUSY_WAIT_S)
                is_taken = bool(messages) and self._until_done(partial(self._take, messages, self._plan))
                if is_taken:
                    self._commits.commit(consumer, {m.topic_partition: m.offset + 1 for m in messages})
                self._commits.commit_again(consumer)
                if self._has_more(messages):
                    continue
                is_done = self._serve(consumer)
                self._commits.report(consumer, self._pulse, done=is_taken)
                if self._until_empty and is_done and not messages and not sum(consumer.lag().values()):
                    return

    def close(self) -> None:
        """Wait a little for what is being sent, keep what became of it, and end all threads."""
        try:
            self._lanes.close(_LAST_WAIT_S)
        except (StoreError, StreamError) as error:
            logger.error("what became of the last messages is not kept, they are sent again: %s", error)

    def _has_more(self, messages: Sequence[Message]) -> bool:
        """Whether to go on reading before anything is sent."""
        now = time.monotonic()
        # Of a run that ends, all that is there is read before anything goes: the best of it first.
        if len(messages) < _BATCH and not (self._until_empty and messages):
            self._read_until = 0.0
            return False
        self._read_until = self._read_until or now + _CATCH_UP_S
        return now < self._read_until

    def _serve(self, consumer: Consumer) -> bool:
        """Send what is due, if it is this dispatcher that sends; whether nothing is left to do for now."""
        if not any(owned.partition == 0 for owned in consumer.assignment()):
            self._lanes.forget_sent()
            return True
        handed = 0

        def serve() -> None:
            nonlocal handed
            handed += self._lanes.serve()

        return self._until_done(serve) and not handed and not self._lanes.is_busy

    def _follow_plan(self) -> None:
        """Load the plan if its file has changed; one that cannot be read is an error only before there is any."""
        now = time.monotonic()
        if self._plan is not None and now < self._plan_at:
            return
        self._plan_at = now + _PLAN_EVERY_S
        mark = plan_mark(self._settings)
        if self._plan is not None and mark == self._mark:
            return
        try:
            plan = load_plan(self._settings)
        except ConfigError as error:
            self._mark = mark
            if self._plan is None:
                raise
            logger.error("the channels and limits of before stay: %s", error)
            return
        self._plan, self._mark = plan, mark
        self._lanes.follow(plan)

    def _take(self, messages: Sequence[Message], plan: DeliveryPlan) -> None:
        taken = read_messages(messages, plan, now=time.time())
        if taken.rejected:
            letters = [dead_letter(message, why) for message, why in taken.rejected]
            self._stream.publish(dead_letter_topic(ALERTS_TOPIC), letters)
        keep(self._store, taken)
        self.delivered.received += len(taken.records)
        if not self._until_empty:
            self._lanes.note_arrivals(record.rule for record in taken.records)
        self._lanes.look_now()

    def _until_done(self, act: Callable[[], None]) -> bool:
        return until_done(act, stop=self._stop, on_failure=self._note_wait)

    def _note_wait(self, error: BaseException) -> None:
        logger.error("no alert is sent, trying again: %s", error)
        self._pulse.failed(error)
        self._pulse.beat()
