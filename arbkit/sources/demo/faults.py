"""The faults that a demo market can be told to have, which a service on the internet has unasked."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from arbkit.core.errors import UsageError, did_you_mean
from arbkit.sources.raw_types import RawProduct

FaultName: TypeAlias = Literal[
    "rate_limited", "unavailable", "slow", "closed", "cut", "invalid_json", "partial", "no_offers", "clock_skew",
    "key_revoked", "plan_changed", "refill_zero",
]  # fmt: skip
FAULT_WORDS: Mapping[FaultName, str] = {
    "rate_limited": "429 with refillIn, whatever tokens are left",
    "unavailable": "503",
    "slow": "no answer until the client gives up; its tokens are taken",
    "closed": "the connection ends without an answer",
    "cut": "half of the answer; its tokens are taken",
    "invalid_json": "an answer that is no JSON; its tokens are taken",
    "partial": "a third of the products is left out",
    "no_offers": "nobody offers anything: -1 everywhere",
    "clock_skew": "times three hours ahead and three behind, in turn",
    "key_revoked": "402: the key is no longer valid",
    "plan_changed": "a quarter of the refill and of the bucket",
    "refill_zero": "no refill",
}
_IN_TURN: tuple[FaultName, ...] = ("unavailable", "closed", "cut")
_OF_THE_PLAN: frozenset[FaultName] = frozenset({"plan_changed", "refill_zero"})
SKEW_MINUTES = 180
_NO_OFFER = -1
_TIMES = (
    "lastUpdate", "lastPriceChange", "lastRatingUpdate", "lastOffersUpdate", "creationDate", "trackingSince",
    "listedSince",
)  # fmt: skip
_TRIPLES = frozenset({7, *range(18, 28), 28, 29, 32})
"""Where in ``csv`` there are lists of triples, as of Keepa's documentation and not of who reads them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of each ``every``-th request, of all if it is None.

    A changed plan stays for as many requests as the one before it stood.
    """

    name: FaultName
    every: int | None = None


@dataclass(frozen=True, slots=True)
class Suffered:
    """The faults of one request, and by how many minutes its times are off."""

    names: frozenset[FaultName] = frozenset()
    skew_minutes: int = 0


class Faults:
    """Which requests suffer which faults. Safe to be asked from several threads.

    With a ``seed`` a fault of each n-th request is one with the chance of 1 in n. ``fail_every`` n is a fault of each
    n-th request too: in turn status 503, a closed connection, and a cut answer.
    """

    def __init__(self, faults: Sequence[Fault] = (), *, fail_every: int = 0, seed: int | None = None) -> None:
        self._faults = faults
        self._fail_every = fail_every
        self._chance = None if seed is None else random.Random(seed)  # noqa: S311 - a market, no secret
        self._numbers = itertools.count(1)
        self._skews = 0
        self._lock = threading.Lock()
        self.suffered: Counter[FaultName] = Counter()

    def next(self) -> Suffered:
        """The faults of the request that is coming in."""
        with self._lock:
            number = next(self._numbers)
            names = {fault.name for fault in self._faults if self._strikes(fault, number)}
            if self._fail_every and number % self._fail_every == 0:
                names.add(_IN_TURN[number // self._fail_every % len(_IN_TURN)])
            self.suffered.update(names)
            skew = 0
            if "clock_skew" in names:
                self._skews += 1
                skew = SKEW_MINUTES if self._skews % 2 else -SKEW_MINUTES
            return Suffered(frozenset(names), skew)

    def _strikes(self, fault: Fault, number: int) -> bool:
        if fault.every is None:
            return True
        if fault.name in _OF_THE_PLAN:
            return number // fault.every % 2 == 1
        if self._chance is not None:
            return self._chance.random() < 1 / fault.every
        return number % fault.every == 0


def parse_fault(text: str) -> Fault:
    """The fault that ``NAME`` or ``NAME=EVERY`` names.

    Raises:
        UsageError: it names none, or EVERY is no number above 0.
    """
    name, _, every = text.partition("=")
    for known in get_args(FaultName):
        if known == name:
            if every and not (every.isdecimal() and 0 < int(every) < 10**9):
                remedy = "Use a whole number above 0, or leave it out: every request then"
                raise UsageError("is no number of requests", field=f"--fault {name}", value=every, remedy=remedy)
            return Fault(known, int(every) if every else None)
    raise UsageError("is no fault", field="--fault", value=name, remedy=did_you_mean(name, FAULT_WORDS))


def without_offers(product: RawProduct) -> RawProduct:
    """A product object of which nobody has an offer any more."""
    csv, stats, at = product.get("csv"), product.get("stats"), product["lastUpdate"]
    if csv is not None:
        gone = [None if each is None else [*each, at, *_nothing(index)] for index, each in enumerate(csv)]
        product = {**product, "csv": gone}
    if stats is not None:
        product = {**product, "stats": {name: _silenced(value) for name, value in stats.items()}}
    return {**product, "availabilityAmazon": _NO_OFFER, "offers": [] if "offers" in product else None}


def shifted(item: RawProduct, minutes: int) -> RawProduct:
    """A product or a deal whose times are ``minutes`` later."""
    moved = {**item, **{name: item[name] + minutes for name in _TIMES if item.get(name)}}
    if (csv := item.get("csv")) is not None:
        moved["csv"] = [_shifted_series(each, minutes, index) for index, each in enumerate(csv)]
    if (since := item.get("currentSince")) is not None:
        moved["currentSince"] = [at + minutes if at > 0 else at for at in since]
    return moved


def _shifted_series(flat: list[int] | None, minutes: int, index: int) -> list[int] | None:
    if flat is None:
        return None
    width = 1 + len(_nothing(index))
    return [value + minutes if at % width == 0 else value for at, value in enumerate(flat)]


def _nothing(index: int) -> tuple[int, ...]:
    """What stands behind a time where there is no offer."""
    return (_NO_OFFER, _NO_OFFER) if index in _TRIPLES else (_NO_OFFER,)


def _silenced(value: object) -> object:
    if isinstance(value, list):
        return [_NO_OFFER] * len(value)
    return _NO_OFFER if type(value) is int else None
