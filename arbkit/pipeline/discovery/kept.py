"""``discovery.json``: what was found, what became of it, and what each list has cost and brought, durably."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import orjson
from pydantic import Field, ValidationError

from arbkit.core.errors import ConfigError
from arbkit.core.files import changing, read_if_there, write_atomically
from arbkit.core.results import Result
from arbkit.core.settings import Settings
from arbkit.pipeline.discovery.candidates import Candidate, Discovered, ListName

_NAMES = ("discovery.json", "demo-discovery.json")
"""The file's names, of real products and of the demo market: invented and real products never mix."""


class ListYield(Result):
    """What a list has cost and brought; a product counts for the list in which it was found first."""

    market: str
    origin: ListName
    category: int | None
    asked_at: float = Field(0.0, description="when it was last read, in Unix seconds; 0: never")
    tokens: int = Field(0, description="tokens that reading it has cost")
    look_tokens: int = Field(0, description="tokens of looks at its candidates")
    candidates: int = 0
    promoted: int = 0
    opportunities: int = 0

    @property
    def key(self) -> str:
        """By what it is kept."""
        return list_key(self.market, self.origin, self.category)


class Discovery(Result):
    """The content of the file. ``allowance``: tokens that discovery may spend, as of ``allowance_at``."""

    v: Literal[1] = 1
    products: Mapping[str, Discovered] = {}
    lists: Mapping[str, ListYield] = {}
    allowance: float = 0.0
    allowance_at: float | None = None

    def counted(self, found: Candidate, **more: int | float) -> Discovery:
        """With these figures added to those of a list; ``asked_at`` is replaced."""
        key = list_key(found.market, found.origin, found.category)
        none = ListYield(market=found.market, origin=found.origin, category=found.category)
        before = self.lists.get(key, none)
        after = {name: value if name == "asked_at" else getattr(before, name) + value for name, value in more.items()}
        return self.model_copy(update={"lists": {**self.lists, key: before.model_copy(update=after)}})


def list_key(market: str, origin: ListName, category: int | None) -> str:
    """The name of a list in the file."""
    return f"{origin}:{market}:{'' if category is None else category}"


def discovery_path(settings: Settings) -> Path:
    """The file in force: beside what users typed, so that services with homes of their own share it."""
    return discovery_files(settings)[settings.demo_mode]


def discovery_files(settings: Settings) -> tuple[Path, Path]:
    """The files of real products and of the demo market."""
    real, demo = (settings.facts_file.with_name(name) for name in _NAMES)
    return real, demo


def read_discovery(settings: Settings) -> Discovery:
    """What the file holds; nothing, where there is none.

    Raises:
        ConfigError: it is damaged, or a newer arbkit wrote it; it is left as it is.
        ServiceError: it cannot be read.
    """
    path = discovery_path(settings)
    data = read_if_there(path)
    if data is None:
        return Discovery()
    try:
        return Discovery.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        why = f"cannot be used: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
        remedy = "Put it back from a backup, or move it away to begin anew: it holds what you promoted and demoted"
        raise ConfigError(why, field=str(path), remedy=remedy) from None


def change_discovery(settings: Settings, change: Callable[[Discovery], Discovery]) -> Discovery:
    """Replace what the file holds, whole and durably; no other change comes between.

    Raises:
        ConfigError: it is damaged; it is left as it is.
        ServiceError: it cannot be read or written.
    """
    path = discovery_path(settings)
    with changing(path):
        before = read_discovery(settings)
        after = change(before)
        if after != before:
            write_atomically(path, orjson.dumps(after.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    return after
