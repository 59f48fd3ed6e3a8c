"""What users have said and asked for, in the SQLite file: facts of products, and looks at them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import fields

from arbkit.core.offers.facts import Fact, FactName
from arbkit.core.offers.looks import Look, LookStatus
from arbkit.core.sqlite import immediate
from arbkit.store.sqlite import rows
from arbkit.store.sqlite.products import note_change

_COLUMNS = tuple(field.name for field in fields(Look))
_PUT = f"INSERT OR REPLACE INTO looks ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_READ = f"SELECT {', '.join(_COLUMNS)} FROM looks WHERE ? IN (status, '') ORDER BY asked_at, asin, market"  # noqa: S608


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

    def put_looks(self, looks: Sequence[Look]) -> None:
        """See :meth:`arbkit.store.base.Store.put_looks`."""
        with self._using() as connection, immediate(connection):
            connection.executemany(_PUT, [tuple(look.to_dict().values()) for look in looks])

    def looks(self, *, status: LookStatus | None = None) -> list[Look]:
        """See :meth:`arbkit.store.base.Store.looks`."""
        with self._using() as connection:
            found = connection.execute(_READ, (status or "",)).fetchall()
        return [Look(**dict(zip(_COLUMNS, row, strict=True))) for row in found]
