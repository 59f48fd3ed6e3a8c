"""``arbkit schedule``: the scheduler itself, and what its schedule says."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from arbkit.cli.shared import console, load_settings, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from arbkit.reports.schedule.schedule_file import Entry, Schedule
    from arbkit.reports.schedule.scheduler import EntryStatus

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")
_INVALID = 3
schedule = typer.Typer(help="Run detection on new data and reports by their schedule; or show the schedule.")


@schedule.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Run detection whenever there is something new, and reports when their time has come."""
    if context.invoked_subcommand is not None:
        return
    from arbkit.core.service.process import die_with_parent, stop_on_signals
    from arbkit.reports.schedule.scheduler import run_scheduler

    settings = load_settings()
    die_with_parent()
    run_scheduler(settings, stop=stop_on_signals())


@schedule.command("list")
def list_entries(json: bool = _JSON) -> None:
    """Show every entry with its last and its next run. Exits with 3 if any entry is invalid."""
    from arbkit.reports.schedule.schedule_file import load_schedule
    from arbkit.reports.schedule.scheduler import schedule_status

    settings = load_settings()
    where = load_schedule(settings).where
    entries = schedule_status(settings)
    if json:
        print_json({"schedule": where, "entries": [_readable(entry) for entry in entries]})
    else:
        _print_entries(where, entries)
    if any(entry.error for entry in entries):
        raise typer.Exit(_INVALID)


def _print_entries(where: str, entries: Sequence[EntryStatus]) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = console()
    out.print(where, markup=False)
    table = Table(box=None, pad_edge=False)
    for column in ("entry", "report", "cron", "time zone", "last", "next"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        if entry.error is None:
            zone = ZoneInfo(str(entry.timezone))
            last = f"{_moment(entry.last_at, zone)} {entry.last_status}" if entry.last_at else "never"
            upcoming = "disabled" if entry.next_at is None else _moment(entry.next_at, zone)
            cells = (entry.name, entry.report, entry.cron, entry.timezone, last, upcoming)
            table.add_row(*(escape(str(cell)) for cell in cells))
    out.print(table)
    for entry in entries:
        if entry.error is not None:
            out.print(f"wrong: {entry.error}", markup=False, soft_wrap=True)


@schedule.command("next")
def upcoming(
    count: int = typer.Option(5, min=1, max=1_000, help="Number of runs to show."), json: bool = _JSON
) -> None:
    """Show what runs when, the soonest first."""
    from arbkit.reports.schedule.schedule_file import load_schedule

    runs = _coming_runs(load_schedule(load_settings()), count)
    if json:
        items = [
            {
                "at": _iso(run.at),
                "name": run.entry.name,
                "report": run.entry.report,
                "timezone": run.entry.cron.zone.key,
            }
            for run in runs
        ]
        print_json({"items": items})
        return
    out = console()
    for run in runs:
        zone = run.entry.cron.zone
        text = f"{_moment(run.at, zone)} {zone.key}  {run.entry.name} ({run.entry.report})"
        out.print(text, markup=False)
    if not runs:
        out.print("nothing is scheduled", markup=False)


@schedule.command("run")
def run_entry(
    name: str = typer.Argument(..., help="Entry, as `arbkit schedule list` names it."), json: bool = _JSON
) -> None:
    """Run an entry now, with its parameters; when it runs next stays as it was."""
    from arbkit.reports.runner import run_or_raise
    from arbkit.reports.schedule.schedule_file import load_schedule

    settings = load_settings()
    entry = load_schedule(settings).entry(name)
    done = run_or_raise(settings, entry.report, entry.parameters)
    if json:
        print_json({"run_id": done.run.run_id, "status": done.run.status, "folder": str(done.folder)})
    else:
        console().print(f"{name}: {done.run.report} {done.run.status}: {done.folder}", markup=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _ComingRun:
    at: float
    entry: Entry


def _coming_runs(schedule: Schedule, limit: int) -> list[_ComingRun]:
    runs: list[_ComingRun] = []
    for entry in schedule.entries:
        at = time.time()
        for _ in range(limit if entry.enabled else 0):
            at = entry.cron.next_after(at)
            runs.append(_ComingRun(at, entry))
    return sorted(runs, key=lambda run: run.at)[:limit]


def _readable(entry: EntryStatus) -> dict[str, JsonValue]:
    times = {name: _iso(at) for name in ("last_at", "next_at") if (at := getattr(entry, name)) is not None}
    return {**entry.model_dump(mode="json"), **times}


def _moment(at: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%a %Y-%m-%d %H:%M}"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(schedule, name="schedule")
