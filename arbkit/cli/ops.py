"""Commands that look after things: ``status``, ``doctor``, ``alive``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from arbkit.cli.shared import age_text, begin, console, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arbkit.core.settings import Settings
    from arbkit.ops.status import Status

__all__ = ["register"]

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")


def status(json: bool = _JSON) -> None:
    """Show lag, freshness, tokens and the last runs."""
    state = _status(begin())
    if json:
        print_json(state.model_dump(mode="json"))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    for label, text in (*_data_rows(state), *_schedule_rows(state), _token_row(state)):
        table.add_row(label, escape(text))
    console().print(table)


def _status(settings: Settings) -> Status:
    from arbkit.core.errors import ConfigError
    from arbkit.ops.status import build_status, read_store_state
    from arbkit.ops.stream_state import read_stream_state
    from arbkit.reports.schedule.scheduler import EntryStatus, schedule_status
    from arbkit.sources.token_budget import read_tokens
    from arbkit.stream import open_log

    now = time.time()
    with open_log(settings) as log:
        stream = read_stream_state(log, now=now)
    store, tokens = read_store_state(settings), read_tokens(settings)
    try:
        schedule = schedule_status(settings, now=now)
    except ConfigError as error:
        schedule = [EntryStatus(error=str(error))]
    return build_status(settings, stream=stream, store=store, tokens=tokens, schedule=schedule, now=now)


def _data_rows(state: Status) -> Iterator[tuple[str, str]]:
    yield "prices from", state.source + (" (DEMO market)" if state.mode == "demo" else "")
    log, store = state.log, state.store
    yield "log", f"{log.lag} waiting, {log.messages} kept, {log.dead_letters} dead letters"
    if store is None:
        yield "store", "empty: nothing has been stored yet"
        return
    yield "store", f"{store.products} products, {store.offers} offers, {store.opportunities} opportunities"
    yield "data age", f"{age_text(store.freshest_age_s)} (freshest), {age_text(store.oldest_age_s)} (oldest)"
    for run in store.runs:
        error = f": {run.error}" if run.error else ""
        yield "run", f"{run.report} {run.run_id} {run.status} {age_text(run.age_s)} ago{error}"


def _schedule_rows(state: Status) -> Iterator[tuple[str, str]]:
    for entry in state.schedule:
        if entry.error:
            yield "schedule", f"wrong: {entry.error}"
        elif entry.enabled:
            last = "never" if entry.last_age_s is None else f"{age_text(entry.last_age_s)} ago, {entry.last_status}"
            yield "schedule", f"{entry.name}: last {last}; next in {age_text(entry.next_in_s)}"


def _token_row(state: Status) -> tuple[str, str]:
    tokens = state.tokens
    if tokens is None:
        return "tokens", "unknown: no producer has run yet"
    return "tokens", f"{tokens.left} left {age_text(tokens.age_s)} ago, {tokens.refill_rate_per_min} a minute"


def doctor(json: bool = _JSON) -> None:
    """Check configuration and every connection, with the remedy for what is wrong."""
    from arbkit.ops.doctor import examine

    settings = begin()
    checks = examine(settings)
    if json:
        print_json({"settings": settings.masked(), "checks": [check.model_dump() for check in checks]})
    else:
        out = console()
        for variable, value in settings.masked().items():
            out.print(f"{variable}={value}", markup=False)
        out.print()
        for check in checks:
            mark = "[green]ok  [/]" if check.ok else "[red]FAIL[/]"
            out.print(mark, end=" ")
            out.print(f"{check.name}: {check.says}", markup=False)
            if check.remedy:
                out.print(f"     → {check.remedy}", markup=False)
    failed = [check for check in checks if not check.ok]
    raise typer.Exit(max((check.exit_code for check in failed), default=0))


def alive(
    service: str = typer.Argument(..., help="producer, consumer or scheduler."),
) -> None:
    """Tell by the exit code whether a service works: 0, or 4 if it has been silent for too long."""
    from arbkit.core.service.heartbeat import check_heartbeat

    age_s = check_heartbeat(begin(), service)
    console().print(f"{service}: heartbeat {age_text(age_s)} ago", markup=False)


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(status)
    app.command()(doctor)
    app.command()(alive)
