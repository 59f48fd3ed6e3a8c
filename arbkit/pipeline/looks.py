"""Looks beside the watchlist: anybody asks for one in the store, and only the producer, who has the key, serves it.

They may cost ``ARBKIT_LOOK_TOKENS`` tokens a day; what became of each is written beside it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from arbkit.core.errors import ConfigError, ServiceError, StoreError, UsageError
from arbkit.core.files import read_if_there, write_atomically
from arbkit.core.input.asin import parse_asin
from arbkit.core.marketplaces import market as marketplace
from arbkit.core.offers.looks import Look, LookStatus
from arbkit.core.settings import Settings
from arbkit.pipeline.polling.request import MAX_ASINS, Request
from arbkit.sources.keepa_api.token_costs import tokens_of_look
from arbkit.store import open_store
from arbkit.store.base import Store

logger = logging.getLogger(__name__)

_CHECK_EVERY_S = 5.0
"""How often the store is asked for looks: who asks for one sits and waits."""
_CHECK_AGAIN_S = 60.0
"""The same after the store did not answer, or a look could not be had."""
_PATIENCE_S = 86_400.0
"""How long a look may wait: a fresh price of yesterday is none."""
MAX_WAITING = 1_000
"""Looks that may wait at a time: more are a watchlist."""


def ask(settings: Settings, store: Store, asins: Iterable[str], markets: Sequence[str] = ()) -> list[Look]:
    """Ask the producer for a fresh look at each product on each of these marketplaces (none: on all that are watched).

    One that waits already is not asked for twice.

    Returns:
        The looks as they wait now.

    Raises:
        UsageError: an ASIN or a marketplace is none, or too many looks would wait.
        ConfigError: nobody serves looks: nothing is polled, or the budget is 0.
        StoreError: the store cannot be written.
    """
    if settings.mode == "imported":
        why, remedy = "there is no key, so nothing is looked at", "Put your Keepa key into .env"
        raise ConfigError(why, field="KEEPA_API_KEY", remedy=remedy)
    if not settings.look_tokens:
        why, remedy = "0 allows no look beside the watchlist", "Set the tokens that they may cost a day"
        raise ConfigError(why, field="ARBKIT_LOOK_TOKENS", remedy=remedy)
    codes = [marketplace(code).code for code in markets] or settings.markets
    now = time.time()
    wanted = {look.id: look for asin in asins for look in _asked(parse_asin(asin), codes, now)}
    waiting = {look.id: look for look in store.looks(status="waiting")}
    fresh = [look for name, look in wanted.items() if name not in waiting]
    if len(waiting) + len(fresh) > MAX_WAITING:
        why = f"{len(waiting)} looks wait already, and {MAX_WAITING} are the most"
        raise UsageError(why, field="asin", value=len(fresh), remedy="Put the products on the watchlist instead")
    store.put_looks(fresh)
    return [waiting.get(name, look) for name, look in wanted.items()]


def _asked(asin: str, codes: Iterable[str], now: float) -> list[Look]:
    return [Look(asin=asin, market=code, asked_at=now) for code in codes]


class LookDesk:
    """The producer's side: what to look at next, within the budget of the day, and what became of it.

    A store that does not answer is asked again later: it never keeps the producer from its watchlist.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._path = settings.home / "looks.json"
        self._check_at = 0.0
        self._taken: list[Look] = []

    def is_due(self) -> bool:
        """Whether it is time to ask the store again."""
        # A clock that was set back must not silence it.
        return not 0 < self._check_at - self._clock() <= _CHECK_AGAIN_S

    def next_request(self) -> Request | None:
        """What the oldest looks that wait ask for, as one request; None if nothing waits, or nothing may be spent."""
        if not self.is_due():
            return None
        self._check_at = self._clock() + _CHECK_EVERY_S
        try:
            waiting = self._read()
            if not waiting:
                return None
            reasons = {look: self._why_not(look) for look in waiting}
            for reason in {*reasons.values()} - {None}:
                self._answer([look for look in waiting if reasons[look] == reason], "refused", reason)
            left = [look for look in waiting if reasons[look] is None]
            affordable = (self._settings.look_tokens - self._spent()) // self._cost
            if left and affordable < 1:
                why = f"the {self._settings.look_tokens} tokens of the day for looks are used up (ARBKIT_LOOK_TOKENS)"
                self._answer(left, "refused", why)
                return None
            taken = [look for look in left if look.market == left[0].market][: min(MAX_ASINS, affordable)]
            # Before they are spent: what cannot be written down is not bought.
            self._spend(len(taken) * self._cost)
        except ServiceError as error:
            self._put_off(str(error))
            return None
        self._taken = taken
        return Request(taken[0].market, tuple(look.asin for look in taken)) if taken else None

    def settle(
        self, done: Collection[tuple[str, str]], missing: Collection[tuple[str, str]], consumed: int | None
    ) -> None:
        """Say what became of the request: which (ASIN, market) are done, which the source left out, and the tokens."""
        taken, self._taken = self._taken, []
        mine = [look for look in taken if (look.asin, look.market) in done]
        if len(mine) < len(taken):
            self._check_at = self._clock() + _CHECK_AGAIN_S
        try:
            estimated = len(taken) * self._cost
            cost = (estimated if mine else 0) if consumed is None else consumed
            self._spend(cost - estimated)
            left_out = [look for look in mine if (look.asin, look.market) in missing]
            self._answer(left_out, "refused", "the service did not answer for it")
            self._answer([look for look in mine if look not in left_out], "served", None)
        except ServiceError as error:
            self._put_off(str(error))

    def settle_earlier(
        self, done: Collection[tuple[str, str]], missing: Collection[tuple[str, str]], fetched_at: float
    ) -> None:
        """Say what became of looks that an earlier run of the producer has paid for, and could not say."""
        try:
            waiting = self._read()
        except ServiceError as error:
            self._put_off(str(error))
            return
        self._taken = [one for one in waiting if one.asked_at <= fetched_at and (one.asin, one.market) in done]
        # That run has booked the tokens before it spent them.
        self.settle(done, missing, None)

    def _why_not(self, look: Look) -> str | None:
        """Why a look cannot be had, whoever has put it into the store; None if it can."""
        try:
            if parse_asin(look.asin) != look.asin or marketplace(look.market).code != look.market:
                return "is no ASIN and marketplace as arbkit writes them"
        except UsageError as error:
            return error.what
        return "nobody could serve it within a day" if self._clock() - look.asked_at > _PATIENCE_S else None

    @property
    def _cost(self) -> int:
        """Tokens of one product."""
        return tokens_of_look(buybox=self._settings.keepa_buybox)

    def _read(self) -> list[Look]:
        try:
            with open_store(self._settings, read_only=True) as store:
                return store.looks(status="waiting")
        except StoreError as error:
            # Where nothing has been stored nobody has asked.
            if error.kind == "empty":
                return []
            raise

    def _answer(self, looks: Sequence[Look], status: LookStatus, why: str | None) -> None:
        if not looks:
            return
        with open_store(self._settings) as store:
            store.put_looks([replace(look, status=status, answered_at=self._clock(), why=why) for look in looks])
        logger.info("%d looks %s%s", len(looks), status, f": {why}" if why else "")

    def _put_off(self, why: str) -> None:
        self._check_at = self._clock() + _CHECK_AGAIN_S
        logger.warning("looks that were asked for have to wait: %s", why)

    def _spent(self) -> int:
        """Tokens of this day that looks have cost."""
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            return int(orjson.loads(read_if_there(self._path) or b"{}").get(_day(self._clock()), 0))
        return 0

    def _spend(self, tokens: int) -> None:
        if tokens:
            write_atomically(self._path, orjson.dumps({_day(self._clock()): max(0, self._spent() + tokens)}))


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
