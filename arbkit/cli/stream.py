"""Commands about the log: ``arbkit dlq`` for its dead letters, ``arbkit log`` for offsets and holes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from arbkit.cli.shared import JSON, counted, load_settings, print_json, print_table, say
from arbkit.core.errors import UsageError, did_you_mean
from arbkit.core.formatting import count

_RAW = "raw.keepa_updates"
_TOPIC = typer.Option(_RAW, help="Topic whose dead letters are meant, or all.")
_ONE_TOPIC = typer.Option(_RAW, help="Topic whose dead letters are meant; each numbers its own.")

dlq = typer.Typer(name="dlq", help="Dead letters: rejected records, with their original bytes.", no_args_is_help=True)
log = typer.Typer(name="log", help="The log: what it keeps, who has read how far, and holes.", no_args_is_help=True)


@dlq.command("list")
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


@dlq.command()
def show(
    offset: int = typer.Argument(..., min=0, help="Offset from `arbkit dlq list`."), topic: str = _ONE_TOPIC
) -> None:
    """Print one dead letter in full, as JSON."""
    from arbkit.stream import open_stream
    from arbkit.stream.dead_letters import detail

    with open_stream(load_settings()) as stream:
        letter: dict[str, Any] = {**detail(stream, offset, topic=_one_topic(topic)), "topic": topic}
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
    with open_stream(load_settings()) as stream:
        replayed = sum(send_back(stream, offsets or (), topic=name) for name in topics)
    say(f"{counted(replayed, 'record')} replayed")


def _topics(topic: str) -> Sequence[str]:
    """The topics whose dead letters are meant."""
    from arbkit.ops.stream_state import DEAD_TOPICS

    return DEAD_TOPICS if topic == "all" else (_one_topic(topic),)


def _one_topic(topic: str) -> str:
    if topic not in (known := _topics("all")):
        raise UsageError("no such topic", field="--topic", value=topic, remedy=did_you_mean(topic, known))
    return topic


@log.command("show")
def show_log(json: bool = JSON) -> None:
    """Show what each partition keeps, how far each group has read it, and holes: what is lost to a group."""
    from arbkit.ops.stream_state import DEAD_TOPICS
    from arbkit.stream import GROUPS, TOPICS, dead_letter_topic, open_stream
    from arbkit.stream.dead_letters import REPLAY_GROUP

    readers = [*GROUPS.items(), *((REPLAY_GROUP, dead_letter_topic(topic)) for topic in DEAD_TOPICS)]
    with open_stream(load_settings()) as stream:
        ends = {tp: both for topic in TOPICS for tp, both in sorted(stream.watermarks(topic.name).items())}
        committed = {reader: stream.committed_offsets(*reader) for reader in readers}
    groups: list[dict[str, Any]] = [
        {
            "group": group, "partition": str(at), "committed": offset, "lag": ends[at][1] - max(offset, ends[at][0]),
            "lost": max(0, ends[at][0] - offset),
        }
        for (group, _), offsets in committed.items()
        for at, offset in sorted(offsets.items())
    ]  # fmt: skip
    if json:
        partitions: list[dict[str, Any]] = [
            {"partition": str(at), "oldest": oldest, "next": end, "messages": end - oldest}
            for at, (oldest, end) in ends.items()
        ]
        print_json({"partitions": partitions, "groups": groups})
        return
    rows = [(str(at), count(oldest), count(end), count(end - oldest)) for at, (oldest, end) in ends.items()]
    print_table(("partition", ">oldest", ">next", ">messages"), rows, title="What the log keeps")
    read = [(g["group"], g["partition"], *(count(n) for n in (g["committed"], g["lag"], g["lost"]))) for g in groups]
    print_table(("group", "partition", ">committed", ">lag", ">lost"), read, title="How far groups have read")


@log.command()
def skip(
    partition: str = typer.Argument(..., help="Where the hole is, as TOPIC/NUMBER: `arbkit log show` names it."),
    group: str = typer.Option("arbkit-enrich", help="Consumer group that stands before it."),
    json: bool = JSON,
) -> None:
    """Let a consumer group go on behind a hole: messages that were removed before it had read them."""
    from arbkit.stream import TopicPartition, open_stream
    from arbkit.stream.holes import skip_hole

    topic, _, number = partition.rpartition("/")
    if not topic or not (number.isascii() and number.isdigit() and len(number) < 10):
        raise UsageError("is not TOPIC/NUMBER", field="PARTITION", value=partition, remedy="See `arbkit log show`")
    with open_stream(load_settings()) as stream:
        hole = skip_hole(stream, group, TopicPartition(topic, int(number)))
    if json:
        print_json({"group": group, "partition": partition, "committed": hole.oldest, "lost": hole.messages})
    else:
        say(f"group {group} goes on at offset {hole.oldest}; {counted(hole.messages, 'message')} skipped")


@log.command()
def forget(
    group: str = typer.Argument(..., help="A consumer group that reads no more: `arbkit log show` names them."),
) -> None:
    """Forget a consumer group: the log keeps what it has not read for as long as it is known."""
    from arbkit.stream import ENRICH_GROUP, open_stream

    if group == ENRICH_GROUP:
        raise UsageError("is arbkit's own consumer", field="GROUP", value=group, remedy="`arbkit consume` reads on")
    with open_stream(load_settings()) as stream:
        stream.forget_group(group)
    say(f"group {group} is forgotten; if it comes back, it begins at the oldest message")
