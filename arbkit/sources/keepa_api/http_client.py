"""HTTP to Keepa's API: one request at a time on one pooled connection, its tokens noted, its errors typed.

The ``keepa`` package is the client; here it gets a connection and a base URL of ours, and never sleeps on its own.
Importing it costs more than half a second and brings pandas. Facts: Keepa API documentation, "Request Products",
"Browsing Deals", "Request Best Sellers" and "Retrieve Token Status".
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Unpack, cast
from urllib.parse import urlsplit

import keepa
import orjson
import requests
import urllib3
from keepa.constants import DCODES

from arbkit.core.errors import ConfigError, Details, KeepaError, KeepaKeyError, KeepaTokensError
from arbkit.core.keepa_time import CLOCK_TOLERANCE_S
from arbkit.core.marketplaces import market as market_of
from arbkit.core.models import Origin
from arbkit.core.service.addresses import is_loopback
from arbkit.core.service.bounded_http import Answer, AnswerTooLargeError, BoundedSession
from arbkit.core.settings import Settings, without_password
from arbkit.sources.keepa_api.arriving import MAX_ANSWER, ArrivingAnswers
from arbkit.sources.keepa_api.calls import BestSellersCall, DealsCall, ProductCall
from arbkit.sources.keepa_api.product_lists import BestSellers, DealsPage, read_best_sellers, read_deals
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.raw_types import Json, RawProduct, decode_leniently

logger = logging.getLogger(__name__)

_Body = dict[str, Any]

_STATS_DAYS = 90
_MAX_MESSAGE = 500
"""Characters of the service's own error message that are shown."""
_MOST = 2**31
"""Above every number of tokens and every wait in milliseconds (25 days) that Keepa states."""
_FIRST_MS = 1_300_000_000_000
"""2011, when Keepa's time begins, in Unix milliseconds."""
_SHORTEST_WAIT_S = 1.0
_REFILL_UNKNOWN_S = 60.0
"""What a 429 without ``refillIn`` waits: Keepa refills once a minute."""
_NEW, _LAST_DAY, _NEWEST_FIRST = 1, 0, 1
"""Keepa's words for a page of deals: by the price of NEW, changed within a day, the last change first."""


class TransientError(KeepaError):
    """A fault that may be gone at the next try; the tokens of the answer may have been taken (``may_have_cost``)."""

    def __init__(
        self, why: str, *, status: int | None = None, may_have_cost: bool = False, **details: Unpack[Details]
    ) -> None:
        self.may_have_cost = may_have_cost
        super().__init__(why, status=status, **details)


