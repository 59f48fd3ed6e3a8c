"""A plain round of the watchlist."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from arbkit.pipeline.polling.request import MAX_ASINS, Request
from arbkit.pipeline.polling.round import next_of_round

ASINS = tuple(f"B{i:09d}" for i in range(230))
MARKETS = ("DE", "FR", "IT")


def walk(asins: tuple[str, ...], looked: set[tuple[str, str]]) -> list[Request]:
    made: list[Request] = []
    while (step := next_of_round(asins, MARKETS, looked)) is not None:
        made.append(step)
        looked |= {(asin, step.market) for asin in step.asins}
    return made


def test_a_block_goes_through_all_markets_before_the_next_begins() -> None:
    assert [(r.market, r.asins[0], len(r.asins)) for r in walk(ASINS, set())] == [
        (market, ASINS[start], n) for start, n in ((0, 100), (100, 100), (200, 30)) for market in MARKETS
    ]


def test_nothing_to_watch_is_a_complete_round() -> None:
    assert next_of_round((), MARKETS, set()) is None


@given(looked=st.sets(st.tuples(st.sampled_from(ASINS), st.sampled_from(MARKETS))))
def test_everything_is_looked_at_exactly_once(looked: set[tuple[str, str]]) -> None:
    before = set(looked)
    made = [(asin, r.market) for r in walk(ASINS, looked) for asin in r.asins]
    assert len(made) == len(set(made))
    assert set(made) == {(asin, market) for asin in ASINS for market in MARKETS} - before
    assert all(len(r.asins) <= MAX_ASINS for r in walk(ASINS, set()))
