"""The planner: which offers to look at next, with or without their buy box, and when a page of deals is worth more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from arbkit.pipeline.planning.book import Book, Floats, Ints, Mask, Seen, Small
from arbkit.pipeline.planning.change_rates import RatePrior
from arbkit.pipeline.planning.deals import DealsPages, PlannedPage
from arbkit.pipeline.planning.look_value import NEVER_H, look_value
from arbkit.pipeline.planning.parameters import PlanningParameters, planning_parameters
from arbkit.pipeline.planning.stakes import Profits, stakes_of

_HOUR_S = 3_600.0
_HOURS = 24.0
_CHUNK = 4_096
"""Products whose stakes are computed together."""
_FIRST_STAKE = 1.0
"""Money at stake on what was never looked at, until looks say what is usual; only its order matters."""
_RECENT = 0.02
"""The weight of the newest looks in what is usual."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What calls cost in tokens, and how many offers one request takes."""

    cheap: int = 1
    full: int = 3
    deals: int = 5
    batch: int = 100


Why = Literal["value", "age"]
"""Why it is looked at: for the money expected, or because it was not looked at for so long."""


@dataclass(frozen=True, slots=True)
class PlannedLook:
    """Look at these offers of one marketplace; ``full``: with their buy box. ``value`` is money expected from it."""

    market: int
    offers: Ints
    full: bool
    value: float
    why: Why = "value"


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of the planner are on: each may be switched off to see what it brings."""

    change_rates: bool = True
    route_value: bool = True
    two_stages: bool = True
    deals: bool = True


class Planner:
    """Learns from what looks show, and says what to look at next. Times are Unix seconds."""

    def __init__(
        self,
        products: int,
        markets: int,
        profits: Profits,
        *,
        costs: Costs | None = None,
        parameters: PlanningParameters | None = None,
        parts: Parts | None = None,
        categories: Ints | None = None,
        rates: tuple[Floats, Floats] | None = None,
    ) -> None:
        """A planner of this many products that knows nothing yet; ``categories`` of them, for pages of deals.

        ``rates``: the moves a day of the prices and of the gaps of all offers, in place of learning them.
        """
        self.book = Book(products, markets)
        self._profits = profits
        self._costs = costs or Costs()
        self._known = parameters or planning_parameters()
        self._parts = parts or Parts()
        self._given = rates
        count = len(self.book)
        self._rate: Small = np.zeros(count, np.float32)
        self._gap_rate: Small = np.zeros(count, np.float32)
        self._stake: Small = np.zeros(count, np.float32)
        self._gap_stake: Small = np.zeros(count, np.float32)
        self._prior = RatePrior(self._known.moves_a_day, self._known.prior_days)
        self._gap_prior = RatePrior(self._known.gap_moves_a_day, self._known.prior_days)
        self._weight: Small = np.ones(count, np.float32)
        self._with_deals = self._parts.deals and categories is not None
        self._deals = DealsPages(np.zeros(0, np.int64) if categories is None else categories, markets, self._known)
        self._unknown = _FIRST_STAKE
        self._spent, self._spent_on_age = 0, 0
        self._resting: Mask = np.zeros(count, bool)

    def learn_all(self) -> None:
        """Learn the rates of all offers anew, and what is at stake on each."""
        book, known = self.book, self._known
        self._prior = RatePrior.learned(book.moves, book.days, mean=known.moves_a_day, prior_days=known.prior_days)
        self._gap_prior = RatePrior.learned(
            book.gap_moves, book.days, mean=known.gap_moves_a_day, prior_days=known.prior_days
        )
        for start in range(0, book.products, _CHUNK):
            self._learn(np.arange(start, min(book.products, start + _CHUNK)))

    def take(self, seen: Seen) -> None:
        """Take what looks have shown."""
        if self._with_deals:
            before = self.book.new[seen.offers]
            stayed = (np.abs(seen.new - before) <= self._known.tolerance) | (np.isnan(seen.new) & np.isnan(before))
            self._deals.looked(seen.offers, ~stayed)
        self.book.take(seen)
        self._learn(np.unique(seen.offers // self.book.markets))

    def watch(self, products: Ints) -> None:
        """What a person or a rule of alerts watches weighs more, in place of what was watched before."""
        self._weight[:] = 1
        offers = (products[:, None] * self.book.markets + np.arange(self.book.markets)).ravel()
        self._weight[offers] = self._known.watched_weight
        self.learn_all()

    def looked(self, offers: Ints, now: float, *, full: bool) -> None:
        """Take that offers were looked at, of which it is not known yet what that has shown."""
        self.book.seen_at[offers] = now
        if full:
            self.book.full_at[offers] = now

    def next_call(self, now: float, tokens: float, *, least_age_s: float = 0.0) -> PlannedLook | PlannedPage | None:
        """The batch, or the page of deals, that is worth most a token; None where there is nothing to look at."""
        if not len(self.book) or tokens <= 0:
            return None
        since = now - self.book.seen_at
        self._resting = (since >= 0) & (since < least_age_s)
        if self._resting.all():
            return None
        look = self.next_look(now, tokens)
        by_token = look.value / self.tokens_of(look)
        if self._with_deals and look.why == "value":
            page = self._deals.best_page(now, self._stake, self._rate, by_token)
            if page and page.value / self._costs.deals > by_token:
                self._spent += self._costs.deals
                return page
        self._spent += self.tokens_of(look)
        self._spent_on_age += self.tokens_of(look) if look.why == "age" else 0
        return look

    def hear(self, page: PlannedPage, offers: Ints, now: float, reach_hours: float) -> None:
        """Take which offers of the list a page of deals has shown, which reached so far back."""
        self._deals.hear(page, offers, now, reach_hours)

    def next_look(self, now: float, tokens: float) -> PlannedLook:
        """The batch that is worth most a token; where nothing is worth a look, and now and then, the oldest looks."""
        costs = self._costs
        ages = self._ages(now, self.book.seen_at)
        if self._spent_on_age < self._known.oldest_share * self._spent:
            overdue = np.where(ages > self._known.oldest_days * _HOURS, ages, np.float32(0))
            look = self._best(overdue, tokens, costs.cheap, full=False)
            if look is not None:
                return replace(look, value=0.0, why="age")
        value = self._values(ages)
        choices = [self._best(value + self.gap_values(now), tokens, costs.full, full=True)]
        if self._parts.two_stages:
            choices.append(self._best(value, tokens, costs.cheap, full=False))
        found = [one for one in choices if one is not None]
        if found:
            return max(found, key=lambda one: one.value / self.tokens_of(one))
        return self._oldest(ages, tokens)

    def _oldest(self, ages: Small, tokens: float) -> PlannedLook:
        """The marketplace's oldest looks, where no look is worth more than another."""
        count = min(self._costs.batch, max(1, int(tokens) // self._costs.full), self.book.products)
        by_market = ages.reshape(-1, self.book.markets).T
        place = np.argsort(-by_market, axis=1, kind="stable")[:, :count]
        market = int(np.argmax(np.take_along_axis(by_market, place, axis=1).sum(axis=1)))
        offers = place[market] * self.book.markets + market
        return PlannedLook(market, offers[~self._resting[offers]], full=True, value=0.0, why="age")

    def tokens_of(self, look: PlannedLook) -> int:
        """What a look costs."""
        return len(look.offers) * (self._costs.full if look.full else self._costs.cheap)

    def values(self, now: float) -> Small:
        """What a look at each offer is worth now for its price alone, in the home currency."""
        return self._values(self._ages(now, self.book.seen_at))

    def gap_values(self, now: float) -> Small:
        """What it is worth for the gap of its buy box."""
        return look_value(self._gap_stake, self._gap_rate, self._ages(now, self.book.full_at))

    def _values(self, ages: Small) -> Small:
        value = look_value(self._stake, self._rate, ages)
        return np.maximum(value, self._deals.heard_stake(self._stake, self._rate)) if self._with_deals else value

    def _ages(self, now: float, at: Floats) -> Small:
        """Hours since; a look from the future, after the clock was set back, counts as one of now."""
        return np.minimum(np.maximum((now - at) / _HOUR_S, 0.0), NEVER_H).astype(np.float32)

    def _best(self, value: Small, tokens: float, cost: int, *, full: bool) -> PlannedLook | None:
        most = min(self._costs.batch, max(1, int(tokens) // cost), self.book.products)
        value = np.where(self._resting, np.float32(0), value)
        by_market = value.reshape(-1, self.book.markets).T
        place = np.argpartition(by_market, -most, axis=1)[:, -most:]
        sums = np.take_along_axis(by_market, place, axis=1).sum(axis=1)
        market = int(np.argmax(sums))
        chosen = place[market][by_market[market, place[market]] > 0]
        if not len(chosen):
            return None
        return PlannedLook(market, chosen * self.book.markets + market, full, float(sums[market]))

    def _learn(self, products: Ints) -> None:
        """Learn the rates and stakes of these products anew."""
        book, known = self.book, self._known
        offers = (products[:, None] * book.markets + np.arange(book.markets)).ravel()
        rate, gap_rate = self._rates(offers)
        self._rate[offers], self._gap_rate[offers] = rate / _HOURS, gap_rate / _HOURS
        found = stakes_of(book, products, (rate, gap_rate), self._profits, known)
        stake = found.price.ravel()
        if self._parts.route_value is False:
            stake, found = np.ones(len(offers)), replace(found, gap=np.ones(found.gap.shape))
        never = np.isneginf(book.seen_at[offers])
        if not never.all():
            self._unknown += _RECENT * (float(stake[~never].mean()) - self._unknown)
        self._stake[offers] = np.where(never, self._unknown, stake) * self._weight[offers]
        self._gap_stake[offers] = found.gap.ravel() * self._weight[offers]

    def _rates(self, offers: Ints) -> tuple[Floats, Floats]:
        book, known = self.book, self._known
        if self._given is not None:
            rate, gap_rate = self._given[0][offers], self._given[1][offers]
        elif not self._parts.change_rates:
            rate, gap_rate = np.full(len(offers), known.moves_a_day), np.full(len(offers), known.gap_moves_a_day)
        else:
            rate = self._prior.rates(book.moves[offers], book.days[offers])
            gap_rate = self._gap_prior.rates(book.gap_moves[offers], book.days[offers])
        return np.where(np.isnan(book.new[offers]), known.returns_a_day, rate), gap_rate
