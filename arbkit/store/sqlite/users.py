"""What users have said and asked for, in the SQLite file: facts of products, the watchlist, and looks at products."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import fields

import orjson

from arbkit.core.offers.facts import Fact, FactName
from arbkit.core.offers.looks import Look, LookStatus
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.sqlite import immediate
from arbkit.store.sqlite import rows
from arbkit.store.sqlite.products import note_change

_COLUMNS = tuple(field.name for field in fields(Look))
_PUT = f"INSERT OR REPLACE INTO looks ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_READ = f"SELECT {', '.join(_COLUMNS)} FROM looks WHERE ? IN (status, '') ORDER BY asked_at, asin, market"  # noqa: S608
_PUT_WATCHED = (
    "INSERT OR REPLACE INTO watchlist (asin, groups, notes, added_at, listed, demo) VALUES (?, ?, ?, ?, ?, ?)"
)
_WATCHED = "SELECT asin, groups, notes, added_at, listed, demo FROM watchlist WHERE demo = {demo:d}"


class SqliteUsers:
    """The part of :class:`arbkit.store.base.Store` that keeps what users have said and asked for."""

    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def put_fact(self, fact: Fact) -> None:
        """See :meth:`arbkit.store.base.Store.put_fact`."""
        with self._using() as connection, immediate(connection):
            connection.execute(rows.PUT_FACT, rows.fact_row(fact))
            note_change(connection, fact.asin)

    def delete_fact(self, asin: str, market: str, name: FactName) -> bool:
        """See :meth:`arbkit.store.base.Store.delete_fact`."""
        with self._using() as connection, immediate(connection):
            deleted = connection.execute(rows.DELETE_FACT, (asin, market, name)).rowcount > 0
            if deleted:
                note_change(connection, asin)
        return deleted

    def facts(self, asins: Sequence[str] | None = None) -> list[Fact]:
        """See :meth:`arbkit.store.base.Store.facts`."""
        with self._using() as connection:
            return rows.read_facts(connection, asins)

    def put_watched(self, entries: Sequence[WatchEntry]) -> None:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.put_watched`."""
        if not entries:
            return
        with self._using() as connection, immediate(connection):
            connection.executemany(_PUT_WATCHED, map(_watched_row, entries))
            connection.execute("UPDATE watchlists SET version = version + 1")

    def watched(self, asins: Sequence[str] | None = None, *, demo: bool = False) -> list[WatchEntry]:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.watched`."""
        query = _WATCHED.format(demo=demo)
        with self._using() as connection:
            if asins is None:
                found = connection.execute(query).fetchall()
            else:
                found = list(rows.select_of(connection, f"{query} AND asin IN ({{}})", asins))
        return sorted(map(_watch_entry, found), key=lambda entry: entry.order)

    def watchlist_version(self) -> int:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.watchlist_version`."""
        with self._using() as connection:
            return int(connection.execute("SELECT max(version) FROM watchlists").fetchone()[0])

    def adopt_watchlist(self, digest: str, *, demo: bool = False) -> None:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.adopt_watchlist`."""
        with self._using() as connection, immediate(connection):
            connection.execute("UPDATE watchlists SET digest = ? WHERE demo = ?", (digest, demo))

    def adopted_watchlist(self, *, demo: bool = False) -> str | None:
        """See :meth:`arbkit.core.offers.watched.WatchlistStore.adopted_watchlist`."""
        with self._using() as connection:
            digest: str | None = connection.execute("SELECT digest FROM watchlists WHERE demo = ?", (demo,)).fetchone()[
                0
            ]
        return digest

    def put_looks(self, looks: Sequence[Look]) -> None:
        """See :meth:`arbkit.store.base.Store.put_looks`."""
        with self._using() as connection, immediate(connection):
            connection.executemany(_PUT, [tuple(look.to_dict().values()) for look in looks])

    def looks(self, *, status: LookStatus | None = None) -> list[Look]:
        """See :meth:`arbkit.store.base.Store.looks`."""
        with self._using() as connection:
            found = connection.execute(_READ, (status or "",)).fetchall()
        return [Look(**dict(zip(_COLUMNS, row, strict=True))) for row in found]


def _watched_row(entry: WatchEntry) -> tuple[str | float | bool | None, ...]:
    groups = orjson.dumps(entry.groups).decode()
    return entry.asin, groups, entry.notes, entry.added_at, entry.listed, entry.demo


def _watch_entry(row: rows.Row) -> WatchEntry:
    asin, groups, notes, added_at, listed, demo = row
    return WatchEntry(
        asin=asin, groups=tuple(orjson.loads(groups)), notes=notes, added_at=added_at, listed=bool(listed),
        demo=bool(demo),
    )  # fmt: skip
