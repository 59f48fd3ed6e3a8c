"""Rows of the embedded store ↔ the models they hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import orjson

from arbkit.core.models import OFFER_WIRE_NAMES, Offer, Opportunity, Product
from arbkit.store.product_document import BEST_FIELDS
from arbkit.store.sqlite.schema import OFFER_COLUMNS, OFFER_TUPLES

SqlValue = str | int | float | bytes | None
"""What a column holds."""
_offer_values = attrgetter(*OFFER_WIRE_NAMES)
_TUPLE_POSITIONS = [OFFER_COLUMNS.index(name) for name in OFFER_COLUMNS if name in OFFER_TUPLES]
PUT_OFFER = (
    f"INSERT INTO offers ({', '.join(OFFER_COLUMNS)}) VALUES ({', '.join('?' * len(OFFER_COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (asin, market) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in OFFER_COLUMNS[2:])
    + " WHERE excluded.version > offers.version"
)
PUT_HISTORY = (
    "INSERT INTO history VALUES (?, ?, ?, ?, ?) ON CONFLICT (asin, market) DO UPDATE SET version = "
    "excluded.version, currency = excluded.currency, series = excluded.series "
    "WHERE excluded.version > history.version"
)
PUT_PRODUCT = """
    INSERT INTO products (asin, version, demo, title, brand, category, updated_at, eans, image, markets)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (asin) DO UPDATE SET version = excluded.version,
    demo = excluded.demo, title = excluded.title, brand = excluded.brand, category = excluded.category,
    updated_at = excluded.updated_at, eans = excluded.eans, image = excluded.image,
    markets = excluded.markets WHERE excluded.version > products.version
"""


def _take(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(columns)
    return (
        f"INSERT OR REPLACE INTO main.{table} ({names}) SELECT {', '.join(f'new.{c}' for c in columns)} "  # noqa: S608
        f"FROM beside.{table} AS new LEFT JOIN main.{table} AS old USING (asin, market) "
        "WHERE old.version IS NULL OR old.version <= new.version"
    )


TAKE_OVER = (
    _take("offers", OFFER_COLUMNS),
    _take("history", ("asin", "market", "version", "currency", "series")),
    # So that each is composed anew, whatever its version.
    "UPDATE main.products SET version = -1 WHERE asin IN (SELECT asin FROM beside.products)",
)
"""What brings offers and histories of the attached file ``beside`` in."""
PUT_OPPORTUNITY = f"INSERT INTO opportunities VALUES ({', '.join('?' * 19)})"  # noqa: S608 - only marks
PUT_OPPORTUNITY_DOCUMENT = "INSERT INTO opportunity_documents VALUES (?, ?)"
_IN_CHUNK = 500
PRODUCT_COLUMNS = "asin, version, demo, title, brand, category, eans, image, updated_at, markets, best"


def offer_row(offer: Offer) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_OFFER``."""
    row = list(_offer_values(offer))
    for position in _TUPLE_POSITIONS:
        row[position] = orjson.dumps(row[position]).decode() if row[position] else None
    return tuple(row)


def read_offers(connection: sqlite3.Connection, asins: Sequence[str]) -> Iterator[Offer]:
    """The offers of these products on all marketplaces, by ASIN and marketplace."""
    names = ", ".join(OFFER_COLUMNS)
    for start in range(0, len(asins), _IN_CHUNK):
        chunk = asins[start : start + _IN_CHUNK]
        marks = ", ".join("?" * len(chunk))
        rows = connection.execute(
            f"SELECT {names} FROM offers WHERE asin IN ({marks}) ORDER BY asin, market",  # noqa: S608
            chunk,
        ).fetchall()
        for row in rows:
            yield _offer(row)


_BOOLEANS = frozenset({"buy_box_is_amazon", "buy_box_is_fba", "hazmat", "adult"})


def _offer(row: Sequence[Any]) -> Offer:
    values = dict(zip(OFFER_WIRE_NAMES, row, strict=True))
    for name in OFFER_TUPLES:
        values[name] = tuple(orjson.loads(values[name])) if values[name] else ()
    for name in _BOOLEANS:
        values[name] = None if values[name] is None else bool(values[name])
    return Offer(**values)


def to_product(columns: Sequence[SqlValue]) -> Product:
    """The product of a row of :data:`PRODUCT_COLUMNS`."""
    row: Sequence[Any] = columns
    return Product(
        asin=row[0],
        version=row[1],
        demo=bool(row[2]),
        title=row[3],
        brand=row[4],
        category=row[5],
        eans=tuple(orjson.loads(row[6])),
        image=row[7],
        updated_at=row[8],
        markets=orjson.loads(row[9]),
        best=orjson.loads(row[10]) if row[10] else None,
    )


def best_summary(o: Opportunity) -> str:
    """What a product's document says of its best opportunity, as JSON."""
    return orjson.dumps({name: getattr(o, name) for name in BEST_FIELDS}).decode()


def product_row(p: Product) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_PRODUCT``."""
    return (
        p.asin, p.version, p.demo, p.title, p.brand, p.category, p.updated_at,
        orjson.dumps(p.eans).decode(), p.image, orjson.dumps(p.markets).decode(),
    )  # fmt: skip


def opportunity_row(o: Opportunity) -> tuple[SqlValue, ...]:
    """Its values for ``PUT_OPPORTUNITY``."""
    return (
        o.id, o.asin, o.source, o.target, o.title, o.brand, o.category, o.profit, o.roi_pct,
        o.margin_pct, o.spread_pct, o.confidence, o.data_at, o.buy_price, o.sell_price, o.currency,
        o.evaluated_at, o.amazon_sells, o.status,
    )  # fmt: skip
