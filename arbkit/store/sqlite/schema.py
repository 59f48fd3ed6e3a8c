"""The store's tables in the SQLite file, made from the models, and their migrations."""

from __future__ import annotations

import sqlite3
import typing
from pathlib import Path

from arbkit.core.errors import StoreError
from arbkit.core.models import OFFER_WIRE_NAMES, Offer
from arbkit.core.sqlite import immediate

_TYPES = {OFFER_WIRE_NAMES[name]: kind for name, kind in typing.get_type_hints(Offer).items()}
OFFER_COLUMNS: tuple[str, ...] = tuple(OFFER_WIRE_NAMES.values())
OFFER_TUPLES = frozenset(name for name in OFFER_COLUMNS if typing.get_origin(_TYPES[name]) is tuple)


def _affinity(name: str) -> str:
    options = {_TYPES[name], *typing.get_args(_TYPES[name])}
    if options & {float}:
        return "REAL"
    return "INTEGER" if options & {int, bool} else "TEXT"


LATER_OFFER_COLUMNS = (
    "product_type", "binding", "parent_asin", "item_count", "color", "size", "edition", "languages", "features",
    "adult", "buy_box_shipping_minor", "buy_box_seller", "new_shipping_minor", "new_avg30_minor", "new_avg90_minor",
    "new_avg180_minor", "coupon_minor", "coupon_pct", "volume_cm3", "item_length_mm", "item_width_mm", "item_height_mm",
    "item_weight_g",
)  # fmt: skip
"""Those that the first version of the file did not have."""


def _offer_table() -> str:
    columns = ", ".join(f"{name} {_affinity(name)}" for name in OFFER_COLUMNS if name not in LATER_OFFER_COLUMNS)
    return f"CREATE TABLE offers ({columns}, PRIMARY KEY (asin, market)) WITHOUT ROWID"


_FIRST = (
    _offer_table(),
    "CREATE INDEX offers_updated ON offers (updated_at)",
    """
    CREATE TABLE history (
        asin TEXT NOT NULL, market TEXT NOT NULL, version INTEGER NOT NULL, currency TEXT NOT NULL,
        series BLOB NOT NULL, PRIMARY KEY (asin, market)
    )
    """,
    """
    CREATE TABLE products (
        asin TEXT PRIMARY KEY, version INTEGER NOT NULL, demo INTEGER NOT NULL, title TEXT, brand TEXT,
        category TEXT, updated_at INTEGER NOT NULL, eans TEXT NOT NULL, image TEXT, markets TEXT NOT NULL,
        best TEXT, best_profit REAL, best_margin REAL
    )
    """,
    "CREATE INDEX products_updated ON products (updated_at, asin)",
    "CREATE INDEX products_profit ON products (best_profit, asin)",
    "CREATE VIRTUAL TABLE product_text USING fts5 (words, tokenize = 'unicode61', prefix = '2 3')",
    """
    CREATE TABLE opportunities (
        id TEXT PRIMARY KEY, asin TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, title TEXT,
        brand TEXT, category TEXT, profit REAL NOT NULL, roi_pct REAL NOT NULL, margin_pct REAL NOT NULL,
        spread_pct REAL NOT NULL, confidence REAL NOT NULL, data_at INTEGER NOT NULL, buy_price REAL NOT NULL,
        sell_price REAL NOT NULL, currency TEXT NOT NULL, evaluated_at REAL NOT NULL, document BLOB NOT NULL
    )
    """,
    "CREATE INDEX opportunities_profit ON opportunities (profit, id)",
    "CREATE INDEX opportunities_asin ON opportunities (asin)",
    """
    CREATE TABLE runs (
        run_id TEXT PRIMARY KEY, report TEXT NOT NULL, started_at REAL NOT NULL, document BLOB NOT NULL
    )
    """,
    "CREATE INDEX runs_started ON runs (started_at)",
    "CREATE INDEX runs_report ON runs (report, started_at)",
)

