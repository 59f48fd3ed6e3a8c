"""Waiting and trying again, in one way for streams, stores and sources: exponential back-off with full jitter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from arbkit.core.errors import ArbkitError, ConfigError, may_pass

T = TypeVar("T")

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_LOOK_S = 0.5
"""How often a wait looks whether it has been called off."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try: its error, its number from 1 on, and the seconds since the first try began."""

    error: BaseException
    attempt: int
    elapsed_s: float


def with_retry(
    act: Callable[[], T],
    *,
    retry_on: Callable[[BaseException], bool],
    give_up: Callable[[Failure], bool],
    first_s: float,
    longest_s: float,
    before_wait: Callable[[Failure, float], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """What ``act`` returns, tried again after a wait with full jitter for as long as it fails in a passing way.

    Args:
        act: the call; must be safe to repeat.
        retry_on: whether an error may be gone at the next try.
        give_up: whether to raise the error of this failed try after all.
        first_s: upper bound of the first wait in seconds; it doubles with every try.
        longest_s: upper bound of every wait, in seconds.
        before_wait: called with the failed try and the seconds of the wait that follows.
        sleep: waits for the given seconds; may return early, to stop.

    Raises:
        BaseException: what ``act`` raised last.
    """

    def before_sleep(state: RetryCallState) -> None:
        if before_wait is not None:
            before_wait(_failure(state), state.next_action.sleep if state.next_action else 0.0)

    return Retrying(
        retry=retry_if_exception(retry_on),
        wait=wait_random_exponential(multiplier=first_s, max=longest_s),
        stop=lambda state: give_up(_failure(state)),
        before_sleep=before_sleep,
        sleep=sleep,
        reraise=True,
    )(act)


def until_done(act: Callable[[], None], *, stop: threading.Event, on_failure: Callable[[BaseException], None]) -> bool:
    """Do it, however long a store needs to answer, or who mends a file of settings; False if stopped before that.

    Raises:
        ArbkitError: it fails in a way that does not pass.
    """

    def is_waited_for(error: BaseException) -> bool:
        return isinstance(error, ConfigError) or may_pass(error)

    try:
        with_retry(
            act,
            retry_on=is_waited_for,
            give_up=lambda _: stop.is_set(),
            first_s=_FIRST_WAIT_S,
            longest_s=_LONGEST_WAIT_S,
            before_wait=lambda failure, _: on_failure(failure.error),
            sleep=sleep_unless(stop.is_set, stop),
        )
    except ArbkitError as error:
        if stop.is_set() and is_waited_for(error):
            return False
        raise
    return True


def backoff_s(attempt: int, *, first_s: float, longest_s: float) -> float:
    """The seconds to wait after the failed try number ``attempt`` (from 1 on), for loops that keep their own state."""
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    return wait_random_exponential(multiplier=first_s, max=longest_s)(state)


def sleep_unless(called_off: Callable[[], bool], stop: threading.Event) -> Callable[[float], None]:
    """A ``sleep`` that ends soon after ``called_off`` holds, and at once when ``stop`` is set."""

    def sleep(seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not called_off():
            stop.wait(min(left, _LOOK_S))

    return sleep


def _failure(state: RetryCallState) -> Failure:
    error = state.outcome.exception() if state.outcome is not None else None
    if error is None:
        raise RuntimeError("a try that did not fail is not tried again")
    return Failure(error, state.attempt_number, state.seconds_since_start or 0.0)
