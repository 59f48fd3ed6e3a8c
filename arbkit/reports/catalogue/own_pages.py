"""The user's own dashboard pages: notebooks in a folder, each by the name of its file, beside the shipped ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson
from pydantic import Field

from arbkit.core.errors import ConfigError, UsageError, did_you_mean
from arbkit.core.files import shipped_folder
from arbkit.core.results import Result
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.notebook_file import (
    NAME,
    SUFFIX,
    check_name,
    make_notebook,
    named_notebooks,
    notebooks_in,
    parse_notebook,
    template,
)

SHIPPED_PAGES: Mapping[str, str] = {
    "opportunities": "Opportunities", "product": "Product", "alerts": "Alerts", "pipeline": "Pipeline"
}  # fmt: skip
"""The pages that come with arbkit, and what their links say."""


class OwnPage(Result):
    """A page of the user's own: its notebook, and why it cannot be shown."""

    name: str
    notebook: str
    error: str | None = Field(description="why it cannot be shown; null: nothing is known against it")


class OwnPages(Result):
    """All pages of the user's own, and the folder in which they are looked for."""

    folder: str
    pages: list[OwnPage]


class NewPage(Result):
    """A page that was made, and its notebook."""

    page: str
    notebook: str = Field(description="the file to edit")


def own_page_files(settings: Settings) -> list[Path]:
    """The notebooks of the user's own pages, without those that arbkit ships in the same folder, as in a checkout."""
    return [path for path in notebooks_in(settings.own_pages_dir) if not _is_shipped(path)]


def own_page_labels(settings: Settings) -> dict[str, str]:
    """What the links to the user's own pages say, by name: all whose name can be one, for each shows its own fault."""
    names = [path.stem for path in named_notebooks(settings.own_pages_dir)]
    return {name: page_label(name) for name in names if NAME.fullmatch(name) and name not in SHIPPED_PAGES}


def page_label(name: str) -> str:
    """What a link to a page of the user's own says."""
    return name.replace("-", " ").replace("_", " ").capitalize()


def own_page(settings: Settings, name: str) -> Path:
    """The notebook of the user's own page of that name.

    Raises:
        UsageError: there is none; names the nearest.
        ConfigError: it cannot be shown; says why.
    """
    path = settings.own_pages_dir / f"{name}{SUFFIX}"
    named = own_page_labels(settings)
    if name not in named:
        remedy = did_you_mean(name, [*SHIPPED_PAGES, *named])
        raise UsageError("no such page", field="page", value=name, remedy=remedy)
    parse_notebook(path)
    return path


def own_page_faults(settings: Settings) -> dict[str, ConfigError]:
    """What is wrong with notebooks among the user's own pages, by name, and with a folder that settings name."""
    folder = settings.own_pages_dir
    if settings.pages is not None and not folder.is_dir():
        remedy = "Make it with `arbkit pages new NAME`, or set ARBKIT_PAGES to another one"
        return {"ARBKIT_PAGES": ConfigError("is no folder", field="ARBKIT_PAGES", value=str(folder), remedy=remedy)}
    faults: dict[str, ConfigError] = {}
    for path in named_notebooks(folder):
        try:
            if not _is_shipped(path):
                check_name(path.stem, SHIPPED_PAGES, kind="page", field=str(path))
                parse_notebook(path)
        except ConfigError as error:
            faults[path.stem] = error
    return faults


def list_own_pages(settings: Settings) -> OwnPages:
    """The user's own pages, also those that cannot be shown, with their fault."""
    faults, folder = own_page_faults(settings), settings.own_pages_dir
    names = sorted({*own_page_labels(settings), *faults} - {"ARBKIT_PAGES"})
    pages = [
        OwnPage(name=n, notebook=str(folder / f"{n}{SUFFIX}"), error=str(faults[n]) if n in faults else None)
        for n in names
    ]
    return OwnPages(folder=str(folder.absolute()), pages=pages)


def make_page(settings: Settings, name: str, start: str | None = None) -> NewPage:
    """Make the notebook of a page of this name: a copy of the shipped page ``start``, or else from a template.

    One that is there stays as it is.

    Raises:
        UsageError: the name cannot be one, or is taken; or there is no such page to start from.
        ServiceError: it cannot be written.
    """
    content = template("page") if start is None else _shipped_cells(start)
    path = make_notebook(settings.own_pages_dir, name, SHIPPED_PAGES, kind="page", content=content)
    return NewPage(page=name, notebook=str(path))


def _shipped_cells(name: str) -> bytes:
    """A shipped page's notebook without its title, which the copy has from its own name."""
    if name not in SHIPPED_PAGES:
        raise UsageError("no such page", field="--from", value=name, remedy=did_you_mean(name, SHIPPED_PAGES))
    notebook = orjson.loads((shipped_folder("apps") / f"{name}{SUFFIX}").read_bytes())
    notebook["metadata"].pop("title", None)
    return orjson.dumps(notebook, option=orjson.OPT_INDENT_2)


def _is_shipped(path: Path) -> bool:
    """Whether this is the notebook of a page that comes with arbkit: in a checkout it lies in the folder ``apps``."""
    shipped = shipped_folder("apps") / path.name
    return path.stem in SHIPPED_PAGES and shipped.is_file() and path.exists() and shipped.samefile(path)
