"""The planner: which offers to look at next, with or without their buy box, and when a page of deals is worth more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from arbkit.pipeline.planning.ages import Pace, cannot_wait
from arbkit.pipeline.planning.batches import best_batch, oldest_batch
from arbkit.pipeline.planning.book import Book, Floats, Ints, Mask, Seen, Small
from arbkit.pipeline.planning.change_rates import RatePrior
from arbkit.pipeline.planning.deals import DealsPages, PlannedPage
from arbkit.pipeline.planning.look_value import NEVER_H, look_value
from arbkit.pipeline.planning.move_sizes import MoveSizes
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
class LookReason:
    """Why an offer is looked at; ``age_s`` None: it never was.

    ``moved`` is the chance that its price has moved since, and ``stake`` the money of its routes that such a move
    decides on, in the home currency.
    """

    age_s: float | None
    moved: float
    stake: float

    @property
    def value(self) -> float:
        """The money that a look is expected to reveal."""
        return self.moved * self.stake


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
        self.costs = costs or Costs()
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
        self._pace = Pace(0.0)
        self._sizes = MoveSizes(self._known.moves, self._known.moves_worth)

    def refills(self, tokens_a_minute: float) -> None:
        """Plan with this number of tokens a minute, so that the maximum age is kept; 0: unknown, as they are spent."""
        self._pace.tokens_a_minute = tokens_a_minute

    def moved_to(self, order: Ints, profits: Profits, *, categories: Ints | None = None) -> Planner:
        """The planner of a changed list, which keeps what was learned.

        ``order`` has the number here of each product there, -1 of a new one; ``categories`` are numbered as before.
        """
        markets = self.book.markets
        found = Planner(
            len(order), markets, profits, costs=self.costs, parameters=self._known, parts=self._parts,
            categories=categories,
        )  # fmt: skip
        products = np.flatnonzero(order >= 0)
        kept, origin = self._offers(products), self._offers(order[products])
        found.book.keep(self.book, kept, origin)
        if found._with_deals and self._with_deals:
            found._deals.keep(self._deals, kept, origin)
        for mine, theirs in zip(found._by_offer(), self._by_offer(), strict=True):
            mine[kept] = theirs[origin]
        found._prior, found._gap_prior, found._unknown = self._prior, self._gap_prior, self._unknown
        found._pace, found._sizes = self._pace, self._sizes
        new = np.flatnonzero(order < 0)
        for start in range(0, len(new), _CHUNK):
            found._learn(new[start : start + _CHUNK])
        return found

    def copied(self) -> Planner:
        """A planner that knows the same, to try out what it would look at; without pages of deals."""
        found = self.moved_to(np.arange(self.book.products), self._profits)
        found._pace = Pace(self._pace.tokens_a_minute)
        return found

    def explain(self, offers: Ints, now: float) -> list[LookReason]:
        """Why these offers are looked at, as of now."""
        ages = self._ages(now, self.book.seen_at)[offers]
        columns = ages, -np.expm1(-self._rate[offers] * ages), self._stake[offers]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [LookReason(None if age >= NEVER_H else age * _HOUR_S, moved, stake) for age, moved, stake in rows]

    def reveals(self, look: PlannedLook, now: float) -> float:
        """The money that a look is expected to reveal: what is at stake, by the chance that it has moved."""
        offers = look.offers
        moved = -np.expm1(-self._rate[offers] * self._ages(now, self.book.seen_at)[offers])
        found = float((self._stake[offers] * moved).sum())
        if look.full:
            moved = -np.expm1(-self._gap_rate[offers] * self._ages(now, self.book.full_at)[offers])
            found += float((self._gap_stake[offers] * moved).sum())
        return found

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
        before = self.book.new[seen.offers]
        moves = seen.new - before
        moved = np.abs(moves) > self._known.tolerance
        if self._with_deals:
            self._deals.looked(seen.offers, moved | (np.isnan(seen.new) != np.isnan(before)))
        if self._sizes.take(moves[moved]):
            self._known = self._known.model_copy(update={"moves": self._sizes.points})
        self.book.take(seen)
        self._learn(np.unique(seen.offers // self.book.markets))

    def watch(self, products: Ints) -> None:
        """What a person or a rule of alerts watches weighs more, in place of what was watched before."""
        self._weight[:] = 1
        self._weight[self._offers(products)] = self._known.watched_weight
        self.learn_all()

    def looked(self, offers: Ints, now: float, *, full: bool) -> None:
        """Take that offers were looked at, of which it is not known yet what that has shown."""
        self.book.looked(offers, now, full=full)

    def next_call(self, now: float, tokens: float, least_age_s: float = 0.0) -> PlannedLook | PlannedPage | None:
        """The batch, or the page of deals, that is worth most a token; None where there is nothing to look at.

        What was looked at less than ``least_age_s`` ago is left out; a look from the future is none.
        """
        if not len(self.book) or tokens <= 0:
            return None
        look = self.next_look(now, tokens, least_age_s)
        if look is None:
            return None
        hour, by_token = now / _HOUR_S, look.value / self.tokens_of(look)
        if self._with_deals and look.why == "value":
            page = self._deals.best_page(now, self._stake, self._rate, by_token)
            if page and page.value / self.costs.deals > by_token:
                self._pace.spend(hour, self.costs.deals)
                return page
        self._pace.spend(hour, self.tokens_of(look))
        return look

    def hear(
        self, page: PlannedPage, offers: Ints, now: float, reach_hours: float, since: Floats | None = None
    ) -> None:
        """Take which offers of the list a page of deals has shown, which reached so far back.

        ``since`` is when each got the price that is shown; None where the page does not say it: after the last look.
        """
        times = np.full(len(offers), np.inf) if since is None else since
        self._deals.hear(page, offers, now, reach_hours, times, self.book.seen_at[offers])

    def next_look(self, now: float, tokens: float, least_age_s: float = 0.0) -> PlannedLook | None:
        """The batch that is worth most a token, after those that cannot wait; where none is worth a look, the oldest.

        None where nothing may be looked at.
        """
        book = self.book
        book.begin(now)
        waited = self._ages(now, book.waits_from)
        allowed: Mask | None = None
        if least_age_s > 0:
            since = now - book.seen_at
            allowed = (since < 0) | (since >= least_age_s)
        late = cannot_wait(waited, self._pace.an_hour(now / _HOUR_S), self._known)
        if late is not None:
            look = self._oldest(_only(waited, late, allowed), tokens, full=False)
            if look is not None:
                return look
        value = _only(self._values(self._ages(now, book.seen_at)), allowed)
        choices = [self._best(_only(value + self.gap_values(now), allowed), tokens, full=True)]
        if self._parts.two_stages:
            choices.append(self._best(value, tokens, full=False))
        found = [one for one in choices if one is not None]
        if found:
            return max(found, key=lambda one: one.value / self.tokens_of(one))
        return self._oldest(_only(waited + np.float32(1), allowed), tokens, full=True)

    def _oldest(self, waited: Small, tokens: float, *, full: bool) -> PlannedLook | None:
        """The longest waits of the marketplace of the longest one."""
        found = oldest_batch(waited, self.book.markets, self._most(tokens, full=full))
        return None if found is None else PlannedLook(found.market, found.offers, full, 0.0, "age")

    def tokens_of(self, look: PlannedLook) -> int:
        """What a look costs."""
        return len(look.offers) * (self.costs.full if look.full else self.costs.cheap)

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

    def _best(self, value: Small, tokens: float, *, full: bool) -> PlannedLook | None:
        found = best_batch(value, self.book.markets, self._most(tokens, full=full))
        return None if found is None else PlannedLook(found.market, found.offers, full, found.value)

    def _most(self, tokens: float, *, full: bool) -> int:
        """Offers that a call may ask for: a call may always ask for one."""
        cost = self.costs.full if full else self.costs.cheap
        return min(self.costs.batch, max(1, int(tokens) // cost))

    def _offers(self, products: Ints) -> Ints:
        return np.asarray((products[:, None] * self.book.markets + np.arange(self.book.markets)).ravel())

    def _by_offer(self) -> tuple[Small, ...]:
        return self._rate, self._gap_rate, self._stake, self._gap_stake, self._weight

    def _learn(self, products: Ints) -> None:
        """Learn the rates and stakes of these products anew."""
        book, known = self.book, self._known
        offers = self._offers(products)
        rate, gap_rate = self._rates(offers)
        self._rate[offers], self._gap_rate[offers] = rate / _HOURS, gap_rate / _HOURS
        found = stakes_of(book, products, (rate, gap_rate), self._profits, known)
        stake = found.price.ravel()
        if self._parts.route_value is False:
            stake, found = np.ones(len(offers)), replace(found, gap=np.ones(found.gap.shape))
        never = np.isneginf(book.seen_at[offers])
        if not never.all():
            self._unknown += _RECENT * (float(stake[~never].mean()) - self._unknown)
        # A route needs both of its prices: the more of a product is known, the more one more price may reveal.
        known_sides = (~never).reshape(-1, book.markets).sum(axis=1).repeat(book.markets)
        first = self._unknown * (1 + known_sides) / book.markets
        self._stake[offers] = np.where(never, first, stake) * self._weight[offers]
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


def _only(value: Small, *masks: Mask | None) -> Small:
    """The values of what all masks allow; 0 elsewhere."""
    for mask in masks:
        if mask is not None:
            value = np.where(mask, value, np.float32(0))
    return value
