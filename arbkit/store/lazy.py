"""A store that opens when it is first needed, and again when another file has taken its name."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from arbkit.core.settings import Settings, sqlite_path
from arbkit.core.sqlite import FileIdentity, file_identity
from arbkit.store import open_store
from arbkit.store.base import Store

LONGEST_READ_S = 30.0
"""Seconds after which a read of an API or a page fails, as one of Elasticsearch does: all others wait for it."""
_RETIRED_S = 60.0
"""How long a store whose file was replaced stays open: whoever got it last may still be reading."""


class LazyStore:
    """One read-only store per process, opened at first use: an API or a page may start before its data.

    A file that was replaced, by a restore or by hand, is opened again: nobody is shown what is no longer there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = settings.store_url
        self._path: Path | None = sqlite_path(url) if url.startswith("sqlite:") else None
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._identity: FileIdentity | None = None
        self._retired: list[tuple[float, Store]] = []

    @property
    def opened(self) -> Store | None:
        """The store, if it is open already and still the one under its name."""
        store = self._store
        return store if store is not None and self._identity == self._there() else None

    def get(self) -> Store:
        """The open store.

        Raises:
            StoreError: it is not there yet, or cannot be opened.
        """
        with self._lock:
            self._close_retired(time.monotonic() - _RETIRED_S)
            identity = self._there()
            if self._store is not None and identity != self._identity:
                self._retired.append((time.monotonic(), self._store))
                self._store = None
            if self._store is None:
                self._store = open_store(self._settings, read_only=True, longest_read_s=LONGEST_READ_S)
                self._identity = identity
            return self._store

    def close(self) -> None:
        """Close the store; the next :meth:`get` opens it again."""
        with self._lock:
            self._close_retired(time.monotonic())
            if self._store is not None:
                self._store.close()
            self._store = None

    def _there(self) -> FileIdentity | None:
        return None if self._path is None else file_identity(self._path)

    def _close_retired(self, before: float) -> None:
        for at, store in self._retired:
            if at <= before:
                store.close()
        self._retired = [(at, store) for at, store in self._retired if at > before]
