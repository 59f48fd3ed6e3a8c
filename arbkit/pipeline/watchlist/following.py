"""The watchlist as services follow it: the producer, and rules that ask for groups."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from arbkit.core.errors import ConfigError, ServiceError
from arbkit.core.files import file_stamp
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.editing import note_edits
from arbkit.pipeline.watchlist.reading import is_list_in_store, load, load_if_any, place, unread_edits
from arbkit.sources.watchlist import BadLine, is_of_demo, locate
from arbkit.sources.watchlist import load as load_file
from arbkit.store import open_store
from arbkit.store.base import Store
from arbkit.store.lazy import LazyStore
from arbkit.store.mode import known_mode

logger = logging.getLogger(__name__)

_MAX_SHOWN = 20
"""Lines of a file that a log line names."""
_ASK_STORE_S = 5.0
"""How often a store that is the watchlist is asked whether it has changed."""
_UNKNOWN = -1
"""In place of the version of a store that has not answered."""
_FileStamp: TypeAlias = tuple[int, int, int] | None


class WatchedList:
    """The watchlist, read again whenever it has changed; what was read last stays in force while it cannot be."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.asins: tuple[str, ...] = ()
        self._settings = settings
        self._clock = clock
        self._in_store = is_list_in_store(settings)
        self._store = LazyStore(settings)
        self._path = settings.watchlist_path if self._in_store else locate(settings)
        self._seen: tuple[_FileStamp, int] | None = None
        self._version = _UNKNOWN if self._in_store else 0
        self._ask_at = 0.0
        self._has_read = False
        self._warned = ""

    def changed(self) -> bool:
        """Whether it has changed since it was last read."""
        return self._stamp() != self._seen

    def refresh(self, *, required: bool = True) -> None:
        """Read the list if it has changed, and name the bad lines of its file.

        Args:
            required: where False, a store that has never answered is no fault: the list is empty until it does.

        Raises:
            ConfigError: it has never been readable.
            StoreError: ``required``, and the store, which is the list, has never answered.
        """
        stamp = self._stamp()
        if stamp == self._seen:
            return
        try:
            self.asins, bad = self._read()
        except (ConfigError, ServiceError) as error:
            if not self._has_read and (required or isinstance(error, ConfigError)):
                raise
            if str(error) != self._warned:
                logger.warning("%s; going on with the list as it was", error)
            self._warned = str(error)
            # A store is asked again soon, a file when it has changed.
            self._version = _UNKNOWN if self._in_store else 0
            self._seen = stamp[0], self._version
            return
        self._seen, self._has_read, self._warned = stamp, True, ""
        self._describe(bad)

    def _read(self) -> tuple[tuple[str, ...], tuple[BadLine, ...]]:
        if not self._in_store:
            found = load_file(self._settings)
            self._note_edits()
            return found.asins, found.bad
        store = self._store.get()
        listed = load(self._settings, store)
        if (edits := unread_edits(self._settings, store)) is not None:
            logger.warning("%s", edits)
        return listed.asins, ()

    def _note_edits(self) -> None:
        """Note since when a product is in the file; that this cannot be done keeps nobody from polling."""
        try:
            with open_store(self._settings) as store:
                note_edits(self._settings, store)
        except (ConfigError, ServiceError) as error:
            logger.debug("since when products are watched is not noted: %s", error)

    def _describe(self, bad: Sequence[BadLine]) -> None:
        for line in bad[:_MAX_SHOWN]:
            logger.warning("%s %s", self._path, line)
        if (more := len(bad) - _MAX_SHOWN) > 0:
            logger.warning("%s: %d more lines skipped", self._path, more)
        if not self.asins:
            logger.warning("%s: nothing to watch; add an ASIN with `arbkit watch add`", place(self._settings))

    def _stamp(self) -> tuple[_FileStamp, int]:
        """What is another one once the list or its file has changed; the store is asked every few seconds."""
        if self._in_store and (now := self._clock()) >= self._ask_at:
            self._ask_at = now + _ASK_STORE_S
            try:
                self._version = self._store.get().watchlist_version()
            except ServiceError as error:
                self._version = _UNKNOWN
                logger.debug("whether the watchlist has changed is not known: %s", error)
        return file_stamp(self._path), self._version


class WatchedGroups:
    """The groups of each product on the list, read again when the list has changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: tuple[bool, int, _FileStamp] | None = None
        self._groups: Mapping[str, frozenset[str]] = {}

    def __call__(self, store: Store) -> Mapping[str, frozenset[str]]:
        """The groups by ASIN, of products that are in any.

        Raises:
            StoreError: the store cannot be used.
        """
        settings = known_mode(self._settings, lambda: store)
        seen = (is_of_demo(settings), store.watchlist_version(), file_stamp(settings.watchlist_path))
        if seen != self._seen:
            found = load_if_any(settings, store).items
            self._groups = {entry.asin: frozenset(entry.groups) for entry in found if entry.groups}
            self._seen = seen
        return self._groups
