"""The demo market's server: ``/product``, ``/deal`` and ``/token`` as Keepa answers them, with tokens that refill.

It can be made to fail from time to time, as a service on the internet does.
"""

from __future__ import annotations

import gzip
import itertools
import math
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

import orjson

from arbkit.core.keepa_time import to_minutes, to_unix
from arbkit.core.marketplaces import by_domain
from arbkit.core.service.addresses import listen
from arbkit.core.settings import Settings
from arbkit.sources.demo import deals
from arbkit.sources.demo.market import SEED
from arbkit.sources.demo.wire import Clock, product_object
from arbkit.sources.raw_types import RawProduct

_RATE_PER_MINUTE = 1_200
"""More than 300 products on five marketplaces cost every five minutes, 900 a minute: the demo never runs dry."""
_BUCKET_MINUTES = 60
_MOST_ASINS = 100
_FAULTS = ("unavailable", "closed", "cut")


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

    def _refill(self) -> None:
        now = time.monotonic()
        self._left = min(self.rate * _BUCKET_MINUTES, self._left + (now - self._at) * self.rate / 60)
        self._at = now

    def refill_s(self, left: int) -> float:
        """Seconds until the next refill as Keepa counts them, one a minute, so that none waits too long or too short.

        The balance is above zero after as many of them as its ``rate`` takes.
        """
        refills = max(1, math.ceil((1 - left) / self.rate))
        return 60.0 if left > 0 else 60 * (1 - left) / self.rate - 60 * (refills - 1)


_Request: TypeAlias = socket.socket | tuple[bytes, socket.socket]
_Address: TypeAlias = tuple[str, int] | str


class DemoServer(ThreadingHTTPServer):
    """A demo market on an address; a context manager that serves from a thread of its own.

    ``fail_every`` n: each n-th request fails, in turn with status 503, a closed connection, and a cut answer.
    """

    daemon_threads = True

    def __init__(
        self, host: str, port: int, *, speed: float = 60, rate: int = _RATE_PER_MINUTE, fail_every: int = 0
    ) -> None:
        self.fail_every = fail_every
        self.requests = itertools.count(1)
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
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: DemoServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        every, number = self.server.fail_every, next(self.server.requests)
        self._fault = _FAULTS[number // every % len(_FAULTS)] if every and number % every == 0 else None
        if self._fault == "closed":
            self.close_connection = True
            return
        if self._fault == "unavailable":
            self._refuse(503, "unavailable", "failing on purpose")
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
            case _:
                self._refuse(404, "notFound", "no such request")

    def _product(self, query: dict[str, str]) -> None:
        market = by_domain(int(query["domain"])) if query.get("domain", "").isdigit() else None
        asins = [asin for asin in query.get("asin", "").split(",") if asin]
        if market is None or not 0 < len(asins) <= _MOST_ASINS:
            self._refuse(400, "invalidParameter", "domain must be one of 2, 3, 4, 8, 9 and asin name 1 to 100 products")
            return
        buybox, history = query.get("buybox") == "1", query.get("history", "1") == "1"
        clock, stats = self.server.clock, int(query["stats"]) if query.get("stats", "").isdigit() else 0
        products = [
            product_object(asin, market, clock, now=_now(), seed=SEED, buybox=buybox, history=history, stats=stats)
            for asin in asins
        ]
        self._answer(200, {"products": products}, cost=len(asins) * (3 if buybox else 1))

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
        self._answer(200, {"deals": found}, cost=deals.COST)

    def _refuse(self, status: int, kind: str, message: str) -> None:
        self._answer(status, {"error": {"type": kind, "message": message}}, cost=0)

    def _answer(self, status: int, body: RawProduct, *, cost: int) -> None:
        bucket = self.server.bucket
        left = bucket.take(cost)
        if left is None:
            status, body, cost = 429, {"error": {"type": "notEnoughToken", "message": "no tokens left"}}, 0
            left = bucket.balance()
        state = {
            "timestamp": round(time.time() * 1000),
            "tokensLeft": left,
            "refillIn": math.ceil(1000 * bucket.refill_s(left)),
            "refillRate": bucket.rate,
            "tokenFlowReduction": 0.0,
            "tokensConsumed": cost,
            "processingTimeInMs": 1,
        }
        data = gzip.compress(orjson.dumps({**state, **body}), compresslevel=1)
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self._fault == "cut":
            self.close_connection = True
            data = data[: len(data) // 2]
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Requests carry the key: none is logged."""


def serve(settings: Settings, *, stop: threading.Event, fail_every: int = 0) -> None:
    """Serve the demo market on the settings' address until ``stop`` is set.

    Raises:
        ConfigError: the port is in use; names the setting that changes it.
    """
    with DemoServer(settings.host, settings.demo_port, speed=settings.demo_speed, fail_every=fail_every):
        stop.wait()
