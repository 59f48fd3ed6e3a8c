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
from arbkit.store.alerts import AlertRecord, Delivery
from arbkit.store.fields import DEMAND_FIELDS, FORECAST_FIELDS
from arbkit.store.queries import AlertQuery, End, page_of
from arbkit.store.sqlite.queries import build_alerts_query, build_opportunities_queries
from arbkit.store.sqlite.rows import offer_row
from arbkit.store.sqlite.schema import MIGRATIONS, OFFER_COLUMNS, YOUNGER_OFFER_COLUMNS
from arbkit.store.sqlite.store import SqliteStore
from tests.helpers.alerts import announce_everything
from tests.helpers.decisions import decision
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes
from tests.helpers.sales import sale


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
    first = _first(name)
    later: dict[str, tuple[str, ...]] = {}
    if first <= _first("offers_fba"):
        later |= {"opportunities": DEMAND_FIELDS, "offers": ("offers_fba", "offers_fbm")}
    if first <= _first("profit_chance_pct"):
        later |= {"opportunities": (*FORECAST_FIELDS, *DEMAND_FIELDS), "deliveries": ("profit_per_day",)}
    if first <= _first("new_days90"):
        later["offers"] = YOUNGER_OFFER_COLUMNS
    if first <= _first("routed"):
        later["products"] = ("routed",)
        connection.execute("DROP INDEX products_routed")
    indices = ["opportunities_routes"] if later else []
    if first <= _first("profit_chance_pct"):
        indices += ["opportunities_per_day", "deliveries_pending"]
    for index in indices:
        connection.execute(f"DROP INDEX IF EXISTS {index}")
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table, columns in later.items():
        for column in columns if table in there else ():
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    connection.execute("UPDATE store_meta SET value = ? WHERE name = 'version'", (first,))
    connection.commit()


def _first(name: str) -> int:
    """The number of the first migration that has this word."""
    return next(i for i, migration in enumerate(MIGRATIONS) if name in "".join(migration))


