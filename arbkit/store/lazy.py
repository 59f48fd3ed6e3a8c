"""A store for surfaces that may start before their data."""

from __future__ import annotations

import threading

from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.base import Store

__all__ = ["LateStore"]


class LateStore:
    """The one store of a surface, opened read-only as soon as there is one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._store: Store | None = None

    def get(self) -> Store:
        """The open store.

        Raises:
            StoreError: it is not there yet, or cannot be opened.
        """
        with self._lock:
            if self._store is None:
                self._store = open_store(self._settings, read_only=True)
            return self._store

    def close(self) -> None:
        with self._lock:
            if self._store is not None:
                self._store.close()
            self._store = None
