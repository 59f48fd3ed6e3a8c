"""Commands about reports: ``arbkit reports``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.shared import begin, console, print_json

if TYPE_CHECKING:
    from arbkit.core.models import Run
    from arbkit.core.settings import Settings

__all__ = ["register"]

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")
reports = typer.Typer(help="Notebook reports: run them, see their runs, clean up.", no_args_is_help=True)


@reports.command("run")
def run_one(
    name: str = typer.Argument(..., help="Report, as `arbkit reports list` names it."),
    parameter: list[str] = typer.Option([], "--parameter", "-p", help="name=value; several values with commas."),
    pictures: bool = typer.Option(True, help="Draw the main figures as PNG, where there is a browser."),
    json: bool = _JSON,
) -> None:
    """Run a report and file it."""
    from arbkit.reports.runner import find_report, run_or_raise

    settings = begin()
    given = find_report(name).parse(parameter)
    done = run_or_raise(settings, name, given, pictures=pictures)
    if json:
        told = {"run_id": done.run.run_id, "status": done.run.status, "folder": str(done.folder)}
        print_json({**told, "pictures": _pictures(done.folder)})
        return
    console().print(f"{done.run.report} {done.run.status}: {done.folder}", markup=False, soft_wrap=True)
    _print_missing(done.folder)


@reports.command("list")
def list_all(
    limit: int = typer.Option(20, min=1, max=10_000, help="Most runs to show, the latest."),
    json: bool = _JSON,
) -> None:
    """Show the reports there are and their latest runs."""
    from rich.markup import escape
    from rich.table import Table

    from arbkit.reports.runner import REPORTS

    settings = begin()
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
    table = Table(box=None, pad_edge=False)
    for column in ("run", "report", "started", "took", "status", ""):
        table.add_column(column, overflow="fold", no_wrap=column in ("run", "report", "took"))
    for run in runs:
        state = _folder_state(settings, run)
        note = run.error or ("" if state in ("there", None) else f"folder {state}")
        cells = (run.run_id, run.report, _moment(run.started_at), _took(run), _status(run), note)
        table.add_row(*map(escape, cells))
    if runs:
        out.print()
        out.print(table)


@reports.command()
def show(
    which: str = typer.Argument(..., help="A run, or a report: then its parameters and its latest run."),
    json: bool = _JSON,
) -> None:
    """Show a report, or one run of it: how it went, its figures, its files, and which pictures are missing."""
    from arbkit.core.errors import UsageError
    from arbkit.reports.runner import REPORTS
    from arbkit.store import open_store

    settings = begin()
    report = REPORTS.get(which)
    if report is not None:
        run = next((r for r in _runs(settings, 1, report=which)), None)
    else:
        with open_store(settings, read_only=True) as store:
            run = store.run(which)
        if run is None:
            raise UsageError(
                "no such run or report", field="which", value=which, remedy="See `arbkit reports list` for both"
            )
    told = _told(settings, run) if run else None
    parameters = [] if report is None else _parameters(report.parameters)
    if json:
        print_json({**({"report": which, "parameters": parameters} if report else {}), "run": told})
        return
    out = console()
    if report is not None:
        out.print(f"{report.name}: {report.purpose}", markup=False)
        for one in parameters:
            out.print(f"  -p {one['name']}={one['default']}  {one['means']}", markup=False, soft_wrap=True)
        out.print("latest run:" if run else "it has not run yet", markup=False)
    if told is not None:
        _print_run(told)


@reports.command()
def clean(
    keep: int = typer.Option(20, min=0, help="Newest runs of each report to keep."),
    older_than: float | None = typer.Option(None, min=0, help="Remove only what is older than so many days."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be removed."),
    json: bool = _JSON,
) -> None:
    """Remove the folders of old runs, never the latest of a report nor its latest that succeeded."""
    from dataclasses import asdict

    from arbkit.reports.run_folders import clean as run

    done = run(begin().reports_dir, keep=keep, older_than_days=older_than, dry_run=dry_run)
    freed = sum(one.bytes for one in done if one.why_not is None)
    if json:
        print_json({"dry_run": dry_run, "bytes": freed, "items": [asdict(one) for one in done]})
    else:
        out = console()
        verb = "would remove" if dry_run else "removed"
        for one in done:
            text = f"could not remove {one.folder}: {one.why_not}" if one.why_not else f"{verb} {one.folder}"
            out.print(text, markup=False, soft_wrap=True)
        out.print(f"{sum(one.why_not is None for one in done)} folders, {freed / 1e6:,.1f} MB", markup=False)
    if any(one.why_not for one in done):
        raise typer.Exit(4)


def _runs(settings: Settings, limit: int, *, report: str | None = None) -> list[Run]:
    """The latest runs; none, where there is no store yet."""
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


def _folder_state(settings: Settings, run: Run) -> str | None:
    """``there``, ``gone`` (cleaned), ``damaged``, or None while it is being made."""
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


def _told(settings: Settings, run: Run) -> dict[str, Any]:
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


def _print_run(told: dict[str, Any]) -> None:
    out = console()
    lines = [
        ("run", f"{told['run_id']} of {told['report']}"),
        ("status", f"{told['status'].replace('_', ' ')}{': ' + told['error'] if told['error'] else ''}"),
        ("started", _moment(told["started_at"])),
        ("finished", _moment(told["finished_at"]) if told["finished_at"] else "not known"),
        ("parameters", ", ".join(f"{k}={v}" for k, v in told["parameters"].items()) or "as they are by default"),
        ("figures", ", ".join(f"{k} {v}" for k, v in told["summary"].items() if isinstance(v, int)) or "none"),
        ("folder", str(told["output"]) if told["folder"] != "gone" else f"{told['output']} (gone: it was cleaned)"),
        ("files", ", ".join(told["files"])),
    ]
    if told["no_result"]:
        lines.append(("result.json", told["no_result"]))
    lines += [("picture", f"{p.get('name')}: {p.get('file') or p.get('missing')}") for p in told["pictures"]]
    for name, text in lines:
        if text:
            out.print(f"{name:<11} {text}", markup=False, soft_wrap=True)


def _parameters(model: Any) -> list[dict[str, Any]]:
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


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _took(run: Run) -> str:
    return "" if run.finished_at is None else f"{run.finished_at - run.started_at:.1f} s"


def _status(run: Run) -> str:
    return run.status.replace("_", " ")


def register(app: typer.Typer) -> None:
    app.add_typer(reports, name="reports")
