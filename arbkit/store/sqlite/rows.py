"""Rows of the embedded store ↔ the models they hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import orjson

from arbkit.core.models import OFFER_WIRE_NAMES, History, Offer, Opportunity, Product
from arbkit.core.offers.facts import Fact
from arbkit.store.fields import BEST_FIELDS, OFFER_KINDS, OPPORTUNITY_FIELDS
from arbkit.store.history_codec import decode
from arbkit.store.sqlite.schema import OFFER_COLUMNS

SqlValue = str | int | float | bytes | None
"""What a column holds."""
_IN_CHUNK = 500
_OFFER_KEY = ("asin", "market")
_HISTORY_FIELDS = ("asin", "market", "version", "currency", "series")
_PRODUCT_FIELDS = (
    "asin", "version", "demo", "title", "brand", "category", "eans", "image", "updated_at", "markets",
)  # fmt: skip
PRODUCT_COLUMNS = ", ".join((*_PRODUCT_FIELDS, "best"))
HISTORY_COLUMNS = ", ".join(_HISTORY_FIELDS)

_offer_values = attrgetter(*OFFER_WIRE_NAMES)
_product_values = attrgetter(*_PRODUCT_FIELDS)
_opportunity_values = attrgetter(*OPPORTUNITY_FIELDS)
_TUPLE_POSITIONS = [position for position, kind in enumerate(OFFER_KINDS.values()) if kind == "texts"]
_TUPLES = [name for name, wire in OFFER_WIRE_NAMES.items() if OFFER_KINDS[wire] == "texts"]
_BOOLEANS = [name for name, wire in OFFER_WIRE_NAMES.items() if OFFER_KINDS[wire] == "bool"]


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - ours


def _put(table: str, columns: Sequence[str], key: Sequence[str], newer: str) -> str:
    """The statement that writes a row where there is none, or where it is ``newer``."""
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return f"{_insert(table, columns)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes} WHERE {newer}"


_NEWER_HISTORY = (
    "(excluded.version, length(excluded.series), excluded.series) > (history.version, length(history.series), series)"
)
PUT_OFFER = _insert("offers", OFFER_COLUMNS).replace("INSERT", "INSERT OR REPLACE", 1)
PUT_HISTORY = _put("history", _HISTORY_FIELDS, _OFFER_KEY, _NEWER_HISTORY)
DELETE_HISTORY = "DELETE FROM history WHERE asin = ? AND market = ?"
PUT_PRODUCT = _put("products", (*_PRODUCT_FIELDS, "changed"), ["asin"], "excluded.version > products.version")
PUT_OPPORTUNITY = _insert("opportunities", OPPORTUNITY_FIELDS)
PUT_OPPORTUNITY_DOCUMENT = _insert("opportunity_documents", ("id", "document"))
_FACT_COLUMNS = ("asin", "market", "name", "value", "at")
PUT_FACT = _insert("facts", _FACT_COLUMNS).replace("INSERT", "INSERT OR REPLACE", 1)
DELETE_OLD_RUNS = (
    "DELETE FROM runs WHERE report = ? AND started_at <= "
    "(SELECT started_at FROM runs WHERE report = ? ORDER BY started_at DESC LIMIT 1 OFFSET ?)"
)
"""Given a report twice and how many of its runs are kept."""
DELETE_FACT = "DELETE FROM facts WHERE asin = ? AND market = ? AND name = ?"
FACTS = f"SELECT {', '.join(_FACT_COLUMNS)} FROM facts ORDER BY asin, market, name"  # noqa: S608 - ours
_COLUMNS = ", ".join(OFFER_COLUMNS)
TAKE_OVER = (
    # Most are stored for the first time, or just as they are: these need not be merged one by one.
    f"INSERT INTO main.offers ({_COLUMNS}) SELECT {_COLUMNS} FROM beside.offers AS new "  # noqa: S608 - ours
    "WHERE NOT EXISTS (SELECT 1 FROM main.offers AS old WHERE old.asin = new.asin AND old.market = new.market)",
    f"INSERT OR REPLACE INTO main.history ({', '.join(_HISTORY_FIELDS)}) "  # noqa: S608 - ours
    f"SELECT {', '.join(f'new.{c}' for c in _HISTORY_FIELDS)} "
    "FROM beside.history AS new LEFT JOIN main.history AS old USING (asin, market) "
    "WHERE old.version IS NULL OR old.version <= new.version",
    # So that each is composed anew, whatever its version.
    "UPDATE main.products SET version = -1 WHERE asin IN (SELECT asin FROM beside.products)",
)
"""What brings offers that are new, and histories, of the attached file ``beside`` in."""


def offer_row(offer: Offer) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_OFFER``."""
    row = list(_offer_values(offer))
    for position in _TUPLE_POSITIONS:
        row[position] = orjson.dumps(row[position]).decode() if row[position] else None
    return tuple(row)


def read_offers(connection: sqlite3.Connection, asins: Sequence[str], *, file: str = "main") -> Iterator[Offer]:
    """The offers of these products on all marketplaces, by ASIN and marketplace; ``file`` may be an attached one."""
    names = ", ".join(OFFER_COLUMNS)
    for start in range(0, len(asins), _IN_CHUNK):
        chunk = asins[start : start + _IN_CHUNK]
        marks = ", ".join("?" * len(chunk))
        query = f"SELECT {names} FROM {file}.offers WHERE asin IN ({marks}) ORDER BY asin, market"  # noqa: S608 - ours
        yield from map(_offer, connection.execute(query, chunk).fetchall())


def _offer(row: Sequence[Any]) -> Offer:
    values = dict(zip(OFFER_WIRE_NAMES, row, strict=True))
    for name in _TUPLES:
        values[name] = tuple(orjson.loads(values[name])) if values[name] else ()
    for name in _BOOLEANS:
        values[name] = None if values[name] is None else bool(values[name])
    return Offer(**values)


def history_row(h: History, series: bytes) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_HISTORY``; the series are packed already."""
    return h.asin, h.market, h.version, h.currency, series


def to_history(columns: Sequence[SqlValue]) -> History:
    """The history of a row of :data:`HISTORY_COLUMNS`."""
    row: Sequence[Any] = columns
    asin, market, version, currency, blob = row
    series, sellers = decode(blob)
    return History(asin, market, version, currency, series, sellers)


def product_row(p: Product, *, changed: int) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_PRODUCT``; ``changed`` is the number of the change that it comes with."""
    shown = (orjson.dumps(value).decode() if isinstance(value, tuple | dict) else value for value in _product_values(p))
    return (*shown, changed)


def to_product(columns: Sequence[SqlValue]) -> Product:
    """The product of a row that begins with :data:`PRODUCT_COLUMNS`."""
    row: dict[str, Any] = dict(zip((*_PRODUCT_FIELDS, "best"), columns, strict=False))
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


def to_fact(columns: Sequence[SqlValue]) -> Fact:
    """The fact of a row of :data:`FACTS`."""
    row: Sequence[Any] = columns
    asin, market, name, value, at = row
    return Fact.stored(asin, market, name, value=orjson.loads(value), at=at)
