"""Commands about the state of an installation: ``status``, ``doctor``, ``alive``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import typer

from arbkit.cli.shared import JSON, age_text, console, counted, load_settings, print_json

__all__ = ["register"]


def status(json: bool = JSON) -> None:
    """Show lag, data age, tokens and the latest runs."""
    from arbkit.ops.status import collect

    state = collect(load_settings())
    if json:
        print_json(state)
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    for name, text in _status_rows(state):
        table.add_row(name, escape(text))
    console().print(table)


def _status_rows(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "prices from", str(state["source"]) + (" (DEMO market)" if state["mode"] == "demo" else "")
    log, tokens = state["log"], state["tokens"]
    yield "log", f"{log['lag']} in queue, {log['messages']} kept, {counted(log['dead_letters'], 'dead letter')}"
    yield from _store_rows(state["store"])
    for entry in state["schedule"]:
        if entry["error"]:
            yield "schedule", f"invalid: {entry['error']}"
        elif entry["enabled"]:
            age, outcome = entry["last_age_s"], entry["last_status"]
            last = "never" if age is None else f"{age_text(age)} ago, {outcome}"
            yield "schedule", f"{entry['name']}: last run {last}; next in {age_text(entry['next_in_s'])}"
    if tokens is None:
        yield "tokens", "unknown: no producer has run yet"
    else:
        refill = f"{tokens['refill_rate_per_min']} per minute"
        yield "tokens", f"{tokens['left']} left {age_text(tokens['age_s'])} ago, refill {refill}"


def _store_rows(store: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if store is None:
        yield "store", "empty: nothing has been stored yet"
        return
    amounts = (("products", "product"), ("offers", "offer"), ("opportunities", "opportunity"))
    yield "store", ", ".join(counted(store[plural], singular, plural) for plural, singular in amounts)
    yield "data age", f"{age_text(store['freshest_age_s'])} (newest), {age_text(store['oldest_age_s'])} (oldest)"
    for run in store["runs"]:
        error = f": {run['error']}" if run["error"] else ""
        yield "run", f"{run['report']} {run['run_id']} {run['status']} {age_text(run['age_s'])} ago{error}"


def doctor(json: bool = JSON) -> None:
    """Check the configuration and every connection, and name the remedy for each failure."""
    from arbkit.ops.doctor import examine

    settings = load_settings()
    checks, variables = examine(settings), settings.masked()
    if json:
        print_json({"settings": {**variables}, "checks": [check.to_dict() for check in checks]})
    else:
        out = console()
        for variable, value in variables.items():
            out.print(f"{variable}={value}", markup=False)
        out.print()
        for check in checks:
            out.print("[green]ok  [/]" if check.ok else "[red]FAIL[/]", end=" ")
            out.print(f"{check.name}: {check.says}", markup=False)
            if check.remedy:
                out.print(f"     → {check.remedy}", markup=False)
    failed = [check for check in checks if not check.ok]
    raise typer.Exit(max((check.exit_code for check in failed), default=0))


def alive(
    service: str = typer.Argument(..., help="producer, consumer or scheduler."),
) -> None:
    """Exit with 0 if a service is alive, with 4 if its last heartbeat is too old."""
    from arbkit.core.service.heartbeat import check

    silent_s = check(load_settings(), service)
    console().print(f"{service}: last heartbeat {age_text(silent_s)} ago", markup=False)


def register(app: typer.Typer) -> None:
    """Add ``status``, ``doctor`` and ``alive`` to the command line."""
    app.command()(status)
    app.command()(doctor)
    app.command()(alive)
