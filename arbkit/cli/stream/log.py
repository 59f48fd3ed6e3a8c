"""``arbkit log``: what is on the log, who has read how far, and holes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import typer

from arbkit.cli.shared import JSON, age_text, load_settings, print_json, print_table, say, start_service
from arbkit.cli.stream.topics import require_topic
from arbkit.core.errors import UsageError
from arbkit.core.formatting import count, counted, iso_time

if TYPE_CHECKING:
    from arbkit.stream import Message, Stream, TopicPartition, TopicSpec

_SHOWN = 300
"""Characters of a value that a line shows."""
_FOLLOW_S = 0.5
_AT_ONCE = 500
_DAY_S = 86_400

app = typer.Typer(name="log", help="The log: what it keeps, who has read how far, and holes.", no_args_is_help=True)


@app.command()
def topics(json: bool = JSON) -> None:
    """Show each topic: its messages, how old they are, and how long it keeps them."""
    from arbkit.stream import TOPICS, open_stream

    with open_stream(load_settings()) as stream:
        found = [_about(stream, topic) for topic in TOPICS]
    if json:
        print_json({"topics": found})
        return
    now = time.time()
    rows = [
        (
            str(one["topic"]), count(one["partitions"]), count(one["messages"]), _ago(now, one["oldest_at"]),
            _ago(now, one["latest_at"]), str(one["keeps"]),
        )
        for one in found
    ]  # fmt: skip
    print_table(("topic", ">partitions", ">messages", ">oldest", ">latest", "keeps"), rows, whole={"topic"})


def _about(stream: Stream, topic: TopicSpec) -> dict[str, Any]:
    ends = stream.watermarks(topic.name)
    held = {at.partition: both for at, both in ends.items() if both[1] > both[0]}
    first = [stream.read(topic.name, partition=p, offset=oldest, max_records=1) for p, (oldest, _) in held.items()]
    last = [stream.read(topic.name, partition=p, offset=end - 1, max_records=1) for p, (_, end) in held.items()]
    return {
        "topic": topic.name,
        "partitions": len(ends),
        "messages": sum(end - oldest for oldest, end in ends.values()),
        "oldest_at": min((m.timestamp for some in first for m in some), default=None),
        "latest_at": max((m.timestamp for some in last for m in some), default=None),
        "keeps": _kept(topic),
    }


def _kept(topic: TopicSpec) -> str:
    if topic.compacted:
        return "the last message of each key"
    limits = []
    if topic.max_age_s is not None:
        limits.append(counted(round(topic.max_age_s / _DAY_S), "day"))
    if topic.max_bytes is not None:
        limits.append(f"{topic.max_bytes >> 20:,} MiB")
    return " or ".join(limits) or "everything"


def _ago(now: float, at: float | None) -> str:
    return "" if at is None else age_text(max(0.0, now - at))


@app.command()
def lag(json: bool = JSON) -> None:
    """Show how far each consumer group is behind, in messages and in time."""
    from arbkit.stream import GROUPS, open_stream

    now = time.time()
    with open_stream(load_settings()) as stream:
        found = [_behind(stream, group, topic, now) for group, topic in GROUPS.items()]
    if json:
        print_json({"groups": found})
        return
    rows = [
        (
            str(one["group"]), str(one["topic"]), count(one["lag"]) if one["reads"] else "never read",
            "" if one["behind_s"] is None else age_text(one["behind_s"]),
        )
        for one in found
    ]  # fmt: skip
    print_table(("group", "topic", ">lag", ">behind"), rows, whole={"group", "topic"})


def _behind(stream: Stream, group: str, topic: str, now: float) -> dict[str, Any]:
    """``behind_s`` is the age of the oldest message that the group has not committed; null if it never read any."""
    from arbkit.ops.stream_state import read_delay

    found = read_delay(stream, group, topic, now=now)
    return {
        "group": group,
        "topic": topic,
        "reads": found.reads,
        "lag": found.lag,
        "behind_s": found.waits_s if found.reads else None,
    }


@app.command()
def tail(
    topic: str = typer.Argument(..., help="A topic: `arbkit log topics` names them."),
    number: int = typer.Option(10, "--number", "-n", min=0, max=10_000, help="How many of the latest messages."),
    key: str = typer.Option("", help="Only messages with this key: an ASIN."),
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on with what comes, until Ctrl-C."),
    whole: bool = typer.Option(False, help="Whole values, not their beginnings."),
    json: bool = JSON,
) -> None:
    """Print the latest messages of a topic, the oldest of them first."""
    from arbkit.stream import TOPICS, open_stream

    if json and follow:
        raise UsageError("is one document, which would never end", field="--json", remedy="Leave out --follow")
    settings, stop = start_service()
    with open_stream(settings) as stream:
        require_topic(topic, [one.name for one in TOPICS], field="TOPIC")
        ends = {at: end for at, (_, end) in stream.watermarks(topic).items()}
        latest = _latest(stream, topic, number, key)
        if json:
            print_json({"topic": topic, "messages": [_document(message) for message in latest]})
            return
        _print(latest, whole=whole)
        while follow and not stop.wait(_FOLLOW_S):
            for messages in stream.scan(topic, start=ends):
                ends |= {message.topic_partition: message.offset + 1 for message in messages}
                _print([message for message in messages if key in ("", message.key)], whole=whole)


def _latest(stream: Stream, topic: str, number: int, key: str) -> Sequence[Message]:
    """The latest messages (with this key) over all partitions, in the order of time."""
    if not number:
        return ()
    found: list[Message] = []
    for at, (oldest, end) in stream.watermarks(topic).items():
        mine: list[Message] = []
        for messages in _backwards(stream, at, oldest, end, number):
            mine = [message for message in messages if key in ("", message.key)] + mine
            if len(mine) >= number:
                break
        found += mine[-number:]
    return sorted(found, key=lambda message: (message.timestamp, message.partition, message.offset))[-number:]


def _backwards(stream: Stream, at: TopicPartition, oldest: int, end: int, number: int) -> Iterator[Sequence[Message]]:
    """The messages of a partition in pieces, the latest piece first; offsets may be missing."""
    while end > oldest:
        start = max(oldest, end - max(number, _AT_ONCE))
        piece = stream.read(at.topic, partition=at.partition, offset=start, max_records=end - start)
        yield [message for message in piece if message.offset < end]
        end = start


def _document(message: Message) -> dict[str, Any]:
    try:
        value: Any = orjson.loads(message.value)
    except orjson.JSONDecodeError:
        value = message.value.decode(errors="replace")
    return {
        "partition": message.partition,
        "offset": message.offset,
        "at": message.timestamp,
        "key": message.key,
        "headers": dict(message.headers),
        "value": value,
    }


def _print(messages: Sequence[Message], *, whole: bool) -> None:
    for message in messages:
        text = message.value.decode(errors="replace")
        shown = text if whole or len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        where = f"{message.topic_partition}@{message.offset}"
        say(f"{iso_time(message.timestamp)} {where} {message.key or '(no key)'} {shown}", whole=True)


@app.command("show")
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


@app.command()
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


@app.command()
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
