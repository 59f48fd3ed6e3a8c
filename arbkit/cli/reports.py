"""Commands about reports: ``arbkit reports``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.shared import JSON, console, counted, load_settings, print_json
from arbkit.core.formatting import utc_time

if TYPE_CHECKING:
    from pydantic import BaseModel

    from arbkit.core.models import Run
    from arbkit.core.settings import Settings

reports = typer.Typer(help="Notebook reports: run them, list their runs, clean up.", no_args_is_help=True)


@reports.command("run")
def run_one(
    name: str = typer.Argument(..., help="Report, from `arbkit reports list`."),
    parameter: list[str] = typer.Option(
        [], "--parameter", "-p", help="name=value, with commas between several values; repeatable."
    ),
    pictures: bool = typer.Option(True, help="Draw the main figures as PNG, if there is a browser."),
    json: bool = JSON,
) -> None:
    """Run a report and keep its output."""
    from arbkit.reports.runner import find_report, run_or_raise

    settings = load_settings()
    parameters = find_report(name).parse(parameter)
    done = run_or_raise(settings, name, parameters, pictures=pictures)
    if json:
        document = {"run_id": done.run.run_id, "status": done.run.status, "folder": str(done.folder)}
        print_json({**document, "pictures": [*_pictures(done.folder)]})
        return
    console().print(f"{done.run.report} {done.run.status}: {done.folder}", markup=False, soft_wrap=True)
    _print_missing(done.folder)


@reports.command("list")
def list_all(
    limit: int = typer.Option(20, min=1, max=10_000, help="Maximum number of runs, the latest."), json: bool = JSON
) -> None:
    """List all reports and their latest runs."""
    from arbkit.reports.runner import REPORTS

    settings = load_settings()
    runs = _runs(settings, limit)
    if json:
        print_json(
            {
                "reports": [{"name": r.name, "purpose": r.purpose} for r in REPORTS.values()],
                "runs": [{**run.to_dict(), "folder": _folder_state(settings, run)} for run in runs],
            }
        )
        return
    out = console()
    for report in REPORTS.values():
        out.print(f"{report.name}: {report.purpose}", markup=False)
    if runs:
        out.print()
        _print_runs(settings, runs)


def _print_runs(settings: Settings, runs: list[Run]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("run", "report", "started", "took", "status", ""):
        table.add_column(column, overflow="fold", no_wrap=column in ("run", "report", "took"))
    for run in runs:
        state = _folder_state(settings, run)
        note = run.error or ("" if state in ("there", None) else f"folder {_FOLDER_WORDS[state]}")
        cells = (run.run_id, run.report, utc_time(run.started_at), _duration(run), _status(run.status), note)
        table.add_row(*map(escape, cells))
    console().print(table)


@reports.command()
def show(
    which: str = typer.Argument(..., help="A run; or a report, for its parameters and latest run."), json: bool = JSON
) -> None:
    """Show a report or a run: its status, figures, files and missing pictures."""
    from arbkit.core.errors import UsageError
    from arbkit.reports.runner import REPORTS
    from arbkit.store import open_store

    settings = load_settings()
    report = REPORTS.get(which)
    if report is not None:
        run = next(iter(_runs(settings, 1, report=which)), None)
    else:
        with open_store(settings, read_only=True) as store:
            run = store.run(which)
        if run is None:
            raise UsageError(
                "no such run or report", field="which", value=which, remedy="See `arbkit reports list` for both"
            )
    document = _run_document(settings, run) if run else None
    parameters = [] if report is None else _parameters(report.parameters)
    if json:
        print_json({**({"report": which, "parameters": [*parameters]} if report else {}), "run": document})
        return
    out = console()
    if report is not None:
        out.print(f"{report.name}: {report.purpose}", markup=False)
        for one in parameters:
            out.print(f"  -p {one['name']}={one['default']}  {one['means']}", markup=False, soft_wrap=True)
        out.print("latest run:" if run else "it has not run yet", markup=False)
    if document is not None:
        _print_run(document)


@reports.command()
def clean(
    keep: int = typer.Option(20, min=0, help="Number of newest runs of each report to keep."),
    older_than: float | None = typer.Option(None, min=0, help="Remove only runs older than this many days."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only print what would be removed."),
    json: bool = JSON,
) -> None:
    """Remove the folders of old runs, but never a report's latest run or its latest successful one."""
    from dataclasses import asdict

    from arbkit.reports.run_folders import clean as remove_old

    done = remove_old(load_settings().reports_dir, keep=keep, older_than_days=older_than, dry_run=dry_run)
    freed = sum(one.bytes for one in done if one.why_not is None)
    if json:
        print_json({"dry_run": dry_run, "bytes": freed, "items": [asdict(one) for one in done]})
    else:
        out = console()
        verb = "would remove" if dry_run else "removed"
        for one in done:
            text = f"could not remove {one.folder}: {one.why_not}" if one.why_not else f"{verb} {one.folder}"
            out.print(text, markup=False, soft_wrap=True)
        removed = sum(one.why_not is None for one in done)
        out.print(f"{counted(removed, 'folder')}, {freed / 1e6:,.1f} MB", markup=False)
    if any(one.why_not for one in done):
        raise typer.Exit(4)


