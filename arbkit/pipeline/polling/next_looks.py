"""What to look at next on the watchlist: the planner, fed from the store with what looks and imports have shown.

The store may lag behind, be empty or not answer: what was looked at is known from the producer's own progress, and of
what nothing is known the planner explores.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

import numpy as np

from arbkit.core.errors import ArbkitError, ConfigError, ServiceError, StoreError
from arbkit.core.models import ProductState
from arbkit.core.settings import Settings
from arbkit.pipeline.planning.book import Floats, Ints
from arbkit.pipeline.planning.deals import PlannedPage
from arbkit.pipeline.planning.parameters import planning_parameters
from arbkit.pipeline.planning.planner import Costs, Parts, PlannedLook, Planner
from arbkit.pipeline.planning.stakes import Profits
from arbkit.pipeline.polling.categories import Categories
from arbkit.pipeline.polling.known import seen_of
from arbkit.pipeline.polling.request import MAX_ASINS, Idle, ReadDeals, Request
from arbkit.pipeline.producer_state import Progress
from arbkit.sources.keepa_api.product_lists import DealsPage
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.keepa_api.token_costs import tokens_of_look
from arbkit.store.lazy import LazyStore

logger = logging.getLogger(__name__)

_HOUR_S = 3_600.0
_TOGETHER = 500
"""Products that are read from the store at a time."""
_READ_AFTER_S = (3.0, 15.0, 120.0)
"""How long after a look the store is asked what came of it; it is asked again while it does not have it."""
_AGAIN_S = 15.0
"""After which the store is asked again where it did not answer."""
_CHECK_EVERY_S = 60.0
"""How often it is seen whether profile or tables have changed, and who watches what."""


class Values(Profits, Protocol):
    """The value of what looks may show, handed in by the service that knows the profit model."""

    def learn(self, products: Ints, states: Sequence[ProductState]) -> None:
        """Take what is known of the products of these numbers.

        Raises:
            ConfigError: they cannot be priced.
        """

    def move(self, order: Ints) -> None:
        """Go on with a changed list: ``order`` has the number until now of each product of it, -1 of a new one."""

    def mark(self) -> str:
        """Another one once all is to be learned anew."""

    def watched(self) -> Collection[str]:
        """The products that a person or a rule of alerts watches."""


_NEW = (-math.inf, 0)
ValuesOf = Callable[[Sequence[str]], Values]
"""Makes the values for marketplaces in their order."""


class NextLooks:
    """Decides what is looked at next; what is known of a product outlasts every change of the list it stays on.

    Times are Unix seconds.
    """

    def __init__(self, settings: Settings, progress: Progress, values: ValuesOf | None) -> None:
        """``values``: None: every look is worth the same."""
        self._settings = settings
        self._progress = progress
        self._markets = tuple(settings.markets)
        self._values_of = values
        self._store = LazyStore(settings)
        self._known = planning_parameters()
        self._numbers: dict[str, int] = {}
        self._asins: tuple[str, ...] = ()
        self._values: Values | None = None
        self._categories = Categories(self._markets)
        self._new_categories = False
        self._planner = self._new_planner()
        self._due: dict[str, tuple[float, int]] = {}
        self._looked: dict[str, float] = {}
        self._mark = ""
        self._watched: Collection[str] = ()
        self._check_at = self._again_at = -math.inf
        self.trouble = ""
        """Why the value of looks is not known; empty: it is."""

    @property
    def planner(self) -> Planner:
        """The planner as it is now."""
        return self._planner

    @property
    def asins(self) -> Sequence[str]:
        """The watchlist that is planned for."""
        return self._asins

    @property
    def markets(self) -> Sequence[str]:
        """The marketplaces that are watched, in the planner's order."""
        return self._markets

    @property
    def interval_s(self) -> float:
        """Seconds in which nothing is looked at twice."""
        return self._settings.poll_interval

    @property
    def call_tokens(self) -> int:
        """The most that one call may cost."""
        return self._settings.call_tokens

    @property
    def left_to_learn(self) -> int:
        """The products that the store is still to be asked about."""
        return len(self._due)

    def follow(self, asins: Sequence[str]) -> None:
        """Plan for this watchlist."""
        if tuple(asins) == self._asins:
            return
        before, self._asins = self._numbers, tuple(asins)
        self._numbers = {asin: number for number, asin in enumerate(self._asins)}
        order = np.array([before.get(asin, -1) for asin in self._asins], np.int64)
        if self._values is None:
            self._planner = self._new_planner()
        else:
            self._values.move(order)
            self._planner = self._planner.moved_to(order, self._values, categories=self._of_offers())
            self._set_looks(self._planner)
        self._due = {asin: self._due.get(asin, _NEW) for asin in asins if asin in self._due or asin not in before}
        self._watched = ()
        self._check_at = -math.inf

    def looked(self, done: Iterable[tuple[str, str]], now: float, *, full: bool) -> None:
        """Take what has just been looked at; what it showed is read from the store once it is there."""
        names = self._watched_of(done)
        for asin, _ in names:
            self._looked[asin] = now
            self._due[asin] = now + _READ_AFTER_S[0], 0
        self._planner.looked(self._offers(names), now, full=full)

    def learn(self, now: float) -> bool:
        """Learn some of what the store holds and was not learned yet; False: nothing is left."""
        if now >= self._check_at or self._check_at > now + _CHECK_EVERY_S:
            self._check_at = now + _CHECK_EVERY_S
            self._check()
        # The first that are due: of a million on the list no more are gone through.
        due = list(islice((asin for asin, (at, _) in self._due.items() if at <= now), _TOGETHER))
        if not due or 0 < self._again_at - now <= _AGAIN_S:
            self._take_categories()
            return False
        try:
            states = self._store.get().states(due)
            self._take_guarded([states[asin] for asin in due if asin in states])
        except (ServiceError, ConfigError) as error:
            if not (isinstance(error, StoreError) and error.kind == "empty"):
                self._say(str(error))
                self._again_at = now + _AGAIN_S
                return False
            # Where nothing has been stored there is nothing to learn, which is no trouble.
            states = {}
        else:
            self._say("")
        for asin in due:
            self._put_off(asin, states.get(asin), now)
        return len(due) == _TOGETHER

    def next(self, tokens: Tokens, now: float) -> Request | ReadDeals | Idle:
        """The next request that these tokens pay for, or how long to wait for it."""
        if not self._asins:
            return Idle(math.inf)
        level = tokens.level(now)
        # Half a minute's tokens at least: a call for each single one would be thousands a day.
        if level < (enough := max(1, min(MAX_ASINS, tokens.refill_rate // 2))):
            return Idle(tokens.until_s(enough, now) or tokens.wait_s(now), for_tokens=True)
        self._planner.refills(tokens.refill_rate)
        most = min(level, self.call_tokens)
        look = self._planner.next_call(now, most, least_age_s=self._settings.poll_interval)
        if look is None:
            return Idle(self._until_due(now))
        if isinstance(look, PlannedPage):
            market = self._markets[look.market]
            return ReadDeals(market, self._categories.root(look.category, market), look)
        market = self._markets[look.market]
        products = (look.offers // len(self._markets)).tolist()
        look = with_spare_tokens(look, level, tokens.full)
        return Request(market, tuple(self._asins[number] for number in products), look.full, look.value, look.why)

    def hear(self, asked: ReadDeals, page: DealsPage, now: float) -> None:
        """Take what a page of deals has shown of the list."""
        deals = [deal for deal in page.deals if deal.asin in self._numbers]
        offers = self._offers([(deal.asin, asked.market) for deal in deals])
        since = np.array([deal.changed_at for deal in deals])
        self._planner.hear(asked.page, offers, now, page.reaches_back_s / _HOUR_S, since)

    def rest_s(self, now: float) -> float:
        """Seconds until something may be learned again."""
        first = min((at for at, _ in self._due.values()), default=math.inf)
        return max(1.0, min(first, self._check_at) - now)

    def _new_planner(self) -> Planner:
        count, markets = len(self._asins), len(self._markets)
        buybox = self._settings.keepa_buybox
        full = tokens_of_look(buybox=buybox)
        planner = Planner(
            count,
            markets,
            self._values or _Alike(),
            costs=Costs(cheap=tokens_of_look(buybox=False), full=full, batch=MAX_ASINS),
            parts=Parts(route_value=self._values is not None, two_stages=buybox),
            categories=self._of_offers(),
        )
        self._set_looks(planner)
        return planner

    def _set_looks(self, planner: Planner) -> None:
        """Write into its book when each offer was looked at."""
        for looks, full in ((self._progress.looks, False), (self._progress.full, True)):
            names = self._watched_of(looks)
            offers, at = self._offers(names), np.array([looks[name] for name in names])
            if full:
                planner.book.full_at[offers] = at
            else:
                planner.book.looked(offers, at, full=False)

    def _watched_of(self, names: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [name for name in names if name[0] in self._numbers and name[1] in self._markets]

    def _offers(self, names: Iterable[tuple[str, str]]) -> Ints:
        count = len(self._markets)
        numbers = [self._numbers[asin] * count + self._markets.index(market) for asin, market in names]
        return np.array(numbers, np.int64)

    def _check(self) -> None:
        """See whether all is to be learned anew, and who watches what."""
        if self._values is None:
            return
        try:
            mark, watched = self._values.mark(), self._values.watched()
        except (ServiceError, ConfigError) as error:
            self._say(str(error))
            return
        if self._mark and mark != self._mark:
            self._due = dict.fromkeys(self._asins, _NEW)
        self._mark = mark
        if watched != self._watched:
            self._watched = watched
            numbers = [self._numbers[asin] for asin in watched if asin in self._numbers]
            self._planner.watch(np.array(sorted(numbers), np.int64))

    def _take_guarded(self, states: Sequence[ProductState]) -> None:
        """Learn of these products; one that cannot be learned of, by a fault of arbkit, costs no other its place."""
        try:
            self._take(states)
        except ArbkitError:
            raise
        except Exception:
            if len(states) > 1:
                for state in states:
                    self._take_guarded([state])
            else:
                logger.exception("%s: what a look at it is worth is not known", states[0].asin)

    def _take(self, states: Sequence[ProductState]) -> None:
        if not states:
            return
        products = np.array([self._numbers[state.asin] for state in states], np.int64)
        if self._values is None and self._values_of is not None:
            self._values = self._values_of(self._markets)
            self._planner = self._new_planner()
            self._check()
        if self._values is not None:
            self._values.learn(products, states)
        self._new_categories |= self._categories.learn(states)
        looks, full = self._progress.looks, self._progress.full
        self._planner.take(seen_of(states, self._numbers, self._markets, looks, full, self._known))
        # What is stored of a buy box may be older than the last look.
        names = [
            (offer.asin, offer.market) for state in states for offer in state.offers if offer.market in self._markets
        ]
        boxes = {(o.asin, o.market): float(o.buy_box_at or -math.inf) for state in states for o in state.offers}
        self._planner.book.full_at[self._offers(names)] = [full.get(name, boxes[name]) for name in names]

    def _of_offers(self) -> Ints:
        return self._categories.of_offers(self._asins)

    def _take_categories(self) -> None:
        """Plan with pages of deals of the categories that were learned meanwhile."""
        if self._new_categories and self._values is not None:
            order = np.arange(len(self._asins))
            self._planner = self._planner.moved_to(order, self._values, categories=self._of_offers())
        self._new_categories = False

    def _put_off(self, asin: str, state: ProductState | None, now: float) -> None:
        """Read a product again later where the store does not have its last look yet."""
        _, tries = self._due.pop(asin)
        looked = self._looked.get(asin, -math.inf)
        stored = max((offer.fetched_at for offer in state.offers), default=-math.inf) if state else -math.inf
        # Times of looks on the log are whole seconds.
        if stored + 2.0 < looked and tries + 1 < len(_READ_AFTER_S):
            self._due[asin] = now + _READ_AFTER_S[tries + 1], tries + 1

    def _until_due(self, now: float) -> float:
        """Seconds until the first offer may be looked at again."""
        earliest = float(self._planner.book.seen_at.min()) + self._settings.poll_interval
        return max(1.0, min(earliest - now, self._settings.poll_interval))

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            logger.warning("what looks are worth is not known, so the oldest come first: %s", trouble)
        self.trouble = trouble


def with_spare_tokens(look: PlannedLook, level: float, full: int) -> PlannedLook:
    """The same look, with the buy box where more than half of a ``full`` bucket is left: that would soon expire."""
    return replace(look, full=True) if level > full / 2 else look


class _Alike:
    """No routes: every look is worth the same."""

    source = target = np.zeros(0, np.int64)

    def __call__(self, products: Ints, routes: Ints, buy: Floats, sell: Floats) -> Floats:
        return np.full(np.broadcast_shapes(products.shape, routes.shape, buy.shape, sell.shape), np.nan)
