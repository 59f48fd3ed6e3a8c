"""What the numbers and codes of a title mean: units, measures, model numbers, sizes.

A title is cut into words, numbers and codes once, and each number is read by the words beside it.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

_DATA = tomllib.loads(resources.files("arbkit.analysis.listing").joinpath("title_words.toml").read_text("utf-8"))
_PACKAGES, _SINGLE, _COUNTED_PACKAGES, _BARE = (
    frozenset(_DATA[name]) for name in ("packages", "single", "counted_packages", "bare")
)
_OF, _BETWEEN, _BEHIND, _PAIRS = (frozenset(_DATA[name]) for name in ("of", "between", "behind", "pairs"))
_DOZENS, _PARTS, _FITS, _HOLDS = (frozenset(_DATA[name]) for name in ("dozens", "parts", "fits", "holds"))
_LOADS, _MULTIPLES, _MODELS, _FREE = (frozenset(_DATA[name]) for name in ("loads", "multiples", "models", "free"))
_NUMBERS: Mapping[tuple[str, ...], int] = {
    tuple(words.split()): int(number) for number, names in _DATA["numbers"].items() for words in names
}
_NUMBER_STARTS = frozenset(words[0] for words in _NUMBERS)
_SPELLED: Mapping[str, int] = {word: int(number) for number, words in _DATA["spelled"].items() for word in words}
_UNITS: Mapping[str, tuple[str, float]] = {
    unit: (kind, factor) for kind, units in _DATA["measures"].items() for unit, factor in units.items()
}
_LENGTHS: Mapping[str, float] = _DATA["lengths"]
_PACKED = ("pack", "packung", "packungen", "paket")
_COUNTED = (*_PACKED, "stuck", "teilig", "set")
"""Endings of compound words for packages and units, as in "6er Sparpack"."""
_MOST, _MOST_X, _MOST_APART = 9_999, 99, 24
"""The largest number of units, the largest in ``12 x`` and ``Pack 12``, and the largest in ``x 12``."""
_CENTIMETRES = 10, 400
"""What a side in cm is where no unit is stated: outside of these it is pixels, or something else."""
_CELLULAR = frozenset({3.0, 4.0, 5.0})
"""What stands before a G that is a mobile network."""

_NUMBER = r"\d{1,7}(?:[.,]\d{1,3})*"
_IS_NUMBER = re.compile(_NUMBER).fullmatch
_TIMES_GLUED = "x-"
"""The item before the number of ``x3``."""
_ORDINAL = re.compile(r"\d*1st")
_PART_NUMBER = re.compile(r"\d{8,12}")
_CHUNK = re.compile(r"[a-z0-9]+(?:(?:(?<=\d)[.,/](?=\d)|[-+*](?=[a-z0-9]))[a-z0-9]+)*|[\"”]")
_GLUED = re.compile(rf"({_NUMBER})-?([a-z]+)")
_ER = re.compile(r"(\d{1,4})-?er-?([a-z-]*)")
_TIMES = re.compile(r"x-?(\d{1,3})")
_CHAIN = re.compile(rf"{_NUMBER}[a-z]{{0,2}}(?:[x*]{_NUMBER}[a-z]{{0,2}}){{1,4}}[a-z]{{0,3}}")
_IN_CHAIN = re.compile(rf"{_NUMBER}|x|\*|[a-wyz]+")
_SUM = re.compile(r"(\d{1,3})\+(\d{1,3})")
_SUFFIX = re.compile(r"[a-z]\w{4,}x(\d{1,2})")
_AT_THE_END = re.compile(r"\(([1-9]\d?)\)$")
"""``Water filter (3)``: how Amazon's own catalogue ends the title of a pack."""
_THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_NO_MODEL = re.compile(
    r"(?:19|20)\d\d|\d{1,3}|[a-z]{0,2}\d{1,2}[a-z]?|\d+x|x\d+|usb\d?.*|hdmi.*|ipx?\d+|bt\d.*|bluetooth.*|wifi.*|wi-fi.*|\d+in1|\d+-in-1|"
    r"\d+k|\d+p|\d+d|\d+er.*|\d+(?:st|nd|rd|th)|mp\d|ps\d|\d+-\d+[a-z]{0,3}|\d+[.,/]\d+|\d+fps|\d+hz|\d+v|win\d+|\d+(?:[.,]\d+)?(?:cm|mm|m|db|m3)|"
    r"\d+\+\d+|\d+[a-z]{4,}|\d+(?:rpm|o[cf])|\d+/\d+[a-z]?"
)


