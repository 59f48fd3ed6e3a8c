"""What log and store need before anything runs: topics, indices, aliases, or the file of both."""

from __future__ import annotations

from urllib.parse import urlsplit

from arbkit.core.settings import Settings
from arbkit.store import elastic_options, open_store
from arbkit.stream import open_stream, settings_topics

__all__ = ["initialise", "migrate"]


def initialise(settings: Settings) -> list[str]:
    """Create what is missing; answers how what is there differs from what is asked for, and changes none of it.

    Raises:
        StreamError, StoreError: one of them cannot be reached or made.
    """
    with open_stream(settings) as log:
        differences = log.create_topics(settings_topics(settings))
    if _on_elasticsearch(settings):
        from arbkit.store.elastic.indices import create

        return differences + create(settings.store_url, **elastic_options(settings))
    with open_store(settings):
        return differences


def migrate(settings: Settings) -> list[str]:
    """Bring the store of another arbkit into today's shape while readers and writers go on; says what was done.

    Raises:
        StoreError: it cannot be reached, or a document cannot be carried over.
    """
    if _on_elasticsearch(settings):
        from arbkit.store.elastic.indices import migrate as renew

        return renew(settings.store_url, **elastic_options(settings))
    # An embedded store is brought up to date by whoever opens it for writing.
    with open_store(settings):
        return []


def _on_elasticsearch(settings: Settings) -> bool:
    return urlsplit(settings.store_url).scheme in ("http", "https")
