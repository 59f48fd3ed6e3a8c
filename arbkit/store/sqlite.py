"""The embedded store: documents and typed columns in one SQLite file, for several processes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson

from arbkit.errors import StoreError, UsageError
from arbkit.models import History, Offer, Opportunity, Product, Run
from arbkit.sqlite import bound_wal, connect, immediate, snapshot, translated
from arbkit.store import cursors
from arbkit.store.base import OpportunityQuery, Page, ProductQuery, Stats, Update, Written
from arbkit.store.compose import compose, search_text
from arbkit.store.history_codec import decode, encode
from arbkit.store.sqlite_schema import OFFER_COLUMNS, OFFER_TUPLES, ensure_schema, is_there
from arbkit.store.text import fold, words

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SqliteStore"]

_offer_values = attrgetter(*OFFER_COLUMNS)
_TUPLE_PLACES = [OFFER_COLUMNS.index(name) for name in OFFER_COLUMNS if name in OFFER_TUPLES]
_PUT_OFFER = (
    f"INSERT INTO offers ({', '.join(OFFER_COLUMNS)}) VALUES ({', '.join('?' * len(OFFER_COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (asin, market) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in OFFER_COLUMNS[2:])
    + " WHERE excluded.version > offers.version"
)
_PUT_HISTORY = (
    "INSERT INTO history VALUES (?, ?, ?, ?, ?) ON CONFLICT (asin, market) DO UPDATE SET version = "
    "excluded.version, currency = excluded.currency, series = excluded.series "
    "WHERE excluded.version > history.version"
)
_PUT_PRODUCT = """
    INSERT INTO products (asin, version, demo, title, brand, category, updated_at, eans, image, markets)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (asin) DO UPDATE SET version = excluded.version,
    demo = excluded.demo, title = excluded.title, brand = excluded.brand, category = excluded.category,
    updated_at = excluded.updated_at, eans = excluded.eans, image = excluded.image,
    markets = excluded.markets WHERE excluded.version > products.version
