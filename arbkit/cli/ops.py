"""Commands that look after things: ``status``, ``doctor``, ``alive``."""

from __future__ import annotations

import typer

from arbkit.cli.shared import age_text, console, load_settings, print_json

__all__ = ["register"]

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")


def status(json: bool = _JSON) -> None:
    """Show lag, freshness, tokens and the last runs."""
    from arbkit.ops.status import collect

    state = collect(load_settings())
    if json:
        print_json(state)
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("prices from", f"{state['source']}" + (" (DEMO market)" if state["mode"] == "demo" else ""))
    log, store, tokens = state["log"], state["store"], state["tokens"]
    table.add_row("log", f"{log['lag']} waiting, {log['messages']} kept, {log['dead_letters']} dead letters")
    if store is None:
        table.add_row("store", "empty: nothing has been stored yet")
    else:
        table.add_row(
            "store",
            f"{store['products']} products, {store['offers']} offers, {store['opportunities']} opportunities",
        )
        table.add_row(
            "data age",
            f"{age_text(store['freshest_age_s'])} (freshest), {age_text(store['oldest_age_s'])} (oldest)",
        )
        for run in store["runs"]:
            error = f": {run['error']}" if run["error"] else ""
            table.add_row("run", f"{run['report']} {run['run_id']} {run['status']} {age_text(run['age_s'])} ago{error}")
    for one in state["schedule"]:
        if one["error"]:
            table.add_row("schedule", escape(f"wrong: {one['error']}"))
        elif one["enabled"]:
            last = "never" if one["last_age_s"] is None else f"{age_text(one['last_age_s'])} ago, {one['last_status']}"
            table.add_row("schedule", f"{one['name']}: last {last}; next in {age_text(one['next_in_s'])}")
    if tokens is None:
        table.add_row("tokens", "unknown: no producer has run yet")
    else:
        table.add_row(
            "tokens",
            f"{tokens['left']} left {age_text(tokens['age_s'])} ago, {tokens['refill_rate_per_min']} a minute",
        )
    console().print(table)


def doctor(json: bool = _JSON) -> None:
    """Check configuration and every connection, with the remedy for what is wrong."""
    from arbkit.ops.doctor import examine

    settings = load_settings()
    checks = examine(settings)
    if json:
        print_json({"settings": settings.masked(), "checks": [check.to_dict() for check in checks]})
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

    age_s = check_heartbeat(load_settings(), service)
    console().print(f"{service}: heartbeat {age_text(age_s)} ago", markup=False)


def register(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(doctor)
    app.command()(alive)
