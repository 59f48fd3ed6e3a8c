"""Rows of the embedded store ↔ the models they hold."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, TypeAlias

import orjson

from arbkit.core.models import OFFER_WIRE_NAMES, Offer, Opportunity
from arbkit.core.offers.facts import Fact
from arbkit.core.offers.history_codec import PackedHistory
from arbkit.core.offers.product import Product
from arbkit.core.sqlite import SqlValue, digest, fetch_damaged
from arbkit.store.fields import BEST_FIELDS, OFFER_KINDS, OPPORTUNITY_FIELDS
from arbkit.store.sqlite.schema import OFFER_COLUMNS, YOUNGER_OFFER_COLUMNS

logger = logging.getLogger(__name__)

_IN_CHUNK = 500
Row: TypeAlias = tuple[Any, ...]
"""The values of a row, of the types of its columns."""
_HISTORIES_AT_ONCE = 100
_HISTORY_FIELDS = ("asin", "market", "version", "currency", "series", "digest")
_PRODUCT_FIELDS = (
    "asin", "version", "demo", "title", "brand", "category", "eans", "image", "updated_at", "markets",
)  # fmt: skip
_NOT_COMPOSED = ("best", "first_seen")
"""What a product's offers do not say of it."""
PRODUCT_COLUMNS = ", ".join((*_PRODUCT_FIELDS, *_NOT_COMPOSED))
HISTORY_COLUMNS = ", ".join(_HISTORY_FIELDS)

_offer_values = attrgetter(*OFFER_WIRE_NAMES)
_product_values = attrgetter(*_PRODUCT_FIELDS)
_opportunity_values = attrgetter(*OPPORTUNITY_FIELDS)
_TUPLE_POSITIONS = [position for position, kind in enumerate(OFFER_KINDS.values()) if kind == "texts"]
_NUMBERS: list[tuple[int, type[int | float]]] = [
    (position, float if kind == "float" else int)
    for position, kind in enumerate(OFFER_KINDS.values())
    if kind in ("bool", "float", "int")
]
_FLOAT_POSITIONS = [position for position, number in _NUMBERS if number is float]
_YOUNGER_POSITIONS = [(name, OFFER_COLUMNS.index(name)) for name in YOUNGER_OFFER_COLUMNS]
_OLDER_POSITIONS = [at for at, name in enumerate(OFFER_COLUMNS) if name not in YOUNGER_OFFER_COLUMNS]
_BOOLEAN_POSITIONS = [position for position, kind in enumerate(OFFER_KINDS.values()) if kind == "bool"]


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - ours


_NEWER_PRODUCT = "ON CONFLICT (asin) DO UPDATE SET {} WHERE excluded.version > products.version"
OFFER_VALUES = ", ".join((*OFFER_COLUMNS, "digest"))
PUT_OFFER = _insert("offers", (*OFFER_COLUMNS, "digest")).replace("INSERT", "INSERT OR REPLACE", 1)
PUT_HISTORY = _insert("history", _HISTORY_FIELDS).replace("INSERT", "INSERT OR REPLACE", 1)
DELETE_HISTORY = "DELETE FROM history WHERE asin = ? AND market = ?"
_PRODUCT_COLUMNS = (*_PRODUCT_FIELDS, "changed")
PUT_PRODUCT = f"{_insert('products', (*_PRODUCT_COLUMNS, 'first_seen'))} " + _NEWER_PRODUCT.format(
    ", ".join(f"{name} = excluded.{name}" for name in _PRODUCT_COLUMNS if name != "asin")
)
PUT_OPPORTUNITY = _insert("opportunities", OPPORTUNITY_FIELDS)
PUT_OPPORTUNITY_DOCUMENT = _insert("opportunity_documents", ("id", "document"))
_FACT_COLUMNS = ("asin", "market", "name", "value", "at")
PUT_FACT = _insert("facts", _FACT_COLUMNS).replace("INSERT", "INSERT OR REPLACE", 1)
PUT_WORDS = "INSERT OR REPLACE INTO product_text (rowid, words) VALUES (?, ?)"
_WORDS = (
    "SELECT p.asin, p.rowid, t.words FROM products AS p LEFT JOIN product_text AS t ON t.rowid = p.rowid "
    "WHERE p.asin IN ({})"
)
DELETE_OLD_RUNS = (
    "DELETE FROM runs WHERE report = ? AND started_at <= "
    "(SELECT started_at FROM runs WHERE report = ? ORDER BY started_at DESC LIMIT 1 OFFSET ?)"
)
"""Given a report twice and how many of its runs are kept."""
DELETE_FACT = "DELETE FROM facts WHERE asin = ? AND market = ? AND name = ?"
_FACTS = f"SELECT {', '.join(_FACT_COLUMNS)} FROM facts"  # noqa: S608 - ours
TAKE_OVER = (
    # Most are stored for the first time, or just as they are: these need not be merged one by one.
    f"INSERT INTO main.offers ({OFFER_VALUES}) SELECT {OFFER_VALUES} FROM beside.offers AS new "  # noqa: S608 - ours
    "WHERE NOT EXISTS (SELECT 1 FROM main.offers AS old WHERE old.asin = new.asin AND old.market = new.market)",
    f"INSERT INTO main.history ({HISTORY_COLUMNS}) SELECT {HISTORY_COLUMNS} FROM beside.history AS new "  # noqa: S608
    "WHERE NOT EXISTS (SELECT 1 FROM main.history AS old WHERE old.asin = new.asin AND old.market = new.market)",
    # So that each is composed anew, whatever its version.
    "UPDATE main.products SET version = -1 WHERE asin IN (SELECT asin FROM beside.products)",
)
"""What brings offers and histories that are new in the attached file ``beside`` in."""
NOT_BESIDE = "SELECT asin, market FROM main.history EXCEPT SELECT asin, market FROM beside.history"
"""The histories that are not in the attached file."""


