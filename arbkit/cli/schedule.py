"""``arbkit schedule``: the scheduler itself, and what its schedule says."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from arbkit.cli.shared import JSON, answer, load_settings, print_table, say, start_service

if TYPE_CHECKING:
    from arbkit.reports.schedule.scheduler import ComingRuns, EntryStatus, ScheduleShown

_INVALID = 3
app = typer.Typer(
    name="schedule", help="Run reports by their schedule and price all products anew, or show the schedule."
)


@app.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Run reports when their time has come, and price all products anew where the detector's work is not enough.

    The detector prices what changed. The scheduler sweeps all products once an hour, on a new day, after a change of
    profile, fee tables or exchange rates, and where changed products find no detector.
    """
    if context.invoked_subcommand is None:
        from arbkit.reports.schedule.scheduler import run_scheduler

        settings, stop = start_service()
        run_scheduler(settings, stop=stop)


@app.command("list")
def list_entries(json: bool = JSON) -> None:
    """Show every entry with its last and its next run. Exits with 3 if any entry is invalid."""
    from arbkit.reports.schedule.schedule_file import load_schedule
    from arbkit.reports.schedule.scheduler import ScheduleShown, schedule_status

    settings = load_settings()
    shown = ScheduleShown(schedule=load_schedule(settings).where, entries=schedule_status(settings))
    answer(shown, json, _print_entries)
    if any(entry.error for entry in shown.entries):
        raise typer.Exit(_INVALID)


def _print_entries(shown: ScheduleShown) -> None:
    say(shown.schedule)
    rows = [_row(entry) for entry in shown.entries if entry.error is None]
    print_table(("entry", "report", "cron", "time zone", "last", "next"), rows, grid=False)
    for entry in shown.entries:
        if entry.error is not None:
            say(f"wrong: {entry.error}", whole=True)


def _row(entry: EntryStatus) -> list[str]:
    zone = ZoneInfo(str(entry.timezone))
    last = f"{_moment(entry.last_at, zone)} {entry.last_status}" if entry.last_at else "never"
    upcoming = "disabled" if entry.next_at is None else _moment(entry.next_at, zone)
    return list(map(str, (entry.name, entry.report, entry.cron, entry.timezone, last, upcoming)))


@app.command("next")
def upcoming(count: int = typer.Option(5, min=1, max=1_000, help="Number of runs to show."), json: bool = JSON) -> None:
    """Show what runs when, the soonest first."""
    from arbkit.reports.schedule.schedule_file import load_schedule
    from arbkit.reports.schedule.scheduler import coming_runs

    answer(coming_runs(load_schedule(load_settings()), count), json, _print_coming)


def _print_coming(runs: ComingRuns) -> None:
    for run in runs.items:
        say(f"{_moment(run.at, ZoneInfo(run.timezone))} {run.timezone}  {run.name} ({run.report})")
    if not runs.items:
        say("nothing is scheduled")


@app.command("run")
def run_entry(
    name: str = typer.Argument(..., help="Entry, as `arbkit schedule list` names it."), json: bool = JSON
) -> None:
    """Run an entry now, with its parameters; when it runs next stays as it was."""
    from arbkit.reports.documents import RunEnd
    from arbkit.reports.runner import run_or_raise
    from arbkit.reports.schedule.schedule_file import load_schedule

    settings = load_settings()
    entry = load_schedule(settings).entry(name)
    done = run_or_raise(settings, entry.report, entry.parameters)
    end = RunEnd(run_id=done.run.run_id, status=done.run.status, folder=str(done.folder))
    answer(end, json, lambda end: say(f"{name}: {entry.report} {end.status}: {end.folder}", whole=True))


def _moment(at: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%a %Y-%m-%d %H:%M}"
