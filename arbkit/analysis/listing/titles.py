"""What a title says beside its words: how many units, how much of what, which model, which plug.

Titles are written in five languages, so numbers and codes are read, words only where they tell a number's meaning.
Titles come from sellers: whatever is in them, reading one takes time in proportion to its length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_LONGEST = 1_000

_PACK = r"(?:packs?|packung|packungen|pakete?|pck|pk|sets?|boxe?n?|case|bundle|bunches)"
_IN_FRONT = (
    r"packs? of|packs? mit|packs? de|packs? da|set of|sets? mit|set de|set da|set di|box of|boxes of|case of|bundle of|"
    r"packung mit|packungen mit|paket mit|karton mit|lot de|lots de|paquet de|paquete de|paquetes de|lote de|juego de|"
    r"jeu de|ensemble de|boite de|coffret de|caja de|confezione da|confezione di|confezioni da|conf\.? da|conf\.? di|"
    r"pacco da|pacchi da|scatola da|bundle da|value pack of|multipack of|multipack mit|multipack de|multipack da"
)
_BEHIND = (
    r"stuck|stk|st\.|packungen|pcs|pc|pieces?|pack|packs|count|ct|units?|teile|tlg|pezzi|pezzo|pz|piezas?|unidades|"
    r"unidad|uds?|unites?|paar|pairs?|rollen|rolls|rotoli|rouleaux|rollos|kapseln|capsules?|capsule|capsulas?|flaschen|"
    r"bottles|bottiglie|bouteilles|botellas|tabs|tabletten|tablets|tablettes|pastilles|pastiglie|pastillas|compresse|"
    r"comprimes|comprimidos"
)
_TIMES = "zoom|optisch|optical|optique|ottico|optico|faster|schneller|hoher|digital"
"""What is said of a multiple that is no number of units."""
_COUNTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<![a-z])(?:{_IN_FRONT}) (?:je )?(\d{{1,4}})(?![\d.,]*\d|\s?(?:ml|cl|l|g|kg|cm|mm|m|gb|tb|w)\b)",
        rf"(?<![\d.,a-z-])(\d{{1,4}})\s?-?er[\s-]?{_PACK}(?![a-z])",
        rf"(?<![\d.,a-z-])(\d{{1,2}}(?:[.,]\d{{3}})|\d{{1,4}})[\s-]?(?:{_BEHIND})(?![a-z])",
        r"(?<![\w.,])x(\d{1,3})(?!\w|[.,]\d)",
        r"\(\s?x\s?(\d{1,3})\s?\)",
        r"(?<![\w.,])(\d{1,3})\s?x\s?(?=\d+(?:[.,]\d+)?\s?(?:ml|cl|l|g|kg|gb)\b)",
        rf"(?<![\w.,])(\d{{1,2}})x(?= [a-z])(?! (?:{_TIMES}))",
    )
)
_WORDS = {
    r"doppelpack|twin ?pack|duo ?pack|double pack|pack double|doppia confezione|pack duo|2er": 2,
    r"dreierpack|triple ?pack|tripack|trio ?pack": 3,
    r"viererpack": 4,
    r"sechserpack": 6,
    r"zehnerpack": 10,
}
_UNITS: Mapping[str, tuple[str, float]] = {
    "ml": ("volume, ml", 1), "cl": ("volume, ml", 10), "l": ("volume, ml", 1_000), "liter": ("volume, ml", 1_000),
    "litre": ("volume, ml", 1_000), "litres": ("volume, ml", 1_000), "litri": ("volume, ml", 1_000),
    "litros": ("volume, ml", 1_000), "g": ("net weight, g", 1), "gr": ("net weight, g", 1),
    "kg": ("net weight, g", 1_000), "mb": ("memory, GB", 0.001), "gb": ("memory, GB", 1), "go": ("memory, GB", 1),
    "tb": ("memory, GB", 1_000), "to": ("memory, GB", 1_000), "mah": ("battery, mAh", 1), "w": ("power, W", 1),
    "watt": ("power, W", 1), "watts": ("power, W", 1), "kw": ("power, W", 1_000), "zoll": ("screen, inch", 1),
    "inch": ("screen, inch", 1), "inches": ("screen, inch", 1), "pollici": ("screen, inch", 1),
    "pouces": ("screen, inch", 1), "pulgadas": ("screen, inch", 1), '"': ("screen, inch", 1), "”": ("screen, inch", 1),
}  # fmt: skip
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
    measures: Mapping[str, frozenset[float]] | None = None
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
    counts = set(stated)
    if len(stated) > 1:
        product = 1
        for number in stated:
            product *= number
        counts.add(product)
    amounts = {kind: frozenset(values | {a * n for a in values for n in stated}) for kind, values in measures.items()}
    return Title(
        words=words,
        counts=frozenset(counts),
        stated=tuple(stated),
        measures=amounts,
        models=_models(rest),
        plugs=frozenset(name for name, pattern in _PLUGS.items() if pattern.search(words)),
    )


def _counts(words: str, rest: str) -> tuple[list[int], str]:
    found: dict[int, None] = {}
    for pattern in _COUNTS:
        for match in pattern.finditer(words):
            number = int(re.sub(r"\D", "", match.group(1)))
            if number:
                found[number] = None
        rest = pattern.sub(" ", rest)
    for pattern_text, number in _WORDS.items():
        if re.search(rf"(?<![a-z0-9])(?:{pattern_text})(?![a-z])", words):
            found[number] = None
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
