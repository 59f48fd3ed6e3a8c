"""Which products are watched, and what was said of each; and how a store becomes the list."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from arbkit.core.errors import ConfigError, ServiceError
from arbkit.core.files import read_if_there
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.settings import Settings
from arbkit.sources import watchlist as list_file
from arbkit.sources.watchlist import BadLine, is_of_demo
from arbkit.store import open_store
from arbkit.store.base import Store

logger = logging.getLogger(__name__)

_STEP_S = 1e-6
"""Between the times of products that are added at once: their order is the list's."""


@dataclass(frozen=True, slots=True)
class WatchedProducts:
    """The products in the list's order, and the lines of its file that could not be used."""

    items: tuple[WatchEntry, ...]
    bad: tuple[BadLine, ...] = ()

    @property
    def asins(self) -> tuple[str, ...]:
        """The ASINs in the list's order."""
        return tuple(entry.asin for entry in self.items)


def is_list_in_store(settings: Settings) -> bool:
    """Whether the store is the list, since machines share it; else a file is."""
    return urlsplit(settings.store_url).scheme in ("http", "https")


def place(settings: Settings) -> str:
    """Where the list is, in words: the file, or the store."""
    return "the store" if is_list_in_store(settings) else str(list_file.locate(settings))


def load(settings: Settings, store: Store | None) -> WatchedProducts:
    """The watchlist in force; ``settings`` say whether the demo market's is meant.

    Args:
        settings: as :func:`arbkit.store.mode.settle_mode` gives them.
        store: the open store; None where there is none yet, and so nothing is known beside the file.

    Raises:
        ConfigError: there is no list, or its file cannot be read.
        StoreError: the store cannot be used.
    """
    demo = is_of_demo(settings)
    if store is not None and is_list_in_store(settings) and adopt(settings, store):
        return WatchedProducts(tuple(entry for entry in store.watched(demo=demo) if entry.listed))
    found = list_file.load(settings)
    known = {} if store is None else {entry.asin: entry for entry in store.watched(demo=demo)}
    items = (known.get(asin) or WatchEntry(asin=asin, demo=demo) for asin in found.asins)
    return WatchedProducts(tuple(replace(entry, listed=True) for entry in items), found.bad)


def load_if_any(settings: Settings, store: Store | None) -> WatchedProducts:
    """As :func:`load`; where there is no list, one without products.

    Raises:
        StoreError: the store cannot be used.
    """
    try:
        return load(settings, store)
    except ConfigError:
        return WatchedProducts(())


def load_now(settings: Settings) -> WatchedProducts:
    """As :func:`load`, for who has no store open; nothing is written.

    Raises:
        ConfigError, StoreError: as :func:`load`.
    """
    if not is_list_in_store(settings):
        return load(settings, None)
    with open_store(settings, read_only=True) as store:
        return load(settings, store)


def adopt(settings: Settings, store: Store, path: Path | None = None) -> bool:
    """Make a file the store's list if it has none yet; whether it has one now.

    Args:
        settings: say whether the demo market's list is meant; without a file, that is all that is invented.
        store: one that is shared.
        path: the file; None: the one that the settings name.

    Raises:
        ConfigError: the file cannot be read.
        StoreError: the store cannot be written.
    """
    if store.adopted_watchlist(demo=is_of_demo(settings)) is not None:
        return True
    source = path or settings.watchlist_path
    asins = asins_of(source)
    if asins is None and path is None and is_of_demo(settings):
        from arbkit.sources.demo.market import asins as invented

        asins = tuple(invented())
    if not asins:
        return False
    known = {entry.asin: entry for entry in store.watched(demo=is_of_demo(settings))}
    # The mark last: cut off before it, this begins anew.
    store.put_watched(listing(known, asins, demo=is_of_demo(settings)))
    store.adopt_watchlist(digest(asins), demo=is_of_demo(settings))
    logger.info(
        "%s: its %d products are the watchlist, which the store keeps from now on; later edits of the file count when "
        "`arbkit watch import` takes them over", source, len(asins),
    )  # fmt: skip
    return True


def unread_edits(settings: Settings, store: Store, path: Path | None = None) -> str | None:
    """What is to be said of a file that says otherwise than the store, which is the list; None: nothing.

    Raises:
        ConfigError: the file cannot be read.
        StoreError: the store cannot be read.
    """
    source = path or settings.watchlist_path
    adopted = store.adopted_watchlist(demo=is_of_demo(settings)) if is_list_in_store(settings) else None
    asins = None if adopted is None else asins_of(source)
    if not asins or adopted == digest(asins):
        return None
    if {entry.asin for entry in store.watched(demo=is_of_demo(settings)) if entry.listed} == {*asins}:
        return None
    return (
        f"{source} says otherwise than the watchlist, which the store keeps: "
        "take it over with `arbkit watch import`, or remove the file"
    )


def listing(known: Mapping[str, WatchEntry], asins: Iterable[str], *, demo: bool) -> list[WatchEntry]:
    """The entries that become others where exactly these products are on the list."""
    now, wanted = time.time(), dict.fromkeys(asins)
    changed = [replace(entry, listed=False) for entry in known.values() if entry.listed and entry.asin not in wanted]
    for position, asin in enumerate(wanted):
        entry = known.get(asin)
        if entry is None or not entry.listed:
            at = now + position * _STEP_S
            changed.append(replace(entry or WatchEntry(asin=asin, demo=demo), listed=True, added_at=at))
    return changed


def asins_of(path: Path) -> tuple[str, ...] | None:
    """The ASINs in a file; None: it is not there.

    Raises:
        ConfigError: it cannot be read.
    """
    return None if (found := read_list(path)) is None else found.asins


def read_list(path: Path) -> list_file.Watchlist | None:
    """The products in a file and its bad lines; None: it is not there.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        data = read_if_there(path)
    except ServiceError as error:
        raise ConfigError(error.why, field="ARBKIT_WATCHLIST", value=str(path)) from None
    return None if data is None else list_file.parse(data)


def digest(asins: Iterable[str]) -> str:
    """What these products are recognised by, whatever their order."""
    return hashlib.sha256("\n".join(sorted(asins)).encode()).hexdigest()
