"""The looks that were asked for, in the SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import fields

from arbkit.core.offers.looks import Look, LookStatus
from arbkit.core.sqlite import immediate

_COLUMNS = tuple(field.name for field in fields(Look))
_PUT = f"INSERT OR REPLACE INTO looks ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_READ = f"SELECT {', '.join(_COLUMNS)} FROM looks WHERE ? IN (status, '') ORDER BY asked_at, asin, market"  # noqa: S608


class SqliteLooks:
    """The part of :class:`arbkit.store.base.Store` that keeps looks."""

    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def put_looks(self, looks: Sequence[Look]) -> None:
        """See :meth:`arbkit.store.base.Store.put_looks`."""
        with self._using() as connection, immediate(connection):
            connection.executemany(_PUT, [tuple(look.to_dict().values()) for look in looks])

    def looks(self, *, status: LookStatus | None = None) -> list[Look]:
        """See :meth:`arbkit.store.base.Store.looks`."""
        with self._using() as connection:
            found = connection.execute(_READ, (status or "",)).fetchall()
        return [Look(**dict(zip(_COLUMNS, row, strict=True))) for row in found]
