"""Words of a title that tell variants of a thing apart: keyboard, language, plug, region, edition, colour, condition.

Each facet has values that stand for a word in every language of the marketplaces: ``Stecker`` beside ``UK`` and
``spina inglese`` are both the plug UK. The words are data, in ``title_marks.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

Marks = Mapping[str, frozenset[str]]
"""Facet → the values that a text has of it; a facet with :data:`ANY` goes with every value."""
ANY = "any"

_DATA = tomllib.loads(resources.files("arbkit.analysis.listing").joinpath("title_marks.toml").read_text("utf-8"))
_WORD = re.compile(r"[a-z0-9]+|[,;|()\[\]/]")
_NEAR = 3
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th|e|eme|ere|a|o|er|re|da|ma)?")
_YEAR = re.compile(r"20[0-3]\d")
_LETTERS = {"QWERTZ": "QWERTZ", "AZERTY": "AZERTY", "QWERTY": "QWERTY", "DE": "QWERTZ", "CH": "QWERTZ", "FR": "AZERTY"}


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A facet whose value is the number, year or letter beside a noun."""

    facet: str
    letters: frozenset[str]
    years: bool
    behind_only: bool
    least: int
    most: int

    def value(self, word: str) -> str | None:
        """The value that a word beside the noun gives; None: none."""
        if word in self.letters:
            return word.upper()
        if self.years:
            return word if _YEAR.fullmatch(word) else None
        match = _ORDINAL.fullmatch(word)
        if match is None or not self.least <= int(match.group(1)) <= self.most:
            return None
        return str(int(match.group(1)))


_Phrase = tuple[tuple[str, ...], str, str]


def _phrases() -> Iterator[_Phrase]:
    for facet, values in _DATA["phrases"].items():
        for value, phrases in values.items():
            yield from ((tuple(phrase.split()), facet, value) for phrase in phrases)
    for facet, phrases in _DATA["any"].items():
        yield from ((tuple(phrase.split()), facet, ANY) for phrase in phrases)


def _by_first_word(phrases: Iterable[_Phrase]) -> Mapping[str, list[_Phrase]]:
    found: dict[str, list[_Phrase]] = defaultdict(list)
    for words, facet, value in phrases:
        found[words[0]].append((words[1:], facet, value))
    return dict(found)


def _near() -> Mapping[str, list[tuple[str, Mapping[str, str]]]]:
    """Noun → its facets, each with word → value."""
    found: dict[str, list[tuple[str, Mapping[str, str]]]] = defaultdict(list)
    for rule in _DATA["near"]:
        values = {word: value for value, words in _DATA[rule["values"]].items() for word in words}
        for noun in rule["nouns"]:
            found[noun].append((rule["facet"], values))
    return dict(found)


def _numbered() -> Mapping[str, list[_Numbered]]:
    found: dict[str, list[_Numbered]] = defaultdict(list)
    for rule in _DATA["numbered"]:
        letters = frozenset(rule.get("letters", ()))
        facet = _Numbered(
            rule["facet"], letters, rule.get("years", False), rule.get("behind_only", False), rule.get("least", 0),
            rule.get("most", 99),
        )  # fmt: skip
        for noun in rule["nouns"]:
            found[noun].append(facet)
    return dict(found)


_PHRASES, _NOUNS, _NUMBERED = _by_first_word(_phrases()), _near(), _numbered()
TONGUES: Mapping[str, str] = {word: code for code, words in _DATA["tongues"].items() for word in words}
"""Word for a language → its code."""
_CODES: Mapping[str, Mapping[str, str]] = _DATA["codes"]
_UNITS = frozenset(_DATA["measured"])
_NEGATIONS = frozenset(_DATA["negations"])


def read_marks(text: str) -> Marks:
    """The facets of a text without accents and case (``titles.normalize``)."""
    words = _WORD.findall(text)
    found: dict[str, set[str]] = {}
    for at, word in enumerate(words):
        if phrases := _PHRASES.get(word):
            _read_phrases(words, at, phrases, found)
        if nouns := _NOUNS.get(word):
            _read_near(words, at, nouns, found)
        if numbered := _NUMBERED.get(word):
            _read_numbers(words, at, numbered, found)
    return {facet: frozenset(values) for facet, values in found.items()}


def _read_phrases(words: Sequence[str], at: int, phrases: Sequence[_Phrase], found: dict[str, set[str]]) -> None:
    if at and words[at - 1] in _NEGATIONS:
        return
    for rest, facet, value in phrases:
        if not rest or tuple(words[at + 1 : at + 1 + len(rest)]) == rest:
            found.setdefault(facet, set()).add(value)


def _read_near(
    words: Sequence[str], at: int, nouns: Sequence[tuple[str, Mapping[str, str]]], found: dict[str, set[str]]
) -> None:
    for facet, values in nouns:
        codes = _CODES.get(facet, {})
        for index in _neighbours(words, at):
            if value := values.get(words[index]):
                found.setdefault(facet, set()).add(value)
            elif words[index] in codes and _ends(words, index):
                found.setdefault(facet, set()).add(codes[words[index]])


def _ends(words: Sequence[str], at: int) -> bool:
    """Whether nothing goes on behind this word: the end, punctuation, or the noun it is of."""
    return at + 1 == len(words) or not words[at + 1].isalnum() or words[at + 1] in _NOUNS


def _neighbours(words: Sequence[str], at: int) -> Iterator[int]:
    """Where the words within three of this one are, up to the next punctuation."""
    for step in (-1, 1):
        for distance in range(1, _NEAR + 1):
            index = at + step * distance
            if not 0 <= index < len(words) or not words[index].isalnum():
                break
            yield index


def _read_numbers(words: Sequence[str], at: int, facets: Sequence[_Numbered], found: dict[str, set[str]]) -> None:
    # "2.ª edición" is cut into 2, a and edicion.
    skipped = 2 if at > 1 and words[at - 1] in ("a", "o") and words[at - 2].isdigit() else 1
    before = words[at - skipped] if at else ""
    behind = words[at + 1] if at + 1 < len(words) else ""
    then = words[at + 2] if at + 2 < len(words) else ""
    for facet in facets:
        for word in (behind,) if facet.behind_only else (before, behind):
            value = facet.value(word)
            if value and not (word == behind and then in _UNITS):
                found.setdefault(facet.facet, set()).add(value)


def usual_plug(market: str) -> str:
    """The plug of what is sold on a marketplace and says nothing of its plug."""
    return str(_DATA["usual_plugs"].get(market, "EU"))


def keyboard_letters(values: Iterable[str]) -> frozenset[str]:
    """The arrangement of letters of these keyboards: QWERTZ, AZERTY or QWERTY."""
    return frozenset(_LETTERS.get(value, "QWERTY") for value in values)
