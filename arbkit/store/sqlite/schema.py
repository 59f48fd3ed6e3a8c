"""The store's tables in the SQLite file, made from the models, and their migrations."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from arbkit.core.errors import StoreError
from arbkit.core.history.facts import HistoryFacts
from arbkit.core.sqlite import immediate, read_statements
from arbkit.store.fields import OFFER_KINDS

OFFER_COLUMNS = tuple(OFFER_KINDS)
_AFFINITIES = {"float": "REAL", "int": "INTEGER", "bool": "INTEGER"}
_TYPED = {name: f"{name} {_AFFINITIES.get(kind, 'TEXT')}" for name, kind in OFFER_KINDS.items()}
_LATER_OFFER_COLUMNS = (
    "product_type", "binding", "parent_asin", "item_count", "color", "size", "edition", "languages", "features",
    "adult", "buy_box_shipping_minor", "buy_box_seller", "new_shipping_minor", "new_avg30_minor", "new_avg90_minor",
    "new_avg180_minor", "coupon_minor", "coupon_pct", "volume_cm3", "item_length_mm", "item_width_mm", "item_height_mm",
    "item_weight_g", "buy_box_avg30_minor", "buy_box_avg90_minor", "buy_box_avg180_minor", "amazon_avg30_minor",
    "amazon_avg90_minor", "amazon_avg180_minor", "stamps", "vat_class",
)  # fmt: skip
"""Those that the first version of the file did not have."""
_OFFERS_BY_FULFILMENT = ("offers_fba", "offers_fbm")
YOUNGER_OFFER_COLUMNS = (*HistoryFacts._fields, *_OFFERS_BY_FULFILMENT)
"""Those that are younger than the digests of rows, which have them only where they are known."""
_FIRST_COLUMNS = ", ".join(
    column for name, column in _TYPED.items() if name not in _LATER_OFFER_COLUMNS + YOUNGER_OFFER_COLUMNS
)
_OFFER_TABLE = f"CREATE TABLE offers ({_FIRST_COLUMNS}, PRIMARY KEY (asin, market)) WITHOUT ROWID"
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (_OFFER_TABLE, *read_statements("arbkit.store.sqlite", "tables.sql")),
    read_statements("arbkit.store.sqlite", "slim_opportunities.sql"),
    tuple(f"ALTER TABLE offers ADD COLUMN {_TYPED[name]}" for name in _LATER_OFFER_COLUMNS),
    read_statements("arbkit.store.sqlite", "status_of_opportunities.sql"),
    read_statements("arbkit.store.sqlite", "facts.sql"),
    read_statements("arbkit.store.sqlite", "changes.sql"),
    read_statements("arbkit.store.sqlite", "looks.sql"),
    read_statements("arbkit.store.sqlite", "outbox.sql"),
    read_statements("arbkit.store.sqlite", "digests.sql"),
    read_statements("arbkit.store.sqlite", "first_seen.sql"),
    read_statements("arbkit.store.sqlite", "routes.sql"),
    read_statements("arbkit.store.sqlite", "route_memories.sql"),
    read_statements("arbkit.store.sqlite", "alerts.sql"),
    read_statements("arbkit.store.sqlite", "watchlist.sql"),
    read_statements("arbkit.store.sqlite", "alerts_type.sql"),
    read_statements("arbkit.store.sqlite", "routed.sql"),
    tuple(f"ALTER TABLE offers ADD COLUMN {_TYPED[name]}" for name in HistoryFacts._fields),
    read_statements("arbkit.store.sqlite", "forecasts.sql"),
    read_statements("arbkit.store.sqlite", "forecast_records.sql"),
    tuple(f"ALTER TABLE offers ADD COLUMN {_TYPED[name]}" for name in _OFFERS_BY_FULFILMENT),
    read_statements("arbkit.store.sqlite", "row_figures.sql"),
    read_statements("arbkit.store.sqlite", "decisions.sql"),
    read_statements("arbkit.store.sqlite", "sales.sql"),
    read_statements("arbkit.store.sqlite", "leases.sql"),
)
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
