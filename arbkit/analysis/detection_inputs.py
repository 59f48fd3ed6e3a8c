"""What a detection reads beside the store, as one fingerprint: another one, and everything is priced anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import arbkit
from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings
from arbkit.profit import load_profile

_PACKAGE = Path(arbkit.__file__).parent
_SEPARATOR = "-"
_TABLES = (_PACKAGE / "profit", _PACKAGE / "analysis", _PACKAGE / "core" / "offers")


def today() -> date:
    """The day whose prices are those of now, in UTC."""
    return datetime.now(UTC).date()


def fingerprint(settings: Settings, on: date) -> str:
    """Of the seller profile, the tables in this package and the day whose prices are asked for.

    It reads the files as they are, so that it costs little and a profile that cannot be used has one too.
    """
    return f"{_of_profile(settings)}{_SEPARATOR}{_digest(arbkit.__version__, on.isoformat(), tables_digest())}"


_CHANGED = "Seller profile changed, re-pricing: until that is done, some routes are those of the profile before"


def profile_note(settings: Settings, swept: str | None, *, changed: str = _CHANGED) -> str:
    """What is to be said where stored routes are not those of the seller profile as it is now; empty: they are.

    ``swept``: the fingerprint with which every product was priced last; None: that never was. ``changed`` is said where
    that was with another profile.
    """
    try:
        load_profile(settings.profile_path, settings.profile_name)
    except ConfigError as error:
        return f"The seller profile cannot be used, so nothing is priced with it: {str(error).rstrip('.')}"
    before, said, _ = (swept or "").partition(_SEPARATOR)
    if not said or before == _of_profile(settings):
        return ""
    return changed


def _of_profile(settings: Settings) -> str:
    return _digest(settings.profile_name, _content(settings.profile_path))


def _digest(*parts: str) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(hashlib.sha256(part.encode()).digest())
    return found.hexdigest()[:16]


def _content(path: Path | None) -> str:
    if path is None:
        return "built in"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"


@cache
def tables_digest() -> str:
    """Of the tables, which are those of this process: another arbkit is another process."""
    found = hashlib.sha256()
    for path in sorted(_files()):
        found.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def _files() -> Iterator[Path]:
    for folder in _TABLES:
        yield from folder.rglob("*.toml")
