"""The watchlist with what users said of its products: a file on one machine, the store where machines share one."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from arbkit.core.errors import ConfigError, StoreError, UsageError
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist import reading
from arbkit.pipeline.watchlist.editing import add, describe, import_file, note_edits, remove
from arbkit.pipeline.watchlist.following import WatchedGroups, WatchedList
from arbkit.pipeline.watchlist.keeping import restore_watched, watchlist_document
from arbkit.pipeline.watchlist.reading import load, load_if_any, unread_edits
from arbkit.store import Store, open_store
from arbkit.store.sqlite.store import SqliteStore

ONE, TWO, THREE = "B000000001", "B000000002", "B000000003"


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        yield opened


@pytest.fixture
def path(settings: Settings) -> Path:
    assert settings.watchlist is not None
    return settings.watchlist


@pytest.fixture
def shared(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of machines that share ``store``."""
    for module in ("reading", "editing", "keeping", "following"):
        monkeypatch.setattr(f"arbkit.pipeline.watchlist.{module}.is_list_in_store", lambda _: True)
    monkeypatch.setattr("arbkit.store.lazy.open_store", lambda *_, **__: store)
    return settings


def said(settings: Settings, store: Store) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {entry.asin: (entry.notes, entry.groups) for entry in load(settings, store).items}


# One machine: the file is the list


def test_what_is_added_stands_in_the_file_and_what_is_said_of_it_in_the_store(
    settings: Settings, store: Store, path: Path
) -> None:
    path.write_text("# mine\n")
    before = time.time()
    assert add(settings, store, [TWO, f"https://www.amazon.de/dp/{ONE}"], notes=" a note\r\n", groups=["b", "a"]) == [
        TWO, ONE,
    ]  # fmt: skip
    assert path.read_text() == f"# mine\n{TWO}\n{ONE}\n"
    first, second = load(settings, store).items
    assert (first.asin, first.notes, first.groups, first.listed) == (TWO, "a note", ("a", "b"), True)
    assert second.added_at is not None
    assert before <= (first.added_at or 0.0) < second.added_at <= time.time() + 1


def test_adding_again_says_only_what_is_given(settings: Settings, store: Store) -> None:
    add(settings, store, [ONE], notes="a", groups=["x"])
    at = load(settings, store).items[0].added_at
    assert add(settings, store, [ONE], groups=["y"]) == []
    assert add(settings, store, [ONE], notes="") == []
    assert load(settings, store).items == (WatchEntry(asin=ONE, notes="", groups=("x", "y"), added_at=at, listed=True),)


def test_an_edit_of_the_file_by_hand_loses_no_note(settings: Settings, store: Store, path: Path) -> None:
    add(settings, store, [ONE, TWO], notes="a", groups=["x"])
    path.write_text(f"{TWO} # only this\n{THREE}\nnonsense\n")
    assert said(settings, store) == {TWO: ("a", ("x",)), THREE: ("", ())}
    assert [bad.line for bad in load(settings, store).bad] == [3]
    note_edits(settings, store)
    path.write_text(f"{TWO}\n{ONE}\n")
    note_edits(settings, store)
    assert said(settings, store) == {TWO: ("a", ("x",)), ONE: ("a", ("x",))}
    assert path.read_text() == f"{TWO}\n{ONE}\n"


def test_since_when_a_product_is_watched_is_noted_when_it_is_seen_in_the_file(
    settings: Settings, store: Store, path: Path
) -> None:
    path.write_text(f"{ONE}\n")
    assert load(settings, store).items == (WatchEntry(asin=ONE, listed=True),)
    watched = WatchedList(settings)
    watched.refresh()
    (seen,) = load(settings, store).items
    assert watched.asins == (ONE,)
    assert seen.added_at is not None
    path.write_text(f"# later\n{ONE}\n")
    watched.refresh()
    assert load(settings, store).items == (seen,)


def test_what_is_removed_keeps_its_note(settings: Settings, store: Store, path: Path) -> None:
    add(settings, store, [ONE, TWO], notes="a")
    (first, _) = load(settings, store).items
    assert remove(settings, store, [ONE.lower(), THREE]) == [ONE]
    assert path.read_text() == f"{TWO}\n"
    assert list(said(settings, store)) == [TWO]
    assert add(settings, store, [ONE]) == [ONE]
    again = next(entry for entry in load(settings, store).items if entry.asin == ONE)
    assert again.notes == "a"
    assert (again.added_at or 0.0) > (first.added_at or 0.0)


