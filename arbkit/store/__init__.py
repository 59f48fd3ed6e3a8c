"""The store: what the surfaces read."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import urlsplit

from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings, sqlite_path
from arbkit.store.base import Announce, Announcement, Notice, PutRoutes, Rebuilt, Removed, Stats, Store, Sums, Written
from arbkit.store.queries import OpportunityQuery, Page, ProductQuery, RunQuery

__all__ = [
    "Announce",
    "Announcement",
    "ElasticOptions",
    "Notice",
    "OpportunityQuery",
    "Page",
    "ProductQuery",
    "PutRoutes",
    "Rebuilt",
    "Removed",
    "RunQuery",
    "Stats",
    "Store",
    "Sums",
    "Written",
    "elastic_options",
    "open_store",
]


def open_store(settings: Settings, *, read_only: bool = False, longest_read_s: float | None = None) -> Store:
    """The store that the settings name; it shows the demo market beside real products only where that is forced.

    A read that takes ``longest_read_s`` seconds fails; a search of Elasticsearch does so after 25 in any case.

    Raises:
        ConfigError: no store of that kind.
        StoreError: it cannot be opened, or (``read_only``) is not there yet.
    """
    scheme = urlsplit(settings.store_url).scheme
    if scheme == "sqlite":
        from arbkit.store.sqlite.store import SqliteStore

        path = sqlite_path(settings.store_url)
        return SqliteStore(path, read_only=read_only, show_demo=settings.demo is True, longest_read_s=longest_read_s)
    if scheme in ("http", "https"):
        from arbkit.store.elastic.store import ElasticStore

        return ElasticStore(settings.store_url, **elastic_options(settings), show_demo=settings.demo is True)
    raise ConfigError(
        "no store of this kind", field="ARBKIT_STORE", value=scheme, remedy="Use sqlite:///PATH or http(s)://HOST:PORT"
    )


class ElasticOptions(TypedDict):
    """How Elasticsearch is spoken to, beside its address."""

    prefix: str
    api_key: str | None
    ca: str | None


def elastic_options(settings: Settings) -> ElasticOptions:
    """What the settings say of Elasticsearch beside its address."""
    return {
        "prefix": settings.store_prefix,
        "api_key": settings.store_api_key.get_secret_value() or None,
        "ca": str(settings.store_ca) if settings.store_ca else None,
    }
