"""Commands about dead letters: ``arbkit dlq``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from arbkit.cli.shared import JSON, console, counted, load_settings, print_json

_TOPIC = typer.Option("raw.keepa_updates", help="Topic whose dead letters are meant, or all.")
_ONE_TOPIC = typer.Option("raw.keepa_updates", help="Topic whose dead letters are meant; each numbers its own.")

dlq = typer.Typer(help="Dead letters: rejected records, with their original bytes.", no_args_is_help=True)


@dlq.command("list")
def list_dead_letters(
    limit: int = typer.Option(50, min=1, help="Maximum number to print, the latest."),
    topic: str = _TOPIC,
    json: bool = JSON,
) -> None:
    """List rejected records, and why they were rejected."""
    from rich.markup import escape
    from rich.table import Table

    from arbkit.stream import dead_letter_topic, open_stream
    from arbkit.stream.dead_letters import dead_letters, summary

    topics = _topics(topic)
    with open_stream(load_settings()) as log:
        found: list[dict[str, Any]] = [
            {**summary(one), "topic": name} for name in topics for one in dead_letters(log, topic=name)
        ]
        elsewhere = {
            name: sum(end - oldest for oldest, end in log.watermarks(dead_letter_topic(name)).values())
            for name in _topics("all")
            if name not in topics
        }
    if len(topics) > 1:
        found.sort(key=lambda one: str(one["time"]))
    latest = found[-limit:]
    if json:
        print_json({"total": len(found), "items": [*latest], "other_topics": elsewhere})
        return
    table = Table(title=counted(len(found), "dead letter"), title_justify="left")
    columns = ("topic", "offset", "key", "error", "attempts", "time")
    for name in columns:
        table.add_column(name, overflow="fold")
    for one in latest:
        table.add_row(*(escape(str(one[name])) for name in columns))
    console().print(table)
    for name, number in elsewhere.items():
        if number:
            console().print(f"{counted(number, 'dead letter')} of {name}: --topic {name}", markup=False)


@dlq.command()
def show(
    offset: int = typer.Argument(..., min=0, help="Offset from `arbkit dlq list`."), topic: str = _ONE_TOPIC
) -> None:
    """Print one dead letter in full, as JSON."""
    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import detail

    with open_stream(load_settings()) as log:
        letter: dict[str, Any] = {**detail(log, offset, topic=_one_topic(topic)), "topic": topic}
    print_json(letter)


@dlq.command()
def replay(
    offsets: list[int] = typer.Argument(None, min=0, help="Offsets (default: all not replayed yet)."),
    topic: str = _TOPIC,
) -> None:
    """Send dead letters back to their topic, to be processed again."""
    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import replay as send_back

    topics = [_one_topic(topic)] if offsets else _topics(topic)
    with open_stream(load_settings()) as log:
        replayed = sum(send_back(log, offsets or (), topic=name) for name in topics)
    console().print(f"{counted(replayed, 'record')} replayed")


def _topics(topic: str) -> Sequence[str]:
    """The topics whose dead letters are meant."""
    from arbkit.ops.stream_state import DEAD_TOPICS

    return DEAD_TOPICS if topic == "all" else (_one_topic(topic),)


def _one_topic(topic: str) -> str:
    from arbkit.core.errors import UsageError, did_you_mean
    from arbkit.ops.stream_state import DEAD_TOPICS

    if topic not in DEAD_TOPICS:
        raise UsageError("no such topic", field="--topic", value=topic, remedy=did_you_mean(topic, DEAD_TOPICS))
    return topic


def register(app: typer.Typer) -> None:
    """Add ``dlq`` to the command line."""
    app.add_typer(dlq, name="dlq")
