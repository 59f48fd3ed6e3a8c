"""Named views: a name, and the address that shows it again. One file in the home, edited by all open pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.files import changing, read_if_there, write_atomically
from arbkit.core.settings import Settings

_LONGEST_NAME = 60
_MOST = 200


class SavedViews:
    """Saved views: names → query strings, in ``views.json``."""

    def __init__(self, settings: Settings) -> None:
        self._path: Path = settings.home / "views.json"

    def all(self) -> Mapping[str, str]:
        """The views by name, sorted.

        Raises:
            ConfigError: the file is damaged.
            ServiceError: it cannot be read.
        """
        data = read_if_there(self._path)
        if data is None:
            return {}
        try:
            views = orjson.loads(data)
        except orjson.JSONDecodeError:
            views = None
        if not isinstance(views, dict) or not all(isinstance(v, str) for v in views.values()):
            raise ConfigError("holds no saved views", field=str(self._path), remedy="Move the file away or repair it")
        return dict(sorted(views.items(), key=lambda item: item[0].casefold()))

    def save(self, name: str, search: str) -> str:
        """Save a view under a name, replacing the one that had it; the name as it is saved.

        Raises:
            UsageError: the name is empty or too long, or there are too many.
            ServiceError: the file cannot be written.
        """
        name = " ".join(name.split())
        if not 0 < len(name) <= _LONGEST_NAME:
            raise UsageError(f"1 to {_LONGEST_NAME} characters", field="name of the view", value=name[:_LONGEST_NAME])
        with changing(self._path):
            views = {**self.all(), name: search}
            if len(views) > _MOST:
                raise UsageError(f"at most {_MOST} can be saved", field="saved views", remedy="Delete one first")
            self._write(views)
        return name

    def delete(self, name: str) -> None:
        """Delete a view, if there is one of this name.

        Raises:
            ConfigError: the file is damaged.
            ServiceError: it cannot be written.
        """
        with changing(self._path):
            views = dict(self.all())
            if views.pop(name, None) is not None:
                self._write(views)

    def _write(self, views: Mapping[str, str]) -> None:
        write_atomically(self._path, orjson.dumps(dict(views), option=orjson.OPT_INDENT_2))
