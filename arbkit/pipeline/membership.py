"""What a service does as a member of a consumer group: it waits for its turn, and makes commits again that failed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from arbkit.core.errors import GroupBusyError, StreamError
from arbkit.core.service.heartbeat import Pulse
from arbkit.core.service.metrics import timed
from arbkit.stream import Consumer, TopicPartition

logger = logging.getLogger(__name__)

Done = TypeVar("Done")
_AGAIN_S = 5.0


def run_in_turn(
    run: Callable[[], Done], *, stop: threading.Event, pulse: Pulse, logger: logging.Logger, may_wait: bool = True
) -> Done | None:
    """What ``run`` gives once no other consumer keeps the group; None if ``stop`` was set before.

    Raises:
        GroupBusyError: another one keeps it, and nobody ``may_wait``.
    """
    said = False
    while not stop.is_set():
        try:
            return run()
        except GroupBusyError as error:
            if not may_wait:
                raise
            if not said:
                logger.warning("%s; waiting until it ends", error)
            said = True
            pulse.beat()
    return None


class Commits:
    """What ``service`` has done and not committed yet: offsets by partition.

    A commit that fails is made again, though nothing more may come to commit with it.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._done: dict[TopicPartition, int] = {}
        self._again_at = 0.0
        self._fault: StreamError | None = None

    def commit(self, consumer: Consumer, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit these offsets, as far as their partitions are still this member's; a failure is only logged."""
        self._done |= offsets
        mine = consumer.assignment()
        self._done = {tp: offset for tp, offset in self._done.items() if tp in mine}
        self._again_at = time.monotonic() + _AGAIN_S
        try:
            with timed(self._service, "commit"):
                consumer.commit(self._done)
            self._done, self._fault = {}, None
        except StreamError as error:
            # Another member has them now and does them again, which changes nothing; or the disk is full for a while.
            logger.warning("%s", error)
            self._fault = error

    def commit_again(self, consumer: Consumer) -> None:
        """Commit what could not be committed, if that is some seconds ago."""
        if self._done and time.monotonic() >= self._again_at:
            self.commit(consumer, {})

    def report(self, consumer: Consumer, pulse: Pulse, *, done: bool) -> None:
        """Leave with the heartbeats whether anything gets done: ``done`` says that a batch just was.

        Raises:
            StreamError: it cannot be asked whether any waits.
        """
        if self._fault is not None:
            pulse.failed(self._fault)
        elif done or (pulse.is_failing and consumer.assignment() and not any(consumer.lag().values())):
            pulse.succeeded()

    def forget(self) -> None:
        """Leave it to the next owners of the partitions: later it would undo what they have committed."""
        self._done, self._fault = {}, None
