"""What must be there before anything runs: topics, indices, aliases or the file of both; and the user's own files."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from arbkit.core.errors import StoreRefusedError
from arbkit.core.files import changing, read_if_there, write_atomically, write_new, writing
from arbkit.core.settings import Settings, sqlite_path
from arbkit.pipeline.watchlist.keeping import restore_watched
from arbkit.pipeline.watchlist.reading import adopt, is_list_in_store, unread_edits
from arbkit.reports.catalogue.notebook_file import notebooks_in
from arbkit.reports.catalogue.own_pages import SHIPPED_PAGES, own_page_files
from arbkit.sources.watchlist import is_of_demo, locate
from arbkit.store import elastic_options, open_store
from arbkit.store.kept_facts import restore_facts
from arbkit.store.mode import mode_in_force
from arbkit.store.sqlite.rebuild import remove_abandoned
from arbkit.stream import RAW_TOPIC, open_stream, settings_topics

if TYPE_CHECKING:
    from arbkit.store.elastic.schema import IndexLayout
_OF_HOME = ("demo-watchlist.txt", "facts.json", "watchlist.json")
_USER_FILES = ("watchlist.txt", "profile.toml", "schedule.toml", "alerts.toml", "verdict.toml")


def initialise(settings: Settings) -> list[str]:
    """Create what is missing; answers how what is there differs from what is asked for, and changes none of it.

    But an embedded log keeps raw messages as long as the settings say from now on, which is among the words.

    Raises:
        StreamError, StoreError: one of them cannot be reached or made.
    """
    with open_stream(settings) as log:
        topics = settings_topics(settings)
        # Not whenever it is opened: one command with other settings would remove what services are to keep.
        differences = log.adopt_retention(topic for topic in topics if topic.name == RAW_TOPIC)
        differences += log.create_topics(topics)
    if _on_elasticsearch(settings):
        from arbkit.store.elastic.indices import create

        of_store = create(settings.store_url, **elastic_options(settings), layout=_index_layout(settings))
        differences += of_store
    else:
        of_store = []
        remove_abandoned(sqlite_path(settings.store_url))
    try:
        with open_store(settings) as store:
            restore_facts(settings, store)
            restore_watched(settings, store)
    except StoreRefusedError:
        # One of another mapping cannot be opened before it is migrated.
        if not of_store:
            raise
    return differences


def _index_layout(settings: Settings) -> IndexLayout:
    from arbkit.store.elastic.schema import IndexLayout

    return IndexLayout(settings.store_shards, settings.store_replicas, settings.store_refresh)


def migrate(settings: Settings) -> list[str]:
    """Bring the store of another arbkit into today's shape while readers and writers go on; says what was done.

    Raises:
        StoreError: it cannot be reached, or a document cannot be carried over.
    """
    if _on_elasticsearch(settings):
        from arbkit.store.elastic.indices import migrate as renew

        return renew(settings.store_url, **elastic_options(settings), layout=_index_layout(settings))
    # An embedded store is brought up to date by whoever opens it for writing.
    with open_store(settings):
        return []


def _on_elasticsearch(settings: Settings) -> bool:
    return urlsplit(settings.store_url).scheme in ("http", "https")


def share(settings: Settings) -> None:
    """Put into the shared folder what belongs there and is not there yet, of a home from before there was one.

    The demo market's watchlist is made there too, unless a store is the list: services that only read it could not.

    Raises:
        ServiceError: a file cannot be read or written.
    """
    if settings.shared is None:
        return
    before = settings.model_copy(update={"shared": None})
    files = {settings.user_folder / name: before.user_folder / name for name in _USER_FILES}
    files |= {settings.user_folder / name: before.home / name for name in _OF_HOME}
    files |= {settings.own_reports_dir / path.name: path for path in notebooks_in(before.own_reports_dir)}
    files |= {settings.own_pages_dir / path.name: path for path in own_page_files(before)}
    for target, source in files.items():
        data = read_if_there(source)
        if data is not None:
            write_new(target, data)
    with writing(settings.reports_dir):
        if before.reports_dir.is_dir() and not any(settings.reports_dir.glob("*")):
            shutil.copytree(before.reports_dir, settings.reports_dir, dirs_exist_ok=True)
    if not is_list_in_store(settings):
        locate(settings)


def adopt_user_files(settings: Settings, folder: Path) -> list[str]:
    """Take what has changed in ``folder`` since the last time; answers what stays since it was changed here too.

    Raises:
        ServiceError: a file cannot be read or written.
    """
    memory = settings.home / "taken.json"
    given = (settings.watchlist, settings.profile, settings.schedule, settings.alerts, settings.verdict)
    ours = dict(zip(_USER_FILES, given, strict=True))
    targets = {name: path or settings.user_folder / name for name, path in ours.items()}
    if is_list_in_store(settings):
        del targets["watchlist.txt"]
    for path in notebooks_in(folder / "reports"):
        targets[f"reports/{path.name}"] = settings.own_reports_dir / path.name
    for path in notebooks_in(folder / "apps"):
        if path.stem not in SHIPPED_PAGES:
            targets[f"apps/{path.name}"] = settings.own_pages_dir / path.name
    with changing(memory, *targets.values()):
        taken = _remembered(memory)
        before = dict(taken)
        adopted = [_adopt(folder / name, target, taken) for name, target in targets.items()]
        if taken != before:
            write_atomically(memory, orjson.dumps(taken))
    return [difference for difference in adopted if difference is not None]


def adopt_watchlist(settings: Settings, folder: Path | None = None) -> list[str]:
    """Make the watchlist's file that of a shared store, if it has none; answers what of a file does not count.

    Args:
        settings: name the store, and the file.
        folder: of a file that is adopted if the settings' one is not there.

    Raises:
        ConfigError: a file cannot be read.
        StoreError: the store cannot be used.
    """
    if not is_list_in_store(settings):
        return []
    try:
        with open_store(settings) as store:
            known = mode_in_force(settings, lambda: store)
            # The folder's list is no demo market's.
            files = [None] if folder is None or is_of_demo(known) else [None, folder / "watchlist.txt"]
            for file in files:
                adopt(known, store, file)
            edits = [unread_edits(known, store, file) for file in files]
    except StoreRefusedError:
        # One of another mapping is the list once it is migrated.
        return []
    return [edit for edit in edits if edit is not None]


def _adopt(source: Path, target: Path, taken: dict[str, str]) -> str | None:
    """Take one file, and note in ``taken`` what it was; or why it is not taken."""
    data = read_if_there(source)
    if data is None:
        return None
    here = read_if_there(target)
    # What is the same as last time says nothing: the file here may have been edited since.
    if here is not None and taken.get(source.name) == _digest(data):
        return None
    if here is not None and _digest(here) not in (taken.get(source.name), _digest(data)):
        return f"{source.name} was changed in {source.parent} and in {target.absolute()}: the latter stays in force"
    if here is None:
        # Whatever somebody makes at this moment is theirs.
        if not write_new(target, data):
            return _adopt(source, target, taken)
    elif here != data:
        write_atomically(target, data)
    taken[source.name] = _digest(data)
    return None


def _remembered(memory: Path) -> dict[str, str]:
    try:
        return {str(name): str(digest) for name, digest in orjson.loads(read_if_there(memory) or b"{}").items()}
    except (ValueError, AttributeError):
        return {}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
