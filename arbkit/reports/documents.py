"""What ``arbkit reports`` answers: the reports and their parameters, their runs and what is left in their folders."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from arbkit.core.errors import StoreError, UsageError
from arbkit.core.models import Run
from arbkit.core.results import Result, RunOut
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.find import SHIPPED, find_report, own_reports
from arbkit.reports.catalogue.notebook_file import NAME
from arbkit.reports.catalogue.report import Report
from arbkit.reports.run_folders import SCHEDULED, Cleaned, Picture, folder_of, read_json
from arbkit.reports.runner import ReportRun
from arbkit.store import open_store

FolderState = Literal["there", "gone", "damaged"]
_PICTURES = TypeAdapter(list[Picture])


class ReportSummary(Result):
    """A report that can be run, and what for."""

    name: str
    purpose: str
    notebook: str | None = Field(description="your own notebook; null: it comes with arbkit")


class BadNotebook(Result):
    """A notebook of the user's own that cannot be a report, and why."""

    name: str
    error: str


class RunListed(RunOut):
    """A run in a list, and whether its folder is still there; null while that is being written."""

    folder: FolderState | None = Field(description="gone: removed by clean")


class RunDetail(RunListed):
    """A run, and what its folder holds; ``no_result`` says why its ``result.json`` cannot be read."""

    files: list[str]
    pictures: list[Picture]
    no_result: str | None


class RunEnd(Result):
    """How a run ended, and where it is filed."""

    run_id: str
    status: str
    folder: str


class RunEndWithPictures(RunEnd):
    """The same, with the pictures that were drawn or are missing."""

    pictures: list[Picture]


class ReportList(Result):
    """All reports and their latest runs; ``wrong`` are notebooks that cannot be reports."""

    reports: list[ReportSummary]
    wrong: list[BadNotebook]
    runs: list[RunListed]


class ParameterHelp(Result):
    """A parameter of a report."""

    name: str
    default: JsonValue
    type: str
    means: str | None


class RunShown(Result):
    """A run that was asked for, or the latest of a report; null if it has none."""

    run: RunDetail | None


class ReportShown(Result):
    """A report, its parameters and its latest run."""

    report: str
    purpose: str
    parameters: list[ParameterHelp]
    run: RunDetail | None


class Cleaning(Result):
    """The folders that were removed, or would be, and how many bytes that frees."""

    dry_run: bool
    bytes: int
    items: list[Cleaned]


def list_reports(settings: Settings, limit: int) -> ReportList:
    """All reports and the latest ``limit`` of their runs.

    Raises:
        StoreError: the store cannot be read.
    """
    own = own_reports(settings)
    return ReportList(
        reports=[_summary(report) for report in (*SHIPPED.values(), *own.reports.values())],
        wrong=[BadNotebook(name=bad.name, error=str(bad.error)) for bad in own.bad],
        runs=[
            RunListed.model_validate({**run.to_dict(), "folder": _folder_state(settings, run)})
            for run in _latest_runs(settings, limit)
        ],
    )


def _summary(report: Report) -> ReportSummary:
    notebook = str(report.notebook) if report.is_own else None
    return ReportSummary(name=report.name, purpose=report.purpose, notebook=notebook)


def show_run(settings: Settings, which: str) -> RunShown | ReportShown:
    """A run by its id; or the latest run of a report, with the parameters of the report.

    Raises:
        UsageError: there is neither a run nor a report of that name.
        ConfigError: it is a notebook of the user's own, and cannot be a report.
        StoreError: the store cannot be read.
    """
    if NAME.fullmatch(which):
        report = find_report(settings, which)
        runs = _latest_runs(settings, 1, report=which)
        run = _detail(settings, runs[0]) if runs else None
        return ReportShown(report=which, purpose=report.purpose, parameters=_parameters(report), run=run)
    with open_store(settings, read_only=True) as store:
        found = store.run(which)
    if found is None:
        raise UsageError(
            "no such run or report", field="which", value=which, remedy="See `arbkit reports list` for both"
        )
    return RunShown(run=_detail(settings, found))


def end_of(done: ReportRun) -> RunEndWithPictures:
    """How a run ended, where it is filed, and its pictures."""
    run, folder = done.run, done.folder
    return RunEndWithPictures(run_id=run.run_id, status=run.status, folder=str(folder), pictures=_pictures(folder))


def _latest_runs(settings: Settings, limit: int, *, report: str | None = None) -> list[Run]:
    """The latest runs; none if there is no store yet."""
    try:
        with open_store(settings, read_only=True) as store:
            return store.runs(report=report, limit=limit)
    except StoreError as error:
        if error.kind == "empty":
            return []
        raise


def _folder_state(settings: Settings, run: Run) -> FolderState | None:
    folder = folder_of(settings, run)
    if run.status == "running":
        return None
    if not folder.is_dir():
        return "gone"
    return "there" if (folder / "notebook.ipynb").is_file() else "damaged"


def _detail(settings: Settings, run: Run) -> RunDetail:
    folder, state = folder_of(settings, run), _folder_state(settings, run)
    is_left = state in ("there", "damaged")
    return RunDetail.model_validate(
        {
            **run.to_dict(),
            "folder": state,
            "files": sorted(p.name for p in folder.iterdir() if p.name != SCHEDULED) if is_left else [],
            "pictures": _pictures(folder),
            "no_result": read_json(folder / "result.json")[1] if is_left else None,
        }
    )


def _pictures(folder: Path) -> list[Picture]:
    with suppress(OSError, ValidationError):
        return _PICTURES.validate_json((folder / "pictures.json").read_bytes())
    return []


def _parameters(report: Report) -> list[ParameterHelp]:
    schema = report.parameters.model_json_schema()["properties"]
    return [
        ParameterHelp(name=name, default=_plain(field.default), type=_kind(schema[name]), means=field.description)
        for name, field in report.parameters.model_fields.items()
    ]


def _plain(value: Any) -> JsonValue:
    plain: JsonValue = ",".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else value
    return plain


def _kind(schema: dict[str, Any]) -> str:
    kinds = [_word(one) for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return " or ".join(kinds)


def _word(schema: dict[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(map(str, schema.get("enum") or [schema["const"]]))
    word: str = schema.get("format") or schema["type"]
    return word
