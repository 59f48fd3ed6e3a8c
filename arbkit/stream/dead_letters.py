"""Dead letters: unusable records with their original bytes; listing them, and trying them again."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import TypedDict, cast

from arbkit.core.errors import MessageTooLargeError, UsageError
from arbkit.stream import RAW_TOPIC, Message, Record, Stream, dead_letter_topic

logger = logging.getLogger(__name__)

REPLAY_GROUP = "arbkit-dlq"
_AT_ONCE = 500
_MOST_DIGITS = 9
"""Of a number of attempts: a header may hold anything, and more than 4,300 digits Python does not read."""
_LONGEST_WHY = 2_000
"""Characters of a reason: an error may quote megabytes of the record that it is about, which lies beside it."""
_POLL_S = 0.5
_POLLS = 40
_DAMAGED = "damaged"
"""The header that stays with damaged bytes wherever they go: sent back, they must not pass for what was published."""
_OWN_HEADERS = frozenset({"topic", "partition", "offset", "error", "attempts", "time"})
"""What a dead letter is given; a replayed record has none of it but the attempts."""


DeadLetterSummary = TypedDict(
    "DeadLetterSummary",
    {
        "offset": int, "key": str, "error": str | None, "time": str | None, "attempts": int, "from": dict[str, str],
        "bytes": int,
    },
)  # fmt: skip
"""A dead letter in a line: its own ``offset``, what is wrong, and where it came ``from``.

