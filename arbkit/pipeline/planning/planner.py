"""The planner: which offers to look at next, with or without their buy box, and when a page of deals is worth more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arbkit.pipeline.planning.book import Book, Floats, Ints, Seen, Small
from arbkit.pipeline.planning.change_rates import RatePrior
from arbkit.pipeline.planning.deals import DealsPages, PlannedPage
from arbkit.pipeline.planning.look_value import look_value
from arbkit.pipeline.planning.parameters import PlanningParameters, planning_parameters
from arbkit.pipeline.planning.stakes import Profits, stakes_of

_HOUR_S = 3_600.0
_HOURS = 24.0
_CHUNK = 4_096
"""Products whose stakes are computed together."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What calls cost in tokens, and how many offers one request takes."""

    cheap: int = 1
    full: int = 3
    deals: int = 5
    batch: int = 100


@dataclass(frozen=True, slots=True)
class PlannedLook:
    """Look at these offers of one marketplace; ``full``: with their buy box. ``value`` is money expected from it."""

    market: int
    offers: Ints
    full: bool
    value: float


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
    ) -> None:
        """A planner of this many products that knows nothing yet; ``categories`` of them, for pages of deals."""
        self.book = Book(products, markets)
        self._profits = profits
        self._costs = costs or Costs()
        self._known = parameters or planning_parameters()
        self._parts = parts or Parts()
        count = len(self.book)
        self._rate: Small = np.zeros(count, np.float32)
        self._gap_rate: Small = np.zeros(count, np.float32)
        self._stake: Small = np.zeros(count, np.float32)
        self._gap_stake: Small = np.zeros(count, np.float32)
        self._prior = RatePrior(self._known.moves_a_day, self._known.prior_days)
        self._gap_prior = RatePrior(self._known.gap_moves_a_day, self._known.prior_days)
        self._weight: Small = np.ones(count, np.float32)
        with_deals = self._parts.deals and categories is not None
        self._deals = DealsPages(categories if with_deals else np.zeros(0, np.int64), markets, self._known)
        self._with_deals = with_deals

    def learn_all(self) -> None:
        """Learn the rates of all offers anew, and what is at stake on each."""
        book, known = self.book, self._known
        self._prior = RatePrior.learned(
            book.moves, book.days, mean=known.moves_a_day, prior_days=known.prior_days
        )
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

    def next_call(self, now: float, tokens: float) -> PlannedLook | PlannedPage | None:
        """The batch or the page of deals that is worth most a token; None where nothing is worth a look."""
        look = self.next_look(now, tokens)
        if look is None or not self._with_deals:
            return look
        by_token = look.value / self.tokens_of(look)
        page = self._deals.best_page(now, self._stake, self._rate, by_token)
        return page if page and page.value / self._costs.deals > by_token else look

    def hear(self, page: PlannedPage, offers: Ints, now: float, reach_hours: float) -> None:
        """Take which offers of the list a page of deals has shown, which reached so far back."""
        self._deals.hear(page, offers, now, reach_hours)

    def next_look(self, now: float, tokens: float) -> PlannedLook | None:
        """The batch that is worth most a token; None where nothing is worth a look."""
        costs = self._costs
        value = self.values(now)
        full_value = value + self.gap_values(now)
        choices = [self._best(full_value, tokens, costs.full, full=True)]
        if self._parts.two_stages:
            choices.append(self._best(value, tokens, costs.cheap, full=False))
        found = [one for one in choices if one is not None]
        return max(found, key=lambda one: one.value / self.tokens_of(one)) if found else None

    def tokens_of(self, look: PlannedLook) -> int:
        """What a look costs."""
        return len(look.offers) * (self._costs.full if look.full else self._costs.cheap)

    def values(self, now: float) -> Small:
        """What a look at each offer is worth now for its price alone, in the home currency."""
        age = ((now - self.book.seen_at) / _HOUR_S).astype(np.float32)
        value = look_value(self._stake, self._rate, age)
        return np.maximum(value, self._deals.heard_stake(self._stake)) if self._with_deals else value

    def gap_values(self, now: float) -> Small:
        """What it is worth for the gap of its buy box."""
        age = ((now - self.book.full_at) / _HOUR_S).astype(np.float32)
        return look_value(self._gap_stake, self._gap_rate, age)

    def _best(self, value: Small, tokens: float, cost: int, *, full: bool) -> PlannedLook | None:
        most = min(self._costs.batch, max(1, int(tokens) // cost), self.book.products)
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
        every, gaps = np.zeros(len(book)), np.zeros(len(book))
        every[offers], gaps[offers] = rate, gap_rate
        found = stakes_of(book, products, (every, gaps), self._profits, known)
        with np.errstate(divide="ignore", invalid="ignore"):
            self._stake[offers] = found.price.ravel() / self._rate[offers] * self._weight[offers]
            self._gap_stake[offers] = found.gap.ravel() / self._gap_rate[offers] * self._weight[offers]

    def _rates(self, offers: Ints) -> tuple[Floats, Floats]:
        book, known = self.book, self._known
        if not self._parts.change_rates:
            return np.full(len(offers), known.moves_a_day), np.full(len(offers), known.gap_moves_a_day)
        rate = self._prior.rates(book.moves[offers], book.days[offers])
        rate = np.where(np.isnan(book.new[offers]), known.returns_a_day, rate)
        return rate, self._gap_prior.rates(book.gap_moves[offers], book.days[offers])
