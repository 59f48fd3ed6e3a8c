"""What somebody pastes to have it watched: ASINs, EANs and addresses of Amazon, in a text of any layout. Pure.

Commas, semicolons, spaces and lines separate them, a # begins a comment, as in the watchlist's file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from arbkit.core.errors import RefusedFileError, UsageError
from arbkit.core.input.asin import parse_asin, shorten
from arbkit.core.input.ean import CODE_LENGTHS, has_right_check_digit
from arbkit.sources.watchlist import BadLine, content_of, lines_of

MAX_BYTES = 1 << 20
MAX_LINES = 10_000
"""Lines of a text, and products in it."""
_ADDRESS = re.compile(r"(?:https?://|www\.|amazon\.|amzn\.)", re.IGNORECASE)
_BETWEEN = re.compile(r"[,;|]+")
# A comma within an address is part of it: one that ends it stands before the next product.
_AFTER_ADDRESS = re.compile(r"[,;|]+(?=https?://|www\.|amazon\.|amzn\.|[0-9A-Z]{8,14}(?:[,;|]|$)|$)", re.IGNORECASE)
_QUOTES = "\"'`“”„‚’<>()[]"
_NOTHING = "names no product"
_SHAPES = "Write ASINs, EANs or addresses of products on Amazon"


@dataclass(frozen=True, slots=True)
class PastedCode:
    """An EAN, UPC or other code of GS1 in a line, counted from 1."""

    line: int
    code: str


@dataclass(frozen=True, slots=True)
class PastedList:
    """What a text names, in its order: ASINs, each once, and codes; and what of it cannot be used."""

    products: tuple[str | PastedCode, ...]
    bad: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class CheckedList:
    """The products to be added and those that are watched already, in the text's order, and what cannot be used."""

    fresh: tuple[str, ...]
    watched: tuple[str, ...]
    bad: tuple[BadLine, ...]


def parse_pasted(data: bytes, name: str = "the list") -> PastedList:
    """What a text names, in UTF-8 or UTF-16.

    Raises:
        RefusedFileError: it is no text, too large, or empty; names it as ``name``.
    """
    if len(data) > MAX_BYTES:
        raise RefusedFileError(f"has more than {MAX_BYTES >> 20} MB", field=name, remedy="Split it")
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
    if "\0" in text:
        raise RefusedFileError("is no text", field=name, remedy=_SHAPES)
    lines = lines_of(text)
    if len(lines) > MAX_LINES:
        raise RefusedFileError(f"has more than {MAX_LINES:,} lines", field=name, remedy="Split it")
    products: dict[str, str | PastedCode] = {}
    bad: list[BadLine] = []
    for number, line in enumerate(lines, 1):
        content = content_of(line)
        read = [_read(number, word) for word in _words(content)]
        found = [one for one in read if not isinstance(one, BadLine)]
        for one in found:
            products.setdefault(one.code if isinstance(one, PastedCode) else one, one)
        if not found and len(read) > 1:
            bad.append(BadLine(number, shorten(content), _NOTHING, _SHAPES))
        else:
            bad.extend(one for one in read if isinstance(one, BadLine))
        if len(products) > MAX_LINES:
            raise RefusedFileError(f"names more than {MAX_LINES:,} products", field=name, remedy="Split it")
    if not products and not bad:
        raise RefusedFileError(_NOTHING, field=name, remedy=_SHAPES)
    return PastedList(tuple(products.values()), tuple(bad))


def check_pasted(
    pasted: PastedList, watched: Collection[str], products_of: Callable[[str], Sequence[str]]
) -> CheckedList:
    """What adding a list would do.

    Args:
        pasted: as it was read.
        watched: the ASINs on the watchlist.
        products_of: the ASINs of the stored products that have a code.
    """
    named: dict[str, None] = {}
    bad = list(pasted.bad)
    for one in pasted.products:
        asins = products_of(one.code) if isinstance(one, PastedCode) else (one,)
        if isinstance(one, PastedCode) and not asins:
            bad.append(_unknown(one))
        named.update(dict.fromkeys(asins))
    there = {*watched}
    return CheckedList(
        fresh=tuple(asin for asin in named if asin not in there),
        watched=tuple(asin for asin in named if asin in there),
        bad=tuple(sorted(bad, key=lambda one: one.line)),
    )


def _words(content: str) -> Iterator[str]:
    for word in content.split():
        between = _AFTER_ADDRESS if _ADDRESS.match(word.lstrip(_QUOTES)) else _BETWEEN
        yield from (bare for part in between.split(word) if (bare := part.strip(_QUOTES)))


def _read(number: int, word: str) -> str | PastedCode | BadLine:
    if word.isascii() and word.isdecimal() and len(word) in CODE_LENGTHS:
        return PastedCode(number, word)
    try:
        return parse_asin(word)
    except UsageError as error:
        return BadLine(number, shorten(word), error.why, error.remedy)


def _unknown(one: PastedCode) -> BadLine:
    if not has_right_check_digit(one.code):
        return BadLine(one.line, one.code, "an EAN whose check digit is wrong", "Copy it once more")
    why = "no product that is stored has this EAN"
    return BadLine(one.line, one.code, why, "Write its ASIN, which Amazon's search shows for the EAN")
