"""A Keepa-compatible service with thousands of products, served from one file of ready answers. Knows no arbkit."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

__all__ = ["asins_of", "read_products", "serving", "write_products"]

Products = dict[tuple[int, str], bytes]
"""Keepa's domain and ASIN → the product object as JSON."""
_TOKENS = {"tokensLeft": 1_000_000, "refillIn": 1_000, "refillRate": 1_000, "tokensConsumed": 3, "timestamp": 1}


def write_products(path: Path, products: Iterable[tuple[int, str, bytes]]) -> None:
    """One product object a line, behind its domain and ASIN, so that reading need not parse it."""
    with path.open("wb") as file:
        for domain, asin, document in products:
            file.write(b"%d %s %s\n" % (domain, asin.encode(), document))


def read_products(path: Path) -> Products:
    found: Products = {}
    with path.open("rb") as file:
        for line in file:
            domain, asin, document = line.rstrip(b"\n").split(b" ", 2)
            found[int(domain), asin.decode()] = document
    return found


def asins_of(products: Products) -> list[str]:
    return sorted({asin for _, asin in products})


@contextmanager
def serving(products: Products) -> Iterator[str]:
    """The address of a running service that has these products and never runs out of tokens."""
    tokens = json.dumps(_TOKENS).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = tokens
            if parts.path.strip("/") == "product":
                asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                documents = [products[int(asked["domain"]), asin] for asin in asked["asin"].split(",")]
                body = tokens[:-1] + b', "products": [' + b",".join(documents) + b"]}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