def offer_row(offer: Offer) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_OFFER``."""
    row = list(_offer_values(offer))
    for position in _TUPLE_POSITIONS:
        row[position] = orjson.dumps(row[position]).decode() if row[position] else None
    # As SQLite gives them back.
    for position, number in _conversions(tuple(map(type, row))):
        row[position] = number(row[position])
    for position in _FLOAT_POSITIONS:
        # It has no -0.0.
        if row[position] == 0:
            row[position] = 0.0
    return (*row, _offer_digest(row))


@lru_cache(maxsize=4_096)
def _conversions(kinds: tuple[type, ...]) -> tuple[tuple[int, type[int | float]], ...]:
    """The numbers, by position, that are not of their column's type in a row of values of these types."""
    return tuple((at, number) for at, number in _NUMBERS if kinds[at] not in (number, type(None)))


def _offer_digest(row: Sequence[SqlValue]) -> bytes:
    """Of the values of all :data:`OFFER_COLUMNS`, as they are stored; of younger ones only those that are known."""
    values: list[Any] = [row[position] for position in _OLDER_POSITIONS]
    # A row of before there were these columns has the digest that it was written with.
    if known := {name: row[at] for name, at in _YOUNGER_POSITIONS if row[at] is not None}:
        values.append(known)
    return blake2b(orjson.dumps(values, default=repr), digest_size=8).digest()


def is_intact(row: Sequence[SqlValue]) -> bool:
    """Whether a row of :data:`OFFER_VALUES` is what was written; named in the log where it is not."""
    written = row[-1]
    if written is None or written == _offer_digest(row[:-1]):
        return True
    logger.error("the offer %s:%s is damaged and left out: it is not what was written", row[0], row[1])
    return False


def read_offers(connection: sqlite3.Connection, asins: Sequence[str], *, file: str = "main") -> Iterator[Offer]:
    """The offers of these products on all marketplaces, by ASIN and marketplace, without damaged ones.

    ``file`` may be an attached one.
    """
    query = f"SELECT {OFFER_VALUES} FROM {file}.offers WHERE asin IN ({{}}) ORDER BY asin, market"  # noqa: S608 - ours
    for some, chunk in in_chunks(query, asins):
        yield from (_offer(row[:-1]) for row in fetch_damaged(connection, some, chunk) if is_intact(row))


def _offer(row: Sequence[Any]) -> Offer:
    values = list(row)
    for position in _TUPLE_POSITIONS:
        values[position] = tuple(orjson.loads(values[position])) if values[position] else ()
    for position in _BOOLEAN_POSITIONS:
        values[position] = None if values[position] is None else bool(values[position])
    return Offer.of_values(values)


