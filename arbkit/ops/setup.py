"""What must be there before anything runs: topics, indices, aliases or the file of both; and the user's own files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from arbkit.core.files import read_if_there, write_atomically
from arbkit.core.settings import Settings, sqlite_path
from arbkit.store import elastic_options, open_store
from arbkit.store.kept_facts import restore_facts
from arbkit.store.sqlite.rebuild import remove_abandoned
from arbkit.stream import open_stream, settings_topics


def initialise(settings: Settings) -> list[str]:
    """Create what is missing; answers how what is there differs from what is asked for, and changes none of it.

    Raises:
        StreamError, StoreError: one of them cannot be reached or made.
    """
    with open_stream(settings) as log:
        differences = log.create_topics(settings_topics(settings))
    if _on_elasticsearch(settings):
        from arbkit.store.elastic.indices import create

        differences += (of_store := create(settings.store_url, **elastic_options(settings)))
        if of_store:
            # It cannot be opened before it is migrated.
            return differences
    else:
        remove_abandoned(sqlite_path(settings.store_url))
    with open_store(settings) as store:
        restore_facts(settings, store)
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


def adopt_user_files(settings: Settings, folder: Path) -> list[str]:
    """Take what has changed in ``folder`` since the last time; answers what stays since it was changed here too.

    Raises:
        ServiceError: a file cannot be read or written.
    """
    memory = settings.home / "taken.json"
    taken = _remembered(memory)
    before = dict(taken)
    differences = []
    ours = {"watchlist.txt": settings.watchlist, "profile.toml": settings.profile, "schedule.toml": settings.schedule}
    for name, given in ours.items():
        target = given or Path(name)
        data, here = read_if_there(folder / name), read_if_there(target)
        # What is the same as last time says nothing: the file here may have been edited since.
        if data is None or (here is not None and taken.get(name) == _digest(data)):
            continue
        if here is None or _digest(here) in (taken.get(name), _digest(data)):
            if here != data:
                write_atomically(target, data)
            taken[name] = _digest(data)
        else:
            differences.append(f"{name} was changed in {folder} and in {target.absolute()}: the latter stays in force")
    if taken != before:
        write_atomically(memory, orjson.dumps(taken))
    return differences


def _remembered(memory: Path) -> dict[str, str]:
    try:
        return {str(name): str(digest) for name, digest in orjson.loads(read_if_there(memory) or b"{}").items()}
    except (ValueError, AttributeError):
        return {}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
