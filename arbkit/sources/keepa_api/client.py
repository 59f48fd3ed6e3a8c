"""Keepa as a source: full product objects in batches, lists of products, and the state of the tokens they cost.

Importing its HTTP client costs more than half a second and brings pandas, so only a process that talks to Keepa
imports this module.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from arbkit.core.closing import Closing
from arbkit.core.errors import KeepaError
from arbkit.core.models import Origin
from arbkit.core.retry import Failure, sleep_unless, with_retry
from arbkit.core.service.metrics import KEEPA_RETRIES
from arbkit.core.settings import Settings
from arbkit.sources.keepa_api.arriving import ArrivingAnswers
from arbkit.sources.keepa_api.calls import BestSellersCall, Call, DealsCall, ProductCall
from arbkit.sources.keepa_api.http_client import KeepaClient, TransientError
from arbkit.sources.keepa_api.product_lists import BestSellers, DealsPage
from arbkit.sources.keepa_api.retry_budget import RetryBudget
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.keepa_api.token_costs import check_cost, cost_at_most
from arbkit.sources.raw_types import RawProduct

logger = logging.getLogger(__name__)

T = TypeVar("T")

_CONNECT_TIMEOUT_S = 5.0
_TOTAL_TIMEOUT_S = 180.0
"""How long a request may take in all: 100 full products (3 MB, packed) over a line of 200 kbit/s."""
_PARTIAL_ATTEMPTS = 3
"""How often products that an answer left out are asked for; each time costs tokens."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one :meth:`KeepaSource.fetch` brought.

    ``products`` are Keepa's objects, untouched. ``missing`` were asked for repeatedly and never answered. An
    ASIN in neither was not settled (the tokens or the service gave out half-way) and is to be asked again.
    ``tokens`` is None where the last answer says nothing usable of them; its ``consumed`` is what all answers say that
    they cost. ``fetched_at`` in Unix seconds.
    """

    products: list[RawProduct]
    missing: tuple[str, ...]
    tokens: Tokens | None
    fetched_at: float


class _PartialError(TransientError):
    """The answer left products out."""


class KeepaSource(Closing):
    """The Keepa-compatible service that the settings name. A context manager, for one thread at a time.

    What may pass (5xx, time-outs, broken connections, invalid JSON, partial answers) is asked again up to
    ``attempts`` times, after waits with full jitter up to ``longest_wait_s``, as far as the hour's :class:`RetryBudget`
    goes; ``stop`` ends the waiting. Products are written to ``arriving`` as they come in, which the caller drops once
    they are kept.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        arriving: ArrivingAnswers | None = None,
        stop: threading.Event | None = None,
        attempts: int = 6,
        longest_wait_s: float = 30.0,
        read_timeout_s: float = 60.0,
        total_timeout_s: float = _TOTAL_TIMEOUT_S,
    ) -> None:
        self._arriving = arriving
        self._client = KeepaClient(settings, arriving, timeouts_s=(_CONNECT_TIMEOUT_S, read_timeout_s, total_timeout_s))
        self._most_tokens = settings.call_tokens
        self._budget = RetryBudget(settings.call_tokens)
        self._attempts = attempts
        self._longest_wait_s = longest_wait_s
        self._stop = stop or threading.Event()

    @property
    def origin(self) -> Origin:
        """What the products of this service are marked with."""
        return self._client.origin

    @property
    def state(self) -> Tokens | None:
        """The tokens as they were last heard of; asks nothing."""
        return self._client.state

    @property
    def consumed(self) -> int:
        """What all answers together say that they cost, in tokens."""
        return self._client.consumed

    def tokens(self) -> Tokens:
        """The tokens now. Costs none.

        Raises:
            KeepaKeyError: the key is wrong.
            KeepaError: no usable answer, all retries included.
        """
        self._retried(self._client.update_status)
        if self.state is None:
            raise KeepaError("the service says nothing about tokens", remedy="Check ARBKIT_KEEPA_URL")
        return self.state

    def fetch(self, market: str, asins: Sequence[str], *, buybox: bool, offers: int = 0) -> Batch:
        """The product objects of at most 100 ASINs on a market, with full history and 90 days' statistics.

        Args:
            market: code of the marketplace.
            asins: the products.
            buybox: also ask for buy box data.
            offers: also ask for this many offers of each (20 to 100), in place of buy box data.

        Raises:
            ConfigError: it may cost more than ``ARBKIT_CALL_TOKENS``; nothing was asked.
            KeepaTokensError: the tokens are used up; says for how long.
            KeepaKeyError: the service says that the key is wrong; asked once.
            KeepaError: no usable answer, all retries included.
        """
        self._check(ProductCall(market, tuple(dict.fromkeys(asins)), buybox, offers))
        got: dict[str, RawProduct] = {}
        wanted = dict.fromkeys(asins)
        before = self._client.consumed
        if self._arriving is not None:
            self._arriving.drop()

        def call() -> ProductCall:
            return ProductCall(market, tuple(asin for asin in wanted if asin not in got), buybox, offers)

        def ask() -> None:
            self._made(call, lambda: got.update(self._client.products(call())), lambda: got.update(self._arrived()))
            if absent := call().asins:
                raise _PartialError(f"{len(absent)} of {len(wanted)} products are missing from the answer")

        missing: tuple[str, ...] = ()
        try:
            # What has arrived is not kept waiting for a service that is away: it is paid for, and a kill would lose it.
            self._retried(ask, is_enough=lambda: bool(got))
        except _PartialError:
            missing = tuple(asin for asin in wanted if asin not in got)
        except KeepaError:
            # What has arrived is paid for; only the rest is asked again.
            if not got:
                raise
        tokens = self._client.heard
        if tokens is not None:
            tokens = replace(tokens, consumed=self._client.consumed - before)
        return Batch(list(got.values()), missing, tokens, time.time())

    def deals(self, market: str, *, category: int | None = None, page: int = 0) -> DealsPage:
        """A page of the products whose NEW price fell last on a market, all or those of a root category.

        Raises:
            ConfigError: it may cost more than ``ARBKIT_CALL_TOKENS``; nothing was asked.
            KeepaTokensError: the tokens are used up; says for how long.
            KeepaKeyError: the service says that the key is wrong; asked once.
            KeepaError: no usable answer, all retries included.
        """
        call = DealsCall(market, category, page)
        self._check(call)
        return self._retried(lambda: self._made(lambda: call, lambda: self._client.newest_deals(call)))

    def best_sellers(self, market: str, category: int) -> BestSellers:
        """The best-selling products of a category on a market, in order.

        Raises:
            ConfigError: it may cost more than ``ARBKIT_CALL_TOKENS``; nothing was asked.
            KeepaTokensError: the tokens are used up; says for how long.
            KeepaKeyError: the service says that the key is wrong; asked once.
            KeepaError: no usable answer, all retries included.
        """
        call = BestSellersCall(market, category)
        self._check(call)
        return self._retried(lambda: self._made(lambda: call, lambda: self._client.best_sellers(call)))

    def read_list(self, call: DealsCall | BestSellersCall) -> DealsPage | BestSellers:
        """What a call brings, as :meth:`deals` or :meth:`best_sellers`, which raise the same."""
        if isinstance(call, DealsCall):
            return self.deals(call.market, category=call.category, page=call.page)
        return self.best_sellers(call.market, call.category)

    def close(self) -> None:
        """Give up the connection."""
        self._client.close()

    def _check(self, call: Call) -> None:
        check_cost(call, self._most_tokens)

    def _made(self, left: Callable[[], Call], make: Callable[[], T], keep: Callable[[], None] = lambda: None) -> T:
        """Make a call, and count what is lost where its answer is: what is ``left`` of it after what came was kept.

        Raises:
            KeepaError: of late so much was lost that nothing more is risked for a while.
        """
        if self.state is not None:
            self._budget.know_plan(self.state.refill_rate)
        if (wait_s := self._budget.wait_s) > 0:
            why = f"up to {self._budget.lost:.0f} tokens went into answers that did not arrive; nothing is asked for"
            raise KeepaError(f"{why} {wait_s / 60:.0f} minutes", remedy="Check the line to the service")
        try:
            return make()
        except TransientError as error:
            keep()
            if error.may_have_cost:
                self._budget.lose(cost_at_most(left()))
            raise

    def _arrived(self) -> dict[str, RawProduct]:
        """What had come in when the line broke."""
        arrived = None if self._arriving is None else self._arriving.read()
        return {} if arrived is None else {product["asin"]: product for product in arrived.products}

    def _retried(self, call: Callable[[], T], *, is_enough: Callable[[], bool] = lambda: False) -> T:
        return with_retry(
            call,
            retry_on=lambda error: isinstance(error, TransientError),
            give_up=lambda f: self._gives_up(f) or (is_enough() and not isinstance(f.error, _PartialError)),
            first_s=0.5,
            longest_s=self._longest_wait_s,
            before_wait=self._before_wait,
            sleep=sleep_unless(self._stop.is_set, self._stop),
        )

    def _gives_up(self, failure: Failure) -> bool:
        partial = isinstance(failure.error, _PartialError)
        most = min(_PARTIAL_ATTEMPTS, self._attempts) if partial else self._attempts
        return self._stop.is_set() or failure.attempt >= most or not self._budget.may_repeat

    def _before_wait(self, failure: Failure, wait_s: float) -> None:
        self._budget.repeat()
        _log_retry(failure, wait_s)


def _log_retry(failure: Failure, wait_s: float) -> None:
    """Counts a retry as partial, by its HTTP status, or as unreachable."""
    error = failure.error
    status = getattr(error, "status", None) or "unreachable"
    KEEPA_RETRIES.labels("partial" if isinstance(error, _PartialError) else str(status)).inc()
    logger.info("%s; trying again in %.1f s", getattr(error, "why", error), wait_s)