def _runs(settings: Settings, limit: int, *, report: str | None = None) -> list[Run]:
    """The latest runs; none if there is no store yet."""
    from arbkit.core.errors import StoreError
    from arbkit.store import open_store

    try:
        with open_store(settings, read_only=True) as store:
            return store.runs(report=report, limit=limit)
    except StoreError as error:
        if type(error) is StoreError and settings.store_url.startswith("sqlite:"):
            return []
        raise


def _folder(settings: Settings, run: Run) -> Path:
    return settings.reports_dir / run.report / run.run_id


_FOLDER_WORDS = {"gone": "removed by clean", "damaged": "damaged"}


def _folder_state(settings: Settings, run: Run) -> str | None:
    """``there``, ``gone`` (removed by clean), ``damaged``, or None while it is being written."""
    folder = _folder(settings, run)
    if run.status == "running":
        return None
    if not folder.is_dir():
        return "gone"
    return "there" if (folder / "notebook.ipynb").is_file() else "damaged"


def _pictures(folder: Path) -> list[dict[str, Any]]:
    from arbkit.reports.run_folders import read_json

    found, _ = read_json(folder / "pictures.json")
    pictures = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return pictures if pictures == found else []


def _print_missing(folder: Path) -> None:
    for one in _pictures(folder):
        if one.get("missing"):
            console().print(f"no picture {one.get('name')}: {one['missing']}", markup=False, soft_wrap=True)


def _run_document(settings: Settings, run: Run) -> dict[str, Any]:
    from arbkit.reports.run_folders import read_json

    folder, state = _folder(settings, run), _folder_state(settings, run)
    why_no_result = None
    if state in ("there", "damaged"):
        _, why_no_result = read_json(folder / "result.json")
    return {
        **run.to_dict(),
        "folder": state,
        "files": sorted(p.name for p in folder.iterdir()) if state in ("there", "damaged") else [],
        "pictures": _pictures(folder),
        "no_result": why_no_result,
    }


def _print_run(document: Mapping[str, Any]) -> None:
    out = console()
    lines = [
        ("run", f"{document['run_id']} of {document['report']}"),
        ("status", f"{_status(document['status'])}{': ' + document['error'] if document['error'] else ''}"),
        ("started", utc_time(document["started_at"])),
        ("finished", utc_time(document["finished_at"]) if document["finished_at"] else "unknown"),
        ("parameters", ", ".join(f"{k}={v}" for k, v in document["parameters"].items()) or "defaults"),
        ("figures", ", ".join(f"{k} {v}" for k, v in document["summary"].items() if isinstance(v, int)) or "none"),
        ("folder", f"{document['output']}{' (removed by clean)' if document['folder'] == 'gone' else ''}"),
        ("files", ", ".join(document["files"])),
    ]
    if document["no_result"]:
        lines.append(("result.json", document["no_result"]))
    lines += [("picture", f"{p.get('name')}: {p.get('file') or p.get('missing')}") for p in document["pictures"]]
    for name, text in lines:
        if text:
            out.print(f"{name:<11} {text}", markup=False, soft_wrap=True)


def _parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()["properties"]
    return [
        {"name": name, "default": _plain(field.default), "type": _kind(schema[name]), "means": field.description}
        for name, field in model.model_fields.items()
    ]


def _plain(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else value


def _kind(schema: dict[str, Any]) -> str:
    kinds = [one.get("format") or one["type"] for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return " or ".join(kinds)


def _duration(run: Run) -> str:
    return "" if run.finished_at is None else f"{run.finished_at - run.started_at:.1f} s"


def _status(status: str) -> str:
    return status.replace("_", " ")


def register(app: typer.Typer) -> None:
    """Add ``reports`` to the command line."""
    app.add_typer(reports, name="reports")
