"""What a report's notebook begins with, whatever runs it: papermill, nbconvert, Voilà, JupyterLab or arbkit."""

from __future__ import annotations

from arbkit.core.errors import StoreError
from arbkit.core.settings import Settings, sqlite_path, without_password
from arbkit.display.record_frames import empty_store_remedy
from arbkit.store import open_store

BY_HAND = "by-hand"
"""The ``run_id`` of a notebook that anything but arbkit runs."""


def stored_settings(run_id: str = BY_HAND) -> Settings:
    """The settings in force here, of a store with products: a report of nothing would pass for one of a dull market.

    Where arbkit has given the run an id, the store may be empty: the schedule begins before prices come.

    Raises:
        ConfigError: a setting cannot be used.
        StoreError: nothing is stored yet, in the file that it names, or the store cannot be read.
    """
    settings = Settings.load()
    if run_id != BY_HAND:
        return settings
    try:
        with open_store(settings, read_only=True) as store:
            is_empty = not store.asins(limit=1)
    except StoreError as error:
        if error.kind != "empty":
            raise
        is_empty = True
    if is_empty:
        url = settings.store_url
        where = sqlite_path(url).absolute() if url.startswith("sqlite:") else without_password(url)
        raise StoreError(f"nothing is stored yet in {where}", kind="empty", remedy=empty_store_remedy(settings))
    return settings