def history_row(h: PackedHistory) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_HISTORY``."""
    row = (h.asin, h.market, h.version, h.currency, h.blob)
    return (*row, _history_digest(row))


def _history_digest(values: Sequence[SqlValue]) -> bytes:
    *about, series = values
    packed = series if isinstance(series, bytes) else repr(series).encode()
    return digest(orjson.dumps(about, default=repr), packed)


def is_history_intact(row: Sequence[SqlValue]) -> bool:
    """Whether a row of :data:`HISTORY_COLUMNS` is what was written; named in the log where it is not."""
    *values, written = row
    if written is None or written == _history_digest(values):
        return True
    logger.error("the history of %s:%s is damaged and left out: it is not what was written", row[0], row[1])
    return False


def read_histories(
    connection: sqlite3.Connection, ids: Iterable[str], *, file: str = "main"
) -> dict[str, PackedHistory]:
    """The histories that are stored, by id, without damaged ones; ``file`` may be an attached one."""
    ordered = sorted(set(ids))
    found: dict[str, PackedHistory] = {}
    for start in range(0, len(ordered), _HISTORIES_AT_ONCE):
        chunk = ordered[start : start + _HISTORIES_AT_ONCE]
        keys = ", ".join(["(?, ?)"] * len(chunk))
        query = f"SELECT {HISTORY_COLUMNS} FROM {file}.history WHERE (asin, market) IN (VALUES {keys})"  # noqa: S608
        rows = fetch_damaged(connection, query, [part for name in chunk for part in name.split(":")])
        found |= {history.id: history for history in map(to_history, filter(is_history_intact, rows))}
    return found


def to_history(columns: Sequence[SqlValue]) -> PackedHistory:
    """The history of a row of :data:`HISTORY_COLUMNS`, which is intact."""
    *values, _ = columns
    row: Sequence[Any] = values
    return PackedHistory(*row)


def product_row(p: Product, *, changed: int, now: float) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_PRODUCT``, where it is first seen ``now`` (Unix seconds) unless it is there already.

    ``changed`` is the number of the change that it comes with.
    """
    shown = (orjson.dumps(value).decode() if isinstance(value, tuple | dict) else value for value in _product_values(p))
    return (*shown, changed, int(now))


def to_product(columns: Sequence[SqlValue]) -> Product:
    """The product of a row that begins with :data:`PRODUCT_COLUMNS`."""
    row: dict[str, Any] = dict(zip((*_PRODUCT_FIELDS, *_NOT_COMPOSED), columns, strict=False))
    row |= {"demo": bool(row["demo"]), "eans": tuple(orjson.loads(row["eans"]))}
    row |= {"markets": orjson.loads(row["markets"]), "best": orjson.loads(row["best"]) if row["best"] else None}
    return Product(**row)


def best_summary(o: Opportunity) -> str:
    """What a product's document says of its best opportunity, as JSON."""
    return orjson.dumps({name: getattr(o, name) for name in BEST_FIELDS}).decode()


def opportunity_row(o: Opportunity) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_OPPORTUNITY``."""
    row: tuple[SqlValue, ...] = _opportunity_values(o)
    return row


def fact_row(fact: Fact) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_FACT``."""
    return fact.asin, fact.market, fact.name, orjson.dumps(fact.value_json()).decode(), fact.at


def read_facts(connection: sqlite3.Connection, asins: Sequence[str] | None) -> list[Fact]:
    """What users said of these products (None: of all), by ASIN, marketplace and name."""
    if asins is None:
        return list(map(_fact, connection.execute(f"{_FACTS} ORDER BY asin, market, name")))
    if connection.execute(f"{_FACTS} LIMIT 1").fetchone() is None:
        return []
    query = f"{_FACTS} WHERE asin IN ({{}}) ORDER BY asin, market, name"
    return [_fact(row) for row in select_of(connection, query, asins)]


def read_changed(connection: sqlite3.Connection, asins: Sequence[str]) -> dict[str, int]:
    """The numbers of the last changes of these products, by ASIN."""
    return dict(select_of(connection, "SELECT asin, changed FROM products WHERE asin IN ({})", asins))


def read_words(connection: sqlite3.Connection, asins: Sequence[str]) -> dict[str, tuple[int, str | None]]:
    """The row numbers of these products, and the words that a search finds each by (None: none yet), by ASIN."""
    return {asin: (number, words) for asin, number, words in select_of(connection, _WORDS, asins)}


def select_of(connection: sqlite3.Connection, query: str, asins: Iterable[str]) -> Iterator[Row]:
    """The rows that a query with ``{}`` for a list of ASINs finds for these."""
    for some, chunk in in_chunks(query, asins):
        yield from connection.execute(some, chunk)


def in_chunks(query: str, asins: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """A query for some of these products at a time, in their order, each with its values."""
    ordered = sorted(set(asins))
    for start in range(0, len(ordered), _IN_CHUNK):
        chunk = ordered[start : start + _IN_CHUNK]
        yield query.format(", ".join("?" * len(chunk))), chunk


def _fact(columns: Sequence[SqlValue]) -> Fact:
    """The fact of a row of its table."""
    row: Sequence[Any] = columns
    asin, market, name, value, at = row
    return Fact.stored(asin, market, name, value=orjson.loads(value), at=at)