def _items(words: str) -> list[str]:
    """The text cut into words, numbers and codes; what is glued to a number and tells its meaning stands apart."""
    found: list[str] = []
    for chunk in _CHUNK.findall(words):
        if chunk.isalpha() or chunk.isdigit():
            found.append(chunk)
        else:
            found.extend(_split(chunk))
    return found


def _split(chunk: str) -> Sequence[str]:
    if not any(c.isdigit() for c in chunk):
        return re.split(r"[-+*]", chunk)
    if match := _ER.fullmatch(chunk):
        return [match.group(1), "er", *filter(None, match.group(2).split("-"))]
    if (match := _GLUED.fullmatch(chunk)) and _tells(match.group(2)) and not _ORDINAL.fullmatch(chunk):
        return match.groups()
    if match := _TIMES.fullmatch(chunk):
        return [_TIMES_GLUED, match.group(1)]
    if _CHAIN.fullmatch(chunk):
        return _IN_CHAIN.findall(chunk)
    return [chunk]


def _tells(word: str) -> bool:
    """Whether a word behind a number says what is counted or measured."""
    return word in _UNITS or word in _LENGTHS or word == "x" or _is_counted(word)


def _is_counted(word: str) -> bool:
    return (
        word in _BEHIND or word in _COUNTED_PACKAGES or word in _PAIRS or word in _DOZENS
        or (word.endswith(_COUNTED) and word not in _PACKAGES)
    )  # fmt: skip


def _whole(number: str) -> int | None:
    """A number of units; None where it is no whole one."""
    if _THOUSANDS.fullmatch(number):
        number = re.sub(r"[.,]", "", number)
    return int(number) if number.isdigit() and 0 < int(number) <= _MOST else None


def _amounts(number: str) -> Iterable[float]:
    """What a number of a measure may mean: 3.785 is the one or the other."""
    if number.count(".") + number.count(",") <= 1:
        yield float(number.replace(",", "."))
    if _THOUSANDS.fullmatch(number):
        yield float(re.sub(r"[.,]", "", number))


