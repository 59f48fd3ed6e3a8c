"""What a title says beside its words: how many units, how much of what, which model, which plug.

Titles are written in five languages, so numbers and codes are read, words only where they tell a number's meaning.
Titles come from sellers: whatever is in them, reading one takes time in proportion to its length.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources

_LONGEST = 1_000

_DATA = tomllib.loads(resources.files("arbkit.analysis").joinpath("title_words.toml").read_text("utf-8"))
_PACKAGES, _IN_FRONT, _BEHIND, _MULTIPLES = (
    "|".join(_DATA[name]) for name in ("packages", "in_front", "behind", "multiples")
)
_COUNTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<![a-z])(?:{_IN_FRONT}) (?:je )?(\d{{1,4}})(?![\d.,]*\d|\s?(?:ml|cl|l|g|kg|cm|mm|m|gb|tb|w)\b)",
        rf"(?<![\d.,a-z-])(\d{{1,4}})\s?-?er[\s-]?(?:{_PACKAGES})(?![a-z])",
        rf"(?<![\d.,a-z-])(\d{{1,2}}(?:[.,]\d{{3}})|\d{{1,4}})[\s-]?(?:{_BEHIND})(?![a-z])",
        r"(?<![\w.,])x(\d{1,3})(?!\w|[.,]\d)",
        r"\(\s?x\s?(\d{1,3})\s?\)",
        r"(?<![\w.,])(\d{1,3})\s?x\s?(?=\d+(?:[.,]\d+)?\s?(?:ml|cl|l|g|kg|gb)\b)",
        rf"(?<![\w.,])(\d{{1,2}})x(?= [a-z])(?! (?:{_MULTIPLES}))",
    )
)
_NUMBERS = {
    int(number): re.compile(rf"(?<![a-z0-9])(?:{'|'.join(words)})(?![a-z])")
    for number, words in _DATA["numbers"].items()
}
_UNITS: Mapping[str, tuple[str, float]] = {
    unit: (kind, factor) for kind, units in _DATA["measures"].items() for unit, factor in units.items()
}
_MEASURE = re.compile(
    r"(?<![\w.,])(\d{1,6}(?:[.,]\d{1,3})?)[\s-]?(" + "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
    + r")(?!\w| \d+ (?:players|spieler|joueurs|giocatori|jugadores))"
)  # fmt: skip
_SIZE = re.compile(
    r"\d+(?:[.,]\d+)?(?:\s?[x×]\s?\d+(?:[.,]\d+)?)+(?:\s?(?:cm|mm|m)\b)?|\d+(?:[.,]\d+)?\s?(?:cm|mm|m|hz|v|db)\b"
)
_CODE = re.compile(r"[a-z0-9]+(?:[-/.][a-z0-9]+)*")
_NO_MODEL = re.compile(
    r"(?:19|20)\d\d|\d{1,3}|[a-z]{0,2}\d{1,2}[a-z]?|\d+x|x\d+|usb\d?.*|hdmi.*|ipx?\d+|bt\d.*|bluetooth.*|wifi.*|wi-fi.*|\d+in1|\d+-in-1|"
    r"\d+k|\d+p|\d+d|\d+er.*|\d+(?:st|nd|rd|th)|mp\d|ps\d|\d+-\d+|\d+[.,/]\d+|\d+fps|\d+hz|\d+v|win\d+|\d+%?"
)
_PLUG = r"(?:prise|spina|enchufe|clavija)"
_PLUGS = {
    "UK": re.compile(rf"\b(?:uk|british)[\s-]?(?:plug|stecker)\b|\b{_PLUG} (?:uk|anglaise|inglese|ingles)\b"),
    "EU": re.compile(
        rf"\beu(?:ro)?[\s-]?(?:plug|stecker)\b|\b{_PLUG} (?:eu|europea|europeenne|francaise)\b|\bschuko\b"
    ),
}


@dataclass(frozen=True, slots=True)
class Title:
    """What a product's title states.

    Attributes:
        words: all of it, without accents and case.
        counts: numbers of units that it may mean, each and multiplied.
        measures: kind → amounts, each and times the units.
        models: letters and digits of model numbers.
        plugs: UK or EU.
    """

    words: str
    counts: frozenset[int] = frozenset()
    stated: tuple[int, ...] = ()
    measures: Mapping[str, frozenset[float]] = field(default_factory=dict)
    models: frozenset[str] = frozenset()
    plugs: frozenset[str] = frozenset()


def normalize(text: str) -> str:
    """A text without accents and case: ``Stück`` → stuck."""
    folded = unicodedata.normalize("NFKD", text[:_LONGEST].casefold().replace("×", "x").replace("ß", "ss"))
    return " ".join("".join(c for c in folded if not unicodedata.combining(c)).split())


@lru_cache(maxsize=512)
def parse_title(title: str) -> Title:
    """What a title says in numbers and codes."""
    words = normalize(title)
    measures, rest = _measures(words)
    stated, rest = _counts(words, rest)
    together = {math.prod(stated)} if stated else set()
    amounts = {kind: frozenset(values | {a * n for a in values for n in stated}) for kind, values in measures.items()}
    return Title(
        words=words,
        counts=frozenset(stated) | together,
        stated=tuple(stated),
        measures=amounts,
        models=_models(rest),
        plugs=frozenset(name for name, pattern in _PLUGS.items() if pattern.search(words)),
    )


def _counts(words: str, rest: str) -> tuple[list[int], str]:
    found: dict[int, None] = {}
    for pattern in _COUNTS:
        for match in pattern.finditer(words):
            if number := int(re.sub(r"\D", "", match.group(1))):
                found[number] = None
        rest = pattern.sub(" ", rest)
    found |= dict.fromkeys(number for number, pattern in _NUMBERS.items() if pattern.search(words))
    return [n for n in found if n > 1] or list(found), rest


def _measures(words: str) -> tuple[dict[str, set[float]], str]:
    found: dict[str, set[float]] = {}
    for match in _MEASURE.finditer(words):
        kind, factor = _UNITS[match.group(2)]
        number = float(match.group(1).replace(",", "."))
        found.setdefault(kind, set()).add(round(number * factor, 3))
    return found, _SIZE.sub(" ", _MEASURE.sub(" ", words))


def _models(rest: str) -> frozenset[str]:
    found = set()
    for match in _CODE.finditer(rest):
        code = match.group()
        if _NO_MODEL.fullmatch(code):
            continue
        letters, digits = any(c.isalpha() for c in code), sum(c.isdigit() for c in code)
        if (letters and digits >= 2 and len(code) >= 4) or (not letters and 4 <= digits <= 7 and digits == len(code)):
            found.add(re.sub(r"[^a-z0-9]", "", code))
    return frozenset(found)
