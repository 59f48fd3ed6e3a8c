"""The watchlist: a text file with one ASIN a line that people and programs edit side by side.

A line is an ASIN (or the address of a product page on Amazon), ``#`` starts a comment, blank lines are free.
A line that is neither is named and skipped; whoever rewrites the file keeps everything else as it was.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.files import changing, read_if_there, write_atomically, write_new
from arbkit.core.input.asin import parse_asin, shorten
from arbkit.core.settings import Settings

_DEMO_HEADER = """\
# The invented products of the demo market, one ASIN a line.
# With a Keepa key of your own, arbkit watches watchlist.txt instead.
"""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line (counted from 1) or a word of it that was skipped, why, and what to do about it."""

    line: int
    text: str
    why: str
    remedy: str | None = None

    def __str__(self) -> str:
        said = f"line {self.line}: {self.text!r} skipped: {self.why}"
        return f"{said}. {self.remedy}" if self.remedy else said


@dataclass(frozen=True, slots=True)
class Watchlist:
    """The ASINs in the file's order, each once, and the lines that could not be used."""

    asins: tuple[str, ...]
    bad: tuple[BadLine, ...] = ()


def parse(data: bytes) -> Watchlist:
    """The watchlist in a file's bytes (UTF-8, with or without BOM, any line ends)."""
    first: dict[str, int] = {}
    bad: list[BadLine] = []
    repeated: set[str] = set()
    for number, line in enumerate(lines_of(data.decode("utf-8", "replace")), start=1):
        text = content_of(line)
        if not text:
            continue
        try:
            asin = parse_asin(text)
        except UsageError as error:
            bad.append(BadLine(number, shorten(text), error.why, error.remedy))
            continue
        if asin not in first:
            first[asin] = number
        elif asin not in repeated:
            repeated.add(asin)
            bad.append(BadLine(number, shorten(text), f"already in line {first[asin]}"))
    return Watchlist(tuple(first), tuple(bad))


def locate(settings: Settings) -> Path:
    """The watchlist's file; the demo market's own one is made at its first use.

    Raises:
        ServiceError: it cannot be made.
    """
    path = settings.watchlist_path
    if is_of_demo(settings) and not path.exists():
        from arbkit.sources.demo.market import asins

        with changing(path):
            write_new(path, (_DEMO_HEADER + "\n".join(asins()) + "\n").encode())
    return path


def is_of_demo(settings: Settings) -> bool:
    """Whether the list is the demo market's own, and no file that a setting names."""
    # A child process gets the same file by its full name.
    default = settings.model_copy(update={"watchlist": None}).watchlist_path
    return settings.demo_mode and settings.watchlist_path.resolve() == default.resolve()


def load(settings: Settings) -> Watchlist:
    """The watchlist in force.

    Raises:
        ConfigError: there is no such file, or it cannot be read.
    """
    path = locate(settings)
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        if settings.mode == "imported":
            # Nothing is polled, so nothing need be watched.
            return Watchlist(())
        why = "there is no watchlist"
    except OSError as error:
        why = f"the watchlist cannot be read: {error.strerror or error}"
    remedy = "Make it with `arbkit watch add ASIN`: one ASIN a line, # for comments"
    raise ConfigError(why, field="ARBKIT_WATCHLIST", value=str(path), remedy=remedy)


def add(path: Path, asins: Iterable[str]) -> tuple[str, ...]:
    """Append what is not there yet, and give that; the file is made if need be.

    Raises:
        UsageError: one of ``asins`` is none; nothing is written.
        ServiceError: the file cannot be read or written.
    """
    wanted = [parse_asin(asin) for asin in asins]
    with changing(path):
        data = read_if_there(path) or b""
        there = parse(data).asins
        fresh = tuple(dict.fromkeys(asin for asin in wanted if asin not in there))
        if fresh:
            end = "\r\n" if b"\r\n" in data else "\n"
            gap = end if data and not data.endswith((b"\n", b"\r")) else ""
            write_atomically(path, data + (gap + "".join(asin + end for asin in fresh)).encode())
    return fresh


def remove(path: Path, asins: Iterable[str]) -> tuple[str, ...]:
    """Take out every line that holds one of ``asins``; those that stood there.

    Raises:
        UsageError: one of ``asins`` is none; nothing is written.
        ServiceError: the file cannot be read or written.
    """
    wanted = dict.fromkeys(map(parse_asin, asins))
    with changing(path):
        lines = lines_of((read_if_there(path) or b"").decode("utf-8", "surrogateescape"))
        held = [_held(line) for line in lines]
        if wanted.keys() & held:
            kept = [line for line, asin in zip(lines, held, strict=True) if asin not in wanted]
            write_atomically(path, "".join(kept).encode("utf-8", "surrogateescape"))
    return tuple(asin for asin in wanted if asin in held)


def lines_of(text: str) -> list[str]:
    """The lines with their ends; ``str.splitlines`` would also break at characters that are none."""
    return list(io.StringIO(text, newline=""))


def content_of(line: str) -> str:
    """A line without its comment. A # in an address begins its fragment, which names no product either."""
    return line.removeprefix("\ufeff").partition("#")[0].strip()


def _held(line: str) -> str | None:
    try:
        return parse_asin(content_of(line))
    except UsageError:
        return None
