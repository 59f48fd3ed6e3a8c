"""The user's own reports: notebooks in a folder, each by the name of its file; a bad one harms no other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from arbkit.core.errors import ConfigError
from arbkit.reports.catalogue.notebook_file import Notebook, check_name, named_notebooks, parse_notebook
from arbkit.reports.catalogue.parameters_cell import read_parameters
from arbkit.reports.catalogue.report import Report

_LONGEST_PURPOSE = 200


@dataclass(frozen=True, slots=True)
class BadNotebook:
    """A notebook that cannot be a report, by the name of its file, and why."""

    name: str
    error: ConfigError


@dataclass(frozen=True, slots=True)
class OwnReports:
    """The user's own reports by name, and the notebooks that cannot be any."""

    reports: Mapping[str, Report]
    bad: tuple[BadNotebook, ...] = ()


def read_own(folder: Path, *, taken: Collection[str], is_asked_for: bool) -> OwnReports:
    """The reports in ``folder``; none where it is not there, which is a fault only if it ``is_asked_for``.

    Args:
        folder: of notebooks.
        taken: names that are others' already.
        is_asked_for: whether a setting names the folder.
    """
    if is_asked_for and not folder.is_dir():
        remedy = "Make it with `arbkit reports new NAME`, or set ARBKIT_REPORTS to another one"
        wrong = ConfigError("is no folder", field="ARBKIT_REPORTS", value=str(folder), remedy=remedy)
        return OwnReports({}, (BadNotebook("ARBKIT_REPORTS", wrong),))
    return _read_all(named_notebooks(folder), taken)


def _read_all(files: list[Path], taken: Collection[str]) -> OwnReports:
    reports: dict[str, Report] = {}
    bad: list[BadNotebook] = []
    for path in files:
        try:
            reports[path.stem] = _read(path, taken)
        except ConfigError as error:
            bad.append(BadNotebook(path.stem, error))
    return OwnReports(reports, tuple(bad))


def _read(path: Path, taken: Collection[str]) -> Report:
    check_name(path.stem, taken, kind="report", field=str(path))
    notebook = parse_notebook(path)
    kernel = notebook.metadata.get("kernelspec")
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    if language != "python":
        raise ConfigError("is no notebook of Python", field=str(path), value=str(language), remedy="Write it in Python")
    tagged = (cell.text for cell in notebook.cells if cell.cell_type == "code" and "parameters" in cell.tags)
    parameters = read_parameters(next(tagged, ""), path.stem, field=str(path))
    return Report(path.stem, parameters, _purpose(notebook), path.parent)


def _purpose(notebook: Notebook) -> str:
    """What it is for: the first paragraph of its first text, or the heading where that is all."""
    texts = (cell.text.strip() for cell in notebook.cells if cell.cell_type == "markdown")
    lines = [line.strip() for line in next((text for text in texts if text), "").splitlines() if line.strip()]
    words = next((line for line in lines if not line.startswith("#")), lines[0].lstrip("# ") if lines else "")
    return words[:_LONGEST_PURPOSE] or "a report of your own"
