"""Dead letters: what could not be used, with its original bytes; looked at, and given another try."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from arbkit.errors import UsageError
from arbkit.log import RAW_TOPIC, Log, Message, Record, dead_letter_topic

__all__ = ["REPLAY_GROUP", "dead_letters", "described", "replay", "shown"]

REPLAY_GROUP = "arbkit-dlq"
_AT_ONCE = 500
_PATIENCE_S = 0.5
_POLLS = 40
_OF_DEATH = frozenset({"topic", "partition", "offset", "error", "attempts", "time"})


def dead_letters(log: Log, *, topic: str = RAW_TOPIC) -> Iterator[Message]:
    """All dead letters of a topic, the oldest first."""
    name = dead_letter_topic(topic)
    for place, (oldest, end) in sorted(log.ends(name).items()):
        at = oldest
        while at < end:
            batch = log.read(name, partition=place.partition, offset=at, max_records=_AT_ONCE)
            if not batch:
                break
            yield from batch
            at = batch[-1].offset + 1


def described(letter: Message) -> dict[str, Any]:
    """A dead letter in a line: its own offset, where it came from and why it is here."""
    headers = letter.headers
    return {
        "offset": letter.offset,
        "key": letter.key,
        "error": headers.get("error"),
        "time": headers.get("time"),
        "attempts": int(headers.get("attempts", "1")),
        "from": {name: headers[name] for name in ("topic", "partition", "offset", "file", "row") if name in headers},
        "bytes": len(letter.value),
    }


def shown(log: Log, offset: int, *, topic: str = RAW_TOPIC) -> dict[str, Any]:
    """One dead letter, whole: ``text`` where its bytes are text, else ``base64``.

    Raises:
        UsageError: there is none at this offset.
    """
    letter = next((m for m in dead_letters(log, topic=topic) if m.offset == offset), None)
    if letter is None:
        raise UsageError("there is no dead letter there", field="OFFSET", value=offset)
    try:
        content = {"text": letter.value.decode()}
    except UnicodeDecodeError:
        content = {"base64": base64.b64encode(letter.value).decode()}
    return {**described(letter), "headers": dict(letter.headers), **content}


def replay(log: Log, offsets: Sequence[int] = (), *, topic: str = RAW_TOPIC) -> int:
    """Put dead letters back on their topic with their original bytes; how many went.

    Without ``offsets`` all that have not been replayed so before; whoever is still of no use comes back as a new
    dead letter with one more attempt.

    Raises:
        UsageError: there is no dead letter at one of the offsets; none was replayed.
    """
    if offsets:
        found = [m for m in dead_letters(log, topic=topic) if m.offset in set(offsets)]
        missing = set(offsets) - {m.offset for m in found}
        if missing:
            raise UsageError("there is no dead letter there", field="OFFSET", value=sorted(missing))
        log.publish(topic, [_revived(m) for m in found])
        return len(found)
    count = 0
    name = dead_letter_topic(topic)
    if not any(log.lag(REPLAY_GROUP, name).values()):
        return 0
    with log.consumer(REPLAY_GROUP, [name], on_revoke=lambda _: None) as consumer:
        for _ in range(_POLLS):
            if not any(log.lag(REPLAY_GROUP, name).values()):
                break
            batch = consumer.poll(max_records=_AT_ONCE, timeout_s=_PATIENCE_S)
            if batch:
                log.publish(topic, [_revived(m) for m in batch])
                consumer.commit({m.place: m.offset + 1 for m in batch})
                count += len(batch)
    return count


def _revived(letter: Message) -> Record:
    headers = {name: text for name, text in letter.headers.items() if name not in _OF_DEATH}
    return Record(letter.key, letter.value, {**headers, "attempts": letter.headers.get("attempts", "1")})
