"""What is looked at next."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.pipeline.planner import MAX_ASINS, Idle, Request, plan

ASINS = tuple(f"B{i:09d}" for i in range(230))
MARKETS = ("DE", "FR", "IT")


def walk(asins: tuple[str, ...], looks: dict[tuple[str, str], float], *, now: float) -> list[Request]:
    """The requests made until nothing is due, each look a second after the one before."""
    made: list[Request] = []
    while isinstance(step := plan(asins, MARKETS, looks, now=now, interval=10_000), Request):
        made.append(step)
        now += 1
        looks.update({(asin, step.market): now for asin in step.asins})
    return made


def test_a_block_goes_through_all_markets_before_the_next_begins() -> None:
    made = walk(ASINS, {}, now=0)
    assert [(r.market, r.asins[0], len(r.asins)) for r in made] == [
        (market, ASINS[start], n) for start, n in ((0, 100), (100, 100), (200, 30)) for market in MARKETS
    ]


def test_the_next_round_keeps_the_order_of_the_first() -> None:
    looks: dict[tuple[str, str], float] = {}
    assert walk(ASINS, looks, now=0) == walk(ASINS, looks, now=20_000)


def test_what_was_never_looked_at_comes_first_and_takes_due_ones_along() -> None:
    looks = {(asin, market): 0.0 for asin in ASINS[:5] for market in MARKETS}
    step = plan((*ASINS[:5], "B0NEW00001"), MARKETS, looks, now=500, interval=300)
    assert step == Request("DE", ("B0NEW00001", *ASINS[:5]))


def test_the_oldest_look_comes_first() -> None:
    looks = {(asin, market): 100.0 for asin in ASINS[:5] for market in MARKETS}
    looks[ASINS[3], "IT"] = 50.0
    assert plan(ASINS[:5], MARKETS, looks, now=355, interval=300) == Request("IT", (ASINS[3],))


def test_idle_until_the_first_is_due() -> None:
    looks = {(asin, market): 100.0 for asin in ASINS[:5] for market in MARKETS}
    looks[ASINS[3], "IT"] = 90.0
    assert plan(ASINS[:5], MARKETS, looks, now=200, interval=300) == Idle(190.0)


def test_nothing_to_watch_is_idle_for_ever() -> None:
    assert plan((), MARKETS, {}, now=0, interval=300) == Idle(inf)


def test_a_clock_that_was_set_back_does_not_stop_the_watch() -> None:
    looks = {(ASINS[0], market): 1e9 for market in MARKETS}
    assert plan(ASINS[:1], MARKETS, looks, now=1000, interval=300) == Request("DE", ASINS[:1])


@hypothesis_settings(deadline=None)
@given(
    st.lists(st.sampled_from(ASINS), unique=True, max_size=230),
    st.dictionaries(st.tuples(st.sampled_from(ASINS), st.sampled_from(MARKETS)), st.floats(0, 1000)),
)
def test_everything_due_is_looked_at_exactly_once(asins: list[str], looks: dict[tuple[str, str], float]) -> None:
    due = {(a, m) for a in asins for m in MARKETS if looks.get((a, m), -inf) + 10_000 <= 10_500}
    made = walk(tuple(asins), dict(looks), now=10_500)
    # While the walk goes on, a few more become due.
    seen = [(asin, request.market) for request in made for asin in request.asins]
    assert len(seen) == len(set(seen))
    assert due <= set(seen)
    assert all(0 < len(request.asins) <= MAX_ASINS for request in made)


def test_an_infinite_interval_is_one_look_at_everything() -> None:
    assert plan(ASINS[:1], ("DE",), {}, now=5, interval=inf) == Request("DE", ASINS[:1])
    assert plan(ASINS[:1], ("DE",), {(ASINS[0], "DE"): 5}, now=1e12, interval=inf) == Idle(inf)
