"""A store that opens when it is first needed."""

from __future__ import annotations

import threading

from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.base import Store

LONGEST_READ_S = 30.0
"""Seconds after which a read of an API or a page fails, as one of Elasticsearch does: all others wait for it."""


class LazyStore:
    """One read-only store per process, opened at first use: an API or a page may start before its data."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._store: Store | None = None

    @property
    def opened(self) -> Store | None:
        """The store, if it is open already."""
        return self._store

    def get(self) -> Store:
        """The open store.

        Raises:
            StoreError: it is not there yet, or cannot be opened.
        """
        with self._lock:
            if self._store is None:
                self._store = open_store(self._settings, read_only=True, longest_read_s=LONGEST_READ_S)
            return self._store

    def close(self) -> None:
        """Close the store; the next :meth:`get` opens it again."""
        with self._lock:
            if self._store is not None:
                self._store.close()
            self._store = None
