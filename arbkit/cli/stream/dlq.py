"""``arbkit dlq``: dead letters, with their original bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from arbkit.cli.shared import JSON, load_settings, print_json, print_table, say
from arbkit.cli.stream.topics import require_topic
from arbkit.core.formatting import counted

_RAW = "raw.keepa_updates"
_TOPIC = typer.Option(_RAW, help="Topic whose dead letters are meant, or all.")
_ONE_TOPIC = typer.Option(_RAW, help="Topic whose dead letters are meant; each numbers its own.")

app = typer.Typer(name="dlq", help="Dead letters: rejected records, with their original bytes.", no_args_is_help=True)


@app.command("list")
def list_dead_letters(
    limit: int = typer.Option(50, min=1, help="Maximum number to print, the latest."),
    topic: str = _TOPIC,
    json: bool = JSON,
) -> None:
    """List rejected records, and why they were rejected."""
    from arbkit.stream import dead_letter_topic, open_stream
    from arbkit.stream.dead_letters import dead_letters, summary

    topics = _topics(topic)
    with open_stream(load_settings()) as stream:
        found: list[dict[str, Any]] = [
            {**summary(one), "topic": name} for name in topics for one in dead_letters(stream, topic=name)
        ]
        elsewhere = {
            name: sum(end - oldest for oldest, end in stream.watermarks(dead_letter_topic(name)).values())
            for name in _topics("all")
            if name not in topics
        }
    if len(topics) > 1:
        found.sort(key=lambda one: str(one["time"]))
    latest = found[-limit:]
    if json:
        print_json({"total": len(found), "items": latest, "other_topics": elsewhere})
        return
    columns = ("topic", "offset", "key", "error", "attempts", "time")
    rows = [[str(one[name]) for name in columns] for one in latest]
    print_table(columns, rows, title=counted(len(found), "dead letter"))
    for name, number in elsewhere.items():
        if number:
            say(f"{counted(number, 'dead letter')} of {name}: --topic {name}")


@app.command()
def show(
    offset: int = typer.Argument(..., min=0, help="Offset from `arbkit dlq list`."), topic: str = _ONE_TOPIC
) -> None:
    """Print one dead letter in full, as JSON."""
    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import detail

    with open_stream(load_settings()) as stream:
        letter: dict[str, Any] = {**detail(stream, offset, topic=_one_topic(topic)), "topic": topic}
    print_json(letter)


@app.command()
def replay(
    offsets: list[int] = typer.Argument(None, min=0, help="Offsets (default: all not replayed yet)."),
    topic: str = _TOPIC,
) -> None:
    """Send dead letters back to their topic, to be processed again."""
    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import replay as send_back

    topics = [_one_topic(topic)] if offsets else _topics(topic)
    with open_stream(load_settings()) as stream:
        replayed = sum(send_back(stream, offsets or (), topic=name) for name in topics)
    say(f"{counted(replayed, 'record')} replayed")


def _topics(topic: str) -> Sequence[str]:
    """The topics whose dead letters are meant."""
    from arbkit.ops.stream_state import DEAD_TOPICS

    return DEAD_TOPICS if topic == "all" else (_one_topic(topic),)


def _one_topic(topic: str) -> str:
    require_topic(topic, _topics("all"), field="--topic")
    return topic
