"""Pages from memory: as new as the store, of one moment each, and left to the store where memory is behind."""

from __future__ import annotations

import asyncio
import random
import threading
import tracemalloc
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TypeVar

import orjson
import pytest

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import OpportunityQuery, open_store
from arbkit.store.columns.mirror import Mirror
from arbkit.store.lazy import LazyStore
from arbkit.store.sqlite.store import SqliteStore
from arbkit.web import known_routes
from arbkit.web.known_routes import KnownRoutes, Listed
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes

T = TypeVar("T")
ASINS = [f"B00000000{number}" for number in range(6)]
EVERYTHING = OpportunityQuery(limit=50)


def using(settings: Settings, use: Callable[[KnownRoutes], Coroutine[None, None, T]]) -> T:
    async def run() -> T:
        known = KnownRoutes(LazyStore(settings))
        try:
            return await use(known)
        finally:
            await known.close()

    return asyncio.run(run())


async def found(known: KnownRoutes, query: OpportunityQuery = EVERYTHING) -> Listed:
    """What memory knows, as soon as it does."""
    async with asyncio.timeout(120):
        while (listed := await known.find(query, summed=True)) is None:
            await asyncio.sleep(0.01)
    return listed


def profits(listed: Listed) -> list[float]:
    return [item["profit"] for item in orjson.loads(orjson.dumps(listed.items))]


def test_a_page_is_as_new_as_the_store_whenever_it_is_asked(settings: Settings) -> None:
    async def use(known: KnownRoutes) -> None:
        with open_store(settings) as store:
            for profit in (5.0, 7.0, 3.0, 900.0, 1.5):
                store_routes(store, [opportunity(profit=profit, evaluated_at=1_760_000_100.0)])
                assert profits(await found(known)) == [profit]
            store_routes(store, [])
            assert profits(await found(known)) == []

    using(settings, use)


def test_a_page_is_as_the_store_says_it_with_ages_of_now(settings: Settings) -> None:
    with open_store(settings) as store:
        store_routes(store, [opportunity(asin, profit=2.0, title="Kaffee «Größe»\u2028") for asin in ASINS])
        stored = Listed.of(store.opportunities(EVERYTHING), store.sums(EVERYTHING), components=False)
    listed = using(settings, found)

    def shown(one: Listed) -> list[dict[str, object]]:
        items: list[dict[str, object]] = orjson.loads(orjson.dumps(one.items))
        # The clock goes on between the two.
        return [{name: value for name, value in item.items() if name != "data_age_s"} for item in items]

    assert shown(listed) == shown(stored)
    assert [*shown(listed)[0]] == [*shown(stored)[0]]
    assert orjson.dumps(listed.identities) == orjson.dumps(stored.identities)
    assert (listed.total, listed.next, listed.sums) == (stored.total, stored.next, stored.sums)


def test_a_page_and_its_summary_are_of_one_moment_while_prices_change(settings: Settings) -> None:
    ended = threading.Event()

    def change() -> None:
        chance = random.Random(7)
        with open_store(settings) as store:
            while not ended.is_set():
                store_routes(store, [opportunity(a, profit=float(chance.randrange(1, 500))) for a in ASINS])

    async def use(known: KnownRoutes) -> int:
        answers = 0
        async with asyncio.timeout(300):
            while answers < 60:
                several = await asyncio.gather(*(known.find(EVERYTHING, summed=True) for _ in range(5)))
                for listed in filter(None, several):
                    answers += 1
                    assert listed.sums is not None
                    assert sum(profits(listed)) == listed.sums.total_profit
                    assert profits(listed) == sorted(profits(listed), reverse=True)
        return answers

    with open_store(settings) as store:
        store_routes(store, [opportunity(asin) for asin in ASINS])
    writer = threading.Thread(target=change)
    writer.start()
    try:
        assert using(settings, use) >= 60
    finally:
        ended.set()
        writer.join()


def test_the_store_is_asked_while_much_is_being_read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, read = threading.Event(), threading.Event()
    plain = SqliteStore.route_changes

    def slow(self: SqliteStore, since: tuple[int, ...] | None) -> object:
        reading.set()
        read.wait(120)
        return plain(self, since)

    monkeypatch.setattr(SqliteStore, "route_changes", slow)

    async def use(known: KnownRoutes) -> None:
        assert await known.find(EVERYTHING, summed=True) is None
        assert reading.is_set()
        assert await known.find(EVERYTHING, summed=True) is None
        read.set()
        assert profits(await found(known)) == [10.0]

    with open_store(settings) as store:
        store_routes(store, [opportunity()])
    using(settings, use)


def test_a_file_in_place_of_the_stores_is_read_anew(settings: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    for there, profit in ((SqliteStore(other), 77.0), (open_store(settings), 5.0)):
        with there as store:
            store_routes(store, [opportunity(profit=profit)])

    async def use(known: KnownRoutes) -> None:
        assert profits(await found(known)) == [5.0]
        other.replace(settings.home / "arbkit.db")
        assert profits(await found(known)) == [77.0]

    using(settings, use)


def test_what_was_wanted_last_is_kept_within_the_bound(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(settings) as store:
        store_routes(store, [opportunity(asin, profit=float(i)) for i, asin in enumerate(ASINS, start=1)])
    monkeypatch.setattr(known_routes, "_MOST_KEPT", 3_500)
    read: list[str] = []
    plain = SqliteStore.route_documents

    def noting(self: SqliteStore, ids: list[str]) -> object:
        read.extend(ids)
        return plain(self, ids)

    monkeypatch.setattr(SqliteStore, "route_documents", noting)

    async def use(known: KnownRoutes) -> None:
        for asin in (*ASINS, ASINS[-1], ASINS[0]):
            assert len(profits(await found(known, OpportunityQuery(asin=asin)))) == 1

    using(settings, use)
    asked = [route.partition(":")[0] for route in read]
    assert asked == [*ASINS, ASINS[0]]


def test_a_store_that_is_not_there_yet_is_left_to_the_caller(settings: Settings) -> None:
    async def use(known: KnownRoutes) -> None:
        assert await known.find(EVERYTHING, summed=True) is None
        with open_store(settings) as store:
            store.put([Update(offer("B000000001"), None)])
        assert (await found(known)).total == 0

    using(settings, use)


def test_searching_for_ever_new_words_takes_no_ever_more_memory(settings: Settings) -> None:
    with open_store(settings) as store:
        store_routes(store, [opportunity(asin, profit=float(i)) for i, asin in enumerate(ASINS, start=1)])
        view = Mirror(store).follow()

    def memory_after(words: range) -> int:
        for number in words:
            assert view.find(OpportunityQuery(q=f"{'x' * 390}{number}"), summed=True)[0].total == 0
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        # The patterns that Python keeps are all of these words by then.
        before = memory_after(range(1_000, 1_600))
        assert memory_after(range(2_000, 3_200)) < before + 350_000
    finally:
        tracemalloc.stop()
