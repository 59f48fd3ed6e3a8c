"""Random and mutated requests to every address of the API: the same for the same seed and number."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, quote_from_bytes

from arbkit.core.input.filters import ALIASES
from arbkit.sources.settlements.exported import export_csv
from arbkit.sources.settlements.template import template
from tests.docs.openapi import OPENAPI
from tests.fuzzed.values import RIGHT, mutated, nasty
from tests.fuzzed.wire import Header, Request
from tests.helpers.sales import refund, sale
from tests.helpers.settlements import item, settlement

__all__ = ["Cases"]

_NUMBERS = ("0", "1", "5", "12.5", "99.99", "40", "1000")
_OTHER_NAMES = {canonical: name for name, canonical in ALIASES.items()}
_METHODS = (b"GET", b"HEAD", b"OPTIONS", b"POST", b"PUT", b"DELETE", b"PATCH", b"TRACE", b"PROPFIND", b"get")
_STRAY = (
    b"/", b"//", b"/docs", b"/openapi.json", b"/docs/", b"/..", b"/%2e%2e/etc/passwd", b"/products/", b"/favicon.ico",
    b"/products/watch/", b"/health/dead", b"/%00", b"/%ff", b"/arbitrage%2Fexport", b"/" + b"a" * 9_000,
    b"/?a=b", b"*",
    b"http://127.0.0.1/health", b"/metrics/../stats", b"/products/%F0%9F%A6%84", b"/reports/..%2f..%2fapi.token",
)  # fmt: skip
_BODIES: Mapping[str, Sequence[Any]] = {
    "watch": (
        {"asin": "B000000001"}, {"asins": ["B07DVM36PS", "B000000002"], "notes": "n", "groups": ["a"]},
        {"asins": ["https://amazon.it/dp/B000000001"], "groups": ["x" * 50]}, {"asins": []},
        {"asin": "B000000001", "notes": ""},
    ),
    "put_package": (
        {"weight_g": 900}, {"length_mm": 300, "width_mm": 200, "height_mm": 100, "weight_g": 1},
        {"size_mm": "10x10x10"}, {},
    ),
    "add_sale": (
        {"date": "2026-11-02", "asin": "B000000001", "marketplace": "DE", "principal": 59.98, "units": 2},
        {"date": "2026-11-02", "sku": "=1+1", "currency": "EUR", "principal": 1, "kind": "refund", "vat": 0.2},
    ),
    "import_sales": (
        template().encode(), settlement(*item({"ItemPrice/Principal": "69,99"}), total="69,99").encode("cp1252"),
        export_csv([sale(1), refund(2)]), b"\0" * 1_000, "Datum;Typ\nx;y\n".encode("utf-16"),
    ),
    "look": ({"asin": "B000000001", "market": "DE"}, {"asin": "B000000002", "market": "it"}),
    "add_key": ({"name": "tool"}, {"name": "other", "scope": "write", "expires": "90d"}, {"name": "third",
    "scope": "admin"}),
}  # fmt: skip
_STRANGE: Sequence[Any] = (
    None, True, 0, -1, 1.5, 10**30, "", "x", "\0", "\ud800", "B000000001" * 500, [], {}, [[]], [None],
    {"a": 1}, float("nan"),
    float("inf"), ["B000000001"] * 300, [1, "B000000001", None], {"": ""}, "１２", "9" * 5_000, -(2**63), 2**64,
)  # fmt: skip
_TYPES = (
    b"application/json", b"application/json; charset=utf-16", b"text/plain", b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=x", b"multipart/form-data", b"", b"application/json; charset=\xff", b"*/*",
    b"application/xml",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Operation:
    name: str
    method: str
    path: str
    parameters: Sequence[Mapping[str, Any]]


class Cases:
    """Makes requests with ``token``; ``cursors`` are some that the API has given, by path."""

    def __init__(self, seed: int, token: str, cursors: Mapping[str, Sequence[str]]) -> None:
        self._seed = seed
        self._token = token.encode()
        self._cursors = cursors
        document = json.loads(OPENAPI.read_text("utf-8"))
        self._operations = [
            _Operation(operation["operationId"], method.upper(), path, operation.get("parameters", ()))
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
        # Lists, with most parameters by far, come as often as all others.
        self._lists = [one for one in self._operations if one.name in ("arbitrage", "products", "reports", "history")]

    def __call__(self, number: int) -> Request:
        """The request with this number."""
        chance = Random(f"{self._seed}:{number}")
        among = self._lists if chance.random() < 0.45 else self._operations
        operation = chance.choice(among)
        if operation.name == "events" and chance.random() < 0.7:
            operation = self._lists[0]
        method, target = operation.method.encode(), self._target(chance, operation)
        if chance.random() < 0.03:
            method = chance.choice(_METHODS)
        if chance.random() < 0.02:
            target = chance.choice(_STRAY)
        elif chance.random() < 0.02:
            target = _clean(mutated(chance, target))
        body = self._body(chance, operation)
        headers = [(b"Host", b"127.0.0.1"), *self._headers(chance, target)]
        if body or method in (b"POST", b"PUT", b"PATCH"):
            kind = b"application/json" if chance.random() < 0.9 else chance.choice(_TYPES)
            headers += [(b"Content-Type", kind), *_length(chance, body)]
            if headers[-1][0] == b"Transfer-Encoding":
                body = _chunked(body)
        # It may be the address that counts, not the operation: others too lead to the stream.
        stream = b"events" in target
        source = ""
        if chance.random() < 0.01:
            headers.append((chance.choice((b"Authorization", b"X-API-Key")), b"Bearer " + nasty_header(chance)))
            # An address that gives too many wrong keys must wait; this one must go on.
            source = f"127.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(2, 255)}"
        else:
            headers.append((b"Authorization", b"Bearer " + self._token))
        made = Request(method, target, headers, body, stream=stream, source=source)
        return _broken(chance, made) if chance.random() < 0.03 else made

    def _target(self, chance: Random, operation: _Operation) -> bytes:
        path = operation.path.encode()
        for parameter in operation.parameters:
            if parameter["in"] == "path":
                value = _encoded(chance, self._value(chance, operation, parameter))
                path = path.replace(f"{{{parameter['name']}}}".encode(), value)
        asked = [one for one in operation.parameters if one["in"] == "query"]
        some = chance.sample(asked, min(len(asked), int(chance.expovariate(0.4))))
        if operation.name == "profit" and chance.random() < 0.8:
            some = list({one["name"]: one for one in [*asked[:4], *some]}.values())
        pairs = [self._pair(chance, operation, one) for one in some]
        if operation.name == "events" and b"max_seconds" not in b"".join(pairs):
            pairs.append(b"max_seconds=0.05")
        if pairs and chance.random() < 0.04:
            pairs.append(chance.choice(pairs))
        if chance.random() < 0.02:
            pairs.append(_encoded(chance, nasty(chance)) + b"=" + _encoded(chance, nasty(chance)))
        return path + (b"?" + b"&".join(pairs) if pairs else b"")

    def _pair(self, chance: Random, operation: _Operation, parameter: Mapping[str, Any]) -> bytes:
        name = str(parameter["name"])
        dice = chance.random()
        if dice < 0.15:
            name = _OTHER_NAMES.get(name, name)
        elif dice < 0.18:
            name = chance.choice((name.upper(), f"{name}[]", f"{name}s", name[:-1], f" {name}"))
        return quote(name).encode() + b"=" + _encoded(chance, self._value(chance, operation, parameter))

    def _value(self, chance: Random, operation: _Operation, parameter: Mapping[str, Any]) -> bytes:
        name = str(parameter["name"])
        if name == "cursor" and (known := self._cursors.get(operation.path)) and chance.random() < 0.9:
            cursor = chance.choice(known)
            return cursor.encode() if chance.random() < 0.3 else _altered(chance, cursor)
        if chance.random() < 0.3:
            return nasty(chance)
        right = chance.choice(RIGHT.get(name, _NUMBERS)).encode()
        return mutated(chance, right) if chance.random() < 0.1 else right

    def _headers(self, chance: Random, target: bytes) -> list[Header]:
        if b"events" in target and chance.random() < 0.5:
            return [(b"Last-Event-ID", chance.choice((b"a0-c0", b"a1.2-c3", nasty_header(chance))))]
        if chance.random() > 0.12:
            return []
        names = (
            b"If-None-Match", b"Accept", b"Range", b"X-API-Key", b"Origin", b"Accept-Encoding", b"Cookie",
            b"X-Forwarded-For",
            b"If-Modified-Since", b"Last-Event-ID", b"User-Agent", b"Referer", b"Forwarded",
            b"Access-Control-Request-Method",
        )  # fmt: skip
        return [(chance.choice(names), nasty_header(chance)) for _ in range(chance.randrange(1, 4))]

    def _body(self, chance: Random, operation: _Operation) -> bytes:
        known = _BODIES.get(operation.name)
        if known is None:
            return b"{}" if chance.random() < 0.02 else b""
        value = chance.choice(known)
        dice = chance.random()
        if isinstance(value, bytes):
            return mutated(chance, value) if dice < 0.6 else value
        if dice < 0.3:
            value = {**value, chance.choice([*value, "more"]): chance.choice(_STRANGE)}
        elif dice < 0.4:
            value = chance.choice(_STRANGE)
        text = json.dumps(value, ensure_ascii=chance.random() < 0.7)
        if dice > 0.97:
            return b"[" * 20_000 if chance.random() < 0.5 else b'{"asins":' * 5_000
        data = text.encode(chance.choice(("utf-16", "latin-1", "utf-8-sig")) if dice > 0.94 else "utf-8", "replace")
        return mutated(chance, data) if 0.8 < dice < 0.94 else data


def nasty_header(chance: Random) -> bytes:
    """A nasty value that a header can hold."""
    return bytes(byte for byte in nasty(chance) if byte >= 32 and byte != 127).strip()


def _encoded(chance: Random, value: bytes) -> bytes:
    if chance.random() < 0.04:
        return _clean(value)
    made = quote_from_bytes(value, safe="").encode()
    if chance.random() < 0.02:
        # Twice, or cut within a sequence.
        return made.replace(b"%", b"%25") if chance.random() < 0.5 else made[:-1]
    return made


def _clean(target: bytes) -> bytes:
    """A target as one word, for whatever else would not be HTTP any more."""
    return bytes(byte for byte in target if byte > 32 and byte != 127) or b"/"


def _altered(chance: Random, cursor: str) -> bytes:
    """A cursor cut, of another page, or with other values in it."""
    page, _, packed = cursor.partition(".")
    if chance.random() < 0.3:
        return mutated(chance, cursor.encode())
    if chance.random() < 0.2:
        return f"{chance.choice(('0', '-1', '1', '999999999', '9999999999', page))}.{packed}".encode()
    try:
        inside = json.loads(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except (Error, ValueError):
        return mutated(chance, cursor.encode())
    if isinstance(inside, list) and inside:
        inside[chance.randrange(len(inside))] = chance.choice(_STRANGE)
    text = json.dumps(inside).encode()
    data = mutated(chance, text) if chance.random() < 0.2 else text
    return f"{page}.{urlsafe_b64encode(data).decode().rstrip('=')}".encode()


def _length(chance: Random, body: bytes) -> list[Header]:
    if chance.random() < 0.05:
        return [(b"Transfer-Encoding", b"chunked")]
    return [(b"Content-Length", str(len(body)).encode())]


def _chunked(body: bytes) -> bytes:
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)][:2_000]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _broken(chance: Random, made: Request) -> Request:
    """No request as HTTP has it; whoever sends one may be hung up on, and nothing else may come of it."""
    more: Sequence[Callable[[], Header]] = (
        lambda: (b"Content-Length", chance.choice((b"-1", b"1e3", b"9" * 30, b"", b"12, 13", b"999999999"))),
        lambda: (b"Transfer-Encoding", chance.choice((b"chunked", b"gzip, chunked", b"identity", b"xchunked"))),
        lambda: (b"X" * 40_000, b"y"),
        lambda: (b"X-Long", b"y" * 40_000),
        lambda: (b"Host", chance.choice((b"evil.example", b"127.0.0.1:1", b"", b"[::1]", b"127.0.0.1@evil", b"\xff"))),
        lambda: (b"Expect", b"100-continue"),
        lambda: (b"Upgrade", b"websocket"),
        lambda: (b"Bad Name", b"x"),
        lambda: (b"X-Bytes", bytes(chance.randrange(256) for _ in range(20))),
        lambda: (b"Content-Encoding", b"gzip"),
    )
    headers = [*made.headers, chance.choice(more)()]
    target = (
        made.target
        if chance.random() < 0.7
        else made.target + chance.choice((b" x", b"\r\nX: y", b"\0", b"\xff", b"#f"))
    )
    return Request(made.method, target, headers, made.body, whole=False, stream=made.stream, source=made.source)
