"""The demo market's server: products, deals, best sellers and tokens as Keepa answers them, with tokens that refill.

It can be told to have the faults of a service on the internet, and keeps a bill of what it took for its answers.
"""

from __future__ import annotations

import gzip
import math
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

import orjson

from arbkit.core.keepa_time import to_minutes, to_unix
from arbkit.core.marketplaces import by_domain
from arbkit.core.service.addresses import listen
from arbkit.core.settings import Settings
from arbkit.sources.demo import best_sellers, deals
from arbkit.sources.demo.faults import Fault, FaultName, Faults, Suffered, shifted, without_offers
from arbkit.sources.demo.market import SEED
from arbkit.sources.demo.wire import Clock, offers, product_object
from arbkit.sources.raw_types import RawProduct

_RATE_PER_MINUTE = 1_200
"""More than 300 products on five marketplaces cost every five minutes, 900 a minute: the demo never runs dry."""
_BUCKET_MINUTES = 60
_MOST_ASINS = 100
_PRODUCT, _BUYBOX, _OFFERS_PAGE, _OFFERS_A_PAGE = 1, 2, 6, 10
"""Tokens by Keepa's documentation: written down here again, so that a wrong figure of the client's is seen."""
_LIMITED_MS = 2_000
_SLOW_S = 600.0


def _now() -> float:
    """Now in Keepa minutes, with their fraction."""
    return (time.time() - to_unix(0)) / 60


