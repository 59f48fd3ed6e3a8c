"""Which columns of an export arbkit reads, and as what: the vocabulary is data, ``columns.toml``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from typing_extensions import TypedDict

from arbkit.core.files import shipped_table

Kind = Literal[
    "identity", "text", "texts", "names", "path", "codes", "seller", "money", "percent", "whole", "number", "length",
    "weight", "volume", "flag",
]  # fmt: skip


class _Empty(TypedDict):
    means_none: list[str]
    prices: list[str]


class Digital(TypedDict):
    """How exports mark goods that are no goods to send."""

    types: list[str]
    words: list[str]


class Vocabulary(TypedDict):
    """``columns.toml``, table by table."""

    subjects: dict[str, list[str]]
    metrics: dict[str, list[str]]
    names: dict[str, list[str]]
    fields: dict[Kind, dict[str, list[str]]]
    empty: _Empty
    units: dict[str, dict[str, float]]
    words: dict[str, list[str]]
    codes: dict[Literal["invented"], list[str]]
    digital: dict[Literal["ebook", "download"], Digital]
    currencies: dict[str, list[str]]
    language_codes: dict[str, list[str]]


VOCABULARY = shipped_table(Vocabulary, "arbkit.sources.exports", "columns.toml")
PRICES = frozenset(VOCABULARY["empty"]["prices"])
"""Fields that a route can be priced with: a file without any is refused."""
EMPTY_MEANS_NONE = frozenset(VOCABULARY["empty"]["means_none"])
"""Fields whose empty cell says that there is none; an empty cell of any other field says nothing."""
MANY = frozenset({"texts", "names", "path", "codes"})
"""Kinds whose field is a tuple."""

_UNIT = re.compile(r"^(.*?)\s*\(([^()]+)\)$")
_BLANKS = re.compile(r"\s+")
_DIGITS = re.compile(r"\d+")
_LORRY = "🚚"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is read.

    ``rank`` orders the columns of one field: the first that is not empty counts. ``factor`` is what one of the
    header's unit is in the field's. ``includes_shipping`` is what a lorry in the header says.
    """

    header: str
    field: str
    kind: Kind
    rank: int
    factor: float
    includes_shipping: bool


def plain(text: str) -> str:
    """``text`` as headers and words are compared: no case, accents, doubled blanks, or dots at the end."""
    folded = unicodedata.normalize("NFKD", text.replace(_LORRY, " ").casefold().replace("ł", "l"))
    bare = "".join(c for c in folded if not unicodedata.combining(c) and c != "\ufe0f").replace("’", "'")
    return _BLANKS.sub(" ", bare).replace(" & ", "&").replace(" :", ":").strip(" .:")


@lru_cache(maxsize=4096)
def read_column(header: str) -> Column | None:
    """What a header says of its column; None if arbkit does not read it."""
    word, factor = plain(header), 0.0
    known = _field_of(word)
    if known is None and (bracketed := _UNIT.match(word)) is not None:
        known = _field_of(plain(bracketed[1]))
        units = VOCABULARY["units"].get(known[1] if known else "", {})
        factor = units.get(bracketed[2].strip(), 0.0)
        known = known if factor else None
    if known is None:
        return None
    field, kind, rank = known
    default = next(iter(VOCABULARY["units"].get(kind, {"": 1.0}).values()))
    lorry = _LORRY in header
    return Column(header, field, kind, 2 * rank + (not lorry), factor or default, lorry)


def amount_columns(headers: Sequence[str]) -> frozenset[int]:
    """The indices of the columns whose cell formats say something about their numbers."""
    known = enumerate(map(read_column, headers))
    return frozenset(index for index, column in known if column is not None and column.kind in ("money", "percent"))


@lru_cache(maxsize=64)
def read_columns(headers: tuple[str, ...]) -> tuple[Column, ...]:
    """The columns that are read, those of one field in the order in which they count, whatever the file's order."""
    found = [column for header in dict.fromkeys(headers) if (column := read_column(header)) is not None]
    return tuple(sorted(found, key=lambda c: (c.field, c.rank, c.header)))


def _field_of(header: str) -> tuple[str, Kind, int] | None:
    """Field, kind and rank of a header in its plain form."""
    subject, colon, metric = header.partition(": ")
    if not colon:
        return next((found for name in _words("names").get(header, ()) if (found := _fields().get(name))), None)
    number = _DIGITS.search(metric)
    said = metric if number is None else f"{metric[: number.start()]}{{}}{metric[number.end() :]}"
    asked = number[0] if number else ""
    for first in _words("subjects").get(subject, ()):
        for second in _words("metrics").get(said, ()):
            if found := _fields().get(f"{first}: {second} {asked}".rstrip()):
                return found
            if asked and (found := _fields().get(f"{first}: {second} *")):
                return found[0], found[1], int(asked[:4])
    return None


@cache
def _words(table: Literal["subjects", "metrics", "names"]) -> Mapping[str, list[str]]:
    """The plain form of every word → what it may mean."""
    found: dict[str, list[str]] = {}
    for meaning, words in VOCABULARY[table].items():
        for word in dict.fromkeys(map(plain, words)):
            found.setdefault(word, []).append(meaning)
    return found


@cache
def _fields() -> Mapping[str, tuple[str, Kind, int]]:
    """The name, or subject and metric, of every column that is read → field, kind and rank."""
    return {
        name: (field, kind, rank)
        for kind, fields in VOCABULARY["fields"].items()
        for field, names in fields.items()
        for rank, name in enumerate(names)
    }
