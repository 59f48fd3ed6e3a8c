"""Routes of products, written by several detectors and sweeps, and late: an older result never replaces a newer one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from arbkit.core.models import Update
from arbkit.store import Announce, Announcement, OpportunityQuery, PutRoutes, Store
from arbkit.store.elastic.routes import RouteWriter
from arbkit.store.routes import ProductRoutes, RouteChange
from tests.helpers.announcing import announce, announce_ends
from tests.helpers.factories import offer, opportunity

ASIN = "B000000001"
Open = Callable[[], Store]


@pytest.fixture
def store(opened: Open) -> Store:
    """An empty store."""
    return opened()


def change(store: Store, asin: str = ASIN) -> int:
    """Change the product; the number of the change."""
    known = store.states([asin])
    version = 8_000_000 + (known[asin].change if known else 0) + 1
    done = store.put([Update(offer(asin, version=version, updated_at=version), None)])
    return done.states[asin].change


def result(number: int, *profits: float, asin: str = ASIN, as_of: int = 1_000, currency: str = "EUR") -> ProductRoutes:
    """A result of this change, with a route of each of these profits, to one marketplace after the other."""
    targets = ("DE", "FR", "ES")[: len(profits)]
    routes = tuple(
        opportunity(asin, target=t, profit=p, currency=currency) for t, p in zip(targets, profits, strict=True)
    )
    return ProductRoutes(asin, number, as_of, routes)


def announced(store: Store) -> list[str]:
    return [notice.value.decode().removeprefix("\0") for notice in store.unsent(100)]


def write(store: Store, *results: ProductRoutes, inputs: str = "a", announce: Announce = announce) -> PutRoutes:
    return store.put_routes(results, generation=store.generation(inputs), announce=announce)


def stored(store: Store, asin: str = ASIN) -> dict[str, float]:
    found = store.opportunities(OpportunityQuery(asin=asin, limit=100)).items
    return {o.target: o.profit for o in found}


def test_an_older_result_never_replaces_a_newer_one(store: Store) -> None:
    first, second = change(store), change(store)
    assert write(store, result(second, 5.0)) == PutRoutes(new=(f"{ASIN}:IT:DE",))
    assert write(store, result(first, 9.0, 9.0)) == PutRoutes()
    assert stored(store) == {"DE": 5.0}
    third = change(store)
    # What ended stays ended, whoever is late.
    assert write(store, result(third)) == PutRoutes()
    assert write(store, result(second, 5.0)) == PutRoutes()
    assert stored(store) == {}
    product = store.product(ASIN)
    assert product is not None
    assert product.best is None


def test_the_same_result_again_changes_nothing_and_announces_nothing(store: Store) -> None:
    number = change(store)
    write(store, result(number, 5.0))
    sent = store.unsent(10)
    store.mark_sent(sent)
    assert write(store, result(number, 5.0)) == PutRoutes()
    assert (stored(store), store.unsent(10), len(store.windows([ASIN]))) == ({"DE": 5.0}, [], 1)


def test_another_result_of_the_same_change_and_inputs_replaces_the_one_before(store: Store) -> None:
    """Read while a consumer writes, a product has its next offers before its next change is counted."""

    def windows() -> list[tuple[str, bool]]:
        return [(w.target, w.ended_at is None) for w in store.windows([ASIN])]

    number = change(store)
    write(store, result(number, 5.0, 6.0), announce=announce_ends)
    write(store, result(number, 7.0), announce=announce_ends)
    assert (stored(store), windows()) == ({"DE": 7.0}, [("DE", True), ("FR", False)])
    write(store, result(number), announce=announce_ends)
    assert (stored(store), windows()) == ({}, [("DE", False), ("FR", False)])
    write(store, result(change(store)), announce=announce_ends)
    assert (stored(store), windows()) == ({}, [("DE", False), ("FR", False)])


@pytest.mark.parametrize("opened", ["elasticsearch"], indirect=True)
@pytest.mark.parametrize("is_later", [False, True])
@pytest.mark.parametrize("step", ["_write", "_mark"])
def test_what_is_written_after_others_had_their_turn_changes_nothing(
    opened: Open, monkeypatch: pytest.MonkeyPatch, step: str, *, is_later: bool
) -> None:
    """A detector is held up in the middle of its writes; before they arrive another one stores less, or more."""
    store, other = opened(), opened()
    number = change(store)
    write(store, result(number, 3.0))
    act: Callable[..., object] = getattr(RouteWriter, step)
    paid: tuple[float, ...] = (5.0, 6.0, 7.0) if is_later else ()

    def overtaken(*given: object) -> None:
        monkeypatch.undo()
        write(other, result(number, *paid))
        act(*given)
        raise Killed

    monkeypatch.setattr(RouteWriter, step, overtaken)
    with pytest.raises(Killed):
        write(store, result(number, 4.0, 4.5))
    assert stored(other) == dict(zip(("DE", "FR", "ES"), paid, strict=False))
    write(other, result(change(other)))
    assert stored(other) == {}
    assert [w for w in other.windows([ASIN]) if w.ended_at is None] == []


def test_of_newer_inputs_an_older_change_is_to_be_priced_again_and_of_older_ones_a_newer_change_is(
    store: Store,
) -> None:
    first, second = change(store), change(store)
    before = store.generation("a")
    write(store, result(second, 5.0))
    late = result(first, 8.0)
    assert write(store, late, inputs="b") == PutRoutes(again=(ASIN,))
    write(store, result(second, 6.0), inputs="b")
    third = change(store)
    assert store.put_routes([result(third, 7.0)], generation=before) == PutRoutes(again=(ASIN,))
    assert store.put_routes([result(second, 7.0)], generation=before) == PutRoutes()
    assert stored(store) == {"DE": 6.0}


def test_inputs_are_counted_once_by_whoever_comes_and_anew_when_they_come_back(opened: Open) -> None:
    one, other = opened(), opened()
    first = one.generation("a")
    assert other.generation("a") == first
    second = other.generation("b")
    assert one.generation("b") == second > first
    assert one.generation("a") > second


def test_a_message_of_a_change_that_the_store_does_not_have_is_priced_from_the_store(store: Store) -> None:
    # The store was put back from a backup, ten minutes behind the stream.
    number = change(store)
    assert write(store, result(number + 5, 5.0)) == PutRoutes(again=(ASIN,))
    assert stored(store) == {}
    assert write(store, result(1, 5.0, asin="B000000009")) == PutRoutes(), "it is not stored at all"


def test_windows_say_when_a_route_paid(store: Store) -> None:
    def windows() -> list[tuple[str, int, int | None, float]]:
        return [(w.target, w.started_at, w.ended_at, w.best_profit) for w in store.windows([ASIN])]

    write(store, result(change(store), 5.0, as_of=100))
    write(store, result(change(store), 9.0, 2.0, as_of=200))
    write(store, result(change(store), 7.0, as_of=300))
    assert windows() == [("DE", 100, None, 9.0), ("FR", 200, 300, 2.0)]
    write(store, result(change(store), as_of=400))
    write(store, result(change(store), 1.0, as_of=500))
    assert windows() == [("DE", 100, 400, 9.0), ("DE", 500, None, 1.0), ("FR", 200, 300, 2.0)]
    assert announced(store) == [
        f"{ASIN}:IT:{text}" for text in ("DE begins at 5.0", "FR begins at 2.0", "DE begins at 1.0")
    ]
    # In another home currency the best is another figure, and nothing is new.
    number = change(store)
    assert write(store, result(number, 0.5, as_of=600, currency="GBP"), inputs="b") == PutRoutes()
    (_, now, _) = store.windows([ASIN])
    assert (now.currency, now.started_at, now.best_profit, now.ended_at) == ("GBP", 500, 0.5, None)
    assert store.windows(["B000000009"]) == []


def test_routes_of_other_products_stay(store: Store) -> None:
    for asin in (ASIN, "B000000002"):
        write(store, result(change(store, asin), 5.0, asin=asin))
    write(store, result(change(store)))
    assert (stored(store), stored(store, "B000000002")) == ({}, {"DE": 5.0})
    assert store.stats().opportunities == 1


def test_rebuilding_and_merging_keep_what_is_known_of_routes(store: Store) -> None:
    write(store, result(change(store), 5.0))
    store.rebuild(iter([[Update(offer(ASIN, version=9_000_000, updated_at=9_000_000), None)]]))
    assert (stored(store), store.unpriced(9)) == ({"DE": 5.0}, [ASIN])
    number = store.states([ASIN])[ASIN].change
    assert write(store, result(number)) == PutRoutes()
    assert (stored(store), store.unpriced(9)) == ({}, [])
    assert [w.ended_at for w in store.windows([ASIN])] == [1_000]


def test_what_alerts_remember_of_a_route_comes_back_with_its_next_result_also_after_its_end(store: Store) -> None:
    seen: list[tuple[str, bool, bool | None, bool]] = []

    def watch(changes: Sequence[RouteChange]) -> Announcement:
        for c in changes:
            memory = None if c.memory is None else c.memory.standing
            seen.append((c.route.rpartition(":")[2], c.after is not None, memory, c.before is not None))
        return announce_ends(changes)

    for profits in ((5.0,), (5.0, 2.0), (), (), (4.0,)):
        write(store, result(change(store), *profits), announce=watch)
    # Elasticsearch asks anew once what is announced is named; the last answer to each result is what counts.
    steps = [one for n, one in enumerate(seen) if one not in seen[:n]]
    assert steps[0] == ("DE", True, None, False)
    assert ("FR", True, None, False) in steps
    assert ("DE", False, True, True) in steps, "it is given as it was last"
    assert ("FR", False, True, True) in steps
    assert ("DE", True, False, False) in steps, "after its end it is still remembered"
    assert announced(store) == [
        f"{ASIN}:IT:{text}"
        for text in ("DE begins at 5.0", "FR begins at 2.0", "DE ends at 5.0", "FR ends at 2.0", "DE begins at 4.0")
    ]


def test_a_result_that_announces_nothing_leaves_what_is_remembered(store: Store) -> None:
    write(store, result(change(store), 5.0))
    store.put_routes([result(change(store), 6.0)], generation=store.generation("a"))
    write(store, result(change(store), 7.0))
    assert announced(store) == [f"{ASIN}:IT:DE begins at 5.0"]


def test_a_rebuilt_store_remembers_what_was_announced(store: Store) -> None:
    write(store, result(change(store), 5.0))
    store.rebuild(iter([[Update(offer(ASIN, version=9_000_000, updated_at=9_000_000), None)]]))
    write(store, result(store.states([ASIN])[ASIN].change, 5.0))
    assert announced(store) == [f"{ASIN}:IT:DE begins at 5.0"]


def test_what_ended_long_ago_is_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: list[bool] = []

    def watch(changes: Sequence[RouteChange]) -> Announcement:
        remembered.extend(c.memory is not None for c in changes)
        return announce(changes)

    write(store, result(change(store), 5.0))
    write(store, result(change(store)))
    # Negative: what ends this moment is past it.
    monkeypatch.setattr("arbkit.store.sqlite.routes.MEMORIES_KEPT_S", -60.0)
    monkeypatch.setattr("arbkit.store.elastic.documents.MEMORIES_KEPT_S", -60.0)
    write(store, result(change(store)))
    store.put_swept("a")
    write(store, result(change(store), 5.0), announce=watch)
    assert remembered[:1] == [False]


class Killed(BaseException):
    """As if the process ended here."""


@pytest.mark.parametrize("opened", ["elasticsearch"], indirect=True)
@pytest.mark.parametrize("step", ["_name", "_announce", "_write", "_mark"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("pays_then", [False, True])
def test_one_that_is_killed_leaves_nothing_that_the_next_does_not_find(
    opened: Open, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool, pays_then: bool
) -> None:
    """Whoever comes next has a later change, in which the route pays or does not."""
    store = opened()
    write(store, result(change(store), 3.0), announce=announce_ends)
    number = change(store)
    act: Callable[..., object] = getattr(RouteWriter, step)

    def die(*given: object) -> None:
        if after:
            act(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RouteWriter, step, die)
        with pytest.raises(Killed):
            write(store, result(number, 4.0, 5.0, as_of=2_000), announce=announce_ends)
    heir = opened()
    paid = (6.0, 7.0) if pays_then else ()
    write(heir, result(change(heir), *paid, as_of=3_000), announce=announce_ends)
    assert stored(heir) == ({"DE": 6.0, "FR": 7.0} if pays_then else {})
    # The killed one comes back, late.
    assert write(store, result(number, 4.0, 5.0, as_of=2_000), announce=announce_ends).new == ()
    assert stored(heir) == ({"DE": 6.0, "FR": 7.0} if pays_then else {})
    windows = heir.windows([ASIN])
    assert [w.ended_at is None for w in windows] == [pays_then] * len(windows)
    begun = [text.partition(" begins")[0] for text in announced(heir) if " begins" in text]
    ended = [text.partition(" ends")[0] for text in announced(heir) if " ends" in text]
    assert len(begun) == len({*begun}), "no beginning was announced twice"
    assert {w.route for w in windows if w.ended_at is None} <= {*begun}, "each window that is open was announced"
    assert sorted(ended) == ([] if pays_then else sorted(begun)), "nor an end missed"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_order_the_newest_result_is_what_is_stored(opened: Open, seed: int) -> None:
    """Two detectors and a sweep write results of random changes and inputs, as they come."""
    rng = random.Random(seed)
    stores = [opened() for _ in range(3)]
    numbers = [change(stores[0]) for _ in range(4)]
    profits: dict[tuple[int, int], Sequence[float]] = {}
    generations: list[int] = []
    for step in range(25):
        if step % 8 == 0:
            generations.append(stores[0].generation(f"inputs {step}"))
        made_of = rng.choice(numbers), rng.choice(generations)
        paid = profits.setdefault(made_of, [round(rng.uniform(1, 9), 2) for _ in range(rng.randrange(4))])
        rng.choice(stores).put_routes([result(made_of[0], *paid)], generation=made_of[1], announce=announce)
    last = numbers[-1], generations[-1]
    paid = profits.setdefault(last, [4.0])
    stores[1].put_routes([result(last[0], *paid)], generation=last[1], announce=announce)
    for one in stores:
        one.put_routes([result(numbers[0], 1.0, 1.0, 1.0)], generation=generations[0])
        assert stored(one) == dict(zip(("DE", "FR", "ES"), paid, strict=False))
        assert len([w for w in one.windows([ASIN]) if w.ended_at is None]) == len(paid)
