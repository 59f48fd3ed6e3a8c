"""What must follow a change of a store is kept with it: both are there or neither, whichever store it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

import arbkit.store.sqlite.rows
from arbkit.core.models import Opportunity, Update
from arbkit.store import Announcement, OpportunityQuery, Store
from arbkit.store.elastic.routes import RouteWriter
from arbkit.store.routes import Basis, RouteChange
from tests.helpers.announcing import announce
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes

Open = Callable[[], Store]


def routes(*numbers: int) -> list[Opportunity]:
    return [opportunity(f"B00000000{number}", profit=float(number)) for number in numbers]


def replace(store: Store, *numbers: int) -> list[str]:
    return store_routes(store, routes(*numbers), announce=announce)


def waiting(store: Store) -> list[str]:
    return [notice.key for notice in store.unsent(100)]


def stored(store: Store) -> list[str]:
    return sorted(o.asin for o in store.opportunities(OpportunityQuery(limit=100)).items)


def test_what_is_new_waits_in_its_order_until_it_is_marked_as_sent(opened: Open) -> None:
    store, other = opened(), opened()
    assert store.unsent(10) == []
    replace(store, 3, 1, 2)
    found = other.unsent(10)
    assert [n.key for n in found] == ["B000000003", "B000000001", "B000000002"]
    assert found[0].value == b"\x00B000000003:IT:DE begins at 3.0"
    assert other.unsent(10) == found, "an id stays what it is"
    assert other.unsent(2) == found[:2]
    other.mark_sent(found[:2])
    assert other.unsent(10) == found[2:]
    # The next detection neither loses what waits nor brings back what went.
    replace(other, 1, 4)
    assert waiting(other) == ["B000000002", "B000000004"]
    other.mark_sent(other.unsent(10))
    assert other.unsent(10) == []
    replace(other, 4)
    assert other.unsent(10) == []


def test_without_anything_to_announce_nothing_waits(opened: Open) -> None:
    store = opened()
    assert len(store_routes(store, routes(1))) == 1
    assert store.unsent(10) == []


class Killed(BaseException):
    """As if the process ended here."""


def test_one_that_is_killed_half_way_is_finished_by_the_next_and_announced_once(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    replace(store, 1)
    store.mark_sent(store.unsent(10))

    def die(*_: object, **__: object) -> None:
        raise Killed

    for module, name in (
        (arbkit.store.sqlite.rows, "best_summary"), (RouteWriter, "_mark"), (RouteWriter, "_write"),
        (RouteWriter, "_announce"), (RouteWriter, "_name"),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(module, name, die)
            with suppress(Killed):
                replace(opened(), 1, 2)
    heir = opened()
    replace(heir, 1, 2)
    assert (stored(heir), waiting(heir)) == (["B000000001", "B000000002"], ["B000000002"])
    made_of = Basis(heir.states(["B000000002"])["B000000002"].change, heir.generation("test"))
    assert heir.unsent(10)[0].id == f"B000000002:IT:DE begins at 2.0 in {made_of.number}", "whoever made it"


def test_what_cannot_be_composed_changes_nothing(opened: Open) -> None:
    store = opened()

    def fail(_: Sequence[RouteChange]) -> Announcement:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store_routes(store, routes(1), announce=fail)
    assert (stored(store), store.unsent(10)) == ([], [])


def test_what_is_announced_of_the_demo_market_goes_with_it_and_the_rest_is_sent(opened: Open) -> None:
    store, other = opened(), opened()
    invented = [opportunity(f"B0DEMO000{n}") for n in range(3)]
    store.put([Update(offer(o.asin, origin="demo"), None) for o in invented])
    store.put([Update(offer(o.asin), None) for o in routes(1)])
    store_routes(store, [*invented, *routes(1)], announce=announce)
    before = waiting(other)
    assert store.remove_demo(dry_run=True).products == 3
    assert waiting(other) == before
    assert store.remove_demo().products == 3
    assert waiting(other) == waiting(store) == ["B000000001"]
    # A detection carries over what waits; nothing of what went comes back with it.
    replace(other, 1)
    assert waiting(store) == ["B000000001"]
