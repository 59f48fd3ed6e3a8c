"""Commands about reports: ``arbkit reports``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from arbkit.cli.shared import JSON, answer, load_settings, print_table, say
from arbkit.core.formatting import counted, utc_time

if TYPE_CHECKING:
    from arbkit.reports import documents

app = typer.Typer(
    name="reports", help="Notebook reports, also your own: run them, list their runs, clean up.", no_args_is_help=True
)


@app.command("run")
def run_one(
    name: str = typer.Argument(..., help="Report, from `arbkit reports list`."),
    parameter: list[str] = typer.Option(
        [], "--parameter", "-p", help="name=value, with commas between several values; repeatable."
    ),
    pictures: bool = typer.Option(True, help="Draw the main figures as PNG, if there is a browser."),
    json: bool = JSON,
) -> None:
    """Run a report and keep its output."""
    from arbkit.reports.catalogue.find import find_report
    from arbkit.reports.documents import end_of
    from arbkit.reports.runner import run_or_raise

    settings = load_settings()
    done = run_or_raise(settings, name, find_report(settings, name).parse(parameter), pictures=pictures)

    def print_end(end: documents.RunEndWithPictures) -> None:
        say(f"{name} {end.status}: {end.folder}", whole=True)
        for one in end.pictures:
            if one["missing"]:
                say(f"no picture {one['name']}: {one['missing']}", whole=True)

    answer(end_of(done), json, print_end)


@app.command("new")
def make_new(
    name: str = typer.Argument(..., help="Name of the report, as small letters, digits, - and _."), json: bool = JSON
) -> None:
    """Make a report of your own from a template, for you to edit."""
    from arbkit.reports.catalogue.new_report import make_report

    made = make_report(load_settings(), name)
    answer(made, json, lambda made: say(f"{made.notebook}: edit it, then `arbkit reports run {name}`", whole=True))


@app.command("list")
def list_all(
    limit: int = typer.Option(20, min=1, max=10_000, help="Maximum number of runs, the latest."), json: bool = JSON
) -> None:
    """List all reports and their latest runs."""
    from arbkit.reports.documents import list_reports

    answer(list_reports(load_settings(), limit), json, _print_list)


def _print_list(found: documents.ReportList) -> None:
    for report in found.reports:
        say(f"{report.name}: {report.purpose}{' (your own)' if report.notebook else ''}")
    for bad in found.wrong:
        say(f"wrong: {bad.error}", whole=True)
    if found.runs:
        say("")
        columns = ("run", "report", "started", "took", "status", "")
        print_table(columns, map(_run_row, found.runs), grid=False, whole=("run", "report", "took"))


def _run_row(run: documents.RunListed) -> tuple[str, ...]:
    took = "" if run.finished_at is None else f"{run.finished_at - run.started_at:.1f} s"
    note = {"gone": "folder removed by clean", "damaged": "folder damaged"}.get(run.folder or "", "")
    return (run.run_id, run.report, utc_time(run.started_at), took, _status(run), run.error or note)


@app.command()
def show(
    which: str = typer.Argument(..., help="A run; or a report, for its parameters and latest run."), json: bool = JSON
) -> None:
    """Show a report or a run: its status, figures, files and missing pictures."""
    from arbkit.reports.documents import show_run

    answer(show_run(load_settings(), which), json, _print_shown)


def _print_shown(shown: documents.RunShown | documents.ReportShown) -> None:
    from arbkit.reports.documents import ReportShown

    if isinstance(shown, ReportShown):
        say(f"{shown.report}: {shown.purpose}")
        for one in shown.parameters:
            say(f"  -p {one.name}={one.default}  {one.means or one.type}", whole=True)
        say("latest run:" if shown.run else "it has not run yet")
    if shown.run is not None:
        _print_run(shown.run)


@app.command()
def clean(
    keep: int = typer.Option(20, min=0, help="Number of newest runs of each report to keep."),
    older_than: float | None = typer.Option(None, min=0, help="Remove only runs older than this many days."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only print what would be removed."),
    json: bool = JSON,
) -> None:
    """Remove the folders of old runs, but never a report's latest run or its latest successful one."""
    from arbkit.reports.documents import Cleaning
    from arbkit.reports.run_folders import clean as remove_old

    done = remove_old(load_settings().reports_dir, keep=keep, older_than_days=older_than, dry_run=dry_run)
    freed = sum(one.bytes for one in done if one.why_not is None)
    answer(Cleaning(dry_run=dry_run, bytes=freed, items=done), json, _print_cleaning)
    if any(one.why_not for one in done):
        raise typer.Exit(4)


def _print_cleaning(done: documents.Cleaning) -> None:
    verb = "would remove" if done.dry_run else "removed"
    for one in done.items:
        text = f"could not remove {one.folder}: {one.why_not}" if one.why_not else f"{verb} {one.folder}"
        say(text, whole=True)
    removed = sum(one.why_not is None for one in done.items)
    say(f"{counted(removed, 'folder')}, {done.bytes / 1e6:,.1f} MB")


def _print_run(run: documents.RunDetail) -> None:
    from arbkit.display.labels import run_figures

    lines = [
        ("run", f"{run.run_id} of {run.report}"),
        ("status", f"{_status(run)}{f': {run.error}' if run.error else ''}"),
        ("started", utc_time(run.started_at)),
        ("finished", utc_time(run.finished_at) if run.finished_at else "unknown"),
        ("parameters", ", ".join(f"{k}={v}" for k, v in run.parameters.items()) or "defaults"),
        ("figures", ", ".join(run_figures(run.summary)) or "none"),
        ("folder", f"{run.output}{' (removed by clean)' if run.folder == 'gone' else ''}"),
        ("files", ", ".join(run.files)),
        ("result.json", run.no_result),
        *(("picture", f"{p['name']}: {p['file'] or p['missing']}") for p in run.pictures),
    ]
    for name, text in lines:
        if text:
            say(f"{name:<11} {text}", whole=True)


def _status(run: documents.RunListed) -> str:
    return run.status.replace("_", " ")
