"""``arbkit alerts deliver`` and ``history``: sending alerts, and what became of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from arbkit.cli.shared import JSON, answer, load_settings, print_json, print_table, say, start_service
from arbkit.core.formatting import counted, utc_time

if TYPE_CHECKING:
    from arbkit.alerts.delivery.history import AlertHistory, AlertShown
    from arbkit.alerts.delivery.trial import SentTest


def deliver(
    until_empty: bool = typer.Option(False, "--until-empty", help="Exit when all that can be sent now has been."),
    json: bool = JSON,
) -> None:
    """Send alerts to the channels of alerts.toml as they come, at least once each, until stopped."""
    from arbkit.alerts.delivery.service import deliver as run

    settings, stop = start_service()
    done = run(settings, stop=stop, until_empty=until_empty)
    if json:
        print_json(asdict(done))


def history(
    status: str = typer.Option("", help="Only these: pending, sent, failed, expired, held or muted."),
    type: str = typer.Option("", help="Only these: price_drop, ended …, or data_problem."),  # noqa: A002
    asin: str = typer.Option("", help="Only of this product."),
    rule: str = typer.Option("", help="Only of this rule."),
    since: float | None = typer.Option(None, help="Only those made since then, in Unix seconds."),
    limit: int = typer.Option(20, min=1, max=10_000, help="Maximum number of alerts, the latest."),
    cursor: str = typer.Option("", help="Go on after an earlier page: its `next`."),
    json: bool = JSON,
) -> None:
    """Show alerts and what became of each on every channel, the latest first."""
    from arbkit.alerts.delivery.history import check_type, read_history
    from arbkit.store.queries import AlertQuery

    words = {"status": status, "type": type and check_type(type), "asin": asin, "rule": rule, "cursor": cursor}
    given = {name: word or None for name, word in words.items()}
    query = AlertQuery.parse({**given, "since": since, "limit": limit})
    answer(read_history(load_settings(), query), json, _print_history)


def _print_history(found: AlertHistory) -> None:
    rows = [_row(one) for one in found.items]
    print_table(("made", "product", "alert", "status", ""), rows, grid=False, whole=("made", "product", "status"))
    say(counted(found.total, "alert"))
    if found.next:
        say(f"the next page: --cursor {found.next}", whole=True)


def _row(one: AlertShown) -> list[str]:
    product = f"{one.asin} {one.alert.get('source')} → {one.alert.get('target')}"
    channels = ", ".join(f"{d.channel} {d.status}{f' ({d.why})' if d.why else ''}" for d in one.deliveries)
    said = one.why or channels
    return [utc_time(one.at), product, f"{one.type.replace('_', ' ')} by {one.rule}", one.status, said]


def send_test(channel: str, *, json: bool) -> None:
    """Send one message marked as a test to a channel."""
    from arbkit.alerts.delivery.trial import send_test as send

    def report(sent: SentTest) -> None:
        say(f"channel {sent.channel} took a test message ({sent.id})")

    answer(send(load_settings(), channel), json, report)


def register(app: typer.Typer) -> None:
    """Add ``deliver`` and ``history`` to the group of alerts."""
    for command in (deliver, history):
        app.command()(command)
