"""What is particular to the store in a SQLite file."""

from __future__ import annotations

from contextlib import closing
from itertools import chain
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import orjson
import pytest

from arbkit.core.errors import StoreCorruptError, StoreError
from arbkit.core.models import Update
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.sqlite import connect
from arbkit.store import OpportunityQuery
from arbkit.store.alerts import AlertRecord
from arbkit.store.queries import AlertQuery
from arbkit.store.sqlite.queries import build_alerts_query
from arbkit.store.sqlite.rows import PUT_OFFER, offer_row
from arbkit.store.sqlite.schema import MIGRATIONS
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.alerts import announce_everything
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes


def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([Update(offer(), None)])
    damaged = b"\x00" * 64 + path.read_bytes()[64:]
    path.write_bytes(damaged)
    with pytest.raises(StoreCorruptError, match=r"left as it is|damaged"):
        SqliteStore(path)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("name", ["keepa_referral_pct", "amazon_buy_box90_pct", "rating"])
def test_a_zero_with_a_sign_does_not_damage_its_offer(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.db"
    fields: dict[str, Any] = {name: -0.0}
    with SqliteStore(path) as store:
        store.put([Update(offer(**fields), None)])
    with SqliteStore(path) as store:
        (found,) = store.offers(["B000000001"])
    assert getattr(found, name) == 0


def test_a_reader_says_that_nothing_is_stored_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing is stored yet"):
        SqliteStore(tmp_path / "store.db", read_only=True)
    assert not (tmp_path / "store.db").exists()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    with SqliteStore(path, read_only=True) as store, pytest.raises(StoreError, match="may not be written"):
        store.put([Update(offer(), None)])


def test_the_file_of_a_newer_arbkit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    with closing(connect(path)) as connection:
        connection.execute("UPDATE store_meta SET value = 99")
        connection.commit()
    with pytest.raises(StoreError, match="newer arbkit"):
        SqliteStore(path)


def test_what_an_older_arbkit_stored_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    found = opportunity(profit=7.0)
    old = {name: value for name, value in found.to_dict().items() if name != "amazon_sells"}
    columns = (
        "id, asin, source, target, title, brand, category, profit, roi_pct, margin_pct, spread_pct, confidence, "
        "data_at, buy_price, sell_price, currency, evaluated_at"
    )
    values = [getattr(found, name) for name in columns.split(", ")]
    with closing(connect(path)) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("CREATE TABLE store_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        connection.execute("INSERT INTO store_meta VALUES ('version', 1)")
        connection.execute(
            f"INSERT INTO opportunities ({columns}, document) VALUES ({', '.join('?' * 18)})",  # noqa: S608 - ours
            [*values, orjson.dumps(old)],
        )
        connection.commit()
    with SqliteStore(path) as store:
        assert store.opportunities(OpportunityQuery()).items == (found,)
        assert store.sums(OpportunityQuery(min_profit=7.0)).total_profit == 7.0


def _put_back(connection: Connection, name: str) -> None:
    """Let a file be of the version before the migration that made this; what it and later ones made is dropped."""
    connection.execute("DROP INDEX products_routed")
    connection.execute("ALTER TABLE products DROP COLUMN routed")
    before = next(i for i, migration in enumerate(MIGRATIONS) if name in "".join(migration))
    connection.execute("UPDATE store_meta SET value = ? WHERE name = 'version'", (before,))
    connection.commit()


def test_what_was_stored_before_has_no_time_at_which_it_was_first_seen(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    before = next(i for i, migration in enumerate(MIGRATIONS) if "first_seen" in "".join(migration))
    with closing(connect(path)) as connection:
        for statement in chain.from_iterable(MIGRATIONS[:before]):
            connection.execute(statement)
        connection.execute("CREATE TABLE store_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        connection.execute("INSERT INTO store_meta VALUES ('version', ?)", (before,))
        connection.execute(PUT_OFFER, offer_row(offer(version=1)))
        values = "'B000000001', 1, 0, 1, '[]', '{}'"
        connection.execute(f"INSERT INTO products (asin, version, demo, updated_at, eans, markets) VALUES ({values})")  # noqa: S608 - ours
        connection.commit()
    with SqliteStore(path) as store:
        store.put([Update(offer(version=2), None), Update(offer("B000000002"), None)])
        old, new = store.product("B000000001"), store.product("B000000002")
        assert old is not None
        assert (old.version, old.first_seen) == (2, None)
        assert new is not None
        assert new.first_seen is not None


def test_a_route_stored_before_alerts_remembered_any_is_announced_once(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store_routes(store, [opportunity()])
    with closing(connect(path)) as connection:
        for table in ("route_memories", "deliveries", "alerts"):
            connection.execute(f"DROP TABLE {table}")
        _put_back(connection, "route_memories")
    with SqliteStore(path) as store:
        for _ in range(2):
            store_routes(store, [opportunity()], announce=announce_everything)
        assert [notice.key for notice in store.unsent(9)] == ["B000000001"]


def test_sums_follow_what_the_same_connection_has_written_since(tmp_path: Path) -> None:
    asked = OpportunityQuery(q="lantern")
    with SqliteStore(tmp_path / "store.db") as store:
        store.put([Update(offer(version=1, title="Lantern"), None)])
        store_routes(store, [opportunity()])
        assert (store.sums(asked).count, store.opportunities(asked).total) == (1, 1)
        store.put([Update(offer(version=2, title="Candle"), None)])
        assert (store.sums(asked).count, store.opportunities(asked).total) == (0, 0)


def test_a_store_of_before_there_was_a_watchlist_in_it_keeps_one_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([Update(offer(version=1), None)])
    with closing(connect(path)) as connection:
        connection.execute("DROP TABLE watchlist")
        connection.execute("DROP TABLE watchlists")
        _put_back(connection, "watchlists")
    entry = WatchEntry(asin="B000000001", notes="mine", added_at=1.5, listed=True)
    with SqliteStore(path) as store:
        assert (store.watched(), store.adopted_watchlist()) == ([], None)
        store.put_watched([entry])
    with SqliteStore(path, read_only=True) as store:
        assert store.watched() == [entry]
        assert store.product("B000000001") is not None


def test_alerts_of_before_are_found_by_their_type_along_its_index(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    kept = AlertRecord(
        id="a1", asin="B000000001", type="price_drop", rule="r", at=1.5, expires_at=2.5, priority=1.0, document={},
        received_at=1.5,
    )  # fmt: skip
    with SqliteStore(path) as store:
        store.add_alerts([kept])
    with closing(connect(path)) as connection:
        connection.execute("DROP INDEX alerts_type")
        _put_back(connection, "alerts_type")
    asked = AlertQuery(type="price_drop")
    with SqliteStore(path) as store:
        assert store.alerts(asked).items == (kept,)
    query = build_alerts_query(asked)
    with closing(connect(path)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.values).fetchall()
    assert any("alerts_type" in str(step) for step in plan)
