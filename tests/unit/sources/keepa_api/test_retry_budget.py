"""What repetitions may cost comes back over the hour."""

from __future__ import annotations

import pytest

from arbkit.sources.keepa_api.retry_budget import RetryBudget


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_tokens_lost_beyond_the_budget_are_made_up_for_by_time() -> None:
    clock = Clock()
    budget = RetryBudget(300, clock=clock)
    budget.lose(600)
    assert budget.wait_s == 0
    budget.lose(300)
    assert budget.wait_s == pytest.approx(1_800)
    assert not budget.may_repeat
    clock.now += 900
    assert budget.wait_s == pytest.approx(900)
    assert budget.lost == pytest.approx(750)
    clock.now += 86_400
    assert (budget.wait_s, budget.lost) == (0, 0)
    assert budget.may_repeat


def test_a_large_plan_may_lose_more() -> None:
    budget = RetryBudget(300, clock=Clock())
    budget.know_plan(1_200)
    budget.lose(7_200)
    assert budget.wait_s == 0
    budget.lose(72)
    assert budget.wait_s == pytest.approx(36)
    budget.know_plan(0)
    assert budget.wait_s > 3_600


def test_requests_are_repeated_as_often_as_the_hour_allows() -> None:
    clock, repeated = Clock(), 0
    budget = RetryBudget(300, clock=clock)
    for _ in range(2 * 3_600):
        if budget.may_repeat:
            budget.repeat()
            repeated += 1
        clock.now += 1
    assert repeated == pytest.approx(3 * 120, abs=2)


def test_a_clock_that_is_set_back_frees_nothing_and_holds_nothing_for_ever() -> None:
    clock = Clock()
    budget = RetryBudget(300, clock=clock)
    budget.lose(900)
    clock.now -= 500
    assert budget.wait_s == pytest.approx(1_800)
    clock.now += 1_800
    assert budget.wait_s == 0