"""
_PRODUCT_SORTS = {
    "updated": "updated_at", "title": "title", "profit": "best_profit", "margin": "best_margin",
    "asin": "asin",
}  # fmt: skip
_OPPORTUNITY_SORTS = {
    "profit": "profit", "roi": "roi_pct", "margin": "margin_pct", "spread": "spread_pct",
    "confidence": "confidence", "age": "data_at", "title": "title", "buy_price": "buy_price",
    "sell_price": "sell_price", "route": "source || target",
}  # fmt: skip
_IN_CHUNK = 500


class SqliteStore:
    """Implements :class:`arbkit.store.base.Store` on the file at ``path``."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._lock = threading.RLock()
        if read_only and not path.exists():
            raise _nothing_yet(path)
        with translated(path, "store"):
            self._connection = connect(path, read_only=read_only)
            try:
                if not read_only:
                    ensure_schema(self._connection, path)
                elif not is_there(self._connection, path):
                    raise _nothing_yet(path)
            except BaseException:
                self._connection.close()
                raise

    # Writing

    def put(self, updates: Sequence[Update]) -> Written:
        newest: dict[tuple[str, str], Update] = {}
        for update in updates:
            key = update.offer.asin, update.offer.market
            if key not in newest or update.offer.version > newest[key].offer.version:
                newest[key] = update
        poison = {i: why for i, u in enumerate(updates) if (why := _poison(u)) is not None}
        rows, histories = [], []
        bad = {id(updates[i]) for i in poison}
        for update in newest.values():
            if id(update) in bad:
                continue
            rows.append(_offer_row(update.offer))
            if (h := update.history) is not None:
                histories.append((h.asin, h.market, h.version, h.currency, encode(h.series, h.sellers)))
        with self._using() as connection:
            with immediate(connection):
                before = connection.total_changes
                connection.executemany(_PUT_OFFER, rows)
                ok = connection.total_changes - before
                connection.executemany(_PUT_HISTORY, histories)
                if ok:
                    self._compose(connection, {row[0] for row in rows})
            bound_wal(connection, self._path)
        return Written(ok=ok, stale=len(updates) - len(poison) - ok, poison=poison)

    def _compose(self, connection: sqlite3.Connection, asins: Iterable[str]) -> None:
        by_asin: dict[str, list[Offer]] = {}
        for offer in _offers(connection, sorted(asins)):
            by_asin.setdefault(offer.asin, []).append(offer)
        products, texts = [], []
        for asin, offers in by_asin.items():
            p = compose(offers)
            products.append(
                (
                    asin, p.version, p.demo, p.title, p.brand, p.category, p.updated_at,
                    orjson.dumps(p.eans).decode(), p.image, orjson.dumps(p.markets).decode(),
                )
            )  # fmt: skip
            texts.append((asin, fold(search_text(p, [o.title for o in offers]))))
        connection.executemany(_PUT_PRODUCT, products)
        # The words change seldom: an index entry is written anew only when they do.
        for asin, text in texts:
            (rowid,) = connection.execute("SELECT rowid FROM products WHERE asin = ?", (asin,)).fetchone()
            old = connection.execute("SELECT words FROM product_text WHERE rowid = ?", (rowid,)).fetchone()
            if old is None:
                connection.execute("INSERT INTO product_text (rowid, words) VALUES (?, ?)", (rowid, text))
            elif old[0] != text:
                connection.execute("UPDATE product_text SET words = ? WHERE rowid = ?", (text, rowid))

    def replace_opportunities(self, found: Sequence[Opportunity], *, run_id: str) -> list[str]:
        rows = [
            (
                o.id, o.asin, o.source, o.target, o.title, o.brand, o.category, o.profit, o.roi_pct,
                o.margin_pct, o.spread_pct, o.confidence, o.data_at, o.buy_price, o.sell_price, o.currency,
                o.evaluated_at, orjson.dumps({**o.to_dict(), "run_id": run_id}),
            )
            for o in found
        ]  # fmt: skip
        best: dict[str, Opportunity] = {}
        for o in found:
            if o.asin not in best or o.profit > best[o.asin].profit:
                best[o.asin] = o
        with self._using() as connection:
            with immediate(connection):
                known = {row[0] for row in connection.execute("SELECT id FROM opportunities")}
                connection.execute("DELETE FROM opportunities")
                connection.executemany(
                    f"INSERT INTO opportunities VALUES ({', '.join('?' * 18)})",  # noqa: S608 - only marks
                    rows,
                )
                connection.execute(
                    "UPDATE products SET best = NULL, best_profit = NULL, best_margin = NULL WHERE best IS NOT NULL"
                )
                connection.executemany(
                    "UPDATE products SET best = ?, best_profit = ?, best_margin = ? WHERE asin = ?",
                    [(orjson.dumps(_best(o)).decode(), o.profit, o.margin_pct, a) for a, o in best.items()],
                )
            bound_wal(connection, self._path)
        return [o.id for o in found if o.id not in known]

    def put_run(self, run: Run) -> None:
        with self._using() as connection, immediate(connection):
            connection.execute(
                "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
                (run.run_id, run.report, run.started_at, orjson.dumps(run.to_dict())),
            )

    # Reading

    def offers(self, asins: Sequence[str]) -> list[Offer]:
        with self._using() as connection, snapshot(connection):
            return list(_offers(connection, sorted(set(asins))))

    def scan_offers(self, columns: Sequence[str], *, products_per_batch: int = 5_000) -> Iterator[pd.DataFrame]:
        import pandas as pd

        unknown = [name for name in columns if name not in OFFER_COLUMNS]
        if unknown:
            raise UsageError("no such field of an offer", field="columns", value=unknown)
        names = ", ".join(columns)
        after = ""
        while True:
            with self._using() as connection, snapshot(connection):
                ends = connection.execute(
                    "SELECT max(asin) FROM (SELECT asin FROM products WHERE asin > ? ORDER BY asin LIMIT ?)",
                    (after, products_per_batch),
                ).fetchone()[0]
                if ends is None:
                    return
                rows = connection.execute(
                    f"SELECT {names} FROM offers WHERE asin > ? AND asin <= ? ORDER BY asin, market",  # noqa: S608
                    (after, ends),
                ).fetchall()
            after = ends
            frame = pd.DataFrame.from_records(rows, columns=list(columns))
            yield frame.astype({name: "float64" for name in columns if _is_number(name)})

    def history(self, asin: str) -> list[History]:
        with self._using() as connection:
            rows = connection.execute(
                "SELECT asin, market, version, currency, series FROM history WHERE asin = ? ORDER BY market",
                (asin,),
            ).fetchall()
        histories = []
        for found, market, version, currency, blob in rows:
            series, sellers = decode(blob)
            histories.append(History(found, market, version, currency, series, sellers))
        return histories

    def product(self, asin: str) -> Product | None:
        with self._using() as connection:
            row = connection.execute(f"{_SELECT_PRODUCTS} WHERE asin = ?", (asin,)).fetchone()
        return None if row is None else _product(row)

    def products(self, query: ProductQuery) -> Page[Product]:
        where, values = _product_filter(query)
        return self._page(
            _SELECT_PRODUCTS, "products", where, values, query, _PRODUCT_SORTS[query.sort], "asin", _product
        )

    def opportunities(self, query: OpportunityQuery) -> Page[Opportunity]:
        where, values = _opportunity_filter(query)
        return self._page(
            "SELECT document FROM opportunities", "opportunities", where, values, query,
            _OPPORTUNITY_SORTS[query.sort], "id", lambda row: Opportunity.from_dict(orjson.loads(row[0])),
        )  # fmt: skip

    def _page(
        self,
        select: str,
        table: str,
        where: list[str],
        values: list[Any],
        query: ProductQuery | OpportunityQuery,
        key: str,
        unique: str,
        build: Any,
    ) -> Page[Any]:
        """One page in keyset order; unknown keys come last either way round."""
        if query.cursor and query.offset:
            raise UsageError("exclude each other", field="cursor, offset")
        direction, beyond = ("DESC", "<") if query.descending else ("ASC", ">")
        filtered = " AND ".join(["1", *where])
        onward, bounds = [*where], [*values]
        if query.cursor:
            last, last_id = cursors.unpack(query.cursor, query.sort, descending=query.descending)
            if last is None:
                onward.append(f"({key} IS NULL AND {unique} {beyond} ?)")
                bounds.append(last_id)
            else:
                onward.append(f"({key} {beyond} ? OR ({key} = ? AND {unique} {beyond} ?) OR {key} IS NULL)")
                bounds += [last, last, last_id]
        columns = select.partition(" FROM ")[0]
        sql = (
            f"{columns}, {key}, {unique} FROM {table} WHERE {' AND '.join(['1', *onward])} "
            f"ORDER BY {key} {direction} NULLS LAST, {unique} {direction} LIMIT ? OFFSET ?"
        )
        with self._using() as connection, snapshot(connection):
            (total,) = connection.execute(
                f"SELECT count(*) FROM {table} WHERE {filtered}",  # noqa: S608 - names are ours
                values,
            ).fetchone()
            rows = connection.execute(sql, [*bounds, query.limit + 1, query.offset]).fetchall()
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        after = (
            cursors.pack(query.sort, descending=query.descending, key=rows[-1][-2], last_id=rows[-1][-1])
            if more and rows
            else None
        )
        return Page(items=tuple(build(row) for row in rows), total=total, next=after)

    def runs(self, *, report: str | None = None, limit: int = 50) -> list[Run]:
        where, values = ("WHERE report = ?", [report]) if report else ("", [])
        with self._using() as connection:
            rows = connection.execute(
                f"SELECT document FROM runs {where} ORDER BY started_at DESC LIMIT ?",  # noqa: S608
                [*values, limit],
            ).fetchall()
        return [Run(**orjson.loads(document)) for (document,) in rows]

    def run(self, run_id: str) -> Run | None:
        with self._using() as connection:
            row = connection.execute("SELECT document FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else Run(**orjson.loads(row[0]))

    def stats(self) -> Stats:
        with self._using() as connection, snapshot(connection):
            products, demo = connection.execute("SELECT count(*), coalesce(sum(demo), 0) FROM products").fetchone()
            oldest, newest = connection.execute(
                "SELECT (SELECT min(updated_at) FROM offers), (SELECT max(updated_at) FROM offers)"
            ).fetchone()
            markets = dict(connection.execute("SELECT market, count(*) FROM offers GROUP BY market").fetchall())
            routes = connection.execute(
                "SELECT source || ':' || target, count(*), max(profit), sum(profit) FROM opportunities GROUP BY 1"
            ).fetchall()
            currency, evaluated_at = connection.execute(
                "SELECT max(currency), max(evaluated_at) FROM opportunities"
            ).fetchone()
            categories = connection.execute(
                "SELECT DISTINCT category FROM opportunities WHERE category IS NOT NULL ORDER BY 1"
            ).fetchall()
        return Stats(
            products=products,
            offers=sum(markets.values()),
            opportunities=sum(row[1] for row in routes),
            total_profit=round(sum(row[3] for row in routes), 2),
            currency=currency,
            demo_products=demo,
            markets=markets,
            routes={r: {"count": n, "best_profit": b, "total_profit": round(t, 2)} for r, n, b, t in routes},
            categories=tuple(row[0] for row in categories),
            oldest_at=oldest,
            newest_at=newest,
            evaluated_at=evaluated_at,
        )

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self._path, "store"):
            yield self._connection


