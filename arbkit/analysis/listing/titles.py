"""What a product's title says in numbers and codes: how many units, how much of what, which model, which size.

Titles are written in five languages, so numbers and codes are read, words only where they tell a number's meaning.
Titles come from sellers: whatever is in them, reading one takes time in proportion to its length.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from arbkit.analysis.listing.marks import Marks, read_marks
from arbkit.analysis.listing.title_numbers import NumberReader

_LONGEST = 1_000
_PERHAPS_ACCENTS = re.compile("[\u0300-\U0010ffff]+")
"""All combining characters of Unicode, and others."""
_KEPT = 16_384
"""Titles that stay parsed: of a batch of products on all their marketplaces."""


@dataclass(frozen=True, slots=True)
class Title:
    """What a product's title states.

    Attributes:
        words: all of it, without accents and case.
        counts: numbers of units that it may mean: each that is stated, their product and their sum.
        doubled: what numbers of pairs are in single units.
        stated: the numbers of units as they stand there.
        packs: those that are of packs: ``6er Pack``, ``lot de 6``.
        parts: the counts are of the parts of one thing.
        mentions: every whole number that is no measure, a count or not.
        measures: kind → amounts, as they stand there.
        totals: kind → what the amounts may come to, of all units together.
        models: model numbers without their punctuation.
        part_numbers: numbers of eight digits and more, without leading zeros.
        sizes: sides in mm, longest first.
        marks: facet → values, as keyboard → QWERTZ.
    """

    words: str
    counts: frozenset[int] = frozenset()
    doubled: frozenset[int] = frozenset()
    stated: tuple[int, ...] = ()
    packs: frozenset[int] = frozenset()
    parts: bool = False
    mentions: frozenset[int] = frozenset()
    measures: Mapping[str, frozenset[float]] = field(default_factory=dict)
    totals: Mapping[str, frozenset[float]] = field(default_factory=dict)
    models: frozenset[str] = frozenset()
    part_numbers: frozenset[str] = frozenset()
    sizes: frozenset[tuple[float, ...]] = frozenset()
    marks: Marks = field(default_factory=dict)

    @property
    def units(self) -> int | None:
        """How many units it is, as far as the title says; None: it does not."""
        return max(self.stated, default=None)


def normalize(text: str) -> str:
    """A text without accents and case: ``Stück`` → stuck."""
    folded = unicodedata.normalize("NFKD", text[:_LONGEST].casefold().replace("×", "x").replace("ß", "ss"))
    return " ".join(_PERHAPS_ACCENTS.sub(_without_accents, folded).split())[:_LONGEST]


def _without_accents(found: re.Match[str]) -> str:
    return "".join(c for c in found.group() if not unicodedata.combining(c))


@lru_cache(maxsize=_KEPT)
def parse_title(title: str) -> Title:
    """What a title says in numbers, codes, and words that tell variants apart."""
    words = normalize(title)
    reader = NumberReader(words)
    stated = [n for n in dict.fromkeys(reader.stated) if n > 1] or list(dict.fromkeys(reader.stated))
    counts = frozenset(stated) | reader.paid
    if stated:
        counts |= {math.prod(stated), sum(reader.stated)}
    return Title(
        words=words,
        counts=counts,
        doubled=frozenset(reader.doubled),
        stated=tuple(stated),
        packs=frozenset(n for n in reader.packs if n > 1),
        parts=reader.parts,
        mentions=frozenset(reader.mentions) | frozenset(stated),
        measures={kind: frozenset(values) for kind, values in reader.measures.items()},
        totals={kind: _total(reader, kind, counts) for kind in reader.measures},
        models=frozenset(reader.models),
        part_numbers=frozenset(reader.part_numbers),
        sizes=frozenset(reader.sizes),
        marks=read_marks(words),
    )


def _total(reader: NumberReader, kind: str, counts: frozenset[int]) -> frozenset[float]:
    """Amounts of all units together: ``2 x 8 GB`` says it already, but for a number of packs."""
    if products := reader.products.get(kind):
        return frozenset(amount * n for amount in products for n in {1} | reader.packs)
    return frozenset(amount * n for amount in reader.measures[kind] for n in counts or {1})
