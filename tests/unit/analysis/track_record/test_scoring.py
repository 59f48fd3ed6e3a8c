"""What came of a forecast: only what is known after its horizon counts, and nothing after it changes it."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from arbkit.analysis.track_record.parameters import PARAMETERS
from arbkit.analysis.track_record.scoring import GAP, GONE, NO_OFFER, NOT_LOOKED_AT, OTHER_CURRENCY, outcome_of
from arbkit.core.forecasts.record import DAY_S, ForecastRecord
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Series
from tests.helpers.forecasts import MADE_AT, forecast

END = MADE_AT + 14 * DAY_S
DAY_MIN = 1_440
LATE = END + (PARAMETERS.scoring.wait_days + 1) * DAY_S


def history(*points: tuple[float, int], looked_at: float, currency: str = "EUR") -> History:
    """New prices by days after the forecast; the source looked last at ``looked_at`` days after it."""
    times = array("i", [to_minutes(MADE_AT) + round(day * DAY_MIN) for day, _ in points])
    series = {"new": Series(times, array("i", [price for _, price in points]))} if points else {}
    return History("B000000001", "DE", to_minutes(MADE_AT + looked_at * DAY_S), currency, series)


def outcome(
    past: History | None, *, now: float = END + DAY_S, seen_until: float | None = None
) -> ForecastRecord | None:
    return outcome_of(forecast(), past, now=now, seen_until=now if seen_until is None else seen_until)


def test_the_price_that_held_at_the_horizon_is_scored_with_the_profit_it_leaves() -> None:
    found = outcome(history((-20, 2_000), (10, 1_950), (15, 9_999), looked_at=20))
    assert found == replace(forecast(), price_then=1_950, profit_then=0.75, in_band=True, scored_at=END + DAY_S)
    above = outcome(history((-20, 2_000), (10, 2_160), looked_at=14))
    assert above is not None
    assert (above.in_band, above.profit_then) == (False, 1.8)


def test_nothing_is_scored_by_a_look_from_before_the_horizon() -> None:
    # The same prices: only the last look differs.
    points = (-20.0, 2_000), (13.9, 1_950)
    assert outcome(history(*points, looked_at=13.99)) is None
    found = outcome(history(*points, looked_at=14))
    assert found is not None
    assert found.price_then == 1_950
    # A change after the horizon is a look as well.
    assert outcome(history(*points, (14.1, 1), looked_at=13.9)) == found


@pytest.mark.parametrize("later", [(), ((14.5, 1),), ((14.01, -1), (20.0, 5_000))])
def test_what_comes_after_the_horizon_changes_no_outcome_and_what_comes_before_does(
    later: tuple[tuple[float, int], ...],
) -> None:
    expected = outcome(history((-20, 2_000), (12, 2_100), looked_at=30))
    assert outcome(history((-20, 2_000), (12, 2_100), *later, looked_at=30)) == expected
    other = outcome(history((-20, 2_000), (12, 2_100), (13.99, 1_990), *later, looked_at=30))
    assert other is not None
    assert other.price_then == 1_990


def test_what_cannot_be_known_any_more_says_why() -> None:
    known = history((-20, 2_000), looked_at=30)
    reasons = {
        NO_OFFER: outcome(history((-20, 2_000), (13, -1), looked_at=30)),
        GAP: outcome(history((15, 2_000), looked_at=30)),
        OTHER_CURRENCY: outcome(replace(known, currency="CHF")),
        GONE: outcome(None, now=LATE),
        NOT_LOOKED_AT: outcome(history((-20, 2_000), looked_at=13), now=LATE),
    }
    for reason, found in reasons.items():
        assert found is not None
        assert (found.unknown, found.price_then, found.profit_then, found.in_band) == (reason, None, None, None)
        assert found.scored_at is not None


def test_a_missing_look_is_waited_for() -> None:
    for past in (None, history(looked_at=30), history((-20, 2_000), looked_at=13)):
        assert outcome(past, now=END + PARAMETERS.scoring.wait_days * DAY_S) is None
        # A clock that is years ahead, or an arbkit that did not run, gives nothing up.
        assert outcome(past, now=LATE * 2, seen_until=END) is None
        assert outcome(past, now=END - DAY_S, seen_until=LATE) is None
        assert outcome(past, now=LATE) is not None
