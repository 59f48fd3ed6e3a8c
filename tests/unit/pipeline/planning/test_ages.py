"""No offer goes unseen past the maximum age, wherever the tokens allow a round in that time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbkit.pipeline.planning.ages import age_bound
from arbkit.pipeline.planning.deals import PlannedPage
from arbkit.pipeline.planning.parameters import planning_parameters
from arbkit.pipeline.planning.planner import PlannedLook, Planner
from tests.unit.pipeline.planning.test_planner import DAY_S, MARKETS, NOW, OneRoute, seen

HOUR_S = 3_600.0
OLDEST = planning_parameters().oldest_days


def oldest_of(found: Planner, tokens_an_hour: int, days: int) -> float:
    """The age in days that an offer reached in this time, of a planner that spends all its tokens."""
    oldest, balance = 0.0, 0.0
    for hour in range(days * 24):
        now = NOW + hour * HOUR_S
        balance += tokens_an_hour
        while balance > 0:
            call = found.next_call(now, balance)
            assert call is not None
            if isinstance(call, PlannedPage):
                balance -= 5
                found.hear(call, np.zeros(0, np.int64), now, 6.0)
                continue
            balance -= found.tokens_of(call)
            prices = np.exp(np.nan_to_num(found.book.new[call.offers], nan=3.0)).tolist()
            found.take(seen(call.offers.tolist(), prices, at=now, full=call.full))
        oldest = max(oldest, float((now - found.book.waits_from).max()) / DAY_S)
    return oldest


@settings(max_examples=24)
@given(
    products=st.integers(10, 24),
    spare=st.floats(1.0, 4.0),
    paying=st.floats(0.02, 0.5),
    ages=st.sampled_from(["now", "spread", "late", "never"]),
    told=st.booleans(),
    seed=st.integers(0, 99),
)
def test_no_offer_waits_longer_than_the_maximum_age_where_the_tokens_allow_a_round(
    products: int, spare: float, paying: float, ages: str, told: bool, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    count = products * MARKETS
    tokens = int(np.ceil(spare * count / OLDEST / 24))
    found = Planner(products, MARKETS, OneRoute(), categories=np.zeros(products, np.int64))
    if ages != "never":
        prices = np.where(np.arange(count) < paying * count, 66.0, 5.0)
        # All at once, as late as their round can still be made in time.
        latest = max(0.0, 0.95 * OLDEST - 1.2 * count / tokens / 24)
        at = {"now": np.zeros(count), "spread": chance.uniform(-latest, 0, count), "late": np.full(count, -latest)}
        looks = seen(list(range(count)), prices.tolist())
        looks.at[:] = NOW + at[ages] * DAY_S
        found.book.take(looks)
    found.learn_all()
    if told:
        found.refills(tokens / 60)
    bound = age_bound(count, tokens / 60)
    assert bound == OLDEST
    # Where the tokens are not told they are learned within the first day.
    assert oldest_of(found, tokens, 16) <= (bound if told else bound + 1)


def test_where_a_round_takes_longer_the_age_is_that_of_the_share_for_it() -> None:
    known = planning_parameters()
    count = 20 * MARKETS
    found = Planner(20, MARKETS, OneRoute())
    found.book.take(seen(list(range(count)), [50.0, 66.0] * 10 + [50.0, 5.0] * 10))
    found.learn_all()
    tokens_a_minute = 1 / 60 / 8
    found.refills(tokens_a_minute)
    bound = age_bound(count, tokens_a_minute)
    assert bound == pytest.approx(count / (3 * known.oldest_share))
    oldest, value = 0.0, 0
    for step in range(3 * int(2.2 * bound)):
        now = NOW + step * 8 * HOUR_S
        call = found.next_call(now, 1)
        assert isinstance(call, PlannedLook)
        value += call.why == "value"
        found.take(seen(call.offers.tolist(), np.exp(found.book.new[call.offers]).tolist(), at=now))
        oldest = max(oldest, float((now - found.book.seen_at).max()) / DAY_S)
    assert oldest <= bound
    assert value > 3 * int(2.2 * bound) / 2


@pytest.mark.parametrize(
    ("offers", "tokens", "days"),
    [
        (0, 0.0, OLDEST),
        (5, 0.0, np.inf),
        (5, 20.0, 1.0),
        (2_500, 20.0, 125 / 72),
        (25_000, 20.0, OLDEST),
        (5_000_000, 5.0, np.inf),
    ],
)
def test_the_bound_of_lists(offers: int, tokens: float, days: float) -> None:
    assert age_bound(offers, tokens) == pytest.approx(days)
