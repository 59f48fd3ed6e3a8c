"""The store: what the surfaces read."""

from __future__ import annotations

from urllib.parse import urlsplit

from arbkit.errors import ConfigError
from arbkit.settings import Settings, sqlite_path
from arbkit.store.base import OpportunityQuery, Page, ProductQuery, Stats, Store, Update, Written

__all__ = [
    "OpportunityQuery",
    "Page",
    "ProductQuery",
    "Stats",
    "Store",
    "Update",
    "Written",
    "open_store",
]


def open_store(settings: Settings, *, read_only: bool = False) -> Store:
    """The store that the settings name.

    Raises:
        ConfigError: no store of that kind.
        StoreError: it cannot be opened, or (``read_only``) is not there yet.
    """
    scheme = urlsplit(settings.store_url).scheme
    if scheme == "sqlite":
        from arbkit.store.sqlite import SqliteStore

        return SqliteStore(sqlite_path(settings.store_url), read_only=read_only)
    raise ConfigError("no store of this kind", field="ARBKIT_STORE", value=scheme, remedy="Use sqlite:///PATH")
