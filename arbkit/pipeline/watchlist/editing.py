"""What changes the watchlist, and what is said of the products on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.offers.watched import WatchEntry, check_group, check_note
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.keeping import change_entries
from arbkit.pipeline.watchlist.reading import adopt, digest, is_list_in_store, listing, load, load_if_any, read_list
from arbkit.sources import watchlist as list_file
from arbkit.sources.watchlist import BadLine, is_of_demo
from arbkit.store.base import Store


def add(
    settings: Settings, store: Store, asins: Iterable[str], *, notes: str | None = None, groups: Sequence[str] = ()
) -> list[str]:
    """Put products on the list, all or, if something cannot be, none; the ASINs that were not on it.

    Args:
        settings: as :func:`load` takes them.
        store: open for writing.
        asins: or addresses of products' pages.
        notes: what is noted of each from now on; None: what was noted before.
        groups: into which each is put.

    Raises:
        UsageError: an ASIN is none, or the note or a group cannot be.
        ServiceError: the list cannot be written.
    """
    wanted = list(dict.fromkeys(map(parse_asin, asins)))
    note, named = None if notes is None else check_note(notes), [check_group(group) for group in groups]

    def described(entry: WatchEntry) -> WatchEntry:
        grouped = entry.grouped(add=named)
        return grouped if note is None else replace(grouped, notes=note)

    before = {entry.asin: entry for entry in store.watched(wanted, demo=is_of_demo(settings))}
    for asin in wanted:
        described(before.get(asin) or WatchEntry(asin=asin))
    in_file = None if is_list_in_store(settings) else list_file.locate(settings)
    fresh = _begin_list(settings, store, wanted) if in_file is None else list_file.add(in_file, wanted)
    listed = () if in_file is None else list_file.load(settings).asins

    def change(known: Mapping[str, WatchEntry]) -> Iterable[WatchEntry]:
        wished = listed or [*(entry.asin for entry in known.values() if entry.listed), *wanted]
        after = {**known, **{entry.asin: entry for entry in listing(known, wished, demo=is_of_demo(settings))}}
        # One may have been taken out of the file again meanwhile.
        after.update({asin: described(after[asin]) for asin in wanted if asin in after})
        return after.values()

    change_entries(settings, store, change)
    return list(fresh)


def _begin_list(settings: Settings, store: Store, wanted: Iterable[str]) -> list[str]:
    """Make the store the list, if it is none yet; which of the wanted products are not on it."""
    if not adopt(settings, store):
        store.adopt_watchlist(digest(()), demo=is_of_demo(settings))
    there = {entry.asin for entry in store.watched(demo=is_of_demo(settings)) if entry.listed}
    return [asin for asin in wanted if asin not in there]


def remove(settings: Settings, store: Store, asins: Iterable[str]) -> list[str]:
    """Take products off the list, and keep what was said of them; which of them were on it.

    Raises:
        UsageError: one is no ASIN.
        ServiceError: the list cannot be written.
    """
    wanted = list(dict.fromkeys(map(parse_asin, asins)))
    if is_list_in_store(settings):
        adopt(settings, store)
        there = {entry.asin for entry in store.watched(wanted, demo=is_of_demo(settings)) if entry.listed}
    else:
        there = {*list_file.remove(list_file.locate(settings), wanted)}
    change_entries(
        settings, store, lambda known: [replace(known[asin], listed=False) for asin in wanted if asin in known]
    )
    return [asin for asin in wanted if asin in there]


def describe(
    settings: Settings, store: Store, asins: Iterable[str], change: Callable[[WatchEntry], WatchEntry]
) -> list[WatchEntry]:
    """Say something of products on the list, of all or, if one is not on it, of none; their entries then.

    Raises:
        UsageError: an ASIN is none or not on the list, or ``change`` refuses it.
        ServiceError: the list cannot be read or written.
    """
    wanted = list(dict.fromkeys(map(parse_asin, asins)))
    there = {*load_if_any(settings, store).asins}
    for asin in wanted:
        if asin not in there:
            remedy = f"Add it with `arbkit watch add {asin}`"
            raise UsageError("not on the watchlist", field="asin", value=asin, remedy=remedy)
    if not is_list_in_store(settings):
        note_edits(settings, store)
    done: list[WatchEntry] = []

    def changed(known: Mapping[str, WatchEntry]) -> Iterable[WatchEntry]:
        done.extend(change(known[asin]) for asin in wanted)
        return done

    change_entries(settings, store, changed)
    return done


def note_edits(settings: Settings, store: Store) -> None:
    """Note in the store which products are in the file, which is the list, and since when.

    Raises:
        ConfigError: there is no list, or it cannot be read.
        ServiceError: the store cannot be written.
    """
    asins = list_file.load(settings).asins
    change_entries(settings, store, lambda known: listing(known, asins, demo=is_of_demo(settings)))


@dataclass(frozen=True, slots=True)
class ImportedList:
    """The ASINs that a file has brought to the list, and its lines that could not be used."""

    added: tuple[str, ...]
    bad: tuple[BadLine, ...]


def import_file(settings: Settings, store: Store, path: Path | None = None, *, exactly: bool = False) -> ImportedList:
    """Put the products of a file on the list, and take its edits as read; ``exactly``: take all others off.

    Raises:
        UsageError: the file is the list already.
        ConfigError: it is not there, or cannot be read.
        ServiceError: the list cannot be written.
    """
    source = path or settings.watchlist_path
    in_store = is_list_in_store(settings)
    if not in_store and source.resolve() == list_file.locate(settings).resolve():
        why, remedy = "is the watchlist already", "Edit it as you like, or name another file"
        raise UsageError(why, field="FILE", value=str(source), remedy=remedy)
    found = read_list(source)
    if found is None:
        raise ConfigError("there is no such file", field="FILE", value=str(source), remedy="Name a list of ASINs")
    asins = found.asins
    fresh = add(settings, store, asins)
    if exactly:
        wanted = {*asins}
        remove(settings, store, [asin for asin in load(settings, store).asins if asin not in wanted])
    if in_store:
        store.adopt_watchlist(digest(asins), demo=is_of_demo(settings))
    return ImportedList(tuple(fresh), found.bad)