class KeepaClient(keepa.Keepa):
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
        self.consumed = 0
        self._clock_differs = False
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

    def products(self, call: ProductCall) -> dict[str, RawProduct]:
        """ASIN → product object, of the requested ones that the answer holds."""
        domain = DCODES[market_of(call.market).keepa_domain]
        how: _Body = {"stats": _STATS_DAYS, "history": True, "wait": False, "progress_bar": False, "raw": True}
        with self._receiving(call):
            answers = self.query(list(call.asins), domain=domain, buybox=call.buybox, offers=call.offers or None, **how)
        # With raw=True the package hands out what `_request` gives, one a request.
        (body,) = cast("list[_Body]", answers)
        products = body.get("products")
        if not isinstance(products, list):
            raise self._useless("products", body)
        asked = set(call.asins)
        found = [p for p in products if isinstance(p, dict) and isinstance(p.get("asin"), str)]
        return {p["asin"]: p for p in found if p["asin"] in asked}

    def newest_deals(self, call: DealsCall) -> DealsPage:
        """The page of deals whose NEW price fell last."""
        selection = {
            "page": call.page,
            "domainId": market_of(call.market).keepa_domain,
            "priceTypes": [_NEW],
            "dateRange": _LAST_DAY,
            "sortType": _NEWEST_FIRST,
            "isFilterEnabled": False,
            "isRangeEnabled": False,
            **({} if call.category is None else {"includeCategories": [call.category]}),
        }
        body = self._asked("deal", call.market, selection=orjson.dumps(selection).decode())
        page = read_deals(body, call, self.heard, now=time.time())
        if page is None:
            raise self._useless("deals", body)
        return page

    def best_sellers(self, call: BestSellersCall) -> BestSellers:
        """The list of best sellers, as Keepa keeps it."""
        body = self._asked("bestsellers", call.market, category=call.category)
        return read_best_sellers(body, call, self.heard, now=time.time())

    def close(self) -> None:
        """Give up the connection."""
        self._session.close()

    def _asked(self, request_type: str, market: str, **what: str | int) -> _Body:
        where = {"key": self.accesskey, "domain": market_of(market).keepa_domain}
        return self._request(request_type, {**where, **what}, wait=False)

    @contextmanager
    def _receiving(self, call: ProductCall) -> Iterator[None]:
        """Whatever is answered in here is written down as it comes in."""
        if self._arriving is None:
            yield
            return
        with self._arriving.receiving(call.market, call.asins, self.origin) as self._copy:
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
            is_sent = not _never_connected(error)
            raise TransientError(why, may_have_cost=is_sent, remedy=self._remedy) from _without_address(error)
        return self._checked(request_type, answer)

    def _checked(self, request_type: str, answer: Answer) -> _Body:
        status = answer.status
        usable = _json_object(answer.body)
        self._note(usable)
        message = self._service_message(usable)
        match status:
            case 200 if not usable:
                why = "the answer is not the JSON object it should be"
                raise TransientError(why, status=status, may_have_cost=True, remedy=self._remedy)
            case 200 if request_type == "token" and self.heard is None:
                raise TransientError(f"the answer says nothing of tokens{message}", status=status)
            case 200:
                return usable
            case 429:
                raise KeepaTokensError(f"the tokens are used up{message}", wait_s=self._refill_s(answer))
            case 400 | 401 | 402 | 403 if not message:
                # Whoever stands between us and the service may say such a thing for a while; it knows no key.
                why = f"{self._shown} answered with status {status} and not a word of the service's own"
                raise TransientError(why, status=status, remedy=self._remedy)
            case 401 | 402 | 403:
                raise self._key_error(status, message)
            case 400 if request_type == "token" or "key" in message.lower():
                raise self._key_error(status, message)
            case _ if status >= 500:
                why = f"{self._shown} failed with status {status}{message}"
                raise TransientError(why, status=status, remedy=self._remedy)
        why = f"{self._shown} refused /{request_type} with status {status}{message}"
        raise KeepaError(why, status=status, remedy="Check ARBKIT_KEEPA_URL")

    def _useless(self, what: str, body: _Body) -> TransientError:
        why = f"the answer holds no {what}{self._service_message(body)}"
        return TransientError(why, status=200, may_have_cost=True)

    def _note(self, body: Mapping[str, Any]) -> None:
        """Keep the state of the tokens in an answer, if all that it says of them can be so."""
        self._compare_clocks(_number(body.get("timestamp"), below=math.inf))
        # What a call costs adds up over its repetitions.
        self.consumed += max(0, round(_number(body.get("tokensConsumed")) or 0))
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

    def _compare_clocks(self, stated_ms: float | None) -> None:
        """Say once that the service has another time: its newest looks old, or is refused as of the future."""
        # A second of 1970 is nobody's clock.
        if stated_ms is None or stated_ms < _FIRST_MS:
            return
        ahead = stated_ms / 1000 - time.time()
        differs = abs(ahead) > CLOCK_TOLERANCE_S
        if differs and not self._clock_differs:
            word = "ahead of" if ahead > 0 else "behind"
            logger.warning(
                "the clock of %s is %.1f hours %s this machine's; what is later than now is refused. Set the clock of "
                "this machine, then `arbkit dlq replay` takes in what was refused",
                self._shown, abs(ahead) / 3600, word,
            )  # fmt: skip
        self._clock_differs = differs

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


def _number(value: Json, below: float = _MOST) -> float | None:
    """A number that can be one of tokens or of a wait; None if it is none."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and -below < value < below
    return value if is_one and isinstance(value, int | float) else None


def _never_connected(error: BaseException) -> bool:
    """Whether the request cannot have reached the service."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
            return True
        inner = inner.__cause__ or inner.__context__
    return False


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
