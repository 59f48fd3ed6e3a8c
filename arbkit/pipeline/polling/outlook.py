"""What the planner would do with the tokens to come: the next calls, the ages of facts, and what more tokens bring.

It is played through with a copy of the planner, which learns nothing new on the way. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from arbkit.core.formatting import age_words, percent
from arbkit.pipeline.planning.ages import age_bound
from arbkit.pipeline.planning.planner import LookReason, PlannedLook, Planner
from arbkit.pipeline.polling.next_looks import NextLooks, with_spare_tokens
from arbkit.sources.keepa_api.token_budget import Tokens

HOUR_S, DAY_S = 3_600.0, 86_400.0
_MINUTE_S = 60.0
_FULL_CALL = 100
"""Tokens that are played through at once where fewer come a minute."""
_WEEK_H = 168.0
_MOST_STEPS = 2e8
"""Calls by offers that are played through in some ten seconds."""
_CALL_OFFERS = 3_500
"""Offers that take as long as what each call takes besides."""
_SHOWN_CALLS = 20
_SHOWN_PRODUCTS = 3


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call to come ``at`` (Unix seconds); ``first`` says of a few of its ``asins`` why they are looked at."""

    at: float
    market: str
    asins: tuple[str, ...]
    buybox: bool
    tokens: int
    value: float
    for_age: bool
    first: tuple[tuple[str, LookReason], ...]

    @property
    def why(self) -> str:
        """What speaks for the call, in words, by the first of its products."""
        asin, reason = self.first[0]
        seen = "never looked at" if reason.age_s is None else f"last looked at {age_words(reason.age_s)} ago"
        if self.for_age:
            return f"waits longest: {asin}, {seen}"
        if reason.age_s is None:
            return f"{asin} was never looked at"
        moved = f"moved since with a chance of {percent(100 * reason.moved)}"
        return f"{asin}: {seen}, {moved}, {reason.stake:,.2f} at stake"


@dataclass(frozen=True, slots=True)
class Pace:
    """What a number of tokens a minute comes to, over the time that was played through.

    ``tokens`` and ``value`` (home currency) are of a day, as in the second half of that time; ``value`` is what is at
    stake on the prices that looks find moved. Ages of offers are in seconds, at its end: half of all are younger than
    ``age_p50_s``, nine of ten than ``age_p90_s``; None where nothing was ever looked at. ``oldest_s`` is the age past
    which none goes unseen.
    """

    refill_per_minute: int
    tokens: float
    value: float
    age_p50_s: float | None
    age_p90_s: float | None
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to come. ``state`` says what keeps it from being known or done; empty: nothing.

    ``round_tokens`` is what one look at everything costs, with the buy box and without.
    """

    at: float
    tokens_left: int | None
    refill_per_minute: int | None
    products: int
    markets: int
    state: str
    round_tokens: tuple[int, int]
    calls: Sequence[PlannedCall] = ()
    now: Pace | None = None
    other: Pace | None = None


def default_hours(looks: NextLooks, tokens: Tokens | None) -> float:
    """A week, by which ages have settled; a day where so much is planned that a week would take minutes."""
    calls = 0 if tokens is None else _WEEK_H * 60 * tokens.refill_rate / _FULL_CALL
    return _WEEK_H if calls * (len(looks.planner.book) + _CALL_OFFERS) <= _MOST_STEPS else 24.0


def outlook(looks: NextLooks, tokens: Tokens | None, now: float, *, hours: float, refill: int | None = None) -> Outlook:
    """What comes of the tokens in the hours to come.

    Args:
        looks: what is planned with, as much as it has learned.
        tokens: as the service stated them last; None: nobody has asked.
        now: Unix seconds.
        hours: how far it is played through.
        refill: the tokens a minute to compare with; None: nothing is compared.
    """
    planner, products, markets = looks.planner, len(looks.asins), len(looks.markets)
    offers = products * markets
    said = Outlook(
        now, None if tokens is None else tokens.level(now), None if tokens is None else tokens.refill_rate,
        products, markets, _state(looks, tokens), (offers * planner.costs.full, offers * planner.costs.cheap),
    )  # fmt: skip
    if not products or tokens is None:
        return said
    calls, pace = _play(looks, tokens, now, hours, tokens.refill_rate)
    other = None if refill is None else _play(looks, tokens, now, hours, refill)[1]
    return replace(said, calls=calls, now=pace, other=other)


def _state(looks: NextLooks, tokens: Tokens | None) -> str:
    if not looks.asins:
        return "the watchlist is empty: add a product with `arbkit watch add`"
    if tokens is None:
        return "how many tokens there are is not known before a producer has asked: `arbkit up` or `arbkit produce`"
    if tokens.refill_rate <= 0:
        return "no tokens come in: the key has no running subscription, so only those that are left are spent"
    if len(looks.markets) < 2:
        return "only one marketplace is watched, so there is no route: the oldest come first (ARBKIT_MARKETS)"
    if looks.trouble:
        return f"what looks are worth is not known, so the oldest come first: {looks.trouble}"
    return ""


def _play(looks: NextLooks, tokens: Tokens, now: float, hours: float, refill: int) -> tuple[list[PlannedCall], Pace]:
    """Spend the tokens of the hours to come, ``refill`` of them a minute."""
    planner = looks.planner.copied()
    planner.refills(refill)
    full = tokens.full if refill == tokens.refill_rate else 60 * refill
    level, end = float(min(full, tokens.level(now))), now + hours * HOUR_S
    # What is left over from before, and a first round, are no income of each day.
    counts_from = now + (end - now) / 2
    step_s = _MINUTE_S * max(1.0, _FULL_CALL / refill) if refill > 0 else HOUR_S
    calls: list[PlannedCall] = []
    spent, value, at = 0, 0.0, now
    while at < end:
        while level >= 1:
            look = planner.next_call(at, min(level, looks.call_tokens), looks.interval_s)
            if not isinstance(look, PlannedLook):
                break
            look = with_spare_tokens(look, level, full)
            cost = planner.tokens_of(look)
            reveals = planner.reveals(look, at)
            if len(calls) < _SHOWN_CALLS:
                calls.append(_call(looks, planner, look, at, cost, reveals))
            planner.looked(look.offers, at, full=look.full)
            level -= cost
            if at >= counts_from:
                spent, value = spent + cost, value + reveals
        level, at = min(full, level + refill * step_s / _MINUTE_S), at + step_s
    days = (end - counts_from) / DAY_S
    return calls, _pace(planner, end, refill, spent / days, value / days)


def _call(looks: NextLooks, planner: Planner, look: PlannedLook, at: float, cost: int, reveals: float) -> PlannedCall:
    numbers = look.offers // len(looks.markets)
    asins = tuple(looks.asins[number] for number in numbers.tolist())
    reasons = sorted(zip(asins, planner.explain(look.offers, at), strict=True), key=lambda one: -one[1].value)
    market = looks.markets[look.market]
    first = tuple(reasons[:_SHOWN_PRODUCTS])
    return PlannedCall(at, market, asins, look.full, cost, reveals, look.why == "age", first)


def _pace(planner: Planner, end: float, refill: int, tokens: float, value: float) -> Pace:
    ages = end - planner.book.seen_at
    seen = ages[np.isfinite(ages)]
    p50, p90 = (float(q) for q in np.quantile(seen, (0.5, 0.9))) if len(seen) else (None, None)
    oldest = age_bound(len(planner.book), refill) * DAY_S
    return Pace(refill, tokens, value, p50, p90, oldest if np.isfinite(oldest) else None)