_SELECT_PRODUCTS = (
    "SELECT asin, version, demo, title, brand, category, eans, image, updated_at, markets, best FROM products"
)


def _nothing_yet(path: Path) -> StoreError:
    return StoreError(
        f"nothing is stored yet in {path}", remedy="Run `arbkit up`, or `arbkit import` and `arbkit consume`"
    )


def _poison(update: Update) -> str | None:
    """Why the store will never take this update, or None."""
    offer, history = update.offer, update.history
    for name in OFFER_COLUMNS:
        value = getattr(offer, name)
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return f"{name}: larger than any store holds (got {value!r})"
    if history is not None and history.id != offer.id:
        return f"history of {history.id} with the offer {offer.id}"
    return None


def _offer_row(offer: Offer) -> tuple[Any, ...]:
    row = list(_offer_values(offer))
    for place in _TUPLE_PLACES:
        row[place] = orjson.dumps(row[place]).decode() if row[place] else None
    return tuple(row)


def _offers(connection: sqlite3.Connection, asins: Sequence[str]) -> Iterator[Offer]:
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


_BOOLEANS = frozenset({"buy_box_is_amazon", "buy_box_is_fba", "hazmat"})


def _offer(row: Sequence[Any]) -> Offer:
    values = dict(zip(OFFER_COLUMNS, row, strict=True))
    for name in OFFER_TUPLES:
        values[name] = tuple(orjson.loads(values[name])) if values[name] else ()
    for name in _BOOLEANS:
        values[name] = None if values[name] is None else bool(values[name])
    return Offer(**values)


