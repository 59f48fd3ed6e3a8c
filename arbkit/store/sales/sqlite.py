"""Realised sales in the SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager

import orjson

from arbkit.core.sales.line import SaleLine
from arbkit.core.sales.store import SalesPut
from arbkit.core.sqlite import immediate, json_array

_ALL = "SELECT document FROM sales ORDER BY day, id"
_OF_PRODUCTS = "SELECT document FROM sales WHERE asin IN (SELECT value FROM json_each(?)) ORDER BY day, id"
_ONE = "SELECT document FROM sales WHERE id = ?"
_PUT = "INSERT OR REPLACE INTO sales (id, day, asin, demo, document) VALUES (?, ?, ?, ?, ?)"
_REMOVE = "DELETE FROM sales WHERE id IN (SELECT value FROM json_each(?))"


class SqliteSales:
    """Implements :class:`arbkit.core.sales.store.SaleStore`."""

    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def put_sales(self, lines: Sequence[SaleLine]) -> SalesPut:
        """See :meth:`arbkit.core.sales.store.SaleStore.put_sales`."""
        new = changed = 0
        with self._using() as connection, immediate(connection):
            for line in lines:
                there = connection.execute(_ONE, (line.id,)).fetchone()
                if there is not None and _line(there[0]).is_same(line):
                    continue
                connection.execute(_PUT, (line.id, line.day, line.asin, line.demo, orjson.dumps(line.to_dict())))
                new, changed = new + (there is None), changed + (there is not None)
        return SalesPut(new, changed)

    def sales(self, asins: Sequence[str] | None = None) -> list[SaleLine]:
        """See :meth:`arbkit.core.sales.store.SaleStore.sales`."""
        with self._using() as connection:
            found = (
                connection.execute(_ALL) if asins is None else connection.execute(_OF_PRODUCTS, (json_array(asins),))
            )
            return [_line(document) for (document,) in found]

    def remove_sales(self, ids: Sequence[str]) -> int:
        """See :meth:`arbkit.core.sales.store.SaleStore.remove_sales`."""
        with self._using() as connection, immediate(connection):
            return connection.execute(_REMOVE, (json_array(ids),)).rowcount


def _line(document: bytes) -> SaleLine:
    return SaleLine.from_dict(orjson.loads(document))
