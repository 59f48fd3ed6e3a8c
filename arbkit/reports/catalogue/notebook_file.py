"""A notebook of the user's own as a file: where it may lie, how it may be called, and what is read of it."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, Field, JsonValue, ValidationError

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.files import write_new

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
"""A name of a report or page: part of addresses and of folders, also on disks that know no case."""
NAME_RULE = "Use up to 64 small letters, digits, - and _, a letter first"
SUFFIX = ".ipynb"
_LARGEST = 64 << 20
"""Bytes of a notebook: far more than one without outputs has."""


class Cell(BaseModel):
    """A cell of a notebook, without what it put out."""

    cell_type: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    source: str | list[str] = ""

    @property
    def text(self) -> str:
        """Its source."""
        return self.source if isinstance(self.source, str) else "".join(self.source)

    @property
    def tags(self) -> list[JsonValue]:
        """Its tags."""
        tags = self.metadata.get("tags", [])
        return tags if isinstance(tags, list) else []


class Notebook(BaseModel):
    """What arbkit reads of a notebook before it runs."""

    nbformat: int
    metadata: dict[str, Any] = Field(default_factory=dict)
    cells: list[Cell] = Field(default_factory=list)


def notebooks_in(folder: Path) -> list[Path]:
    """The files of a folder that are called notebooks; none where there is no such folder."""
    return [path for path in named_notebooks(folder) if path.is_file()]


def named_notebooks(folder: Path) -> list[Path]:
    """All in a folder that is called a notebook, whatever it is."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))


def check_name(name: str, taken: Collection[str], *, kind: str, field: str) -> None:
    """See that a report or page (``kind``) of one's own can have this name.

    Raises:
        ConfigError: it cannot; ``field`` names where it stands.
    """
    if NAME.fullmatch(name) is None:
        raise ConfigError(f"cannot be the name of a {kind}", field=field, value=name, remedy=NAME_RULE)
    if name in taken:
        why = f"is the name of a {kind} that comes with arbkit"
        raise ConfigError(why, field=field, value=name, remedy="Give yours another one")


def make_notebook(folder: Path, name: str, taken: Collection[str], *, kind: str, content: bytes) -> Path:
    """Make the notebook of a report or page (``kind``) with this ``content``; one that is there stays as it is.

    Raises:
        UsageError: the name cannot be one, or is taken.
        ServiceError: it cannot be written.
    """
    try:
        check_name(name, taken, kind=kind, field="NAME")
    except ConfigError as error:
        raise UsageError(error.why, field=error.field, value=error.value, remedy=error.remedy) from None
    path = folder / f"{name}{SUFFIX}"
    if not write_new(path, content):
        raise UsageError("is there already", field="NAME", value=str(path), remedy="Edit it, or use another name")
    return path.absolute()


def template(name: str) -> bytes:
    """The notebook that new ones of the user's are made from: ``page``, or ``template`` of a report."""
    return resources.files("arbkit.reports.catalogue").joinpath(f"{name}{SUFFIX}").read_bytes()


def parse_notebook(path: Path) -> Notebook:
    """The notebook in a file.

    Raises:
        ConfigError: it is none, or lies elsewhere.
    """
    field = str(path)
    try:
        if not path.resolve().is_relative_to(path.parent.resolve()):
            remedy = "Put the notebook itself there, or name its folder in the settings"
            raise ConfigError("leads out of its folder", field=field, remedy=remedy)
        # A pipe would keep its reader waiting.
        if not path.is_file():
            raise ConfigError("is no file", field=field, remedy="Put a notebook there, or take it away")
        if path.stat().st_size > _LARGEST:
            remedy = "Clear its outputs in JupyterLab, and save it"
            raise ConfigError(f"is larger than {_LARGEST >> 20} MiB", field=field, remedy=remedy)
        notebook = Notebook.model_validate(orjson.loads(path.read_bytes()))
    except OSError as error:
        why = f"cannot be read: {error.strerror or error}"
        raise ConfigError(why, field=field, remedy="Give this user the right to read it") from None
    except (orjson.JSONDecodeError, ValidationError, RuntimeError) as error:
        why = f"is no notebook: {str(error).splitlines()[0]}"
        raise ConfigError(why, field=field, remedy="Open it in JupyterLab, or make another one") from None
    if notebook.nbformat != 4:
        remedy = "Open it in JupyterLab, and save it"
        raise ConfigError("is a notebook of another version", field=field, value=notebook.nbformat, remedy=remedy)
    return notebook
