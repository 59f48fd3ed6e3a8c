"""Commands that look after things: ``status``, ``doctor``, ``alive``, ``reports``."""

from __future__ import annotations

import typer

from arbkit.cli.shared import age_text, begin, console, print_json

__all__ = ["register"]

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")
reports_app = typer.Typer(help="Notebook reports: run, list.", no_args_is_help=True)


def status(json: bool = _JSON) -> None:
    """Show lag, freshness, tokens and the last runs."""
    from arbkit.status import collect

    state = collect(begin())
    if json:
        print_json(state)
        return
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
    from arbkit.doctor import examine

    settings = begin()
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
    from arbkit.health import check

    silent_s = check(begin(), service)
    console().print(f"{service} showed a sign of life {age_text(silent_s)} ago", markup=False)


@reports_app.command("run")
def reports_run(
    name: str = typer.Argument(..., help="Report, as `arbkit reports list` names it."),
    parameter: list[str] = typer.Option([], "--parameter", "-p", help="name=value; lists with commas."),
    json: bool = _JSON,
) -> None:
    """Run a report and file it."""
    from arbkit.errors import UsageError
    from arbkit.reports import run_or_raise

    settings = begin()
    given: dict[str, object] = {}
    for text in parameter:
        key, separator, value = text.partition("=")
        if not separator:
            raise UsageError("not of the form name=value", field="--parameter", value=text)
        given[key] = value.split(",") if key in ("sources", "targets") else value
    done = run_or_raise(settings, name, given)
    if json:
        print_json({"run_id": done.run.run_id, "status": done.run.status, "folder": str(done.folder)})
    else:
        console().print(f"{done.run.report} {done.run.status}: {done.folder}", markup=False)


@reports_app.command("list")
def reports_list(json: bool = _JSON) -> None:
    """Show the reports there are and their latest runs."""
    from arbkit.reports import REPORTS
    from arbkit.store import open_store

    settings = begin()
    with open_store(settings) as store:
        runs = store.runs(limit=20)
    if json:
        print_json(
            {
                "reports": [{"name": r.name, "purpose": r.purpose} for r in REPORTS.values()],
                "runs": [run.to_dict() for run in runs],
            }
        )
        return
    out = console()
    for report in REPORTS.values():
        out.print(f"{report.name}: {report.purpose}", markup=False)
    for run in runs:
        out.print(f"  {run.run_id} {run.report} {run.status}", markup=False)


def register(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(doctor)
    app.command()(alive)
    app.add_typer(reports_app, name="reports")
