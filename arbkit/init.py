"""What log and store need before anything runs: topics, indices, aliases, or the file of both."""

from __future__ import annotations

from urllib.parse import urlsplit

from arbkit.log import open_log, settings_topics
from arbkit.settings import Settings
from arbkit.store import elastic_options, open_store

__all__ = ["initialise"]


def initialise(settings: Settings) -> list[str]:
    """Create what is missing; answers how what is there differs from what is asked for, and changes none of it.

    Raises:
        LogError, StoreError: one of them cannot be reached or made.
    """
    with open_log(settings) as log:
        differences = log.create_topics(settings_topics(settings))
    if urlsplit(settings.store_url).scheme in ("http", "https"):
        from arbkit.store.elastic import ElasticStore

        return differences + ElasticStore.create(settings.store_url, **elastic_options(settings))
    with open_store(settings):
        return differences