_ROUTE = (
    "id, asin, source, target, title, brand, category, profit, roi_pct, margin_pct, spread_pct, confidence, data_at, "
    "buy_price, sell_price, currency, evaluated_at"
)
_SLIM = (
    # Filters and sums read every row: the documents, forty times as large, are not among them.
    "ALTER TABLE opportunities RENAME TO opportunities_before",
    "DROP INDEX opportunities_profit",
    "DROP INDEX opportunities_asin",
    """
    CREATE TABLE opportunities (
        id TEXT PRIMARY KEY, asin TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, title TEXT,
        brand TEXT, category TEXT, profit REAL NOT NULL, roi_pct REAL NOT NULL, margin_pct REAL NOT NULL,
        spread_pct REAL NOT NULL, confidence REAL NOT NULL, data_at INTEGER NOT NULL, buy_price REAL NOT NULL,
        sell_price REAL NOT NULL, currency TEXT NOT NULL, evaluated_at REAL NOT NULL, amazon_sells INTEGER
    )
    """,
    "CREATE TABLE opportunity_documents (id TEXT PRIMARY KEY, document BLOB NOT NULL)",
    f"INSERT INTO opportunities SELECT {_ROUTE}, NULL FROM opportunities_before",  # noqa: S608 - ours
    "INSERT INTO opportunity_documents SELECT id, document FROM opportunities_before",
    "DROP TABLE opportunities_before",
    "CREATE INDEX opportunities_profit ON opportunities (profit, id)",
    "CREATE INDEX opportunities_asin ON opportunities (asin)",
    # All that filters look at, in the order of routes: sums need neither the table nor a sort.
    """
    CREATE INDEX opportunities_routes ON opportunities (
        source, target, profit, roi_pct, margin_pct, confidence, data_at, amazon_sells, category, brand, asin, id
    )
    """,
    "CREATE INDEX opportunities_category ON opportunities (category)",
    "CREATE INDEX opportunities_brand ON opportunities (brand)",
    # What is counted for the head of every page, and how old it is on each marketplace.
    "DROP INDEX offers_updated",
    "CREATE INDEX offers_ages ON offers (market, updated_at)",
    "CREATE INDEX products_demo ON products (demo)",
)

_WHICH_GOODS = tuple(f"ALTER TABLE offers ADD COLUMN {name} {_affinity(name)}" for name in LATER_OFFER_COLUMNS)
_STATUS = (
    "ALTER TABLE opportunities ADD COLUMN status TEXT NOT NULL DEFAULT 'opportunity'",
    "DROP INDEX opportunities_routes",
    "DROP INDEX opportunities_category",
    "DROP INDEX opportunities_brand",
    "CREATE INDEX opportunities_category ON opportunities (status, category)",
    "CREATE INDEX opportunities_brand ON opportunities (status, brand)",
    """
    CREATE INDEX opportunities_routes ON opportunities (
        status, source, target, profit, roi_pct, margin_pct, confidence, data_at, amazon_sells, category, brand, asin,
        id
    )
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SLIM, _WHICH_GOODS, _STATUS)
"""What brings a file from version n to n + 1, for n = 0, 1, …"""


def ensure_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the file to the newest schema.

    Raises:
        StoreError: a newer arbkit has written it.
    """
    if _version(connection, path) == len(MIGRATIONS):
        return
    with immediate(connection):
        connection.execute("CREATE TABLE IF NOT EXISTS store_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        for statements in MIGRATIONS[_version(connection, path) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute("INSERT OR REPLACE INTO store_meta VALUES ('version', ?)", (len(MIGRATIONS),))


def is_there(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file holds a store, of this arbkit or an older one.

    Raises:
        StoreError: a newer arbkit has written it.
    """
    return _version(connection, path) > 0


def is_current(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether a reader can use the file as it is.

    Raises:
        StoreError: a newer arbkit has written it.
    """
    return _version(connection, path) == len(MIGRATIONS)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'store_meta'").fetchone()
    row = connection.execute("SELECT value FROM store_meta WHERE name = 'version'").fetchone() if there else None
    version = row[0] if row else 0
    if version > len(MIGRATIONS):
        raise StoreError(
            f"a newer arbkit has written the store in {path}: its format is {version}, "
            f"this one knows {len(MIGRATIONS)}",
            remedy="Update arbkit, or set ARBKIT_STORE to another file",
        )
    return int(version)
