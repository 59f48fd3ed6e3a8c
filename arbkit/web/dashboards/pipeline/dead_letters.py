"""Dead letters on a page: rows of a table, and one in full. Their bytes and errors are anybody's: all is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from arbkit.core.formatting import UNKNOWN, age_words, count
from arbkit.ops.stream_state import DEAD_TOPICS
from arbkit.stream import Message, Stream, dead_letter_topic
from arbkit.stream.dead_letters import attempts, dead_letters_at, latest, summary
from arbkit.web.dashboards.html_parts import press_html
from arbkit.web.dashboards.opportunities.columns import moment

__all__ = [
    "COLUMNS",
    "Letter",
    "Place",
    "found_letter",
    "latest_letters",
    "letter_html",
    "parse_place",
    "plain",
    "rows",
    "shown_letter",
]

_LONGEST_CELL = 240
_SHOWN_BYTES = 64 << 10
_SHOWN_HEX = 4 << 10
_HEX_WIDTH = 16
COLUMNS = [
    {"label": "Died", "kind": "text", "note": "When it became a dead letter"},
    {"label": "Topic", "kind": "text"},
    {"label": "Why", "kind": "title"},
    {"label": "Place", "kind": "text", "note": "Partition / offset among the topic's dead letters"},
    {"label": "Key", "kind": "text"},
    {"label": "Attempts", "kind": "number", "note": "How often it was tried"},
    {"label": "Bytes", "kind": "number"},
    {"label": "", "kind": "text"},
    {"label": "", "kind": "text"},
]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a dead letter lies: ``topic`` is the one it was meant for."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter without its bytes, but for the ``first`` of them where it is shown in full."""

    place: Place
    key: str
    error: str
    at: float
    attempts: int
    size: int
    headers: Mapping[str, str]
    first: bytes = b""


def parse_place(text: str) -> Place | None:
    """The place that a text names; None where it names none."""
    topic, _, rest = text.partition("/")
    numbers = rest.split("/")
    if topic not in DEAD_TOPICS or len(numbers) != 2 or not all(n.isascii() and n.isdigit() for n in numbers):
        return None
    return Place(topic, int(numbers[0]), int(numbers[1])) if max(map(len, numbers)) < 19 else None


def latest_letters(log: Stream, most: int) -> list[Letter]:
    """The latest dead letters of all topics, the newest first; one batch of them is in memory at a time.

    Raises:
        StreamError: the log cannot be read.
    """
    found = [_letter(m, topic) for topic in DEAD_TOPICS for m in latest(log, most, topic=topic)]
    return sorted(found, key=lambda one: (one.at, one.place), reverse=True)[:most]


def found_letter(log: Stream, place: Place) -> Message:
    """The dead letter there, with all its bytes.

    Raises:
        UsageError: it is there no more.
        StreamError: the log cannot be read.
    """
    found = dead_letters_at(log, [place.offset], topic=place.topic)
    return next((m for m in found if m.partition == place.partition), found[0])


def _letter(message: Message, topic: str, *, first: int = 0) -> Letter:
    known = summary(message)
    return Letter(
        Place(topic, message.partition, message.offset),
        message.key,
        known["error"] or "",
        _time(known["time"]) or message.timestamp,
        attempts(message.headers),
        len(message.value),
        message.headers,
        message.value[:first],
    )


def shown_letter(message: Message, topic: str) -> Letter:
    """What :func:`letter_html` needs of a dead letter."""
    return _letter(message, topic, first=_SHOWN_BYTES)


def _time(text: str | None) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None


def plain(text: str, most: int = _LONGEST_CELL) -> str:
    """A text in which nothing hides: signs that cannot be seen are spelt, and what is too long is cut."""
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def rows(letters: Sequence[Letter], *, now: float) -> list[dict[str, Any]]:
    """Rows of :data:`COLUMNS`; what is pressed has the row's id, which :func:`parse_place` reads."""
    return [
        {
            "id": str(one.place),
            "cells": [
                {"text": f"{age_words(now - one.at)} ago", "note": moment(one.at)},
                {"text": one.place.topic},
                {"text": plain(one.error) or UNKNOWN, "note": None if one.error else "it does not say why it is here"},
                {"text": f"{one.place.partition} / {one.place.offset}"},
                {"text": plain(one.key, 40) or UNKNOWN},
                {"text": count(one.attempts)},
                {"text": count(one.size)},
                {"text": "Show", "press": "letter", "label": f"Show dead letter {one.place}"},
                {"text": "Replay", "press": "replay", "label": f"Replay dead letter {one.place}"},
            ],
        }
        for one in letters
    ]


def letter_html(letter: Letter, *, as_hex: bool) -> str:
    """One in full: where it came from, why it is here, its headers and bytes, as text or as numbers."""
    text = None if as_hex else _text(letter.first, whole=len(letter.first) == letter.size)
    content = _hex(letter.first[:_SHOWN_HEX]) if text is None else text
    shown = min(letter.size, _SHOWN_HEX) if text is None else len(letter.first)
    of = f"the first {count(shown)} of its {count(letter.size)}" if shown < letter.size else f"its {count(letter.size)}"
    how = "as numbers, in base 16" if text is None else "as text"
    looks = " class=arb-hex" if text is None else ""
    why_hex = "" if as_hex or text is not None else " (they are no text)"
    head = "".join(
        f'<tr><th scope="row">{escape(plain(name, 80))}</th><td>{escape(plain(value, 4_000))}</td></tr>'
        for name, value in _facts(letter)
    )
    place = escape(str(letter.place))
    presses = [("replay", "Replay it"), ("download", "Download its bytes")]
    if as_hex or text is not None:
        presses.append(("hex", "As text" if as_hex else "As numbers"))
    buttons = "".join(press_html(name, says, id=str(letter.place)) for name, says in (*presses, ("close", "Close")))
    return (
        f'<div class="arb-letter" role="dialog" aria-label="Dead letter {place}"><h3>Dead letter {place}</h3>'
        f'<div class="arb-actions">{buttons}</div>'
        f'<div class="arb-scroll"><table class="arb-facts"><tbody>{head}</tbody></table></div>'
        f'<p class="arb-quiet">You see {of} bytes {how}{why_hex}.</p>'
        f'<pre tabindex="0"{looks} aria-label="Bytes of the dead letter">{escape(content)}</pre></div>'
    )


def _facts(letter: Letter) -> Iterable[tuple[str, str]]:
    yield "why", letter.error or "it does not say"
    yield "key", letter.key or "none"
    yield "died", moment(letter.at)
    yield "kept in", f"{dead_letter_topic(letter.place.topic)}, {letter.place.partition} / {letter.place.offset}"
    yield from ((name, text) for name, text in letter.headers.items() if name not in ("error", "time"))


def _text(data: bytes, *, whole: bool) -> str | None:
    """The bytes as text, every sign of it to be seen; None where they are none."""
    for cut in range(1 if whole else 4):
        # The end may lie within a sign.
        try:
            text = data[: len(data) - cut].decode()
            break
        except UnicodeDecodeError:
            continue
    else:
        return None
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def _hex(data: bytes) -> str:
    lines = []
    for at in range(0, len(data), _HEX_WIDTH):
        some = data[at : at + _HEX_WIDTH]
        signs = "".join(chr(b) if 32 <= b < 127 else "." for b in some)
        lines.append(f"{at:06x}  {some.hex(' '):<{_HEX_WIDTH * 3 - 1}}  {signs}")
    return "\n".join(lines)
