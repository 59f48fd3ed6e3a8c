"""The file of settings, and where it is looked for: here, or in the nearest folder above that is arbkit's.

Kernels of plain Jupyter tools run in the folder of their notebook, and must not begin a home of their own there.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import JsonValue, SecretStr

from arbkit.core.errors import ConfigError

_NAME = ".env"
_OURS = re.compile(r"^\s*(export\s+)?(ARBKIT_[A-Z_]+|KEEPA_API_KEY)\s*=", re.MULTILINE | re.IGNORECASE)
_CHECKOUT = re.compile(r'^name = "arbkit"$', re.MULTILINE)
_SQLITE = "sqlite:///"
_DATABASE = "arbkit.db"
_HOME = "var"


def check_lines(path: Path) -> None:
    """Refuse a file of settings with a line that is none: whatever it was to set, such as the key, would be missing.

    Raises:
        ConfigError: names the line, not what is in it, which may be a secret.
    """
    if not path.is_file():
        return
    with path.open(encoding="utf-8-sig") as lines:
        bad = next((one.original for one in parse_stream(lines) if one.error), None)
    if bad is not None:
        # Empty lines before it are counted as its own.
        number = bad.line + bad.string[: len(bad.string) - len(bad.string.lstrip())].count("\n")
        why, remedy = f"line {number} is no setting", "Write NAME=value, and close what quotes open"
        raise ConfigError(why, field=str(path), remedy=remedy)


def env_file() -> Path:
    """The file of settings: ``.env`` here, or in the nearest folder above that is arbkit's, if none here is.

    Who names a home in the environment has said where everything is: then it is the one here.
    """
    here, *above = _own_folders(Path.cwd())
    if _is_home_named() or _is_marked(here):
        return Path(_NAME)
    return next((folder for folder in above if _is_marked(folder)), Path()) / _NAME


def home_around() -> Path | None:
    """The home, of another name than ``var``, that the current folder is in; None where settings may name it."""
    if _is_home_named() or env_file().parent != Path() or _is_marked(Path.cwd()):
        return None
    return next((folder for folder in _own_folders(Path.cwd()) if (folder / _DATABASE).is_file()), None)


def _is_home_named() -> bool:
    return "ARBKIT_HOME" in map(str.upper, os.environ)


def _own_folders(start: Path) -> Iterator[Path]:
    """``start`` and those above it, up to the first in which another user could have planted settings."""
    yield start
    for folder in start.parents:
        try:
            facts = folder.stat()
        except OSError:
            return
        # Windows has neither.
        if os.name != "nt" and (facts.st_uid != os.geteuid() or facts.st_mode & stat.S_IWOTH):
            return
        yield folder


def _is_marked(folder: Path) -> bool:
    if (folder / _HOME / _DATABASE).is_file():
        return True
    marks = ((_OURS, _NAME), (_CHECKOUT, "pyproject.toml"))
    return any(mark.search(_text(folder / name)) for mark, name in marks)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig", "replace") if path.is_file() else ""
    except OSError:
        return ""


def placed(values: Mapping[str, JsonValue | Path | SecretStr], folder: Path) -> dict[str, Path | str]:
    """Those of these settings that are paths, or addresses of files, as they are from ``folder``."""
    found: dict[str, Path | str] = {}
    if folder == Path():
        return found
    for name, value in values.items():
        if isinstance(value, Path):
            found[name] = folder / value
        elif isinstance(value, str) and value.startswith(_SQLITE):
            found[name] = f"{_SQLITE}{folder / value.removeprefix(_SQLITE)}"
    return found


def as_path(value: JsonValue | Path) -> JsonValue | Path:
    """A path as the environment spells it; None where it is empty.

    Raises:
        ValueError: it can be none.
    """
    if not isinstance(value, str):
        return value
    if "\0" in value:
        raise ValueError("no path holds a NUL character")
    # In .env no shell does it, and a folder of that name is a trap.
    return Path(value).expanduser() if value else None
