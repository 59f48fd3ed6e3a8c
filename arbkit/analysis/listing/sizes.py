"""Sizes that a title or a bullet point states of the goods: three sides, a weight, a capacity. Pure.

Texts come from sellers in five languages and state many sizes that are not the goods' own (a niche, a load, a table
that fits); only what is said in the form of a size of the goods is read, and the result is never more than a range.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from arbkit.analysis.listing.titles import normalize

_NUMBER = r"(\d{1,5}(?:[.,]\d{1,2})?)"
_CENTIMETRES = (
    "cm", "zm", "zentimeter", "centimeters", "centimeter", "centimetres", "centimetre", "centimetri", "centimetros",
)  # fmt: skip
"""Machine-made German listings shorten them to "zm"."""
_UNIT = rf"(mm|{'|'.join(_CENTIMETRES)}|m|inch(?:es)?|in|zoll|pollici|pouces|pulgadas|\"|”)"
_BY = r"\s*(?:[x×*]|by|par|por|per)\s*"
_AXIS = r"(?:\s*\(?[a-zäöü]{1,2}\)?)?"
_SIDES = re.compile(
    rf"(?<![\d.,]){_NUMBER}\s*{_UNIT}?{_AXIS}{_BY}{_NUMBER}\s*{_UNIT}?{_AXIS}{_BY}{_NUMBER}"
    rf"(?:\s*[lwhbdt])?\s*\(?{_UNIT}(?!\w)"
)
_NOT_OWN = re.compile(
    r"nisch|niche|nicchia|einbau|incasso|encastr|ausschnitt|cut-?out|innen|inner|interior|intern|interieur|\bpasst\b|"
    r"\bfits?\b|compatib|kompatib|geeignet|adapt|ausgeklappt|unfolded|desplegad|deplie|aperto|mattress|matratze|"
    r"for [a-z ]{0,20}machines?|fur [a-z ]{0,20}maschine"
)
"""What stands before sizes that are another thing's."""
_WEIGHT = re.compile(
    r"\b(?:(?:netto|eigen|verpackungs|versand|paket|artikel|produkt)?gewicht|weight|weighs|poids|pese|peso|pesa|wiegt)\b"
    r"(?:[^\d.;|]|(?:ca|env|approx|aprox|ung)\.){0,30}?(\d{1,4}(?:[.,]\d{1,3})?)\s*(kg|g|gr|gramm|grams?|grammes|grammi|gramos|kilos?)(?!\w)"
)
_LOAD = re.compile(
    r"max|maxim|\bbis\b|up to|jusqu|hasta|fino|trag|belast|load|charge|carga|carico|capac|support|bear|resist|soport"
)
"""What makes a weight that of a load."""
_CAPACITY = re.compile(r"(?<![\d.,x])(\d{1,4}(?:[.,]\d{1,2})?)\s?-?(l|liter|litre|litres|litri|litros|ml|cl)(?![\w/])")
_WATER = re.compile(
    r"spulmaschine|geschirrspuler|waschmaschine|waschtrockner|lave-?vaisselle|lave-?linge|lavastoviglie|lavatric|"
    r"lavasciuga|lavavajilla|lavadora|lavasecadora|dish ?washer|washing machine"
)
"""Machines whose litres are the water that they use."""
_GOODS_FOR = re.compile(r"\b(?:fur|zum|for|pour|para|per|de)\b")
"""Before the name of a machine: what is sold is for it."""
_MM = {"mm": 1.0, "m": 1_000.0, **dict.fromkeys(_CENTIMETRES, 10.0)}
_INCH_MM = 25.4
_GRAMS = {"kg": 1_000.0, "kilo": 1_000.0, "kilos": 1_000.0}
_CM3 = {"ml": 1.0, "cl": 10.0}
_SIDES_MM = 5.0, 3_500.0
"""A longest side outside of these is a slip of the seller."""
_MOST_G = 400_000.0
_MOST_CM3 = 2_000_000.0
_PERHAPS_NUMBERS = re.compile("[0-9²³¹¼-¾\u0100-\U0010ffff]")
"""Digits, and what may become one without accents and case."""
_BEFORE = 45
"""Characters before a size that say whose it is."""


@dataclass(frozen=True, slots=True)
class StatedSize:
    """What a text states of the goods: ``sides_mm`` (longest first), ``weight_g``, ``capacity_cm3``; None unknown."""

    sides_mm: tuple[float, float, float] | None = None
    weight_g: float | None = None
    capacity_cm3: float | None = None


def read_size(title: str, features: Iterable[str] = ()) -> StatedSize:
    """The size that a title and bullet points state of the goods.

    Args:
        title: of the listing; its capacity counts, a bullet point's does not.
        features: the bullet points.
    """
    texts = [normalize(text) for text in (title, *features) if _PERHAPS_NUMBERS.search(text)]
    return StatedSize(
        sides_mm=next((found for text in texts for found in _sides(text)), None),
        weight_g=next((found for text in texts for found in _weights(text)), None),
        capacity_cm3=_capacity(texts[0]) if _PERHAPS_NUMBERS.search(title) else None,
    )


def _sides(text: str) -> Iterator[tuple[float, float, float]]:
    for match in _SIDES.finditer(text):
        if _NOT_OWN.search(text, max(0, match.start() - _BEFORE), match.start()):
            continue
        *numbers, last = match.group(1, 3, 5, 6)
        units = [match.group(2) or last, match.group(4) or last, last]
        sides = sorted((_number(n) * _MM.get(u, _INCH_MM) for n, u in zip(numbers, units, strict=True)), reverse=True)
        if _SIDES_MM[0] <= sides[0] <= _SIDES_MM[1] and sides[2] > 0:
            yield sides[0], sides[1], sides[2]


def _weights(text: str) -> Iterator[float]:
    for match in _WEIGHT.finditer(text):
        if _LOAD.search(text, max(0, match.start() - _BEFORE), match.end()):
            continue
        grams = _number(match.group(1)) * _GRAMS.get(match.group(2), 1.0)
        if 0 < grams <= _MOST_G:
            yield grams


def _capacity(title: str) -> float | None:
    """The largest capacity of a title, where it is one (a title of several contents states no capacity)."""
    machine = _WATER.search(title)
    if machine and not _GOODS_FOR.search(title, 0, machine.start()):
        return None
    found = [_number(m.group(1)) * _CM3.get(m.group(2), 1_000.0) for m in _CAPACITY.finditer(title)]
    return max(found) if found and 0 < max(found) <= _MOST_CM3 else None


def _number(text: str) -> float:
    return float(text.replace(",", "."))
