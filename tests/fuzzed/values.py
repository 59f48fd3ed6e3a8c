"""Values of parameters and bodies: right ones, and those that have broken things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

__all__ = ["NASTY", "RIGHT", "mutated", "nasty"]

ASINS = ("B000000001", "B000000002", "B000000003", "b07dvm36ps", "https://www.amazon.de/dp/B000000001", "B0999999ZZ")
_MARKETS = ("DE", "FR", "IT", "ES", "UK", "de", "amazon.it", "GB")
_NUMBERS = ("0", "1", "5", "12.5", "-3", "99.99", "1000", "0.5", "1e3")
_BOOLEANS = ("true", "false", "1", "0", "yes", "on")
_SORTS = (
    "profit", "roi", "margin", "spread", "confidence", "age", "title", "buy_price", "sell_price", "route", "updated",
    "price", "asin", "margin_desc", "profit_asc", "price_asc",
)  # fmt: skip
RIGHT: Mapping[str, Sequence[str]] = {
    "asin": ASINS, "q": ("lamp", "Küche", "b0000 acme", "ß"), "brand": ("Acme", "Zeta"),
    "exclude_brands": ("Acme", "Zeta, own", ",", "&"),
    "category": ("toys", "Toys & Games", "Spielzeug", "books"), "source": _MARKETS, "target": _MARKETS,
    "market": _MARKETS, "home": ("DE", "FR"), "stock": _MARKETS, "order": ("asc", "desc"), "sort_by": _SORTS,
    "format": ("ndjson", "csv"), "limit": ("1", "2", "50", "500"), "page": ("1", "2", "3", "900000"),
    "page_size": ("1", "2", "50", "500"), "min_confidence": ("0", "0.5", "1"), "max_age_hours": ("0", "24", "100000"),
    "from": ("2025-01-01", "1760000000", "2025-10-09T08:53:20Z"), "to": ("2026-01-01", "1790000000"),
    "series": ("new", "buy_box", "new,buy_box", "sales_rank"), "max_points": ("1", "10", "1000"),
    "run": ("r1", "r2", "latest"), "report": ("detect", "morning"), "name": ("package", "vat_class", "tool", "other"),
    "status": ("waiting", "done", "expired"), "max_seconds": ("0.05",), "size_mm": ("360x100x100", "10x10"),
    "vat_status": ("reclaiming", "not-reclaiming", "unregistered"), "fulfilment": ("best", "fba-local", "efn", "fbm"),
    "input_vat": ("net-intra-eu", "domestic-lost", "import"), "warehouses": ("de", "cep"),
    "vat_class": ("standard", "books"),
    "on": ("2026-08-01", "2024-02-29"), "plan": ("professional", "individual"), "hazmat": _BOOLEANS,
    "components": _BOOLEANS, "amazon_sells": _BOOLEANS, "all_routes": _BOOLEANS, "summary": _BOOLEANS,
    "no_profile": _BOOLEANS, "after": ("a0-c0", "a1-c1"), "last-event-id": ("a0-c0",), "buy": _NUMBERS,
    "sell": _NUMBERS, "sale": ("s1:1", "s1:2", "s1:99", "entered:0"), "kind": ("sale", "refund", "other"),
    "sku": ("SKU-1", "SKU-1:B000000001", "=1+1:B000000002"), "preview": _BOOLEANS,
}  # fmt: skip
"""Parameter → values that may be right; any other is a number."""
NASTY: Sequence[bytes] = (
    b"", b" ", b"NaN", b"nan", b"inf", b"-inf", b"Infinity", b"1e308", b"1e309", b"-1e400", b"5e-324", b"1" * 19,
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616", b"1" * 400,
    b"1" * 5_000, b"0" * 4_400 + b"1", b"0x10", b"0b1", b"1_000", b"1,5", b"+1", b"-0", b"--1", b"1.", b".5", b"1e",
    "٣".encode(), "９９".encode(), "²".encode(), "½".encode(), b"\0", b"a\0b", b"B00000000\0", b"\xed\xa0\x80",
    b"\xed\xb0\x80",
    b"\xff\xfe", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x80\xae", "e\u0301".encode() * 50, "🦄".encode(),
    "\ufeff1".encode(),
    "İ".encode(), "ﬀ".encode(), b"'", b"\"", b"''; DROP TABLE products; --", b"%", b"_", b"*", b"\\", b"\"*\"",
    b"NEAR(a b)",
    b"a AND b", b"(", b"[[", b"{}", b"[]", b"null", b"true", b"None", b"undefined", b"<script>alert(1)</script>",
    b"../../etc/passwd", b"..\\..", b"file:///etc/passwd", b"http://127.0.0.1:1/", b"\r\nX: y", b"\n", b"\t",
    b"\x1b[31m",
    b"\x7f", b"$ne", b"{{7*7}}", b"${jndi:ldap://x}", b"a" * 300, b"a" * 9_000, b"a " * 2_000, b"0001-01-01",
    b"9999-12-31",
    b"9999-12-31T23:59:59.999999+00:00", b"2026-02-30", b"-1-01-01", b"2026-01-01T25:00:00",
    b"-99999999999999", b"1e18",
    b"99999999999999999", b"DE,FR", b"DE:IT", b"B000000001,B000000002",
)  # fmt: skip
"""Bytes that have broken something somewhere, before they are encoded."""


def nasty(chance: Random) -> bytes:
    """One of them, or two in one."""
    found = chance.choice(NASTY)
    return found + chance.choice(NASTY) if chance.random() < 0.1 else found


def mutated(chance: Random, data: bytes) -> bytes:
    """``data`` with a few bytes changed, cut, doubled or put in."""
    made = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(made) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            del made[at:]
        elif kind == 1:
            made[at:at] = nasty(chance)[:200]
        elif kind == 2:
            made[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 3:
            del made[at : at + chance.randrange(1, 8)]
        else:
            made[at:at] = made[max(0, at - 10) : at]
    return bytes(made)
