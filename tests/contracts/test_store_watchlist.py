"""The watchlist in a store: notes, groups and since when, of what is on it and of what was."""

from __future__ import annotations

from dataclasses import replace

from arbkit.core.models import Update
from arbkit.core.offers.watched import WatchEntry
from tests.contracts.conftest import Open
from tests.helpers.factories import offer

ONE, TWO, THREE = "B000000001", "B000000002", "B000000003"


def entry(asin: str, **fields_: object) -> WatchEntry:
    made = WatchEntry(asin=asin, added_at=1_790_000_000.25, listed=True)
    return replace(made, **fields_)  # type: ignore[arg-type]  # fields, spelt short


def test_entries_are_kept_and_read_in_the_order_in_which_they_were_added(opened: Open) -> None:
    store = opened()
    assert store.watched() == []
    first, second = (
        entry(TWO, notes="<b>=1+1\nzwei", groups=("books, no", "toys")),
        entry(ONE, added_at=1_790_000_000.5),
    )
    unseen = entry(THREE, added_at=None, listed=False)
    store.put_watched([second, first, unseen])
    store.put_watched([])
    assert store.watched() == [unseen, first, second]
    assert store.watched([ONE, TWO, "B000000009"]) == [first, second]
    assert store.watched([]) == []


def test_an_entry_takes_the_place_of_the_one_before(opened: Open) -> None:
    store = opened()
    store.put_watched([entry(ONE, notes="a", groups=("x",))])
    store.put_watched([entry(ONE, listed=False)])
    assert store.watched() == [entry(ONE, listed=False)]


def test_the_demo_market_has_a_list_of_its_own(opened: Open) -> None:
    store = opened()
    real, invented = entry(ONE, notes="real"), entry(ONE, notes="invented", demo=True)
    store.put_watched([real, invented])
    store.adopt_watchlist("of the demo", demo=True)
    assert store.watched() == store.watched([ONE]) == [real]
    assert store.watched(demo=True) == store.watched([ONE], demo=True) == [invented]
    assert (store.adopted_watchlist(), store.adopted_watchlist(demo=True)) == (None, "of the demo")


def test_a_list_is_a_file_until_it_is_adopted(opened: Open) -> None:
    store = opened()
    store.put_watched([entry(ONE)])
    assert store.adopted_watchlist() is None
    for digest in ("", "abc"):
        store.adopt_watchlist(digest)
        assert store.adopted_watchlist() == digest
    assert store.watched() == [entry(ONE)]


def test_every_change_makes_another_version(opened: Open) -> None:
    store = opened()
    versions = [store.watchlist_version()]
    for one in (entry(ONE), entry(TWO), entry(ONE, notes="a"), entry(ONE)):
        store.put_watched([one])
        versions.append(store.watchlist_version())
        assert store.watchlist_version() == versions[-1]
    assert len({*versions}) == len(versions)


def test_what_users_said_of_watched_products_survives_a_rebuilding_and_the_end_of_the_demo(opened: Open) -> None:
    store = opened()
    kept = [entry(ONE, notes="a", groups=("x",)), entry(TWO, listed=False)]
    store.put_watched(kept)
    store.adopt_watchlist("abc")
    store.rebuild([[Update(offer(ONE), None)]])
    store.remove_demo()
    assert (store.watched(), store.adopted_watchlist()) == (kept, "abc")
