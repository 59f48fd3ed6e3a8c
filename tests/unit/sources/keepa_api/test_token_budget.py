"""What the tokens will be, if none is spent."""

from __future__ import annotations

import pytest

from arbkit.sources.keepa_api.token_budget import Tokens


def tokens(left: int = 10, rate: int = 5, **more: float) -> Tokens:
    return Tokens(left=left, refill_rate=rate, refill_in_s=20.0, at=1_000.0, consumed=3, origin="keepa", **more)


@pytest.mark.parametrize(("after", "level"), [(0, 10), (19, 10), (20, 15), (79, 15), (80, 20), (90_000, 300)])
def test_refills_come_once_a_minute_until_the_bucket_is_full(after: int, level: int) -> None:
    assert tokens().level(1_000.0 + after) == level


@pytest.mark.parametrize(
    ("wanted", "seconds"), [(10, 0.0), (11, 20.0), (15, 20.0), (16, 80.0), (300, 20.0 + 57 * 60), (301, None)]
)
def test_it_is_known_when_there_will_be_so_many(wanted: int, seconds: float | None) -> None:
    assert tokens().until_s(wanted, 1_000.0) == seconds


def test_time_that_has_passed_counts() -> None:
    assert tokens().until_s(16, 1_050.0) == 30.0
    assert tokens().until_s(16, 9_000.0) == 0.0


def test_without_refills_there_are_never_more() -> None:
    assert tokens(rate=0).until_s(11, 1_000.0) is None
    assert tokens(rate=0).level(9_999.0) == 10
    assert tokens(left=400).full == 400


def test_the_forecast_ends_with_a_full_bucket() -> None:
    points = tokens(left=-5, rate=5).forecast(1_000.0)
    assert points[:2] == [(1_000.0, -5), (1_020.0, 0)]
    assert points[-1] == (1_020.0 + 60 * 60, 300)
    assert tokens(left=300).forecast(1_000.0) == [(1_000.0, 300)]
    assert tokens(rate=0).forecast(1_000.0) == [(1_000.0, 10)]


@pytest.mark.parametrize("left", [-7, 0, 50])
@pytest.mark.parametrize("rate", [0, -1])
def test_a_plan_that_has_ended_is_never_refilled(left: int, rate: int) -> None:
    ended = tokens(left, rate)
    assert ended.until_s(left + 1, 2_000.0) is None
    assert ended.forecast(2_000.0) == [(2_000.0, ended.level(2_000.0))]
