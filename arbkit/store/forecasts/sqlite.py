"""The record of forecasts in the SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import orjson

from arbkit.core.forecasts.record import ForecastRecord
from arbkit.core.results import JsonObject
from arbkit.core.sqlite import SqlValue, immediate

_ADD = "INSERT OR IGNORE INTO forecasts VALUES (?, ?, ?, ?, ?, ?, ?)"
_PUT = "INSERT OR REPLACE INTO forecasts VALUES (?, ?, ?, ?, ?, ?, ?)"
_LARGEST = "SELECT draw FROM forecasts WHERE demo = ? AND made_on = ? ORDER BY draw LIMIT 1 OFFSET ?"
_DELETE_ABOVE = "DELETE FROM forecasts WHERE demo = ? AND made_on = ? AND draw > ?"
_KEPT = "SELECT id FROM forecasts WHERE id IN ({})"
_DUE = "SELECT document FROM forecasts WHERE scored = 0 AND ends_at <= ? ORDER BY ends_at, id"
_PAGE = "SELECT id, document FROM forecasts WHERE id > ? AND demo = ? ORDER BY id LIMIT 1000"
_FORGET = "DELETE FROM forecasts WHERE demo = ? AND made_on < ?"
_PUT_NOTE = "INSERT OR REPLACE INTO forecast_notes VALUES (?, ?, ?)"
_NOTES = "SELECT name, document FROM forecast_notes WHERE demo = ?"


class SqliteForecasts:
    """Implements :class:`arbkit.core.forecasts.store.ForecastStore`."""

    def _using(self) -> AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def add_forecasts(self, records: Sequence[ForecastRecord], *, most_a_day: int) -> None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.add_forecasts`."""
        if not records:
            return
        with self._using() as connection, immediate(connection):
            connection.executemany(_ADD, map(_row, records))
            for demo, made_on in {(record.demo, record.made_on) for record in records}:
                largest = _largest_draw(connection, made_on, demo, most_a_day)
                if largest is not None:
                    connection.execute(_DELETE_ABOVE, (demo, made_on, largest))

    def largest_draw(self, made_on: str, *, demo: bool, most_a_day: int) -> int | None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.largest_draw`."""
        with self._using() as connection:
            return _largest_draw(connection, made_on, demo, most_a_day)

    def kept_forecasts(self, ids: Sequence[str]) -> set[str]:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.kept_forecasts`."""
        with self._using() as connection:
            return {one for (one,) in connection.execute(_KEPT.format(", ".join("?" * len(ids))), ids)}

    def due_forecasts(self, *, before: float) -> list[ForecastRecord]:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.due_forecasts`."""
        with self._using() as connection:
            return [_record(document) for (document,) in connection.execute(_DUE, (before,))]

    def put_forecasts(self, records: Sequence[ForecastRecord]) -> None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.put_forecasts`."""
        if records:
            with self._using() as connection, immediate(connection):
                connection.executemany(_PUT, map(_row, records))

    def forecasts(self, *, demo: bool) -> Iterator[ForecastRecord]:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.forecasts`."""
        after = ""
        # A page at a time: nobody is to wait for a lock until a reader has read them all.
        while True:
            with self._using() as connection:
                found = connection.execute(_PAGE, (after, demo)).fetchall()
            if not found:
                return
            after = found[-1][0]
            yield from (_record(document) for _, document in found)

    def forget_forecasts(self, *, demo: bool, before: str) -> None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.forget_forecasts`."""
        with self._using() as connection, immediate(connection):
            connection.execute(_FORGET, (demo, before))

    def put_forecast_notes(self, notes: Mapping[str, JsonObject], *, demo: bool) -> None:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.put_forecast_notes`."""
        if notes:
            with self._using() as connection, immediate(connection):
                connection.executemany(_PUT_NOTE, [(name, demo, orjson.dumps(note)) for name, note in notes.items()])

    def forecast_notes(self, names: Collection[str] | None = None, *, demo: bool) -> dict[str, JsonObject]:
        """See :meth:`arbkit.core.forecasts.store.ForecastStore.forecast_notes`."""
        named = "" if names is None else f" AND name IN ({', '.join('?' * len(names))})"
        with self._using() as connection:
            found = connection.execute(_NOTES + named, (demo, *(names or ()))).fetchall()
        return {name: orjson.loads(document) for name, document in found}


def _largest_draw(connection: sqlite3.Connection, made_on: str, demo: bool, most_a_day: int) -> int | None:
    found = connection.execute(_LARGEST, (demo, made_on, most_a_day - 1)).fetchone()
    return None if found is None else int(found[0])


def _row(record: ForecastRecord) -> tuple[SqlValue, ...]:
    scored = record.scored_at is not None
    key = record.id, record.demo, record.made_on, record.draw, record.ends_at, scored
    return *key, orjson.dumps(record.to_dict())


def _record(document: bytes) -> ForecastRecord:
    return ForecastRecord.from_dict(orjson.loads(document))
