"""Watchlist, profile and schedule out of a folder where the user edits them: so they get into a container's data."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson

from arbkit.core.files import read_if_there, write_atomically
from arbkit.core.settings import Settings

__all__ = ["take"]


def take(settings: Settings, folder: Path) -> list[str]:
    """Take what has changed in ``folder`` since the last time; answers what stays since it was changed here too.

    Raises:
        ServiceError: a file cannot be read or written.
    """
    memory = settings.home / "taken.json"
    taken = _remembered(memory)
    before = dict(taken)
    differences = []
    for name, target in _targets(settings).items():
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


def _targets(settings: Settings) -> dict[str, Path]:
    return {
        "watchlist.txt": settings.watchlist or Path("watchlist.txt"),
        "profile.toml": settings.profile or Path("profile.toml"),
        "schedule.toml": settings.schedule or Path("schedule.toml"),
    }


def _remembered(memory: Path) -> dict[str, str]:
    data = read_if_there(memory)
    try:
        return {str(name): str(digest) for name, digest in orjson.loads(data or b"{}").items()}
    except (ValueError, AttributeError):
        return {}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