def test_something_is_said_only_of_products_on_the_list(settings: Settings, store: Store, path: Path) -> None:
    path.write_text(f"{ONE}\n")
    (noted,) = describe(settings, store, [ONE], lambda entry: entry.noted("mine"))
    assert noted.notes == "mine"
    with pytest.raises(UsageError, match=f"not on the watchlist.*{TWO}"):
        describe(settings, store, [ONE, TWO], lambda entry: entry.noted("no"))
    assert said(settings, store) == {ONE: ("mine", ())}


@pytest.mark.parametrize(
    ("notes", "groups"),
    [
        ("x" * 2_001, []), ("\x1b]0;own\a", []), ("\ud800", []), (None, [""]), (None, ["a,b"]), (None, ["g" * 61]),
        (None, ["\x1b[2J"]), (None, [f"g{i}" for i in range(21)]),
    ],
)  # fmt: skip
def test_what_cannot_be_said_changes_nothing(
    settings: Settings, store: Store, path: Path, notes: str | None, groups: list[str]
) -> None:
    with pytest.raises(UsageError, match=r"notes|groups"):
        add(settings, store, [ONE], notes=notes, groups=groups)
    assert not path.exists()
    assert store.watched() == []


def test_text_of_any_language_and_markup_is_kept_as_it_was_typed(settings: Settings, store: Store) -> None:
    note, group = "=HYPERLINK(1) <script>👨‍👩‍👧 naïve\nzweite Zeile", "Bücher <b>"
    add(settings, store, [ONE], notes=note, groups=[f"  {group}  "])
    assert said(settings, store) == {ONE: (note, (group,))}


def test_another_store_is_filled_from_the_copy_beside_it(settings: Settings, store: Store) -> None:
    add(settings, store, [ONE, TWO], notes="a", groups=["x"])
    remove(settings, store, [TWO])
    with SqliteStore(settings.home / "after.db") as after:
        assert restore_watched(settings, after) == 2
        assert restore_watched(settings, after) == 0
        assert after.watched() == store.watched()
        assert watchlist_document(after) == watchlist_document(store)


def test_a_damaged_copy_is_named(settings: Settings, store: Store) -> None:
    add(settings, store, [ONE])
    (settings.home / "watchlist.json").write_bytes(orjson.dumps({"entries": [{"asin": 1}]}))
    with pytest.raises(StoreError, match=r"watchlist\.json.*Mend the file"):
        add(settings, store, [TWO], notes="a")


