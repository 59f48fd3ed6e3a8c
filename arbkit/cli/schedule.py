"""``arbkit schedule``: the scheduler itself, and what its schedule says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer

from arbkit.cli.shared import console, load_settings, print_json

if TYPE_CHECKING:
    from arbkit.reports.schedule.schedule_file import Schedule

__all__ = ["register"]

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")
_WRONG = 3
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
    """Show every entry with its last and its next run. Ends with 3 if one is wrong."""
    from rich.markup import escape
    from rich.table import Table

    from arbkit.reports.schedule.schedule_file import load_schedule
    from arbkit.reports.schedule.scheduler import schedule_status

    settings = load_settings()
    where = load_schedule(settings).where
    shown = schedule_status(settings)
    if json:
        print_json({"schedule": where, "entries": [_readable(one) for one in shown]})
    else:
        out = console()
        out.print(where, markup=False)
        table = Table(box=None, pad_edge=False)
        for column in ("entry", "report", "cron", "time zone", "last", "next"):
            table.add_column(column, overflow="fold")
        for one in shown:
            if one["error"] is None:
                zone = ZoneInfo(one["timezone"])
                last = f"{_moment(one['last_at'], zone)} {one['last_status']}" if one["last_at"] else "never"
                upcoming = _moment(one["next_at"], zone) if one["enabled"] else "switched off"
                cells = (one["name"], one["report"], one["cron"], one["timezone"], last, upcoming)
                table.add_row(*map(escape, cells))
        out.print(table)
        for one in shown:
            if one["error"] is not None:
                out.print(f"wrong: {one['error']}", markup=False, soft_wrap=True)
    if any(one["error"] for one in shown):
        raise typer.Exit(_WRONG)


@schedule.command("next")
def upcoming(
    count: int = typer.Option(5, min=1, max=1_000, help="How many times to show."),
    json: bool = _JSON,
) -> None:
    """Show what runs when, the soonest first."""
    from arbkit.reports.schedule.schedule_file import load_schedule

    times = _times(load_schedule(load_settings()), count)
    if json:
        print_json({"items": [{**one, "at": _iso(one["at"])} for one in times]})
        return
    out = console()
    for one in times:
        text = f"{_moment(one['at'], ZoneInfo(one['timezone']))} {one['timezone']}  {one['name']} ({one['report']})"
        out.print(text, markup=False)
    if not times:
        out.print("nothing is scheduled", markup=False)


@schedule.command("run")
def run_entry(
    name: str = typer.Argument(..., help="Entry, as `arbkit schedule list` names it."),
    json: bool = _JSON,
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


def _times(schedule: Schedule, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for entry in schedule.entries:
        at = datetime.now(UTC).timestamp()
        for _ in range(count if entry.enabled else 0):
            at = entry.cron.next_after(at)
            found.append({"at": at, "name": entry.name, "report": entry.report, "timezone": entry.cron.zone.key})
    return sorted(found, key=lambda one: one["at"])[:count]


def _readable(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, **{key: _iso(one[key]) for key in ("last_at", "next_at") if one[key] is not None}}


def _moment(at: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%a %Y-%m-%d %H:%M}"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def register(app: typer.Typer) -> None:
    app.add_typer(schedule, name="schedule")
