"""What a detection reads beside the store, as one fingerprint: another one, and everything is priced anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import arbkit
from arbkit.core.settings import Settings

_PACKAGE = Path(arbkit.__file__).parent
_TABLES = (_PACKAGE / "profit", _PACKAGE / "analysis")


def fingerprint(settings: Settings, on: date) -> str:
    """Of the seller profile, the tables in this package and the day whose prices are asked for.

    It reads the files as they are, so that it costs little and a profile that cannot be used has one too.
    """
    found = hashlib.sha256()
    for part in (arbkit.__version__, on.isoformat(), settings.profile_name, _content(settings.profile_path), _tables()):
        found.update(hashlib.sha256(part.encode()).digest())
    return found.hexdigest()[:16]


def _content(path: Path | None) -> str:
    if path is None:
        return "built in"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _tables() -> str:
    found = hashlib.sha256()
    for path in sorted(_files()):
        found.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def _files() -> Iterator[Path]:
    for folder in _TABLES:
        yield from folder.rglob("*.toml")
