"""Commands about the state of an installation: ``status``, ``doctor``, ``alive``, ``backup``, ``restore``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.cli.progress import progress
from arbkit.cli.shared import JSON, age_text, answer, console, load_settings, print_json, print_table, say
from arbkit.core.errors import ConfigError
from arbkit.core.formatting import counted
from arbkit.core.service.heartbeat import check_heartbeat, read_fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from arbkit.core.settings import Settings
    from arbkit.ops.backup import BackupMade
    from arbkit.ops.restore import Restored
    from arbkit.ops.status import PlanFigures, Status


def status(json: bool = JSON) -> None:
    """Show lag, data age, tokens, the latest runs, and where everything is."""
    from arbkit.ops.first_page import first_page_file

    settings = load_settings()
    answer(_status(settings), json, _print_status)
    if not json and (file := first_page_file(settings)).exists():
        say(f"open this file to log in: {file}", whole=True)


def _print_status(state: Status) -> None:
    alerts = (("alerts", f"invalid: {fault}") for fault in state.alert_faults)
    plan = () if state.plan is None else _plan_rows(state.plan)
    rows = (*_data_rows(state), *_schedule_rows(state), *alerts, _token_row(state), *plan, *_address_rows(state))
    print_table(("", ""), rows, grid=False)


def _status(settings: Settings) -> Status:
    from arbkit.alerts.delivery.plan import alert_faults
    from arbkit.analysis.detection_inputs import profile_note
    from arbkit.ops.status import build_status, plan_figures, read_store_state
    from arbkit.ops.stream_state import read_stream_state
    from arbkit.pipeline.polling.plan_file import read_plan
    from arbkit.pipeline.polling.plan_notes import read_plan_notes
    from arbkit.reports.schedule.scheduler import EntryStatus, schedule_status
    from arbkit.sources.keepa_api.token_budget import read_tokens
    from arbkit.store.mode import settle_mode
    from arbkit.stream import open_stream

    now = time.time()
    with open_stream(settings) as log:
        stream = read_stream_state(log, now=now)
    store, tokens = read_store_state(settings), read_tokens(settings)
    try:
        schedule = schedule_status(settings, now=now)
    except ConfigError as error:
        schedule = [EntryStatus(error=str(error))]
    settings = settle_mode(settings)
    if settings.mode == "imported":
        # What a producer left when there was one.
        tokens = None
    note = profile_note(settings, store.swept if store else None)
    plan = None
    if settings.mode != "imported":
        plan = plan_figures(read_plan(settings), read_plan_notes(settings, now), now)
    state = build_status(
        settings,
        stream=stream,
        store=store,
        tokens=tokens,
        schedule=schedule,
        now=now,
        profile_note=note,
        alert_faults=alert_faults(settings),
    )
    return state.model_copy(update={"plan": plan})


def _data_rows(state: Status) -> Iterator[tuple[str, str]]:
    yield "prices from", state.source + (" (DEMO market)" if state.mode == "demo" else "")
    log, store = state.log, state.store
    yield "log", f"{log.lag} in queue, {log.messages} kept, {counted(log.dead_letters, 'dead letter')}"
    if store is None:
        yield "store", "empty: nothing has been stored yet"
        return
    amounts = (counted(store.products, "product"), counted(store.offers, "offer"))
    yield "store", ", ".join((*amounts, counted(store.opportunities, "opportunity", "opportunities")))
    if store.unpriced_products:
        yield "detection", f"{counted(store.unpriced_products, 'product')} not priced yet"
    if state.profile_note:
        yield "profile", state.profile_note
    if store.hidden_products:
        hidden = counted(store.hidden_products, "product")
        yield "demo market", f"{hidden} hidden, as there are real ones; `arbkit demo remove` removes them"
    yield "data age", f"{age_text(store.freshest_age_s)} (newest), {age_text(store.oldest_age_s)} (oldest)"
    for run in store.runs:
        error = f": {run.error}" if run.error else ""
        yield "run", f"{run.report} {run.run_id} {run.status} {age_text(run.age_s)} ago{error}"


def _schedule_rows(state: Status) -> Iterator[tuple[str, str]]:
    for entry in state.schedule:
        if entry.error:
            yield "schedule", f"invalid: {entry.error}"
        elif entry.enabled:
            last = "never" if entry.last_age_s is None else f"{age_text(entry.last_age_s)} ago, {entry.last_status}"
            yield "schedule", f"{entry.name}: last run {last}; next in {age_text(entry.next_in_s)}"


def _address_rows(state: Status) -> Iterator[tuple[str, str]]:
    for name, address in state.addresses.model_dump().items():
        yield f"{name} at", address or "a free port, which `arbkit up` has printed"


def _token_row(state: Status) -> tuple[str, str]:
    tokens = state.tokens
    if tokens is None:
        return "tokens", "none needed" if state.mode == "imported" else "unknown: no producer has run yet"
    refill = f"refill {tokens.refill_rate_per_min} per minute"
    if tokens.left < 1 and tokens.wait_s > 0 and tokens.refill_rate_per_min > 0:
        # A balance below zero is a debt to wait for, and no number to read.
        return "tokens", f"0 left, next in {age_text(tokens.wait_s)}, {refill}"
    return "tokens", f"{max(0, tokens.left)} left {age_text(tokens.age_s)} ago, {refill}"


def _plan_rows(plan: PlanFigures) -> Iterator[tuple[str, str]]:
    for note in plan.notes:
        yield "plan", f"{note.says}. {note.remedy}"
    if plan.age_s is None:
        yield "plan", "no producer has left one yet; `arbkit plan` makes one"
    elif plan.next is None:
        yield "plan", f"nothing is to come, as of {age_text(plan.age_s)} ago"
    else:
        call = plan.next
        when = "now" if call.in_s < 1 else f"in {age_text(call.in_s)}"
        what = f"{counted(call.products, 'product')} on {call.market} for {counted(call.tokens, 'token')}"
        yield "plan", f"next {when}: {what}, as of {age_text(plan.age_s)} ago; `arbkit plan` says why"


def doctor(
    deep: bool = typer.Option(False, "--deep", help="Read every byte of log and store too, and check it."),
    json: bool = JSON,
) -> None:
    """Check the configuration and every connection, and name the remedy for each failure."""
    from arbkit.ops.doctor import examine

    settings = load_settings(with_key=True)
    checks = examine(settings, deep=deep)
    if json:
        print_json({"settings": settings.masked(), "checks": checks})
    else:
        for variable, value in settings.masked().items():
            say(f"{variable}={value}")
        say("")
        for check in checks:
            # What keeps nothing from running is no failure.
            wrong = "[red]FAIL[/]" if check.exit_code else "[yellow]note[/]"
            console().print("[green]ok  [/]" if check.ok else wrong, end=" ")
            say(f"{check.name}: {check.says}")
            if check.remedy:
                say(f"     → {check.remedy}")
    raise typer.Exit(max((check.exit_code for check in checks if not check.ok), default=0))


def alive(service: str = typer.Argument(..., help="producer, consumer, detector, dispatcher or scheduler.")) -> None:
    """Exit with 0 if a service is alive, with 4 if its last heartbeat is too old."""
    settings = load_settings()
    age_s = check_heartbeat(settings, service)
    say(f"{service}: last heartbeat {age_text(age_s)} ago")
    if fault := read_fault(settings, service):
        # To end and start it again helps nobody: it tries again.
        say(f"nothing has got done for {age_text(time.time() - fault.since)}: {fault.why}")


def backup(
    path: Path | None = typer.Argument(None, help="New folder, or one to make it in; default: $ARBKIT_HOME/backups."),
    with_env: bool = typer.Option(False, "--with-env", help="Include .env, which holds secrets."),
    json: bool = JSON,
) -> None:
    """Back up log, store, facts, views, watchlist, schedule and profile, while everything runs, and verify the copy."""
    from arbkit.ops.backup import back_up

    def print_backup(made: BackupMade) -> None:
        say(f"backed up and verified: {made.path}", whole=True)
        _print_rows({name: n for database in made.backup.databases for name, n in database.rows.items()})
        say(f"files: {', '.join(sorted({file.name for file in made.backup.files}))}")
        for line in made.backup.not_included:
            say(f"not included: {line}")

    settings = load_settings()
    with progress("copying and verifying"):
        made = back_up(settings, path, with_env=with_env)
    answer(made, json, print_backup)


def restore(
    path: Path = typer.Argument(..., help="Folder of a backup."),
    with_env: bool = typer.Option(False, "--with-env", help="Restore .env too."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only verify the backup; services may run."),
    json: bool = JSON,
) -> None:
    """Put a verified backup in place of what the home holds. Refuses while a service or a page is running."""
    from arbkit.core.service.api_keys import KEYS_FILE
    from arbkit.ops.restore import restore as run

    def print_restored(done: Restored) -> None:
        say(f"{'verified, nothing was changed' if done.dry_run else 'verified and restored'}: {path}", whole=True)
        _print_rows(done.rows)
        say(f"files: {', '.join(done.files)}")
        if any(Path(file).name == KEYS_FILE for file in done.files):
            say("keys of the API are among them: look at `arbkit api keys list`, and revoke those that you do not know")
        for kept in done.kept_aside:
            say(f"what was there before: {kept}; remove it when it is no longer needed", whole=True)

    answer(run(load_settings(), path, with_env=with_env, dry_run=dry_run), json, print_restored)


def _print_rows(rows: Mapping[str, int]) -> None:
    say(f"rows: {', '.join(f'{name} {n:,}' for name, n in rows.items()) or 'none, as neither log nor store is a file'}")


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (status, doctor, alive, backup, restore):
        app.command()(command)