def test_a_file_is_imported_into_the_list(settings: Settings, store: Store, path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(f"{TWO}\n{THREE}\n")
    add(settings, store, [ONE, TWO], notes="a")
    assert import_file(settings, store, other).added == (THREE,)
    assert list(said(settings, store)) == [ONE, TWO, THREE]
    import_file(settings, store, other, exactly=True)
    assert said(settings, store) == {TWO: ("a", ()), THREE: ("", ())}
    with pytest.raises(UsageError, match="is the watchlist already"):
        import_file(settings, store)
    with pytest.raises(ConfigError, match="no such file"):
        import_file(settings, store, tmp_path / "none.txt")


# Machines that share a store: the store is the list


def test_a_shared_store_adopts_the_file_once(
    shared: Settings, store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path.write_text(f"{TWO}\n{ONE}\n")
    assert load(shared, store).asins == (TWO, ONE)
    assert len([r for r in caplog.records if "the store keeps from now on" in r.getMessage()]) == 1
    assert unread_edits(shared, store) is None
    path.write_text(f"{THREE}\n")
    assert load(shared, store).asins == (TWO, ONE)
    assert "arbkit watch import" in (unread_edits(shared, store) or "")
    assert len([r for r in caplog.records if "the store keeps from now on" in r.getMessage()]) == 1
    assert import_file(shared, store, exactly=True).added == (THREE,)
    assert list(load(shared, store).asins) == [THREE]
    assert unread_edits(shared, store) is None


def test_a_list_that_was_emptied_stays_empty(shared: Settings, store: Store, path: Path) -> None:
    path.write_text(f"{ONE}\n")
    assert remove(shared, store, [ONE]) == [ONE]
    assert remove(shared, store, [ONE]) == []
    assert load(shared, store).asins == ()
    assert path.read_text() == f"{ONE}\n"


def test_an_adoption_that_was_cut_off_begins_anew(shared: Settings, store: Store, path: Path) -> None:
    path.write_text(f"{ONE}\n{TWO}\n")
    store.put_watched([WatchEntry(asin=ONE, notes="a", added_at=1.0, listed=True)])
    assert said(shared, store) == {ONE: ("a", ()), TWO: ("", ())}


def test_without_a_file_the_first_product_begins_the_list(shared: Settings, store: Store, path: Path) -> None:
    with pytest.raises(ConfigError, match="no watchlist"):
        load(shared, store)
    assert load_if_any(shared, store).asins == ()
    assert add(shared, store, [TWO], notes="a") == [TWO]
    assert add(shared, store, [ONE]) == [ONE]
    assert load(shared, store).asins == (TWO, ONE)
    path.write_text(f"{THREE}\n")
    assert load(shared, store).asins == (TWO, ONE)
    assert unread_edits(shared, store) is not None


def test_the_demo_market_has_a_list_of_its_own_in_a_shared_store(shared: Settings, store: Store, path: Path) -> None:
    path.write_text(f"{ONE}\n")
    demo = shared.model_copy(update={"demo": True, "watchlist": None})
    invented = load(demo, store).asins
    assert len(invented) == 300
    assert not demo.watchlist_path.exists()
    add(demo, store, [TWO])
    real = shared.model_copy(update={"demo": False})
    assert load(real, store).asins == (ONE,)
    assert load(demo, store).asins == (*invented, TWO)


def test_a_list_of_one_machine_goes_into_a_shared_store_with_its_notes(
    settings: Settings, store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(settings, store, [ONE, TWO], notes="a")
    path.write_text(f"{TWO}\n")
    monkeypatch.setattr(reading, "is_list_in_store", lambda _: True)
    with SqliteStore(settings.home / "shared.db") as after:
        restore_watched(settings, after)
        assert said(settings, after) == {TWO: ("a", ())}


def test_the_producer_follows_a_shared_list_and_warns_of_edits_that_do_not_count(
    shared: Settings, store: Store, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(f"{ONE}\n")
    clock = iter(range(0, 1_000, 10))
    watched = WatchedList(shared, clock=lambda: float(next(clock)))
    watched.refresh()
    assert list(watched.asins) == [ONE]
    add(shared, store, [TWO])
    assert watched.changed()
    watched.refresh()
    watched.refresh()
    assert list(watched.asins) == [ONE, TWO]
    assert not watched.changed()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    path.write_text(f"{THREE}\n")
    watched.refresh()
    assert list(watched.asins) == [ONE, TWO]
    assert "arbkit watch import" in caplog.text


def test_a_shared_store_that_does_not_answer_leaves_the_list_as_it_was(
    shared: Settings, store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> Store:
        raise StoreError("is away")

    clock = iter(range(0, 1_000, 10))
    path.write_text(f"{ONE}\n")
    monkeypatch.setattr("arbkit.store.lazy.open_store", away)
    watched = WatchedList(shared, clock=lambda: float(next(clock)))
    with pytest.raises(StoreError, match="is away"):
        watched.refresh()
    watched.refresh(required=False)
    assert not watched.asins
    assert not watched.changed()
    monkeypatch.setattr("arbkit.store.lazy.open_store", lambda *_, **__: store)
    assert watched.changed()
    watched.refresh(required=False)
    assert list(watched.asins) == [ONE]


# Groups, for rules


@pytest.mark.parametrize("kind", ["settings", "shared"])
def test_groups_are_those_of_products_on_the_list(request: pytest.FixtureRequest, store: Store, kind: str) -> None:
    settings: Settings = request.getfixturevalue(kind)
    settings = settings.model_copy(update={"demo": True})
    groups = WatchedGroups(settings)
    assert groups(store) == {}
    add(settings, store, [ONE], groups=["x", "y"])
    add(settings, store, [TWO])
    assert groups(store) == {ONE: {"x", "y"}}
    describe(settings, store, [ONE, TWO], lambda entry: entry.grouped(add=["z"], remove=["x"]))
    assert groups(store) == {ONE: {"y", "z"}, TWO: {"z"}}
    remove(settings, store, [ONE])
    assert groups(store) == {TWO: {"z"}}


def test_an_entry_is_what_was_stored() -> None:
    entry = WatchEntry(asin=ONE, notes="a", groups=("x",), added_at=1.5, listed=True)
    assert WatchEntry.from_dict(entry.to_dict()) == entry
    assert replace(entry, demo=True).id != entry.id