``from`` names topic, partition and offset, or file and row, as far as known; ``time`` is ISO 8601; ``bytes`` is the
size of the value.
"""


class DeadLetterDetail(DeadLetterSummary, total=False):
    """A dead letter whole: the value is ``text`` where it is UTF-8, else ``base64``."""

    headers: dict[str, str]
    text: str
    base64: str


def publish(stream: Stream, topic: str, records: Sequence[Record]) -> int:
    """Publish; what is too large for the topic becomes a dead letter. Returns how many did.

    Raises:
        StreamError: something was neither published nor became a dead letter.
    """
    try:
        stream.publish(topic, records)
    except MessageTooLargeError as error:
        logger.error("kept as dead letters of %s: %s", topic, error)
        stream.publish(
            dead_letter_topic(topic), [rejected_record(records[n], topic, error.why_of(n)) for n in error.sizes]
        )
        if error.rest_published:
            return len(error.sizes)
        return len(error.sizes) + publish(stream, topic, [r for n, r in enumerate(records) if n not in error.sizes])
    return 0


def is_damaged(message: Message) -> bool:
    """Whether a message is not what was published, or was not when it became a dead letter that was sent back."""
    return message.damaged or _DAMAGED in message.headers


def dead_letter(message: Message, why: str) -> Record:
    """The dead letter of a message: its bytes and headers, where it was, and why it is unusable."""
    headers = {**message.headers, _DAMAGED: "1"} if message.damaged else message.headers
    letter = rejected_record(Record(message.key, message.value, headers), message.topic, why)
    position = {"partition": str(message.partition), "offset": str(message.offset)}
    return replace(letter, headers={**letter.headers, **position})


def rejected_record(record: Record, topic: str, why: str) -> Record:
    """The dead letter of a record that never came to its topic."""
    own = {
        "topic": topic,
        "error": why if len(why) <= _LONGEST_WHY else f"{why[:_LONGEST_WHY]}…",
        "attempts": str(attempts(record.headers) + 1),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    headers = {_encodable(name): _encodable(text) for name, text in {**record.headers, **own}.items()}
    return replace(record, key=_encodable(record.key), headers=headers)


def _encodable(text: str) -> str:
    """The text without halves of characters, which no stream takes."""
    return text.encode(errors="replace").decode()


def attempts(headers: Mapping[str, str]) -> int:
    """How often a record was a dead letter before."""
    text = headers.get("attempts", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0


def dead_letters(stream: Stream, *, topic: str = RAW_TOPIC, latest: int | None = None) -> Iterator[Message]:
    """All dead letters of a topic, or the ``latest`` ones of each partition, the oldest first.

    Raises:
        StreamError: they cannot be read.
    """
    name = dead_letter_topic(topic)
    ends = {} if latest is None else stream.watermarks(name)
    start = {partition: max(oldest, end - (latest or 0)) for partition, (oldest, end) in ends.items()}
    return chain.from_iterable(stream.scan(name, start=start))


def dead_letters_at(stream: Stream, offsets: Sequence[int], *, topic: str = RAW_TOPIC) -> list[Message]:
    """The dead letters at these offsets.

    Raises:
        UsageError: there is none at one of them.
        StreamError: they cannot be read.
    """
    name, found = dead_letter_topic(topic), []
    for topic_partition, (oldest, end) in stream.watermarks(name).items():
        for offset in sorted({o for o in offsets if oldest <= o < end}):
            # One at a time: they may be large.
            one = stream.read(name, partition=topic_partition.partition, offset=offset, max_records=1)
            found += [m for m in one if m.offset == offset]
    missing = sorted(set(offsets) - {m.offset for m in found})
    if missing:
        value = missing if missing[1:] else missing[0]
        raise UsageError("there is no dead letter there", field="OFFSET", value=value)
    return found


def summary(letter: Message) -> DeadLetterSummary:
    """A dead letter in a line, for lists."""
    headers = letter.headers
    return {
        "offset": letter.offset,
        "key": letter.key,
        "error": headers.get("error"),
        "time": headers.get("time"),
        "attempts": attempts(headers),
        "from": {name: headers[name] for name in ("topic", "partition", "offset", "file", "row") if name in headers},
        "bytes": len(letter.value),
    }


def detail(stream: Stream, offset: int, *, topic: str = RAW_TOPIC) -> DeadLetterDetail:
    """One dead letter, whole.

    Raises:
        UsageError: there is none at this offset.
        StreamError: it cannot be read.
    """
    letter = dead_letters_at(stream, [offset], topic=topic)[0]
    try:
        content = {"text": letter.value.decode()}
    except UnicodeDecodeError:
        content = {"base64": base64.b64encode(letter.value).decode()}
    return cast("DeadLetterDetail", {**summary(letter), "headers": dict(letter.headers), **content})


def replay(stream: Stream, offsets: Sequence[int] = (), *, topic: str = RAW_TOPIC) -> int:
    """Put dead letters back on their topic with their original bytes; returns how many.

    Without ``offsets`` all that were not replayed so before. One that is still unusable comes back as a new dead letter
    with one more attempt.

    Raises:
        UsageError: there is no dead letter at one of the offsets; none was replayed.
        GroupBusyError: another process replays all of them at this moment.
        StreamError: they cannot be read, or the topic cannot be written.
    """
    if offsets:
        found = dead_letters_at(stream, offsets, topic=topic)
        publish(stream, topic, [_replay_record(m) for m in found])
        return len(found)
    name = dead_letter_topic(topic)
    # What comes back meanwhile as a new dead letter is left for the next time.
    ends = {partition: end for partition, (_, end) in stream.watermarks(name).items()}
    count, waiting = 0, sum(stream.lag(REPLAY_GROUP, name).values())
    if not waiting:
        return 0
    with stream.consumer(REPLAY_GROUP, [name], on_revoke=lambda _: None) as consumer:
        for _ in range(_POLLS):
            if count >= waiting:
                break
            polled = consumer.poll(max_records=_AT_ONCE, timeout_s=_POLL_S)
            batch = [m for m in polled if m.offset < ends[m.topic_partition]]
            if batch:
                publish(stream, topic, [_replay_record(m) for m in batch])
                consumer.commit({m.topic_partition: m.offset + 1 for m in batch})
                count += len(batch)
    return count


def _replay_record(letter: Message) -> Record:
    headers = {name: text for name, text in letter.headers.items() if name not in _OWN_HEADERS}
    if letter.damaged:
        headers[_DAMAGED] = "1"
    return Record(letter.key, letter.value, {**headers, "attempts": str(attempts(letter.headers) or 1)})
