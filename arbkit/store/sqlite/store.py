"""The embedded store: documents and typed columns in one SQLite file, for several processes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from arbkit.core.closing import Closing
from arbkit.core.errors import StoreError, UsageError
from arbkit.core.models import OFFER_WIRE_NAMES, History, Offer, Opportunity, ProductState, Run, Update
from arbkit.core.offers.product import Product
from arbkit.core.sqlite import bound_wal, connect, fetch_damaged, immediate, snapshot, time_limit, wrap_errors
from arbkit.store import base
from arbkit.store.absorbing import absorb_all, absorb_histories, put_guarded, validate, written
from arbkit.store.base import Rebuilt, Removed, Stats, Sums, Written
from arbkit.store.decisions.applying import choice_of, page_with_status
from arbkit.store.decisions.sqlite import SqliteDecisions
from arbkit.store.fields import is_number
from arbkit.store.forecasts.sqlite import SqliteForecasts
from arbkit.store.grouping.sqlite import SqliteGroups
from arbkit.store.leases.sqlite import SqliteLeases
from arbkit.store.product_document import compose_states, without_invented
from arbkit.store.queries import End, OpportunityQuery, Page, ProductQuery, RunQuery, known_total, page_of
from arbkit.store.routes import Announce, Notice, ProductRoutes, PutRoutes, RouteWindow
from arbkit.store.sales.sqlite import SqliteSales
from arbkit.store.sqlite import changes, demo, queries, routes, rows
from arbkit.store.sqlite.integrity import drop_damaged, find_damaged
from arbkit.store.sqlite.products import take_over, write_products
from arbkit.store.sqlite.rebuild import beside
from arbkit.store.sqlite.routes import SqliteRoutes
from arbkit.store.sqlite.schema import OFFER_COLUMNS, ensure_schema, is_current, is_there
from arbkit.store.sqlite.stats import read_ages, read_stats, read_sums
from arbkit.store.sqlite.users import SqliteUsers

if TYPE_CHECKING:
    import pandas as pd

_SUMS_KEPT = 64


class SqliteStore(
    SqliteUsers, SqliteRoutes, SqliteForecasts, SqliteDecisions, SqliteSales, SqliteLeases, SqliteGroups, Closing
):
    """Implements :class:`arbkit.store.base.Store` on the file at ``path``.

    ``show_demo``: products of the demo market are shown also beside real ones. ``longest_read_s``: seconds after which
    a read fails.
    """

    waits_for_server: ClassVar[bool] = False

    def __init__(
        self, path: Path, *, read_only: bool = False, show_demo: bool = True, longest_read_s: float | None = None
    ) -> None:
        self._path = path
        self._longest_read_s = longest_read_s
        self._show_demo = show_demo
        self._lock = threading.RLock()
        self._sums: dict[tuple[Any, ...], Sums] = {}
        self._matched = queries.MatchedProducts()
        if read_only and not path.exists():
            raise _nothing_yet(path)
        with wrap_errors(path, "store"):
            self._connection = connect(path, read_only=read_only)
            queries.add_functions(self._connection)
            try:
                if not read_only:
                    ensure_schema(self._connection, path)
                elif not is_there(self._connection, path):
                    raise _nothing_yet(path)
                elif not is_current(self._connection, path):
                    # Whoever comes first brings the file of an older arbkit up to date, a reader too.
                    with closing(connect(path)) as writable:
                        ensure_schema(writable, path)
            except BaseException:
                self._connection.close()
                raise

    # Writing

    def put(self, updates: Sequence[Update]) -> Written:
        """See :meth:`arbkit.store.base.Store.put`."""
        taken, poison = validate(updates)
        asins = sorted({updates[position].offer.asin for position in taken})
        with self._using() as connection:
            with immediate(connection):
                offers = {offer.id: offer for offer in rows.read_offers(connection, asins)}
                found = absorb_all(offers, updates, taken)
                offers |= found.offers
                connection.executemany(rows.PUT_OFFER, map(rows.offer_row, found.offers.values()))
                connection.executemany(rows.DELETE_HISTORY, (name.split(":") for name in found.replaced_demo))
                histories = absorb_histories(partial(rows.read_histories, connection), updates, taken, offers)
                connection.executemany(rows.PUT_HISTORY, (rows.history_row(h) for _, h in histories.values()))
                changed = {offer.asin for offer in found.offers.values()}
                if changed:
                    composed = (offer for offer in offers.values() if offer.asin in changed)
                    write_products(connection, composed, changes.count_up(connection))
                known = self._states(connection, asins, offers.values())
            bound_wal(connection, self._path)
        return written(found.outcomes, poison, known)

    def rebuild(self, batches: Iterable[Sequence[Update]]) -> Rebuilt:
        """See :meth:`arbkit.store.base.Store.rebuild`."""
        with wrap_errors(self._path, "store"), beside(self._path) as made:
            with SqliteStore(made) as other:
                for batch in batches:
                    put_guarded(other.put, batch)
            with self._using() as connection:
                damaged = find_damaged(connection)
                connection.execute("ATTACH ? AS beside", (str(made.absolute()),))
                try:
                    with immediate(connection):
                        drop_damaged(connection, damaged)
                        offers = take_over(connection)
                        (total,) = connection.execute("SELECT count(*) FROM main.offers").fetchone()
                finally:
                    connection.execute("DETACH beside")
                bound_wal(connection, self._path)
        return Rebuilt(offers=offers, kept=total - offers)

    def generation(self, inputs: str) -> int:
        """See :meth:`arbkit.store.base.Store.generation`."""
        with self._using() as connection:
            # Asked for with every batch, and new once a day.
            if (known := changes.read_generation(connection, inputs)) is not None:
                return known
            with immediate(connection):
                return changes.number_inputs(connection, inputs)

    def put_routes(
        self,
        results: Sequence[ProductRoutes],
        *,
        generation: int,
        announce: Announce | None = None,
        changes_to: str | None = None,
    ) -> PutRoutes:
        """See :meth:`arbkit.store.base.Store.put_routes`."""
        with self._using() as connection:
            with immediate(connection):
                done = routes.put_routes(connection, results, generation, announce, changes_to)
            bound_wal(connection, self._path)
        return done

    def put_swept(self, inputs: str) -> None:
        """See :meth:`arbkit.store.base.Store.put_swept`."""
        with self._using() as connection, immediate(connection):
            changes.write_swept(connection, inputs)
            routes.forget_ended(connection, time.time())

    def unsent(self, limit: int) -> list[Notice]:
        """See :meth:`arbkit.store.base.Store.unsent`."""
        with self._using() as connection:
            return routes.read_unsent(connection, limit)

    def mark_sent(self, notices: Sequence[Notice]) -> None:
        """See :meth:`arbkit.store.base.Store.mark_sent`."""
        with self._using() as connection, immediate(connection):
            routes.mark_sent(connection, notices)

    def put_run(self, run: Run) -> None:
        """See :meth:`arbkit.store.base.Store.put_run`."""
        with self._using() as connection, immediate(connection):
            connection.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
                (run.run_id, run.report, run.started_at, orjson.dumps(run.to_dict())),
            )
            connection.execute(rows.DELETE_OLD_RUNS, (run.report, run.report, base.RUNS_KEPT))

    def remove_demo(self, *, dry_run: bool = False) -> Removed:
        """See :meth:`arbkit.store.base.Store.remove_demo`."""
        with self._using() as connection:
            with snapshot(connection) if dry_run else immediate(connection):
                products, offers = demo.count_demo(connection)
                if products and not dry_run:
                    left = demo.remove_demo(connection)
                    write_products(connection, rows.read_offers(connection, sorted(left)), changes.count_up(connection))
            if not dry_run:
                bound_wal(connection, self._path)
        return Removed(products=products, offers=offers)

    # Reading

    def swept(self) -> str | None:
        """See :meth:`arbkit.store.base.Store.swept`."""
        with self._using() as connection:
            return changes.read_swept(connection)

    def unpriced(self, limit: int) -> list[str]:
        """See :meth:`arbkit.store.base.Store.unpriced`."""
        with self._using() as connection, snapshot(connection):
            return changes.read_unpriced(connection, limit, real_only=self._real_only(connection))

    def windows(self, asins: Sequence[str]) -> list[RouteWindow]:
        """See :meth:`arbkit.store.base.Store.windows`."""
        with self._using() as connection, snapshot(connection):
            found = list(routes.read_windows(connection, self._shown(connection, asins)))
        return sorted(found, key=lambda window: (window.route, window.started_at))

    def asins(self, *, after: str = "", limit: int) -> list[str]:
        """See :meth:`arbkit.store.base.Store.asins`."""
        with self._using() as connection, snapshot(connection):
            real = "AND demo = 0" if self._real_only(connection) else ""
            query = f"SELECT asin FROM products WHERE asin > ? {real} ORDER BY asin LIMIT ?"  # noqa: S608 - ours
            return [asin for (asin,) in connection.execute(query, (after, limit))]

    def holds_real_products(self) -> bool:
        """See :meth:`arbkit.store.base.Store.holds_real_products`."""
        with self._using() as connection:
            return demo.holds(connection, demo=False)

    def _real_only(self, connection: sqlite3.Connection) -> bool:
        """Whether the demo market is hidden: there are real products beside it."""
        return not self._show_demo and demo.holds(connection, demo=True) and demo.holds(connection, demo=False)

    def offers(self, asins: Sequence[str]) -> list[Offer]:
        """See :meth:`arbkit.store.base.Store.offers`."""
        with self._using() as connection, snapshot(connection):
            found = list(rows.read_offers(connection, sorted(self._shown(connection, asins))))
        return found if self._show_demo else without_invented(found)

    def states(self, asins: Sequence[str]) -> dict[str, ProductState]:
        """See :meth:`arbkit.store.base.Store.states`."""
        with self._using() as connection, snapshot(connection):
            shown = sorted(self._shown(connection, asins))
            return self._states(connection, shown, rows.read_offers(connection, shown))

    def _states(
        self, connection: sqlite3.Connection, asins: Sequence[str], offers: Iterable[Offer]
    ) -> dict[str, ProductState]:
        """States of products whose offers are these, all of each."""
        shown = offers if self._show_demo else without_invented(offers)
        return compose_states(rows.read_changed(connection, asins), shown, rows.read_facts(connection, asins))

    def _shown(self, connection: sqlite3.Connection, asins: Iterable[str]) -> set[str]:
        """Those of these products that are not hidden."""
        wanted = set(asins)
        if not self._real_only(connection):
            return wanted
        return wanted - demo.hidden(connection, wanted)

    def scan_offers(self, columns: Sequence[str], *, products_per_batch: int = 5_000) -> Iterator[pd.DataFrame]:
        """See :meth:`arbkit.store.base.Store.scan_offers`."""
        import pandas as pd

        unknown = [name for name in columns if name not in OFFER_WIRE_NAMES]
        if unknown:
            raise UsageError("no such field of an offer", field="columns", value=unknown)
        wanted = itemgetter(*(OFFER_COLUMNS.index(OFFER_WIRE_NAMES[name]) for name in columns), -1)
        after = ""
        while True:
            with self._using() as connection, snapshot(connection):
                real = f"AND {demo.REAL[0]}" if self._real_only(connection) else ""
                ends = connection.execute(
                    f"SELECT max(asin) FROM (SELECT asin FROM products WHERE asin > ? {real} ORDER BY asin LIMIT ?)",  # noqa: S608
                    (after, products_per_batch),
                ).fetchone()[0]
                if ends is None:
                    return
                shown = "" if self._show_demo else f"AND {demo.NOT_INVENTED}"
                # All of each row, to see whether it is what was written.
                within = f"asin > ? AND asin <= ? {real} {shown}"
                query = f"SELECT {rows.OFFER_VALUES} FROM offers WHERE {within} ORDER BY asin, market"  # noqa: S608
                found = [
                    wanted(row)[:-1] for row in fetch_damaged(connection, query, (after, ends)) if rows.is_intact(row)
                ]
            after = ends
            frame = pd.DataFrame.from_records(found, columns=list(columns))
            yield frame.astype({name: "float64" for name in columns if is_number(name)})

    def history(self, asin: str) -> list[History]:
        """See :meth:`arbkit.store.base.Store.history`."""
        with self._using() as connection, snapshot(connection):
            query = f"SELECT {rows.HISTORY_COLUMNS} FROM history WHERE asin = ? ORDER BY market"  # noqa: S608 - ours
            shown = self._shown(connection, [asin])
            found = (row for one in shown for row in fetch_damaged(connection, query, (one,)))
            return [rows.to_history(row).unpacked() for row in found if rows.is_history_intact(row)]

    def product(self, asin: str) -> Product | None:
        """See :meth:`arbkit.store.base.Store.product`."""
        with self._using() as connection, snapshot(connection):
            query = f"SELECT {rows.PRODUCT_COLUMNS} FROM products WHERE asin = ?"  # noqa: S608 - ours
            row = connection.execute(query, (asin,)).fetchone()
            found = None if row is None else rows.to_product(row)
            return None if found is not None and found.demo and self._real_only(connection) else found

    def products(self, query: ProductQuery) -> Page[Product]:
        """See :meth:`arbkit.store.base.Store.products`."""
        with self._using() as connection, snapshot(connection):
            real_only = self._real_only(connection)
            asked = queries.build_products_query(query, real_only=real_only)
            if (total := known_total(query)) is None:
                count = queries.build_product_count_query(query, real_only=real_only)
                (total,) = connection.execute(count.sql, count.values).fetchone()
            found = connection.execute(asked.sql, asked.values).fetchall()
        return page_of(query, found, total, build=rows.to_product, end=_end)

    def opportunities(self, query: OpportunityQuery) -> Page[Opportunity]:
        """See :meth:`arbkit.store.base.Store.opportunities`."""
        with self._using() as connection, snapshot(connection):
            total = known_total(query) or self._summed(connection, query).count
            choice, real_only = (
                choice_of(query, decided := self._read_in_force(connection)),
                self._real_only(connection),
            )
            self._matched.find(connection, query.q)
            asked = queries.build_opportunities_queries(query, real_only=real_only, choice=choice, total=total)
            pages = (connection.execute(one.sql, one.values) for one in asked)
            found = list(islice(chain.from_iterable(pages), query.limit + 1))
        return page_with_status(page_of(query, found, total, build=_opportunity, end=_route_end), decided)

    def sums(self, query: OpportunityQuery) -> Sums:
        """See :meth:`arbkit.store.base.Store.sums`."""
        with self._using() as connection, snapshot(connection):
            return self._summed(connection, query)

    def _summed(self, connection: sqlite3.Connection, query: OpportunityQuery) -> Sums:
        """The sums, kept while nothing is written: whoever asks for a page asks for them too."""
        choice = choice_of(query, self._read_in_force(connection))
        self._matched.find(connection, query.q)
        asked = queries.build_sums_query(query, real_only=self._real_only(connection), choice=choice)
        # One tells what others have written, the other what this connection has.
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        key = (asked.sql, *asked.values, query.q, version, self._matched.changes(connection))
        if key not in self._sums:
            if len(self._sums) >= _SUMS_KEPT:
                self._sums.clear()
            self._sums[key] = read_sums(connection, asked)
        return self._sums[key]

    def runs(self, *, report: str | None = None, limit: int = 50) -> list[Run]:
        """See :meth:`arbkit.store.base.Store.runs`."""
        return list(self.run_page(RunQuery(report=report, limit=limit)).items)

    def run_page(self, query: RunQuery) -> Page[Run]:
        """See :meth:`arbkit.store.base.Store.run_page`."""
        asked, count = queries.build_runs_query(query), queries.build_run_count_query(query)
        with self._using() as connection, snapshot(connection):
            (total,) = connection.execute(count.sql, count.values).fetchone()
            found = connection.execute(asked.sql, asked.values).fetchall()
        return page_of(query, found, total, build=lambda row: Run(**orjson.loads(row[0])), end=_end)

    def run(self, run_id: str) -> Run | None:
        """See :meth:`arbkit.store.base.Store.run`."""
        with self._using() as connection:
            row = connection.execute("SELECT document FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else Run(**orjson.loads(row[0]))

    def stats(self) -> Stats:
        """See :meth:`arbkit.store.base.Store.stats`."""
        with self._using() as connection, snapshot(connection):
            sums, real_only = self._summed(connection, OpportunityQuery()), self._real_only(connection)
            return read_stats(connection, sums, real_only=real_only)

    def ages(self, limits: Sequence[float], *, now: float) -> dict[str, tuple[int, ...]]:
        """See :meth:`arbkit.store.base.Store.ages`."""
        with self._using() as connection, snapshot(connection):
            return read_ages(connection, limits, now, real_only=self._real_only(connection))

    def close(self) -> None:
        """See :meth:`arbkit.store.base.Store.close`."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, wrap_errors(self._path, "store"), time_limit(self._connection, self._longest_read_s):
            yield self._connection


def _end(row: Sequence[Any]) -> End:
    return End(row[-2], row[-1])


def _opportunity(row: Sequence[Any]) -> Opportunity:
    return Opportunity.from_dict(orjson.loads(row[0]))


def _route_end(row: Sequence[Any]) -> End:
    _, profit, key, route = row
    return End(key, route, profit)


def _nothing_yet(path: Path) -> StoreError:
    return StoreError(
        f"nothing is stored yet in {path}",
        kind="empty",
        remedy="Run `arbkit up`, or `arbkit import` and `arbkit consume`",
    )
