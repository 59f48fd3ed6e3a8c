"""What users have said and asked for in the SQLite file, and were alerted of: facts, the watchlist, looks, alerts."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields

import orjson

from arbkit.core.offers.facts import Fact, FactName
from arbkit.core.offers.looks import Look, LookStatus
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.sqlite import SqlValue, immediate, snapshot
from arbkit.store.alerts import AlertRecord, SentAlert
from arbkit.store.queries import AlertQuery, End, Page, page_of
from arbkit.store.sqlite import queries, rows
from arbkit.store.sqlite.products import note_change

_COLUMNS = tuple(field.name for field in fields(Look))
_PUT = f"INSERT OR REPLACE INTO looks ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_READ = f"SELECT {', '.join(_COLUMNS)} FROM looks WHERE ? IN (status, '') ORDER BY asked_at, asin, market"  # noqa: S608
_ADD_ALERT = "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO "
_KEEP_OLD = f"{_ADD_ALERT} NOTHING"
_TAKE_NEW = f"{_ADD_ALERT} UPDATE SET status = excluded.status, document = excluded.document"
_DELETE_DELIVERIES = "DELETE FROM deliveries WHERE alert = ?"
_PUT_DELIVERY = "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?)"
_ALERTS_OF = "SELECT document FROM alerts WHERE id IN ({})"
_PENDING = """
    SELECT document FROM deliveries JOIN alerts ON id = alert
    WHERE channel = ? AND deliveries.status = 'pending' AND rule NOT IN ({}) {}
    ORDER BY attempts, profit_per_day DESC, priority DESC LIMIT ?
"""
_SENT = """
    SELECT rule, deliveries.at FROM deliveries JOIN alerts ON id = alert
    WHERE channel = ? AND deliveries.status = 'sent' AND deliveries.at >= ? ORDER BY deliveries.at
"""
_FORGET = "DELETE FROM alerts WHERE at < ? AND status != 'pending'"
_PUT_WATCHED = (
    "INSERT OR REPLACE INTO watchlist (asin, groups, notes, added_at, listed, demo) VALUES (?, ?, ?, ?, ?, ?)"
)
_WATCHED = "SELECT asin, groups, notes, added_at, listed, demo FROM watchlist WHERE demo = {demo:d}"


class SqliteUsers:
    """The part of :class:`arbkit.store.base.Store` that keeps what users have said, asked for and been alerted of."""

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

    def add_alerts(self, records: Sequence[AlertRecord]) -> None:
        """See :meth:`arbkit.store.base.Store.add_alerts`."""
        with self._using() as connection, immediate(connection):
            for record in records:
                if connection.execute(_KEEP_OLD, _alert_row(record)).rowcount:
                    _put_deliveries(connection, record)

    def put_alerts(self, records: Sequence[AlertRecord]) -> None:
        """See :meth:`arbkit.store.base.Store.put_alerts`."""
        with self._using() as connection, immediate(connection):
            for record in records:
                connection.execute(_TAKE_NEW, _alert_row(record))
                connection.execute(_DELETE_DELIVERIES, (record.id,))
                _put_deliveries(connection, record)

    def alerts(self, query: AlertQuery) -> Page[AlertRecord]:
        """See :meth:`arbkit.store.base.Store.alerts`."""
        asked, count = queries.build_alerts_query(query), queries.build_alert_count_query(query)
        with self._using() as connection, snapshot(connection):
            (total,) = connection.execute(count.sql, count.values).fetchone()
            found = connection.execute(asked.sql, asked.values).fetchall()
        return page_of(query, found, total, build=lambda row: _record(row[0]), end=lambda row: End(row[-2], row[-1]))

    def alerts_of(self, ids: Sequence[str]) -> list[AlertRecord]:
        """See :meth:`arbkit.store.base.Store.alerts_of`."""
        with self._using() as connection:
            return [_record(document) for (document,) in rows.select_of(connection, _ALERTS_OF, ids)]

    def pending_alerts(
        self, channel: str, limit: int, *, except_rules: Collection[str] = (), asins: Collection[str] | None = None
    ) -> list[AlertRecord]:
        """See :meth:`arbkit.store.base.Store.pending_alerts`."""
        of_these = "" if asins is None else f"AND asin IN ({', '.join('?' * len(asins))})"
        query = _PENDING.format(", ".join("?" * len(except_rules)), of_these)
        with self._using() as connection:
            found = connection.execute(query, (channel, *except_rules, *(asins or ()), limit)).fetchall()
        return [_record(document) for (document,) in found]

    def sent_alerts(self, channel: str, *, since: float) -> list[SentAlert]:
        """See :meth:`arbkit.store.base.Store.sent_alerts`."""
        with self._using() as connection:
            return [SentAlert(*row) for row in connection.execute(_SENT, (channel, since)).fetchall()]

    def forget_alerts(self, *, before: float) -> None:
        """See :meth:`arbkit.store.base.Store.forget_alerts`."""
        with self._using() as connection, immediate(connection):
            connection.execute(_FORGET, (before,))


def _alert_row(record: AlertRecord) -> tuple[SqlValue, ...]:
    document = orjson.dumps(record.to_dict())
    return record.id, record.asin, record.rule, record.status, record.at, record.demo, document


def _put_deliveries(connection: sqlite3.Connection, record: AlertRecord) -> None:
    found = [
        (record.id, d.channel, d.status, d.attempts, record.priority, d.at, record.profit_per_day)
        for d in record.deliveries
    ]
    connection.executemany(_PUT_DELIVERY, found)


def _record(document: bytes) -> AlertRecord:
    return AlertRecord.from_dict(orjson.loads(document))


def _watched_row(entry: WatchEntry) -> tuple[SqlValue, ...]:
    groups = orjson.dumps(entry.groups).decode()
    return entry.asin, groups, entry.notes, entry.added_at, entry.listed, entry.demo


def _watch_entry(row: rows.Row) -> WatchEntry:
    asin, groups, notes, added_at, listed, demo = row
    return WatchEntry(
        asin=asin, groups=tuple(orjson.loads(groups)), notes=notes, added_at=added_at, listed=bool(listed),
        demo=bool(demo),
    )  # fmt: skip
