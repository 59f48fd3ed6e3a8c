"""Leases in a store: one holder at a time, whoever asks at once, and none of a moment that is past."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from arbkit.core.leases.lease import Lease
from arbkit.core.models import Update
from arbkit.core.results import JsonObject
from arbkit.store.elastic.documents import upgraded
from arbkit.store.elastic.indices import index_behind
from arbkit.store.elastic.store import ElasticStore
from tests.contracts.conftest import Open
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes

AT = 1_790_000_000.0


def test_who_asks_first_has_it_and_whoever_asks_next_is_told_who(opened: Open) -> None:
    store, other = opened(), opened()
    mine = store.take_lease("key", "one", seconds=60, now=AT)
    assert mine == Lease("key", "one", taken_at=AT, expires_at=AT + 60)
    assert other.take_lease("key", "two", seconds=60, now=AT + 59.5) == mine
    assert other.take_lease("another", "two", seconds=60, now=AT).holder == "two"


def test_renewing_keeps_since_when_it_is_held(opened: Open) -> None:
    store, other = opened(), opened()
    first = store.take_lease("key", "one", seconds=60, now=AT)
    renewed = replace(first, expires_at=AT + 80)
    assert store.take_lease("key", "one", seconds=60, now=AT + 20) == renewed
    assert other.take_lease("key", "two", seconds=60, now=AT + 70) == renewed


def test_one_that_ended_goes_to_who_asks_next_and_is_not_taken_back(opened: Open) -> None:
    store, other = opened(), opened()
    store.take_lease("key", "one", seconds=60, now=AT)
    taken = other.take_lease("key", "two", seconds=60, now=AT + 60)
    assert taken == Lease("key", "two", taken_at=AT + 60, expires_at=AT + 120)
    assert store.take_lease("key", "one", seconds=60, now=AT + 61) == taken


def test_one_of_before_a_clock_was_set_back_does_not_last_until_the_clock_is_there_again(opened: Open) -> None:
    store, other = opened(), opened()
    store.take_lease("key", "one", seconds=60, now=AT + 3_600)
    assert other.take_lease("key", "two", seconds=60, now=AT).holder == "two"
    # Clocks that differ by less than a lease change nothing.
    assert store.take_lease("key", "one", seconds=60, now=AT - 50).holder == "two"


def test_one_that_is_given_up_is_free_at_once_and_only_its_holder_can_do_so(opened: Open) -> None:
    store, other = opened(), opened()
    store.drop_lease("key", "one")
    store.take_lease("key", "one", seconds=60, now=AT)
    other.drop_lease("key", "two")
    assert other.take_lease("key", "two", seconds=60, now=AT).holder == "one"
    store.drop_lease("key", "one")
    assert other.take_lease("key", "two", seconds=60, now=AT).holder == "two"
    assert store.take_lease("key", "one", seconds=60, now=AT).holder == "two"


def test_of_many_who_ask_at_once_one_gets_it_time_and_again(opened: Open) -> None:
    stores = [opened() for _ in range(6)]
    with ThreadPoolExecutor(len(stores)) as pool:
        for turn in range(8):
            # Each turn the one before has ended.
            now = AT + 60 * turn

            def ask(place: int, now: float = now) -> Lease:
                return stores[place].take_lease("key", f"{place}", seconds=60, now=now)

            found = list(pool.map(ask, range(len(stores))))
            assert len(set(found)) == 1
            assert found[0].expires_at == now + 60


def test_without_a_moment_it_is_taken_now(opened: Open) -> None:
    store = opened()
    assert store.take_lease("key", "one", seconds=60).expires_at > AT
    assert opened().take_lease("key", "two", seconds=60).holder == "one"


def test_it_stays_through_a_rebuilding_and_when_the_demo_market_goes(opened: Open) -> None:
    store = opened()
    store_routes(store, [opportunity("B000000002", demo=True)])
    mine = store.take_lease("key", "one", seconds=60, now=AT)
    store.rebuild([[Update(offer(), None)]])
    store.remove_demo(dry_run=False)
    assert store.take_lease("key", "two", seconds=60, now=AT) == mine


def test_a_store_of_before_there_were_leases_keeps_the_first(opened: Open) -> None:
    store = opened()
    if isinstance(store, ElasticStore):
        store._client.indices.delete(index=index_behind(store._client, f"{store._prefix}leases"))
        store = opened()
    store.drop_lease("key", "one")
    store.remove_demo(dry_run=False)
    stores = [opened() for _ in range(4)]
    with ThreadPoolExecutor(len(stores)) as pool:
        asked = [pool.submit(one.take_lease, "key", str(at), seconds=60, now=AT) for at, one in enumerate(stores)]
        assert len({one.result() for one in asked}) == 1


def test_an_index_that_is_renewed_keeps_a_lease() -> None:
    document: JsonObject = {"holder": "one", "taken_at": AT, "expires_at": AT + 60}
    assert upgraded("leases", document) == document
