"""Trying again: what is retried, for how long, and that waits have full jitter."""

from __future__ import annotations

import threading
import time

import pytest

from arbkit.core.retry import Failure, backoff_s, sleep_unless, with_retry


class Flaky:
    """Fails ``times`` times, then answers; ``waits`` are the seconds that were waited."""

    def __init__(self, times: int, error: Exception) -> None:
        self.calls = 0
        self.waits: list[float] = []
        self.failures: list[Failure] = []
        self._times = times
        self._error = error

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._times:
            raise self._error
        return "done"

    def run(self, *, most: int) -> str:
        return with_retry(
            self,
            retry_on=lambda error: isinstance(error, OSError),
            give_up=lambda failure: failure.attempt >= most,
            first_s=1,
            longest_s=3,
            before_wait=lambda failure, _: self.failures.append(failure),
            sleep=self.waits.append,
        )


def test_a_passing_failure_is_tried_again_after_waits_that_grow_up_to_the_longest() -> None:
    flaky = Flaky(4, OSError("away"))
    assert flaky.run(most=10) == "done"
    assert [failure.attempt for failure in flaky.failures] == [1, 2, 3, 4]
    assert all(0 <= wait <= bound for wait, bound in zip(flaky.waits, (1, 2, 3, 3), strict=True))


def test_the_last_error_is_raised_as_it_is() -> None:
    flaky = Flaky(9, OSError("away"))
    with pytest.raises(OSError, match="away"):
        flaky.run(most=3)
    assert (flaky.calls, len(flaky.waits)) == (3, 2)


def test_any_other_error_is_not_tried_again() -> None:
    flaky = Flaky(1, KeyError("ours"))
    with pytest.raises(KeyError):
        flaky.run(most=3)
    assert flaky.calls == 1


def test_waits_are_spread_over_their_whole_length_and_never_grow_without_end() -> None:
    waits = [backoff_s(3, first_s=1, longest_s=60) for _ in range(400)]
    assert min(waits) < 1 < 3 < max(waits) <= 4
    # After days of an outage as well.
    assert 0 <= backoff_s(100_000, first_s=2, longest_s=300) <= 300


def test_a_wait_ends_when_it_is_called_off() -> None:
    stop = threading.Event()
    stop.set()
    began = time.monotonic()
    sleep_unless(stop.is_set, stop)(3_600)
    assert time.monotonic() - began < 600
