"""Keepa's product objects, saved answers and log messages → what they hold, read without arbkit.

From Keepa's documentation: times in minutes since 2011, prices in whole cents, −1 no offer, −2 no data, ``csv`` flat
lists of pairs, or of triples with shipping for the buy box; index 0 Amazon, 1 new, 4 list, 10 new by FBA, 18 buy box.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeGuard

from tests.mutated.held import CURRENCY, DOMAINS, KEEPA_EPOCH, Held, Reading
from tests.mutated.reader_cells import codes_of
from tests.mutated.reader_exports import Asked, is_empty, named_field, price_field, read_export, read_money
from tests.mutated.reader_tables import UnknownError, text_of, unpacked

_INDEX = {"amazon": 0, "new": 1, "list": 4, "new_fba": 10, "buy_box": 18}
_CLOCKS_S = 3_600


def _no_constant(_: str) -> None:
    return None


def _whole(text: str) -> int | None:
    """A whole number; one that no program can hold says nothing, as NaN does."""
    return int(text) if len(text) <= 300 else None


def _float(text: str) -> float | None:
    return value if abs(value := float(text)) < float("inf") else None


def documents(data: bytes) -> list[Any]:
    """The JSON documents in bytes: one, or one a line.

    Raises:
        UnknownError: they are not whole.
    """
    text, at, found = text_of(data).strip(), 0, []
    decoder = json.JSONDecoder(parse_constant=_no_constant, parse_int=_whole, parse_float=_float)
    try:
        while at < len(text):
            document, at = decoder.raw_decode(text, at)
            found.append(document)
            while at < len(text) and text[at] in " \t\r\n":
                at += 1
    except (ValueError, RecursionError) as error:
        raise UnknownError(str(error)) from None
    return found


def read_file(data: bytes, name: str, asked: Asked) -> Reading:
    """What a file holds that a user imports: an export, or saved answers."""
    try:
        plain = unpacked(data)
    except UnknownError:
        return Reading()
    is_json = not plain.startswith(b"PK") and text_of(plain).lstrip()[:1] in ("{", "[")
    return read_saved(plain, asked) if is_json else read_export(plain, name, asked)


def read_saved(data: bytes, asked: Asked) -> Reading:
    """What a file with saved answers holds."""
    try:
        whole = documents(unpacked(data))
    except UnknownError:
        return Reading()
    stamps = [d["timestamp"] for d in whole if isinstance(d, dict) and _is_whole(d.get("timestamp"))]
    now = asked.now.timestamp()
    # Milliseconds; what is no such time is none at all.
    if any(now + _CLOCKS_S < stamp / 1000 < 1e11 for stamp in stamps[:1] if len(set(stamps)) == 1):
        return Reading()
    return Reading([held for d in whole for p in _products(d) if (held := _held(p, now, asked.market))])


def read_answer(data: bytes, market: str, now: float) -> Reading:
    """What an answer of the service holds that was asked about a marketplace."""
    try:
        whole = documents(data)
    except UnknownError:
        return Reading()
    if len(whole) != 1 or not isinstance(whole[0], dict):
        return Reading()
    return Reading([held for p in _products(whole[0]) if (held := _held(p, now, market))])


def read_message(data: bytes, now: float) -> Reading:
    """What a message of ``raw.keepa_updates`` holds."""
    try:
        (message,) = documents(data)
        held = _of_message(message, now)
    except (UnknownError, ValueError):
        return Reading()
    return Reading([held] if held else [])


def _of_message(message: Any, now: float) -> Held | None:
    if not isinstance(message, dict) or message.get("v") != 1:
        return None
    product, market, asin = message.get("product"), message.get("market"), message.get("asin")
    if not isinstance(product, dict) or not isinstance(market, str) or market not in CURRENCY:
        return None
    if message.get("source") in ("keepa", "demo", "raw"):
        return _held(product, now, market) if product.get("asin") == asin else None
    if message.get("source") != "export" or product.get("refused"):
        return None
    return _of_row(str(asin), market, product, now)


def _of_row(asin: str, market: str, product: dict[str, Any], now: float) -> Held | None:
    """A row of an export in its message: cells by header, the notation of its file, and when it was true."""
    cells, notation = product.get("columns"), product.get("notation")
    at = product.get("facts_at") if "facts_at" in product else product.get("exported_at")
    if not isinstance(cells, dict) or not re.fullmatch(r"B[0-9A-Z]{9}|\d{9}[\dX]", asin.strip().upper()):
        return None
    try:
        seconds = KEEPA_EPOCH if at is None and "facts_at" in product else int(datetime.fromisoformat(at).timestamp())  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    mark = str(notation.get("decimal")) if isinstance(notation, dict) else None
    prices: dict[str, frozenset[int]] = {}
    for header, cell in cells.items():
        name = price_field(header)
        value = float(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell
        if name and not is_empty(value) and (read := read_money(value, mark)) is not None:
            prices[name] = prices.get(name, frozenset()) | read
    codes = [
        codes_of(float(cell) if isinstance(cell, int) else cell)
        for header, cell in cells.items()
        if named_field(header) == "codes" and isinstance(cell, (str, float, int)) and not isinstance(cell, bool)
    ]
    if seconds > now + _CLOCKS_S:
        return None
    when = frozenset({seconds})
    return Held(asin.strip().upper(), market, when, prices, when, frozenset[str]().union(*codes), plain=False)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _products(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, list):
        for each in document:
            yield from _products(each)
    elif isinstance(document, dict) and "products" in document:
        yield from _products(document["products"]) if isinstance(document["products"], list) else ()
    elif isinstance(document, dict):
        yield document


def _held(product: dict[str, Any], now: float, market: str | None) -> Held | None:
    """What a product object holds; None if which product, where or when cannot be known."""
    asin, domain, updated = (product.get(name) for name in ("asin", "domainId", "lastUpdate"))
    where = DOMAINS.get(domain) if _is_whole(domain) else None
    if not isinstance(asin, str) or not re.fullmatch(r"[A-Z0-9]{10}", asin, re.ASCII) or where is None:
        return None
    if market is not None and market != where:
        return None
    if not _is_whole(updated) or not 0 < updated < 2**31:
        return None
    at = KEEPA_EPOCH + 60 * updated
    if at > now + _CLOCKS_S:
        return None
    stats = product.get("stats")
    stats = stats if isinstance(stats, dict) else {}
    prices = {}
    for name, index in _INDEX.items():
        if value := _price(name, index, product.get("csv"), stats):
            prices[name] = frozenset({value})
        for days in ("30", "90", "180"):
            row = stats.get(f"avg{days}")
            average = row[index] if isinstance(row, list) and index < len(row) else None
            if name in ("buy_box", "new", "amazon") and _is_whole(average) and 0 < average < 2**31:
                prices[f"{name}_avg{days}"] = frozenset({average})
    looked = [product.get(name) for name in ("lastBuyBoxUpdate", "lastOffersUpdate")]
    series = _series(product.get("csv"), 18)
    minutes = [*(m for m in looked if _is_whole(m)), *([series[-3]] if series else [])]
    times = frozenset({at, *(KEEPA_EPOCH + 60 * m for m in minutes)})
    lists = [product.get(name) for name in ("eanList", "upcList")]
    words = [word for each in lists if isinstance(each, list) for word in each if isinstance(word, str)]
    codes = frozenset(word.lstrip("0") for word in words if re.fullmatch(r"[0-9]{8,14}", word))
    return Held(asin, where, frozenset({at}), prices, times, codes, plain=False)


def _series(csv: Any, index: int) -> list[int]:
    """A series if it is whole; else nothing."""
    flat = csv[index] if isinstance(csv, list) and index < len(csv) else None
    width = 3 if index == _INDEX["buy_box"] else 2
    if not isinstance(flat, list) or not flat or len(flat) % width or not all(map(_is_whole, flat)):
        return []
    return flat


def _price(name: str, index: int, csv: Any, stats: dict[str, Any]) -> int | None:
    """A price now, where what says it agrees: the statistics, else the end of the series."""
    series = _series(csv, index)
    end = (series[-2] if name == "buy_box" else series[-1]) if series else None
    row = stats.get("current")
    current = row[index] if isinstance(row, list) and index < len(row) else None
    value = stats.get("buyBoxPrice") if name == "buy_box" else current
    if value is None or value == -2:
        value = end
    elif not _is_whole(value):
        return None
    return value if _is_whole(value) and 0 < value < 2**31 else None
