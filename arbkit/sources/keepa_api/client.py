"""Keepa as a source: full product objects in batches, and the state of the tokens they cost.

The ``keepa`` package is the client; here it gets one pooled connection, a base URL, typed errors and
retries, and never sleeps on its own. Importing it costs more than half a second and brings pandas, so only a
process that talks to Keepa imports this module. Facts: Keepa API documentation, "Request Products" and
"Retrieve Token Status".
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import urlsplit

import keepa
import orjson
import requests
from keepa.constants import DCODES

from arbkit.core.closing import Closing
from arbkit.core.errors import ConfigError, KeepaError, KeepaKeyError, KeepaTokensError
from arbkit.core.marketplaces import market as market_of
from arbkit.core.models import Origin
from arbkit.core.retry import Failure, sleep_unless, with_retry
from arbkit.core.service.addresses import is_loopback
from arbkit.core.service.bounded_http import Answer, AnswerTooLargeError, BoundedSession
from arbkit.core.service.metrics import KEEPA_RETRIES
from arbkit.core.settings import Settings, without_password
from arbkit.sources.keepa_api.arriving import MAX_ANSWER, ArrivingAnswers
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.raw_types import Json, RawProduct, decode_leniently

logger = logging.getLogger(__name__)

T = TypeVar("T")
_Body = dict[str, Any]

_STATS_DAYS = 90
_CONNECT_TIMEOUT_S = 5.0
_TOTAL_TIMEOUT_S = 180.0
"""How long a request may take in all: 100 full products (3 MB, packed) over a line of 200 kbit/s."""
_MAX_MESSAGE = 500
"""Characters of the service's own error message that are shown."""
_MOST = 2**31
"""Above every number of tokens and every wait in milliseconds (25 days) that Keepa states."""
_PARTIAL_ATTEMPTS = 3
"""How often products that an answer left out are asked for; each time costs tokens."""

_SHORTEST_WAIT_S = 1.0
_REFILL_UNKNOWN_S = 60.0
"""What a 429 without ``refillIn`` waits: Keepa refills once a minute."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one :meth:`KeepaSource.fetch` brought.

    ``products`` are Keepa's objects, untouched. ``missing`` were asked for repeatedly and never answered. An
    ASIN in neither was not settled (the tokens or the service gave out half-way) and is to be asked again.
    ``tokens`` is None where the answer says nothing usable of them; ``fetched_at`` in Unix seconds.
    """

    products: list[RawProduct]
    missing: tuple[str, ...]
    tokens: Tokens | None
    fetched_at: float


class _TransientError(KeepaError):
    """A fault that may be gone at the next try."""


class _PartialError(_TransientError):
    """The answer left products out."""