class NumberReader:
    """Goes through a text without accents and case once, and collects what its numbers mean.

    Attributes:
        stated: the numbers of units, in their order.
        packs: those that are of packs.
        doubled: what numbers of pairs are in single units.
        paid: of ``2+1 free``, what is paid.
        parts: the numbers are of the parts of one thing.
        mentions: other whole numbers that are no measures.
        measures: kind → amounts.
        products: kind → amounts of ``6 x 250 ml`` together.
        models: model numbers without their punctuation.
        part_numbers: numbers of eight digits and more, without leading zeros.
        sizes: sides in mm, longest first.
    """

    def __init__(self, words: str) -> None:
        """Read a text."""
        self._items = _items(words)
        self._in_brackets = int(match.group(1)) if (match := _AT_THE_END.search(words)) else None
        self.stated: list[int] = []
        self.packs: set[int] = set()
        self.doubled: set[int] = set()
        self.paid: set[int] = set()
        self.parts = False
        self.mentions: set[int] = set()
        self.measures: dict[str, set[float]] = {}
        self.products: dict[str, set[float]] = {}
        self.models: set[str] = set()
        self.part_numbers: set[str] = set()
        self.sizes: set[tuple[float, ...]] = set()
        self._read()

    def _read(self) -> None:
        at = 0
        while at < len(self._items):
            item = self._items[at]
            if item[0].isdigit() and _IS_NUMBER(item):
                at = self._number(at)
            elif item in _SPELLED:
                at = self._spelled(at)
            else:
                self._word(at)
                at += 1
        if self._in_brackets and not self.stated:
            self.stated.append(self._in_brackets)

    def _at(self, index: int) -> str:
        return self._items[index] if 0 <= index < len(self._items) else ""

    def _word(self, at: int) -> None:
        item = self._items[at]
        if item in _NUMBER_STARTS and not self._at(at - 1).isdigit():
            phrases = (tuple(self._items[at : at + length]) for length in (1, 2, 3))
            if number := next((n for phrase in phrases if (n := _NUMBERS.get(phrase))), None):
                self._pack(number)
        if item.isalpha():
            return
        if _PART_NUMBER.fullmatch(item):
            self.part_numbers.add(item.lstrip("0"))
        if match := _SUM.fullmatch(item):
            self._sum(at, int(match.group(1)), int(match.group(2)))
        elif match := _SUFFIX.fullmatch(item):
            self.mentions.add(int(match.group(1)))
        self._code(item)

    def _sum(self, at: int, paid: int, free: int) -> None:
        if self._at(at + 1) in _FREE or self._at(at + 2) in _FREE or _is_counted(self._at(at + 1)):
            self.stated.append(paid + free)
            self.paid.add(paid)

    def _code(self, item: str) -> None:
        if _NO_MODEL.fullmatch(item):
            return
        letters, digits = any(c.isalpha() for c in item), sum(c.isdigit() for c in item)
        if (letters and digits >= 2 and len(item) >= 4) or (not letters and 5 <= digits <= 7 and digits == len(item)):
            self.models.add(re.sub(r"[^a-z0-9]", "", item))

    def _spelled(self, at: int) -> int:
        """A number in words counts only where a word beside it says that it counts units."""
        number = _SPELLED[self._items[at]]
        if number > 1 and self._in_front(at):
            self._pack(number)
        elif self._at(at + 1) in _BEHIND or self._at(at + 1) in _PAIRS:
            self._counted(at, number)
        return at + 1

    def _number(self, at: int) -> int:
        numbers, units, end = [self._items[at]], [""], at + 1
        while True:
            unit = self._at(end) if self._at(end) in _LENGTHS else ""
            after = end + bool(unit)
            if self._at(after) not in ("x", "*") or not _IS_NUMBER(self._at(after + 1)):
                break
            units[-1] = unit
            numbers.append(self._at(after + 1))
            units.append("")
            end = after + 2
        if len(numbers) == 1:
            return self._single(at)
        self._chain(numbers, units, end)
        return end + 1 if self._at(end) in _UNITS or self._at(end) in _LENGTHS else end

    def _chain(self, numbers: Sequence[str], units: Sequence[str], end: int) -> None:
        """``6 x 250 ml``, ``2 x 6 Stück``, ``60 x 40 cm``."""
        unit, whole = self._at(end), [_whole(n) for n in numbers]
        if unit in _UNITS and _UNITS[unit][0] != "screen, inch":
            self._multiply(whole[:-1])
            self._measure(numbers[-1], unit)
            kind, factor = _UNITS[unit]
            times = math.prod(n or 1 for n in whole[:-1])
            self.products.setdefault(kind, set()).update(a * factor * times for a in _amounts(numbers[-1]))
        elif unit == "er" or (_is_counted(unit) and not (unit in _BARE and self._at(end + 1).isdigit())):
            self._multiply(whole)
        else:
            self.mentions.update(n for n in (whole[:1] if unit in _LENGTHS else whole) if n)
            self._sides(numbers, [*units[:-1], unit if unit in _LENGTHS else ""])

    def _sides(self, numbers: Sequence[str], units: Sequence[str]) -> None:
        """Sizes, where each number has the unit behind it; in cm where none has one, if that makes sense."""
        known, unit = [], ""
        for number, own in zip(reversed(numbers), reversed(units), strict=True):
            unit = own or unit
            side = next(iter(_amounts(number)), 0.0)
            if not unit and not _CENTIMETRES[0] <= side <= _CENTIMETRES[1]:
                return
            known.append(side * _LENGTHS[unit or "cm"])
        if all(known):
            self.sizes.add(tuple(sorted(known, reverse=True)))

    def _multiply(self, numbers: Sequence[int | None]) -> None:
        known = [n for n in numbers if n is not None]
        if known and len(known) == len(numbers):
            self.stated.append(math.prod(known))
            # Whoever says only how many packs it is leaves out what is in each, not the other way round.
            self.mentions.add(known[0])

    def _single(self, at: int) -> int:
        number, after = self._items[at], self._at(at + 1)
        if after in _UNITS and not (after == "to" and self._at(at + 2)[:1].isdigit()):
            if not {self._at(at - 1), self._at(at - 2)} & _LOADS:
                self._measure(number, after)
            return at + 2
        if after in _LENGTHS:
            if after == "m":
                self._length(number)
            return at + 2
        value = _whole(number)
        if value is None or (("." in number or "," in number) and not _is_counted(after)):
            return at + 1
        if self._at(at - 1) in _FITS:
            self.mentions.add(value)
        elif self._in_front(at):
            return self._total(at, value)
        elif _is_counted(after) or after in ("er", "x") or self._at(at - 1) in ("x", _TIMES_GLUED):
            return self._counted(at, value)
        else:
            self.mentions.add(value)
            self._code(number)
        return at + 1

    def _in_front(self, at: int) -> bool:
        """Whether a word for packages stands before the number: ``lot de 2``, ``Pack 2``, ``juego completo de 8``."""
        before = at - 1
        if self._at(before) in _BARE:
            return len(self._items[at]) <= 2 and not self._at(before - 1).isdigit()
        if self._at(before) not in _OF:
            return False
        before -= 1
        while self._at(before) in _BETWEEN and before > at - 5:
            before -= 1
        return self._at(before) in _PACKAGES or self._at(before).endswith(_PACKED)

    def _total(self, at: int, value: int) -> int:
        """A number behind a word for packages: times the number before that word, if there is one."""
        back = at - 4 if self._at(at - 3) == "x" else at - 3
        times = self._at(back) if self._at(at - 1) in _OF else ""
        if times.isdigit() and self.stated and self.stated[-1] == int(times):
            self.packs.discard(self.stated[-1])
            self.stated[-1] *= value
            self.mentions.add(int(times))
        else:
            self._pack(value)
        if self._at(at + 1) in _PAIRS:
            self.doubled.add(2 * value)
        return at + 1

    def _pack(self, number: int) -> None:
        self.stated.append(number)
        self.packs.add(number)

    def _counted(self, at: int, value: int) -> int:
        """A number before a word for units, before or behind an x, or with the ending of ``6er``."""
        before, after = self._at(at - 1), self._at(at + 1)
        if not self._is_count(before, after, self._at(at + 2), value):
            self.mentions.add(value)
            return at + 1
        if after in _DOZENS:
            value *= 12
        if after in _PAIRS:
            self.doubled.add(2 * value)
        self.parts = self.parts or after in _PARTS
        if after == "er" or after in _PACKAGES or after.endswith(_PACKED):
            self._pack(value)
        else:
            self.stated.append(value)
        return at + 1

    def _is_count(self, before: str, after: str, behind: str, value: int) -> bool:
        if before in _HOLDS or before in _MODELS or (self._at(0) in _MODELS and after == "er"):
            return False
        if before == _TIMES_GLUED:
            return value <= _MOST_X
        if after in _SINGLE and behind in _OF:
            return False
        if _is_counted(after):
            return before != "x" or value <= _MOST_APART
        if after == "er":
            return _is_counted(behind) or 2 <= value <= _MOST_APART
        if after == "x":
            return value <= _MOST_X and behind[:1].isalpha() and behind not in _MULTIPLES
        return before == "x" and value <= _MOST_APART and after not in _LENGTHS

    def _length(self, number: str) -> None:
        self.measures.setdefault("length, m", set()).update(_amounts(number))

    def _measure(self, number: str, unit: str) -> None:
        kind, factor = _UNITS[unit]
        for amount in _amounts(number):
            if unit != "g" or amount not in _CELLULAR:
                self.measures.setdefault(kind, set()).add(round(amount * factor, 3))
