"""Dead letters on a page: rows of a table, and one in full. Their bytes and errors come from outside."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from arbkit.core.formatting import UNKNOWN, age_words, count, utc_time
from arbkit.ops.stream_state import DEAD_TOPICS
from arbkit.stream import Message, Stream, dead_letter_topic
from arbkit.stream.dead_letters import attempts, dead_letters, dead_letters_at, summary
from arbkit.web.dashboards.cells import escaped, printable
from arbkit.web.dashboards.content import TableRow
from arbkit.web.dashboards.html import page_html

_SHOWN_BYTES = 64 << 10
_SHOWN_HEX = 4 << 10
_HEX_WIDTH = 16
_ID = re.compile(r"([^/]+)/([0-9]{1,18})/([0-9]{1,18})")


@dataclass(frozen=True, slots=True, order=True)
class DeadLetterId:
    """Which dead letter: ``topic`` is the one it was published to first."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter; of its bytes, only the ``first`` where it is shown in full."""

    id: DeadLetterId
    key: str
    error: str
    at: float
    attempts: int
    size: int
    headers: Mapping[str, str]
    first: bytes = b""


def parse_dead_letter_id(text: str) -> DeadLetterId | None:
    """The id in a text such as ``raw.keepa_updates/0/17``; None where it is none."""
    parts = _ID.fullmatch(text)
    if parts is None or parts[1] not in DEAD_TOPICS:
        return None
    return DeadLetterId(parts[1], int(parts[2]), int(parts[3]))


def latest_dead_letters(log: Stream, most: int) -> list[DeadLetter]:
    """The latest dead letters of all topics, the newest first; one batch of them is in memory at a time.

    Raises:
        StreamError: the log cannot be read.
    """
    found = [_dead_letter(m, topic) for topic in DEAD_TOPICS for m in dead_letters(log, topic=topic, latest=most)]
    return sorted(found, key=lambda one: (one.at, one.id), reverse=True)[:most]


def read_dead_letter(log: Stream, letter_id: DeadLetterId) -> Message:
    """The dead letter with this id, with all its bytes.

    Raises:
        UsageError: it is gone.
        LogError: the log cannot be read.
    """
    found = dead_letters_at(log, [letter_id.offset], topic=letter_id.topic)
    return next((m for m in found if m.partition == letter_id.partition), found[0])


def _dead_letter(message: Message, topic: str, *, first: int = 0) -> DeadLetter:
    known = summary(message)
    return DeadLetter(
        DeadLetterId(topic, message.partition, message.offset),
        message.key,
        known["error"] or "",
        _time(known["time"]) or message.timestamp,
        attempts(message.headers),
        len(message.value),
        message.headers,
        message.value[:first],
    )


def shown_dead_letter(message: Message, topic: str) -> DeadLetter:
    """What :func:`dead_letter_html` needs of a dead letter."""
    return _dead_letter(message, topic, first=_SHOWN_BYTES)


def _time(text: str | None) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None


def dead_letter_rows(letters: Sequence[DeadLetter], *, now: float) -> list[TableRow]:
    """Rows of the table ``dead_letters``; a row's id is read by :func:`parse_dead_letter_id`."""
    return [
        {
            "id": str(one.id),
            "cells": [
                {"text": f"{age_words(now - one.at)} ago", "note": utc_time(one.at)},
                {"text": one.id.topic},
                {"text": printable(one.error) or UNKNOWN, "note": None if one.error else "no reason given"},
                {"text": f"{one.id.partition} / {one.id.offset}"},
                {"text": printable(one.key, 40) or UNKNOWN},
                {"text": count(one.attempts)},
                {"text": count(one.size)},
                {"text": "Show", "action": "letter", "label": f"Show dead letter {one.id}"},
                {"text": "Replay", "action": "replay", "label": f"Replay dead letter {one.id}"},
            ],
        }
        for one in letters
    ]


def dead_letter_html(letter: DeadLetter, *, as_hex: bool) -> Markup:
    """One in full: its origin, error, headers and bytes, as text or in hexadecimal."""
    text = None if as_hex else _text(letter.first, whole=len(letter.first) == letter.size)
    shown = min(letter.size, _SHOWN_HEX) if text is None else len(letter.first)
    of = f"the first {count(shown)} of its {count(letter.size)}" if shown < letter.size else f"its {count(letter.size)}"
    binary = text is None and not as_hex
    return page_html(
        "pipeline_dead_letter.html.j2",
        id=str(letter.id),
        facts=[(printable(name, 80), printable(value, 4_000)) for name, value in _facts(letter)],
        extent=of,
        notation="as text" if text is not None else f"in hexadecimal{' (they are not text)' if binary else ''}",
        toggle="" if binary else "Show text" if as_hex else "Show hexadecimal",
        hex=text is None,
        content=_hex(letter.first[:_SHOWN_HEX]) if text is None else text,
    )


def _facts(letter: DeadLetter) -> Iterable[tuple[str, str]]:
    yield "error", letter.error or "not given"
    yield "key", letter.key or "none"
    yield "time", utc_time(letter.at)
    yield "stored in", f"{dead_letter_topic(letter.id.topic)}, {letter.id.partition} / {letter.id.offset}"
    yield from ((name, text) for name, text in letter.headers.items() if name not in ("error", "time"))


def _text(data: bytes, *, whole: bool) -> str | None:
    """The bytes as text, every character visible; None where they are not text."""
    try:
        # Unless it is the whole, the end may lie within a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(data, final=whole)
    except UnicodeDecodeError:
        return None
    return escaped(text, keep="\n\t")


def _hex(data: bytes) -> str:
    lines = []
    for at in range(0, len(data), _HEX_WIDTH):
        some = data[at : at + _HEX_WIDTH]
        ascii_only = "".join(chr(b) if 32 <= b < 127 else "." for b in some)
        lines.append(f"{at:06x}  {some.hex(' '):<{_HEX_WIDTH * 3 - 1}}  {ascii_only}")
    return "\n".join(lines)