class KeepaSource(Closing):
    """The Keepa-compatible service that the settings name. A context manager, for one thread at a time.

    What may pass (5xx, time-outs, broken connections, invalid JSON, partial answers) is asked again up to
    ``attempts`` times, after waits with full jitter up to ``longest_wait_s``; ``stop`` ends the waiting. Products are
    written to ``arriving`` as they come in, which the caller drops once they are kept.
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
        self._client = _Client(settings, arriving, timeouts_s=(_CONNECT_TIMEOUT_S, read_timeout_s, total_timeout_s))
        self._buybox = settings.keepa_buybox
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

    def fetch(self, market: str, asins: Sequence[str]) -> Batch:
        """The product objects of at most 100 ASINs on a market, with full history and 90 days' statistics.

        Raises:
            KeepaTokensError: the tokens are used up; says for how long.
            KeepaKeyError: the service says that the key is wrong; asked once.
            KeepaError: no usable answer, all retries included.
        """
        got: dict[str, RawProduct] = {}
        wanted = dict.fromkeys(asins)
        if self._arriving is not None:
            self._arriving.drop()

        def ask() -> None:
            left = [asin for asin in wanted if asin not in got]
            try:
                got.update(self._client.products(market, left, buybox=self._buybox))
            except _TransientError:
                got.update(self._arrived())
                raise
            if absent := [asin for asin in left if asin not in got]:
                raise _PartialError(f"{len(absent)} of {len(left)} products are missing from the answer")

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
        return Batch(list(got.values()), missing, self._client.heard, time.time())

    def close(self) -> None:
        """Give up the connection."""
        self._client.close()

    def _arrived(self) -> dict[str, RawProduct]:
        """What had come in when the line broke."""
        arrived = None if self._arriving is None else self._arriving.read()
        return {} if arrived is None else {product["asin"]: product for product in arrived.products}

    def _retried(self, call: Callable[[], T], *, is_enough: Callable[[], bool] = lambda: False) -> T:
        return with_retry(
            call,
            retry_on=lambda error: isinstance(error, _TransientError),
            give_up=lambda f: self._gives_up(f) or (is_enough() and not isinstance(f.error, _PartialError)),
            first_s=0.5,
            longest_s=self._longest_wait_s,
            before_wait=_log_retry,
            sleep=sleep_unless(self._stop.is_set, self._stop),
        )

    def _gives_up(self, failure: Failure) -> bool:
        partial = isinstance(failure.error, _PartialError)
        most = min(_PARTIAL_ATTEMPTS, self._attempts) if partial else self._attempts
        return self._stop.is_set() or failure.attempt >= most


class _Client(keepa.Keepa):
    """The ``keepa`` package's client on a connection of ours, with errors instead of waits."""

    def __init__(
        self, settings: Settings, arriving: ArrivingAnswers | None, *, timeouts_s: tuple[float, float, float]
    ) -> None:
        if settings.mode == "imported":
            why, remedy = "there is no key, so nothing can be asked of Keepa", "Put your Keepa key into .env"
            raise ConfigError(why, field="KEEPA_API_KEY", remedy=remedy)
        if not settings.demo_mode and not settings.keepa_api_key.get_secret_value():
            why, remedy = "the producer has the key, and this process has none", "Give it KEEPA_API_KEY"
            raise ConfigError(why, field="ARBKIT_KEY_ELSEWHERE", remedy=remedy)
        self.origin: Origin = "demo" if settings.demo_mode else "keepa"
        self._secret = "" if settings.demo_mode else settings.keepa_api_key.get_secret_value()
        # At its own default the package logs the end of the key, and urllib3 whole addresses with it.
        super().__init__(self._secret or "demo", timeout=timeouts_s[1], logging_level="WARNING")
        logging.getLogger("urllib3").setLevel(logging.WARNING)
        self.state: Tokens | None = None
        self.heard: Tokens | None = None
        # What the package needs in order to ask for nothing on its own, and divides by.
        self.status.refillRate, self.status.refillIn = 1, 0.0
        self._base, self._shown = settings.source_url, settings.shown_source
        self._arriving = arriving
        self._copy: BinaryIO | None = None
        self._session = BoundedSession(
            {"User-Agent": "arbkit"},
            # A proxy for the outside world would not find a service on this machine.
            use_proxies=not is_loopback(_host(self._base)),
            timeouts_s=timeouts_s,
            most_bytes=MAX_ANSWER,
        )

    def products(self, market: str, asins: Sequence[str], *, buybox: bool) -> dict[str, RawProduct]:
        """ASIN → product object, of the requested ones that the answer holds."""
        domain = DCODES[market_of(market).keepa_domain]
        how: _Body = {"stats": _STATS_DAYS, "history": True, "wait": False, "progress_bar": False, "raw": True}
        with self._receiving(market, asins):
            answers = self.query(list(asins), domain=domain, buybox=buybox, **how)
        # With raw=True the package hands out what `_request` gives, one a request.
        (body,) = cast("list[_Body]", answers)
        products = body.get("products")
        if not isinstance(products, list):
            raise _TransientError(f"the answer holds no products{self._service_message(body)}", status=200)
        asked = set(asins)
        found = [p for p in products if isinstance(p, dict) and isinstance(p.get("asin"), str)]
        return {p["asin"]: p for p in found if p["asin"] in asked}

    def close(self) -> None:
        self._session.close()

    @contextmanager
    def _receiving(self, market: str, asins: Sequence[str]) -> Iterator[None]:
        """Whatever is answered in here is written down as it comes in."""
        if self._arriving is None:
            yield
            return
        with self._arriving.receiving(market, asins, self.origin) as self._copy:
            try:
                yield
            finally:
                self._copy = None

    def _request(
        self,
        request_type: str,
        payload: dict[str, Any],
        wait: bool = True,  # noqa: ARG002  # keepa's own signature
        raw_response: bool = False,  # noqa: ARG002
        is_json: bool = True,  # noqa: ARG002
    ) -> _Body:
        """The only method through which the package talks HTTP: one request, its parsed body or a typed error."""
        try:
            # A redirect is not followed: it would carry the key to somebody else.
            answer = self._session.get(f"{self._base}/{request_type}", payload, copy=self._copy)
        except AnswerTooLargeError as error:
            raise KeepaError(f"{self._shown}: {error}", remedy="Check ARBKIT_KEEPA_URL") from None
        except ValueError as error:
            raise _no_address(self._shown) from _without_address(error)
        except requests.exceptions.RequestException as error:
            why = f"{self._shown} cannot be reached: {_reason(error)}"
            raise _TransientError(why, remedy=self._remedy) from _without_address(error)
        return self._checked(request_type, answer)

    def _checked(self, request_type: str, answer: Answer) -> _Body:
        status = answer.status
        usable = _json_object(answer.body)
        self._note(usable)
        message = self._service_message(usable)
        match status:
            case 200 if not usable:
                why = "the answer is not the JSON object it should be"
                raise _TransientError(why, status=status, remedy=self._remedy)
            case 200 if request_type == "token" and self.heard is None:
                raise _TransientError(f"the answer says nothing of tokens{message}", status=status)
            case 200:
                return usable
            case 429:
                raise KeepaTokensError(f"the tokens are used up{message}", wait_s=self._refill_s(answer))
            case 400 | 401 | 402 | 403 if not message:
                # Whoever stands between us and the service may say such a thing for a while; it knows no key.
                why = f"{self._shown} answered with status {status} and not a word of the service's own"
                raise _TransientError(why, status=status, remedy=self._remedy)
            case 401 | 402 | 403:
                raise self._key_error(status, message)
            case 400 if request_type == "token" or "key" in message.lower():
                raise self._key_error(status, message)
            case _ if status >= 500:
                why = f"{self._shown} failed with status {status}{message}"
                raise _TransientError(why, status=status, remedy=self._remedy)
        why = f"{self._shown} refused /{request_type} with status {status}{message}"
        raise KeepaError(why, status=status, remedy="Check ARBKIT_KEEPA_URL")

    def _note(self, body: Mapping[str, Any]) -> None:
        """Keep the state of the tokens in an answer, if all that it says of them can be so."""
        left, rate, refill_ms = (_number(body.get(name)) for name in ("tokensLeft", "refillRate", "refillIn"))
        if left is None or rate is None or refill_ms is None:
            self.heard = None
            return
        self.state = self.heard = Tokens(
            left=round(left),
            refill_rate=max(0, round(rate)),
            refill_in_s=max(0.0, refill_ms / 1000),
            at=time.time(),
            consumed=round(_number(body.get("tokensConsumed")) or 0),
            origin=self.origin,
        )

    def _refill_s(self, answer: Answer) -> float:
        if (heard := self.heard) is not None:
            return max(_SHORTEST_WAIT_S, heard.wait_s(time.time()) or heard.refill_in_s)
        after = answer.headers.get("retry-after", "")
        return max(_SHORTEST_WAIT_S, float(after)) if after.isdecimal() else _REFILL_UNKNOWN_S

    def _key_error(self, status: int, message: str) -> KeepaKeyError:
        why = f"{self._shown} does not accept the key (status {status}){message}"
        remedy = "Put a valid key into .env; without a key arbkit runs on the demo market"
        return KeepaKeyError(why, status=status, field="KEEPA_API_KEY", value="********", remedy=remedy)

    def _service_message(self, body: Mapping[str, Any]) -> str:
        """The service's own error message, as the end of ours; empty if it sent none."""
        given = body.get("error")
        error = given if isinstance(given, dict) else {}
        said = " ".join(text for k in ("type", "message", "details") if isinstance(text := error.get(k), str) and text)
        said = said.replace(self._secret, "********") if self._secret else said
        return f": {said[:_MAX_MESSAGE]}" if said else ""

    @property
    def _remedy(self) -> str:
        if self.origin == "demo":
            return "Start the demo market with `arbkit demo`, or everything with `arbkit up`"
        return "Check the network and ARBKIT_KEEPA_URL, then try again"