class _Bucket:
    """Tokens as Keepa counts them: a request runs while there is one, and may push the balance below zero."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._left = float(rate * _BUCKET_MINUTES)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def take(self, cost: int) -> int | None:
        """The balance after paying ``cost``; None if there was no token left."""
        with self._lock:
            self._refill()
            if cost and self._left <= 0:
                return None
            self._left -= cost
            return math.floor(self._left)

    def balance(self) -> int:
        """What is left now, below zero where more was spent."""
        with self._lock:
            self._refill()
            return math.floor(self._left)

    def change(self, rate: int) -> None:
        """Another plan: what the new bucket does not hold is gone."""
        with self._lock:
            if rate != self.rate:
                self._refill()
                self.rate = rate
                self._left = min(self._left, rate * _BUCKET_MINUTES) if rate else self._left

    def _refill(self) -> None:
        now = time.monotonic()
        if self.rate:
            self._left = min(self.rate * _BUCKET_MINUTES, self._left + (now - self._at) * self.rate / 60)
        self._at = now

    def refill_s(self, left: int) -> float:
        """Seconds until the next refill as Keepa counts them, one a minute, so that none waits too long or too short.

        The balance is above zero after as many of them as its ``rate`` takes.
        """
        if not self.rate:
            return 60.0
        refills = max(1, math.ceil((1 - left) / self.rate))
        return 60.0 if left > 0 else 60 * (1 - left) / self.rate - 60 * (refills - 1)


class Bill:
    """What the server took, in tokens, and for what.

    ``charged`` is all of it, by the name of the request; ``lost`` the part for answers that did not arrive whole;
    ``products`` how often each (ASIN, Keepa's number of the marketplace) was paid for.
    """

    def __init__(self) -> None:
        self.charged: Counter[str] = Counter()
        self.lost = 0
        self.products: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """All tokens that were taken."""
        return self.charged.total()

    def add(self, name: str, cost: int, body: RawProduct, *, arrives: bool) -> None:
        """Note an answer that cost tokens."""
        with self._lock:
            self.charged[name] += cost
            self.lost += 0 if arrives else cost
            self.products.update((product["asin"], product["domainId"]) for product in body.get("products", ()))


_Request: TypeAlias = socket.socket | tuple[bytes, socket.socket]
_Address: TypeAlias = tuple[str, int] | str


class DemoServer(ThreadingHTTPServer):
    """A demo market on an address; a context manager that serves from a thread of its own.

    ``fail_every`` n: each n-th request fails, in turn with status 503, a closed connection, and a cut answer;
    ``faults`` are others, by chance if there is a ``seed``. They can be changed while it runs.
    """

    daemon_threads = True

    def __init__(
        self,
        host: str,
        port: int,
        *,
        speed: float = 60,
        rate: int = _RATE_PER_MINUTE,
        fail_every: int = 0,
        faults: Sequence[Fault] = (),
        seed: int | None = None,
    ) -> None:
        self.faults = Faults(faults, fail_every=fail_every, seed=seed)
        self.rate = rate
        self.bill = Bill()
        self.stopping = threading.Event()
        self.bucket = _Bucket(rate)
        self.clock = Clock(to_minutes(time.time()), speed)
        super().__init__((host, port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listen(host, port, "ARBKIT_DEMO_PORT")
        self.server_address = self.socket.getsockname()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="demo")

    @property
    def url(self) -> str:
        """The base address, without a closing slash."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def handle_error(self, request: _Request, client_address: _Address) -> None:
        """A client that has gone is no fault of the server's, and none to print."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


_REFUSALS: dict[FaultName, tuple[int, str, str]] = {
    "unavailable": (503, "unavailable", "failing on purpose"),
    "key_revoked": (402, "paymentRequired", "this API key is no longer valid"),
    "rate_limited": (429, "tooManyRequests", "asked too often"),
}


class _Handler(BaseHTTPRequestHandler):
    server: DemoServer
    protocol_version = "HTTP/1.1"

    _suffers = Suffered()

    def do_GET(self) -> None:
        self._suffers = self.server.faults.next()
        names = self._suffers.names
        plan = max(1, self.server.rate // 4) if "plan_changed" in names else self.server.rate
        self.server.bucket.change(0 if "refill_zero" in names else plan)
        if "closed" in names:
            self.close_connection = True
            return
        if refusal := next((_REFUSALS[name] for name in _REFUSALS if name in names), None):
            self._refuse(*refusal)
            return
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        match parts.path.rstrip("/"):
            case "/token":
                self._answer(200, {}, cost=0)
            case "/product":
                self._product(query)
            case "/deal":
                self._deal(query)
            case "/bestsellers":
                self._best_sellers(query)
            case _:
                self._refuse(404, "notFound", "no such request")

    def _product(self, query: dict[str, str]) -> None:
        market = by_domain(int(query["domain"])) if query.get("domain", "").isdigit() else None
        asins = [asin for asin in query.get("asin", "").split(",") if asin]
        if market is None or not 0 < len(asins) <= _MOST_ASINS:
            self._refuse(400, "invalidParameter", "domain must be one of 2, 3, 4, 8, 9 and asin name 1 to 100 products")
            return
        buybox, history = query.get("buybox") == "1", query.get("history", "1") == "1"
        most, stats = (int(query[name]) if query.get(name, "").isdigit() else 0 for name in ("offers", "stats"))
        if "partial" in self._suffers.names:
            asins = [asin for number, asin in enumerate(asins) if number % 3]
        clock, now, seen = self.server.clock, _now(), buybox or most > 0
        products = [
            product_object(asin, market, clock, now=now, seed=SEED, buybox=seen, history=history, stats=stats)
            for asin in asins
        ]
        cost = len(asins) * (_PRODUCT + (_BUYBOX if buybox else 0))
        if most:
            found = [offers(asin, market, clock, now=now, seed=SEED, most=most) for asin in asins]
            products = [{**one, "offers": offered} for one, offered in zip(products, found, strict=True)]
            cost = _OFFERS_PAGE * sum(max(1, -(-len(offered) // _OFFERS_A_PAGE)) for offered in found)
        if "no_offers" in self._suffers.names:
            products = [without_offers(product) for product in products]
        if minutes := self._suffers.skew_minutes:
            products = [shifted(product, minutes) for product in products]
        self._answer(200, {"products": products}, cost=cost)

    def _deal(self, query: dict[str, str]) -> None:
        try:
            market = by_domain(int(query["domain"]))
            selection = orjson.loads(query["selection"])
            if market is None or not isinstance(selection, dict):
                raise ValueError("domain must be one of 2, 3, 4, 8, 9 and selection a JSON object")
            found = deals.deals(selection, market, self.server.clock, now=_now(), seed=SEED)
        except (KeyError, TypeError, ValueError) as error:
            self._refuse(400, "invalidParameter", str(error))
            return
        rows = [shifted(deal, self._suffers.skew_minutes) for deal in found["dr"]]
        self._answer(200, {"deals": {**found, "dr": rows}}, cost=deals.COST)

    def _best_sellers(self, query: dict[str, str]) -> None:
        given = [query.get(name, "") for name in ("domain", "category")]
        domain, category = (int(text) if text.isdecimal() else 0 for text in given)
        market = by_domain(domain)
        if market is None or not category:
            self._refuse(400, "invalidParameter", "domain must be one of 2, 3, 4, 8, 9 and category a number")
            return
        found = best_sellers.best_sellers(category, market, self.server.clock, now=_now(), seed=SEED)
        self._answer(200, {"bestSellersList": found}, cost=best_sellers.COST)

    def _refuse(self, status: int, kind: str, message: str) -> None:
        self._answer(status, {"error": {"type": kind, "message": message}}, cost=0)

    def _answer(self, status: int, body: RawProduct, *, cost: int) -> None:
        bucket, names = self.server.bucket, self._suffers.names
        left = bucket.take(cost)
        if left is None:
            status, body, cost = 429, {"error": {"type": "notEnoughToken", "message": "no tokens left"}}, 0
            left = bucket.balance()
        state = {
            "timestamp": round(time.time() * 1000) + 60_000 * self._suffers.skew_minutes,
            "tokensLeft": left,
            "refillIn": _LIMITED_MS if "rate_limited" in names else math.ceil(1000 * bucket.refill_s(left)),
            "refillRate": bucket.rate,
            "tokenFlowReduction": 0.0,
            "tokensConsumed": cost,
            "processingTimeInMs": 1,
        }
        if cost:
            name = urlsplit(self.path).path.strip("/")
            self.server.bill.add(name, cost, body, arrives=names.isdisjoint({"slow", "cut", "invalid_json"}))
        self._send(status, orjson.dumps({**state, **body}))

    def _send(self, status: int, plain: bytes) -> None:
        names = self._suffers.names
        if "slow" in names:
            self.close_connection = True
            self.server.stopping.wait(_SLOW_S)
            return
        if "invalid_json" in names:
            half = len(plain) // 2
            plain = plain[:half] + b"}]<html>" + plain[half:]
        data = gzip.compress(plain, compresslevel=1)
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if "cut" in names:
            self.close_connection = True
            data = data[: len(data) // 2]
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Requests carry the key: none is logged."""


def serve(
    settings: Settings,
    *,
    stop: threading.Event,
    fail_every: int = 0,
    faults: Sequence[Fault] = (),
    seed: int | None = None,
) -> None:
    """Serve the demo market on the settings' address until ``stop`` is set.

    Raises:
        ConfigError: the port is in use; names the setting that changes it.
    """
    with DemoServer(
        settings.host, settings.demo_port, speed=settings.demo_speed, fail_every=fail_every, faults=faults, seed=seed
    ):
        stop.wait()
