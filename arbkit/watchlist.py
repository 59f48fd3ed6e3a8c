"""The watchlist: a text file with one ASIN a line that people and programs edit side by side.

A line is an ASIN (or the address of a product page on Amazon), ``#`` starts a comment, blank lines are free.
A line that is neither is named and skipped; whoever rewrites the file keeps everything else as it was.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from arbkit.errors import ConfigError, UsageError
from arbkit.files import read_if_there, write_atomically
from arbkit.settings import Settings

__all__ = ["BadLine", "Watchlist", "add", "load", "locate", "parse", "parse_asin", "remove"]

_ASIN = re.compile(r"B[0-9A-Z]{9}")
_ISBN = re.compile(r"[0-9]{9}[0-9X]")
_ADDRESS = re.compile(r"(?:https?://|www\.|amazon\.|amzn\.)", re.IGNORECASE)
_IN_PATH = re.compile(r"/(?:dp|gp/product|gp/aw/d|product|ASIN)/([0-9A-Za-z]{10})(?![0-9A-Za-z])")
_AMAZON = re.compile(r"(?:[a-z0-9-]+\.)*amazon\.[a-z.]{2,6}")
_SHOWN = 60
"""Characters of a bad line that are repeated to the user."""

_DEMO_HEADER = """\
# The invented products of the demo market, one ASIN a line.
# With a Keepa key of your own, arbkit watches watchlist.txt instead.
"""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line (counted from 1) that was skipped, and why."""

    line: int
    text: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text!r} skipped: {self.why}"


@dataclass(frozen=True, slots=True)
class Watchlist:
    """The ASINs in the file's order, each once, and the lines that could not be used."""

    asins: tuple[str, ...]
    bad: tuple[BadLine, ...] = ()


def parse_asin(text: str) -> str:
    """The ASIN that ``text`` is, in any case, or that an Amazon address in it leads to.

    Raises:
        UsageError: it is none; says why.
    """
    word = text.strip()
    # Some letters outside ASCII have an upper case inside it.
    found = _from_address(word) if _ADDRESS.match(word) else word.upper() if word.isascii() else word
    if why := _fault(found):
        raise UsageError(why, field="asin", value=_shown(word), remedy="An ASIN looks like B07DVM36PS")
    return found


def parse(data: bytes) -> Watchlist:
    """The watchlist in a file's bytes (UTF-8, with or without BOM, any line ends)."""
    first: dict[str, int] = {}
    bad: list[BadLine] = []
    repeated: set[str] = set()
    for number, line in enumerate(_lines(data.decode("utf-8", "replace")), start=1):
        text = _content(line)
        if not text:
            continue
        try:
            asin = parse_asin(text)
        except UsageError as error:
            bad.append(BadLine(number, _shown(text), error.why))
            continue
        if asin not in first:
            first[asin] = number
        elif asin not in repeated:
            repeated.add(asin)
            bad.append(BadLine(number, _shown(text), f"already in line {first[asin]}"))
    return Watchlist(tuple(first), tuple(bad))


def locate(settings: Settings) -> Path:
    """The watchlist's file; the demo market's own one is made at its first use.

    Raises:
        ServiceError: it cannot be made.
    """
    path = settings.watchlist_path
    # A child process is told the same file by its full name.
    default = settings.model_copy(update={"watchlist": None}).watchlist_path
    if settings.demo_mode and path.resolve() == default.resolve() and not path.exists():
        from arbkit.demo.market import asins

        write_atomically(path, (_DEMO_HEADER + "\n".join(asins()) + "\n").encode())
    return path


def load(settings: Settings) -> Watchlist:
    """The watchlist in force.

    Raises:
        ConfigError: there is no such file, or it cannot be read.
    """
    path = locate(settings)
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        why = "there is no watchlist"
    except OSError as error:
        why = f"the watchlist cannot be read: {error.strerror or error}"
    raise ConfigError(
        why,
        field="ARBKIT_WATCHLIST",
        value=str(path),
        remedy="Make it with `arbkit watch add ASIN`: one ASIN a line, # for comments",
    )


def add(path: Path, asins: Iterable[str]) -> tuple[str, ...]:
    """Append what is not there yet, and give that; the file is made if need be.

    Raises:
        UsageError: one of ``asins`` is none; nothing is written.
        ServiceError: the file cannot be read or written.
    """
    data = read_if_there(path) or b""
    there = parse(data).asins
    fresh = tuple(dict.fromkeys(a for a in map(parse_asin, asins) if a not in there))
    if fresh:
        end = "\r\n" if b"\r\n" in data else "\n"
        gap = end if data and not data.endswith((b"\n", b"\r")) else ""
        write_atomically(path, data + (gap + "".join(asin + end for asin in fresh)).encode())
    return fresh


def remove(path: Path, asin: str) -> bool:
    """Take out every line that holds ``asin``; whether there was one.

    Raises:
        UsageError: it is no ASIN.
        ServiceError: the file cannot be read or written.
    """
    wanted = parse_asin(asin)
    lines = _lines((read_if_there(path) or b"").decode("utf-8", "surrogateescape"))
    kept = [line for line in lines if not _holds(line, wanted)]
    if len(kept) == len(lines):
        return False
    write_atomically(path, "".join(kept).encode("utf-8", "surrogateescape"))
    return True


def _lines(text: str) -> list[str]:
    """The lines with their ends; ``str.splitlines`` would also break at characters that are none."""
    return list(io.StringIO(text, newline=""))


def _content(line: str) -> str:
    """A line without its comment. A # in an address begins its fragment, which names no product either."""
    return line.removeprefix("\ufeff").partition("#")[0].strip()


def _holds(line: str, asin: str) -> bool:
    try:
        return parse_asin(_content(line)) == asin
    except UsageError:
        return False


def _from_address(address: str) -> str:
    """The ASIN in the address of a product page; empty if it has none."""
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
    except ValueError:
        return ""
    if parts.hostname is None or not _AMAZON.fullmatch(parts.hostname):
        return ""
    in_path = _IN_PATH.search(parts.path)
    named = parse_qs(parts.query).get("asin", [""])
    return (in_path.group(1) if in_path else named[0]).upper()


def _fault(word: str) -> str | None:
    """Why ``word`` (in upper case) is no ASIN, or None if it is one."""
    if not word:
        return "not the address of a product page on Amazon"
    if _ASIN.fullmatch(word):
        return None
    if _ISBN.fullmatch(word):
        total = sum((10 - i) * (10 if c == "X" else int(c)) for i, c in enumerate(word))
        return None if total % 11 == 0 else "an ISBN-10 whose check digit is wrong"
    if len(word.split()) > 1 or "," in word or ";" in word:
        return "more than one word; put one ASIN on a line, comments after #"
    if re.fullmatch(r"[0-9]{12,14}", word):
        return "an EAN or ISBN-13, not an ASIN"
    if len(word) != 10:
        return f"an ASIN has 10 characters, this has {len(word)}"
    return "not an ASIN: B and nine letters or digits, or an ISBN-10"


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