def _json_object(data: bytes) -> _Body:
    """The JSON object of an answer, empty if it is none; what JSON does not allow in one value costs no other."""
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            text = data.decode("utf-8", "replace").strip()
            body, end = decode_leniently(text)
            if end != len(text):
                return {}
        except (ValueError, RecursionError):
            return {}
    return body if isinstance(body, dict) else {}


def _number(value: Json) -> float | None:
    """A number that can be one of tokens or of a wait; None if it is none."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and -_MOST < value < _MOST
    return value if is_one and isinstance(value, int | float) else None


def _host(url: str) -> str:
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return parts.hostname
    raise _no_address(url)


def _no_address(url: str) -> ConfigError:
    remedy = "Use http(s)://HOST:PORT, or leave it empty"
    return ConfigError(
        "not the address of a service", field="ARBKIT_KEEPA_URL", value=without_password(url), remedy=remedy
    )


def _without_address(error: Exception) -> BaseException | None:
    """The innermost cause: the outer ones spell out the address, and with it the key."""
    inner: BaseException = error
    while (deeper := inner.__cause__ or inner.__context__) is not None:
        inner = deeper
    return inner if isinstance(inner, OSError) and inner is not error else None


def _reason(error: requests.exceptions.RequestException) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    inner = _without_address(error)
    return (inner.strerror if isinstance(inner, OSError) else None) or type(error).__name__


def _log_retry(failure: Failure, wait_s: float) -> None:
    """Counts a retry as partial, by its HTTP status, or as unreachable."""
    error = failure.error
    status = getattr(error, "status", None) or "unreachable"
    KEEPA_RETRIES.labels("partial" if isinstance(error, _PartialError) else str(status)).inc()
    logger.info("%s; trying again in %.1f s", getattr(error, "why", error), wait_s)
