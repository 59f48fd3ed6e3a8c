"""A Keepa-compatible service that answers exactly what a test tells it to."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKENS = {"tokensLeft": 300, "refillIn": 42_000, "refillRate": 5, "tokensConsumed": 3, "timestamp": 1}


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    pause_before: bytes = b""
    pause: Callable[[], bool] = lambda: True
    """called where ``pause_before`` first stands in the body; False: the line breaks there"""


@dataclass(frozen=True)
class Asked:
    """A request: ``name`` is ``token`` or ``product``."""

    name: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def asins(self) -> list[str]:
        return self.query["asin"].split(",")


Answer = Callable[[Asked, int], Reply]
"""The request and how many of its name came before → the answer."""


def product(asin: str, domain: int = 3, **more: Any) -> dict[str, Any]:
    return {"asin": asin, "domainId": domain, "title": f"Thing {asin}", "csv": [None, [1, 999]], **more}


def tokens(left: int = 300, **more: Any) -> Reply:
    return Reply(body={**TOKENS, "tokensLeft": left, **more})


def products(asked: Asked, *, but: tuple[str, ...] = (), **more: Any) -> Reply:
    """A product object for everything asked for."""
    found = [product(a, int(asked.query["domain"])) for a in asked.asins if a not in but]
    return Reply(body={**TOKENS, "products": found, **more})


def used_up(refill_in_ms: int = 1000, left: int = 0) -> Reply:
    body = {"tokensLeft": left, "refillIn": refill_in_ms, "refillRate": 5, "tokensConsumed": 0}
    return Reply(429, {**body, "error": {"type": "NOT_ENOUGH_TOKEN", "message": "wait"}})


def well(asked: Asked, before: int) -> Reply:
    """The answer of a service in good health."""
    return tokens() if asked.name == "token" else products(asked)


@dataclass
class Stub:
    """A running stub; its ``answer`` may be changed."""

    url: str
    answer: Answer
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def count(self, name: str) -> int:
        return sum(a.name == name for a in self.asked)


def _in_two(body: bytes, before: bytes) -> tuple[bytes, bytes]:
    """The packed body, cut where ``before`` first stands: the first part can be unpacked without the second."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    at = body.index(before) if before else len(body)
    head = packer.compress(body[:at]) + packer.flush(zlib.Z_SYNC_FLUSH)
    return head, packer.compress(body[at:]) + packer.flush()


@contextmanager
def stub(answer: Answer = well) -> Iterator[Stub]:
    """A running stub; ``answer`` may block until the test lets it go."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            running.connections += 1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(parts.query).items()}
            asked = Asked(parts.path.strip("/"), query, {k.lower(): v for k, v in self.headers.items()})
            before = running.count(asked.name)
            running.asked.append(asked)
            reply = running.answer(asked, before)
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            head, tail = _in_two(body, reply.pause_before)
            self.send_response(reply.status)
            for name, value in {"Content-Encoding": "gzip", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(head) + len(tail)))
            self.end_headers()
            try:
                self.wfile.write(head)
                if not reply.pause():
                    raise ConnectionAbortedError
                self.wfile.write(tail)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    running = Stub(f"http://127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
