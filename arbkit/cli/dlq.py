"""Commands about dead letters: ``arbkit dlq``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.shared import JSON, console, counted, load_settings, print_json

if TYPE_CHECKING:
    from arbkit.stream import Stream

_TOPIC = typer.Option(None, help="Only the dead letters of this topic (default: of all).")

dlq = typer.Typer(help="Dead letters: rejected records, with their original bytes.", no_args_is_help=True)


@dlq.command("list")
def list_dead_letters(
    limit: int = typer.Option(50, min=1, help="Maximum number to print, the latest."),
    topic: str | None = _TOPIC,
    json: bool = JSON,
) -> None:
    """List rejected records, and why they were rejected."""
    from rich.markup import escape
    from rich.table import Table

    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import dead_letters, summary

    topics = _topics(topic)
    with open_stream(load_settings()) as log:
        found: list[dict[str, Any]] = [
            {**summary(one), "topic": name} for name in topics for one in dead_letters(log, topic=name)
        ]
    if len({one["topic"] for one in found}) > 1:
        found.sort(key=lambda one: str(one["time"]))
    latest = found[-limit:]
    if json:
        print_json({"total": len(found), "items": [*latest]})
        return
    table = Table(title=counted(len(found), "dead letter"), title_justify="left")
    columns = ("topic", "offset", "key", "error", "attempts", "time")
    for name in columns:
        table.add_column(name, overflow="fold")
    for one in latest:
        table.add_row(*(escape(str(one[name])) for name in columns))
    console().print(table)


@dlq.command()
def show(
    offset: int = typer.Argument(..., min=0, help="Offset from `arbkit dlq list`."), topic: str | None = _TOPIC
) -> None:
    """Print one dead letter in full, as JSON."""
    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import detail

    topics = _topics(topic)
    with open_stream(load_settings()) as log:
        name = _topic_of(log, offset, topics)
        letter: dict[str, Any] = {**detail(log, offset, topic=name), "topic": name}
    print_json(letter)


@dlq.command()
def replay(
    offsets: list[int] = typer.Argument(None, min=0, help="Offsets (default: all not replayed yet)."),
    topic: str | None = _TOPIC,
) -> None:
    """Send dead letters back to their topic, to be processed again."""
    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import replay as send_back

    topics = _topics(topic)
    with open_stream(load_settings()) as log:
        if offsets:
            chosen = {offset: _topic_of(log, offset, topics) for offset in offsets}
            by_topic = {name: [o for o in offsets if chosen[o] == name] for name in topics if name in chosen.values()}
        else:
            by_topic = {name: [] for name in topics}
        replayed = sum(send_back(log, some, topic=name) for name, some in by_topic.items())
    console().print(f"{counted(replayed, 'record')} replayed")


def _topics(topic: str | None) -> Sequence[str]:
    """The topics whose dead letters are meant."""
    from arbkit.core.errors import UsageError, did_you_mean
    from arbkit.ops.stream_state import DEAD_TOPICS

    if topic is None:
        return DEAD_TOPICS
    if topic not in DEAD_TOPICS:
        raise UsageError("no such topic", field="--topic", value=topic, remedy=did_you_mean(topic, DEAD_TOPICS))
    return (topic,)


def _topic_of(log: Stream, offset: int, topics: Sequence[str]) -> str:
    """The one of the topics that has a dead letter at this offset: each topic numbers its own."""
    from arbkit.core.errors import UsageError
    from arbkit.stream import dead_letter_topic

    having = [
        name
        for name in topics
        if any(oldest <= offset < end for oldest, end in log.watermarks(dead_letter_topic(name)).values())
    ]
    if len(having) > 1:
        raise UsageError(
            f"{' and '.join(having)} each have a dead letter at this offset", field="OFFSET", value=offset,
            remedy="Choose one with --topic",
        )  # fmt: skip
    return having[0] if having else topics[0]


def register(app: typer.Typer) -> None:
    """Add ``dlq`` to the command line."""
    app.add_typer(dlq, name="dlq")
