"""The service that a policy asks: a bucket of tokens, looks in batches of one marketplace, and a feed of deals."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tests.planner_market.deals import Deals
from tests.planner_market.market import MARKETS, Facts, Market
from tests.planner_market.parameters import load_assumed
from tests.planner_market.paths import Floats, Ints
from tests.planner_market.windows import Known

BATCH = 100
_MINUTES = 60
CHEAP, FULL = 1, 3
"""Tokens of a look at one offer, without and with its buy box (Keepa API documentation, "Request Products")."""


@dataclass(frozen=True, slots=True)
class Look:
    """Look at these offers of one marketplace; ``full``: with the buy box."""

    offers: Ints
    full: bool

    @property
    def tokens(self) -> int:
        """What it costs."""
        return len(self.offers) * (FULL if self.full else CHEAP)


@dataclass(frozen=True, slots=True)
class AskDeals:
    """Read the newest page of the deals of a category on a marketplace."""

    market: int
    category: int

    @property
    def tokens(self) -> int:
        """What it costs."""
        return load_assumed().deals_tokens


Call = Look | AskDeals


class Policy(Protocol):
    """Decides what to ask. Times are hours since the simulated days began."""

    def start(self, facts: Facts, looked_at: Floats) -> None:
        """Take what is known at first, each offer since its own time."""

    def next(self, now: float, tokens: float) -> Call | None:
        """What to ask now; None: nothing. A call may cost more than the balance, which then stands below zero."""

    def see(self, facts: Facts, now: float) -> None:
        """Take what a look has shown."""

    def hear(self, offers: Ints, since: Floats, now: float, reach_hours: float) -> None:
        """Take which offers a page of deals has shown, since when, and how far back it reached."""


@dataclass(slots=True)
class Outcome:
    """What a policy made of its tokens."""

    value: float
    possible: float
    opened: float = 0.0
    """of windows that opened within the days"""
    opened_possible: float = 0.0
    looks: int = 0
    tokens: int = 0
    deals_tokens: int = 0
    decisions: int = 0
    seconds: float = 0.0
    """the time of the decisions, learning included"""
    oldest: float = 0.0
    """hours since the last look at the offer that was looked at least, at the end"""


def first_looks(market: Market, tokens_a_minute: float, seed: int, *, cold: bool = False) -> Floats:
    """When each offer was last looked at before the days begin: a plain round of the list, in hours below zero.

    ``cold``: it never was.
    """
    count = len(market.level)
    if cold:
        return np.full(count, -np.inf)
    round_hours = min(count * FULL / tokens_a_minute / _MINUTES, market.days * 24.0)
    return -np.random.default_rng([seed, 7]).uniform(0, round_hours, count)


def first_facts(market: Market, looked: Floats) -> Facts:
    """What was known of each offer when the days begin; where it was never looked at, nothing."""
    ever = ~np.isneginf(looked)
    hours = market.begin + np.floor(np.where(ever, looked, 0.0)).astype(np.int64)
    facts = market.facts(np.arange(len(looked)), hours, full=True)
    if not ever.all():
        facts.new[~ever], facts.gap[~ever], facts.departures[~ever], facts.gap_departures[~ever] = np.nan, 0.0, 0.0, 0.0
    return facts


def run(
    market: Market, policy: Policy, tokens_a_minute: float, seed: int, *, cold: bool = False, deals: Deals | None = None
) -> Outcome:
    """Let a policy spend its tokens over the simulated days; ``cold``: it begins with no look at anything."""
    looked = first_looks(market, tokens_a_minute, seed, cold=cold)
    facts = first_facts(market, looked)
    known = Known(facts.new.copy(), facts.gap.copy())
    last = np.where(np.isneginf(looked), 0.0, looked)
    policy.start(facts, looked)
    deals = deals or Deals(market, seed)
    step = max(1.0, BATCH / tokens_a_minute) / _MINUTES
    windows = market.windows
    found = Outcome(0.0, windows.total, opened_possible=float(windows.worth[windows.opened].sum()))
    balance, capacity = 0.0, _MINUTES * tokens_a_minute
    for number in range(round(market.hours / step)):
        now = number * step
        hour = int(now + 1e-9)
        balance = min(capacity, balance + tokens_a_minute * _MINUTES * step)
        while balance > 0:
            begun = time.perf_counter()
            call = policy.next(now, balance)
            found.seconds += time.perf_counter() - begun
            found.decisions += 1
            if call is None:
                break
            balance -= call.tokens
            found.tokens += call.tokens
            if isinstance(call, AskDeals):
                found.deals_tokens += call.tokens
                shown, since = deals.read(call.market, call.category, market.begin + hour)
                # A price of an hour is there from its beginning.
                policy.hear(shown, (since - market.begin).astype(float), now, deals.page_hours)
                continue
            _check(call)
            seen = market.look(call.offers, market.begin + hour, full=call.full)
            known.new[call.offers] = seen.new
            if call.full:
                known.gap[call.offers] = seen.gap
            found.looks += len(call.offers)
            last[call.offers] = now
            begun = time.perf_counter()
            policy.see(seen, now)
            found.seconds += time.perf_counter() - begun
        share, opened = known.share(market.products, windows, hour, market.new[:, hour], market.gap[:, hour])
        found.value += share * step
        found.opened += opened * step
    listed = ~np.isnan(market.level)
    found.oldest = float((market.hours - last[listed]).max())
    return found


def _check(call: Look) -> None:
    if not 0 < len(call.offers) <= BATCH or len(np.unique(call.offers % MARKETS)) != 1:
        raise ValueError(f"no batch of one marketplace: {len(call.offers)} offers")
