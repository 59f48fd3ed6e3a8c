"""The thread of one channel: whatever it waits for, no other channel waits with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Queue

from arbkit.alerts.channels.channel_tables import Channel
from arbkit.alerts.channels.message import Message
from arbkit.alerts.channels.senders import Sender, SendFailure
from arbkit.core.retry import backoff_s
from arbkit.store.alerts import SentAlert

MAX_ATTEMPTS = 50
"""Tries of one alert on a channel that does not answer: with the waits between them, more than an hour."""
MAX_REFUSALS = 5
"""The same on one that answers and refuses, as with a wrong token."""
_MOST_QUEUED = 16
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 300.0
_REMEMBERED_S = 90_000.0
"""How long what was sent counts for limits: a day, and the hour that it may have more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """That a message was sent at ``at`` (Unix seconds), or why not (``failure``); ``rules``: alert id → rule."""

    lane: Lane
    message: Message
    rules: Mapping[str, str]
    failure: SendFailure | None
    at: float


class Lane:
    """Sends the messages of one channel, one after the other, and says in ``outcomes`` what became of each.

    Only its thread uses the sender; all else is for the thread of the dispatcher.
    """

    def __init__(self, channel: Channel, sender: Sender, outcomes: Queue[Outcome]) -> None:
        self.channel = channel
        self.longest = sender.longest
        self.in_flight: dict[str, str] = {}
        """Alerts that were handed over and not heard of yet: id → rule."""
        self.messages_in_flight = 0
        """The same counted by messages."""
        self.sent: list[SentAlert] | None = None
        """What it sent lately, the oldest first; None: the store must be asked."""
        self.look_at = 0.0
        """Monotonic seconds from which on it is to be looked for messages."""
        self.last_digest_at = 0.0
        self._sender = sender
        self._outcomes = outcomes
        self._jobs: Queue[tuple[Message, Mapping[str, str]] | None] = Queue()
        self._is_closed = threading.Event()
        self._failing: set[str] = set()
        self._try_at: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name=f"channel {channel.name}", daemon=True)
        self._thread.start()

    @property
    def free(self) -> int:
        """How many messages may be handed over: one at a time to a channel that failed last."""
        return max(0, (1 if self._failing else _MOST_QUEUED) - self._jobs.unfinished_tasks)

    def hand_over(self, message: Message, rules: Mapping[str, str]) -> None:
        """Send this message as soon as those before it are done; ``rules`` by the ids of its alerts."""
        self.in_flight.update(rules)
        self.messages_in_flight += 1
        self._jobs.put((message, rules))

    def may_try(self, alert: str) -> bool:
        """Whether an alert that failed here has waited long enough to be tried again."""
        return self._try_at.get(alert, 0.0) <= time.monotonic()

    def note(self, outcome: Outcome, attempts: Mapping[str, int]) -> None:
        """Take account of an outcome; ``attempts`` of its alerts, by id, that are tried again."""
        now = time.monotonic()
        self.messages_in_flight -= 1
        for alert in outcome.rules:
            self.in_flight.pop(alert, None)
            self._try_at.pop(alert, None)
        self.look_at = now
        if outcome.failure is None:
            self._failing.clear()
            if self.sent is not None:
                self.sent += [SentAlert(rule, outcome.at) for rule in outcome.rules.values()]
                self.sent = [one for one in self.sent if one.at > outcome.at - _REMEMBERED_S]
            return
        self._failing.update(outcome.rules)
        for alert, count in attempts.items():
            self._try_at[alert] = now + backoff_s(count, first_s=_FIRST_WAIT_S, longest_s=_LONGEST_WAIT_S)
        # One bad alert holds up no other; a channel that takes none of several rests.
        waits = len(self._failing) - 1
        if waits:
            self.look_at = now + backoff_s(waits, first_s=_FIRST_WAIT_S, longest_s=_LONGEST_WAIT_S)

    def look_soon(self) -> None:
        """Look for messages at once, unless it rests because it took none of several."""
        if len(self._failing) <= 1:
            self.look_at = 0.0

    def close(self, wait_s: float = 0.0) -> None:
        """Send nothing more that has not begun; wait for what has, at most ``wait_s`` seconds."""
        self._is_closed.set()
        self._jobs.put(None)
        self._thread.join(wait_s)

    def _run(self) -> None:
        with self._sender:
            while (job := self._jobs.get()) is not None:
                message, rules = job
                if not self._is_closed.is_set():
                    self._outcomes.put(Outcome(self, message, rules, self._send(message), time.time()))
                self._jobs.task_done()

    def _send(self, message: Message) -> SendFailure | None:
        try:
            return self._sender.send(message)
        except Exception as error:  # noqa: BLE001 - whatever one service's code does, the others go on
            # What it says may hold the address.
            return SendFailure(f"a fault of arbkit or of a package: {type(error).__name__}")
