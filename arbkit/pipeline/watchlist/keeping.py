"""What users said of watched products, in the store and in a file beside it: another store is filled from that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import orjson

from arbkit.core.errors import StoreError
from arbkit.core.files import changing, read_if_there, write_atomically
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.reading import is_list_in_store
from arbkit.sources.watchlist import is_of_demo
from arbkit.store.base import Store

Change: TypeAlias = Callable[[Mapping[str, WatchEntry]], Iterable[WatchEntry]]
"""From all entries of a list by ASIN to those that become others."""
_LISTS = {"real": False, "demo": True}
"""The lists by name, and whether each is the demo market's."""


def change_entries(settings: Settings, store: Store, change: Change) -> None:
    """Change entries of one list, in the store and in the copy beside it.

    Args:
        settings: say whether the demo market's list is meant.
        store: open for writing.
        change: from all that is kept; what it raises is raised, and nothing changed.

    Raises:
        ServiceError: the store or the copy cannot be written.
    """
    with changing(watched_copy(settings)):
        _restore(settings, store)
        known = {entry.asin: entry for entry in store.watched(demo=is_of_demo(settings))}
        changed = [entry for entry in change(known) if entry != known.get(entry.asin)]
        if changed:
            store.put_watched(changed)
            write_atomically(watched_copy(settings), watchlist_document(store))


def restore_watched(settings: Settings, store: Store) -> int:
    """Bring in what the store does not have, since it is a new one; how many entries that were.

    Raises:
        StoreError: the store cannot be written, or the copy beside it is damaged.
    """
    if not watched_copy(settings).exists():
        return 0
    with changing(watched_copy(settings)):
        return _restore(settings, store)


def watchlist_document(store: Store) -> bytes:
    """All that a store keeps of watched products, as the copy beside it has it.

    Raises:
        StoreError: the store cannot be read.
    """
    adopted = {name: store.adopted_watchlist(demo=demo) for name, demo in _LISTS.items()}
    entries = [entry.to_dict() for demo in _LISTS.values() for entry in store.watched(demo=demo)]
    return orjson.dumps({"v": 1, "adopted": adopted, "entries": entries}, option=orjson.OPT_INDENT_2) + b"\n"


def _restore(settings: Settings, store: Store) -> int:
    path = watched_copy(settings)
    data = read_if_there(path)
    if not data:
        return 0
    try:
        saved = orjson.loads(data)
        entries = [WatchEntry.from_dict(row) for row in saved["entries"]]
        adopted = {demo: saved["adopted"].get(name) for name, demo in _LISTS.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"the notes on the watchlist cannot be read: {path}: {error}"
        raise StoreError(why, remedy="Mend the file, or move it away") from None
    known = {entry.id for demo in _LISTS.values() for entry in store.watched(demo=demo)}
    missing = [entry for entry in entries if entry.id not in known]
    store.put_watched(missing)
    for demo, digest in adopted.items():
        if digest is not None and is_list_in_store(settings) and store.adopted_watchlist(demo=demo) is None:
            store.adopt_watchlist(str(digest), demo=demo)
    return len(missing)


def watched_copy(settings: Settings) -> Path:
    """The file beside the store from which another one is filled."""
    return settings.facts_file.with_name("watchlist.json")