def test_what_was_stored_before_has_no_time_at_which_it_was_first_seen(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    before = next(i for i, migration in enumerate(MIGRATIONS) if "first_seen" in "".join(migration))
    with closing(connect(path)) as connection:
        for statement in chain.from_iterable(MIGRATIONS[:before]):
            connection.execute(statement)
        connection.execute("CREATE TABLE store_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        connection.execute("INSERT INTO store_meta VALUES ('version', ?)", (before,))
        row = dict(zip((*OFFER_COLUMNS, "digest"), offer_row(offer(version=1)), strict=True))
        there = [name for name in row if name not in YOUNGER_OFFER_COLUMNS]
        put = f"INSERT INTO offers ({', '.join(there)}) VALUES ({', '.join('?' * len(there))})"  # noqa: S608 - ours
        connection.execute(put, [row[name] for name in there])
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


def test_an_offer_of_before_its_history_was_read_is_intact_and_gets_the_facts_of_the_next_look(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    known = offer(version=2, updated_at=2_000, new_days90=91, new_changed90_pct=12.5, new_low90_minor=900)
    with SqliteStore(path) as store:
        store.put([Update(offer(version=1, updated_at=1_000), None)])
    with closing(connect(path)) as connection:
        _put_back(connection, "routed")
    with SqliteStore(path) as store:
        (before,) = store.offers(["B000000001"])
        assert (before.version, before.new_days90) == (1, None)
        store.put([Update(known, None)])
        (after,) = store.offers(["B000000001"])
        assert (after.new_days90, after.new_changed90_pct, after.new_low90_minor) == (91, 12.5, 900)


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


def test_a_store_of_before_there_were_decisions_sales_and_leases_keeps_them_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([Update(offer(version=1), None)])
        store.add_decisions([decision()])
    with closing(connect(path)) as connection:
        connection.execute("DROP TABLE leases")
        connection.execute("DROP TABLE sales")
        _put_back(connection, "sales_of_product")
    with SqliteStore(path) as store:
        assert (store.decisions(), store.sales()) == ([decision()], [])
        assert store.take_lease("key", "one", seconds=60).holder == "one"
        assert store.put_sales([sale()]).new == 1
    with closing(connect(path)) as connection:
        for table in ("sales", "decisions"):
            connection.execute(f"DROP TABLE {table}")
        _put_back(connection, "decisions_last")
    with SqliteStore(path) as store:
        assert (store.decisions(), store.sales()) == ([], [])
        assert store.add_decisions([decision()]) == []
        assert store.product("B000000001") is not None


def test_routes_of_before_they_said_how_well_they_sell_are_kept_until_they_are_priced_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put([Update(offer(version=1), None)])
        store_routes(store, [old := opportunity(brand="Quenzi")])
    with closing(connect(path)) as connection:
        _put_back(connection, "offers_fba")
    with SqliteStore(path) as store:
        assert store.opportunities(OpportunityQuery(brand="quen")).items == (old,)
        assert store.opportunities(OpportunityQuery(max_rank=1_000_000.0)).items == ()
        new = opportunity(rank=70, sellers=3)
        store_routes(store, [new])
        assert store.opportunities(OpportunityQuery(max_rank=70.0)).items == (new,)
        store.put([Update(offer(version=2, offers_fba=2, offers_fbm=1), None)])
        (after,) = store.offers(["B000000001"])
        assert (after.offers_fba, after.offers_fbm) == (2, 1)


def test_routes_and_alerts_of_before_there_were_forecasts_are_kept_and_come_behind_those_with_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    old, waiting = opportunity(profit=90.0), alert_record("old", 50.0, None)
    with SqliteStore(path) as store:
        store_routes(store, [old])
        store.add_alerts([waiting])
    with closing(connect(path)) as connection:
        _put_back(connection, "profit_chance_pct")
    new = opportunity(
        "B000000002", profit=1.0, expected_profit=0.5, expected_profit_per_day_pct=0.2, profit_chance_pct=70.0,
        profit_p10=-1.0, sold_in_30_days_pct=50.0, days_to_sell_p50=20.0,
    )  # fmt: skip
    with SqliteStore(path) as store:
        assert store.opportunities(OpportunityQuery()).items == (old,)
        assert store.opportunities(OpportunityQuery(min_chance=0.0)).items == ()
        store_routes(store, [old, new])
        assert store.opportunities(OpportunityQuery()).items == (new, old)
        store.add_alerts([alert_record("new", 1.0, 0.2)])
        assert [record.id for record in store.pending_alerts("phone", 9)] == ["new", "old"]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("end", [End(0.5, "B000000001:IT:DE", 2.0), End(None, "B000000001:IT:DE", 2.0)])
def test_a_walk_begins_in_the_index_where_the_page_before_ended(tmp_path: Path, end: End, *, descending: bool) -> None:
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    query = OpportunityQuery(walk=True, descending=descending, limit=1, category="toys")
    cursor = page_of(query, [0, 1], 9, build=int, end=lambda _: end).next
    with closing(connect(path)) as connection:
        for asked in build_opportunities_queries(query.model_copy(update={"cursor": cursor})):
            plan = connection.execute(f"EXPLAIN QUERY PLAN {asked.sql}", asked.values).fetchall()
            assert any("SEARCH opportunities USING INDEX opportunities_per_day" in str(step) for step in plan), plan


def alert_record(name: str, priority: float, per_day: float | None) -> AlertRecord:
    """An alert that waits for the phone."""
    return AlertRecord(
        id=name, asin="B000000001", type="price_drop", rule="r", at=1.5, expires_at=2.5, priority=priority, document={},
        received_at=1.5, profit_per_day=per_day, deliveries=(Delivery(channel="phone"),),
    )  # fmt: skip


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