def _is_number(name: str) -> bool:
    return name.endswith(("_minor", "_mm", "_g", "_at", "_pct", "_rank")) or name in {
        "version", "rank_drops30", "rank_drops90", "monthly_sold", "offers_new", "rating", "reviews",
        "package_quantity", "hazmat", "buy_box_is_amazon", "buy_box_is_fba", "root_category_id",
    }  # fmt: skip


def _product(row: Sequence[Any]) -> Product:
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


def _best(o: Opportunity) -> dict[str, Any]:
    return {name: getattr(o, name) for name in ("source", "target", "profit", "roi_pct", "margin_pct", "currency")}


def _matching(q: str) -> tuple[str, str] | None:
    """A condition on the product's words, and its value; None where the query has no words."""
    found = words(q)
    if not found:
        return None
    terms = [f'"{word}"' for word in found[:-1]] + [f'"{found[-1]}"*']
    return "rowid IN (SELECT rowid FROM product_text WHERE product_text MATCH ?)", " ".join(terms)


def _product_filter(query: ProductQuery) -> tuple[list[str], list[Any]]:
    where: list[str] = []
    values: list[Any] = []
    if query.q:
        matching = _matching(query.q)
        where.append(matching[0] if matching else "0")
        values += [matching[1]] if matching else []
    if query.category:
        where.append("category = ?")
        values.append(query.category)
    if query.min_margin_pct is not None:
        where.append("best_margin >= ?")
        values.append(query.min_margin_pct)
    if query.max_price_minor is not None and not query.market:
        raise UsageError("needs the marketplace whose currency it is in", field="max_price", remedy="Give market too")
    if query.market:
        price = " AND price_minor <= ?" if query.max_price_minor is not None else ""
        where.append(f"asin IN (SELECT asin FROM offers WHERE market = ?{price})")  # noqa: S608 - ours
        values += [query.market] + ([query.max_price_minor] if price else [])
    return where, values


def _opportunity_filter(query: OpportunityQuery) -> tuple[list[str], list[Any]]:
    where: list[str] = []
    values: list[Any] = []
    if query.q:
        matching = _matching(query.q)
        where.append(f"asin IN (SELECT asin FROM products WHERE {matching[0]})" if matching else "0")  # noqa: S608
        values += [matching[1]] if matching else []
    for name in ("asin", "source", "target", "category", "brand"):
        if (value := getattr(query, name)) is not None:
            where.append(f"{name} = ?")
            values.append(value)
    for name, column in (
        ("min_profit", "profit"),
        ("min_roi_pct", "roi_pct"),
        ("min_margin_pct", "margin_pct"),
        ("min_confidence", "confidence"),
    ):
        if (value := getattr(query, name)) is not None:
            where.append(f"{column} >= ?")
            values.append(value)
    return where, values
