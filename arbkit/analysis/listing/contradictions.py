"""What two titles contradict each other in: units, contents, models, sizes, and what tells variants apart. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from arbkit.analysis.listing.goods import Goods, unsellable_reason
from arbkit.analysis.listing.marks import ANY, TONGUES, Marks, keyboard_letters, read_marks, usual_plug
from arbkit.analysis.listing.titles import Title, normalize, parse_title
from arbkit.profit.reason_codes import ReasonCode

DECIDES, DOUBT, HINT = 3.0, 1.0, 0.5
"""Weights: alone "different", alone "doubtful", and "doubtful" only with another."""
_WITH_EAN = 0.75
"""Of a doubt that an EAN in common answers as far as it can: it names one pack of one variant."""
_NEAR = 0.05
_CONTENTS = frozenset({"volume, ml", "net weight, g"})
_MOST_OF_A_PACK = 100
"""More than this are parts or sheets of one thing: nobody takes a thousand of them for one."""
_MOST_PARTS = 12
"""More parts than this, of one thing, are left out at will."""
_SMALL_PACK = 3
"""A title often leaves out that it is a pair or a trio."""
_LARGER = 1.25
_OWN = frozenset({"condition", "keyboard", "colour", "language", "edition"})
"""Facets that are compared by a rule of their own."""
_PLAIN_EDITIONS = frozenset({"standard", "premium", "gold", "complete", "extended", "remastered"})
_NAMES = {"size": "sizes", "plug": "plugs", "format": "formats", "platform": "platforms"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was compared; ``weight`` above zero speaks against "the same", below zero for it."""

    words: str
    weight: float


@dataclass(frozen=True, slots=True)
class Side:
    """One of two listings, and what its title says.

    Attributes:
        listing: all its facts.
        title: what the title says.
        eans: without leading zeros.
        brand: without accents and case; empty where it is unknown.
        unsellable: why it is of nothing that can be bought and sent; None: nothing says so.
    """

    listing: Goods
    title: Title
    eans: frozenset[str]
    brand: str
    unsellable: ReasonCode | None

    @classmethod
    def of(cls, listing: Goods) -> Side:
        """The side of a listing."""
        eans = frozenset(e.lstrip("0") for e in listing.eans if e.strip("0").isdigit())
        title, brand = parse_title(listing.title or ""), _normalized(listing.brand or "")
        return cls(listing, title, eans, brand, unsellable_reason(listing))

    @property
    def market(self) -> str:
        """The code of its marketplace."""
        return self.listing.market

    @property
    def units(self) -> int | None:
        """How many units its title says that it is, or Keepa's package quantity; None unknown."""
        return self.title.units or self.listing.package_quantity

    def says(self, values: Iterable[str | float | None]) -> str:
        """These values, as those of this marketplace."""
        return f"{_some(list(values))} in {self.market}"


def units(one: Side, other: Side) -> Iterator[Finding]:
    """Numbers of units: two that differ decide, unless one title names the other's number too."""
    first, second = one.title, other.title
    if common := _common(first, second):
        yield Finding(f"both titles say {_some(sorted(common))} units", -0.5)
        for side, silent in ((one, other), (other, one)):
            # "60 tabs" beside "60 tabs, pack of 2": the one may be in the other, or not.
            if unsaid := side.title.packs - silent.title.counts - silent.title.mentions - common:
                yield from _units_of_one(side, silent, max(unsaid))
    elif first.counts and second.counts:
        said = f"{one.says(first.stated)}, {other.says(second.stated)}"
        perhaps = first.counts & second.mentions or second.counts & first.mentions
        parts = max(first.counts | second.counts) > _MOST_OF_A_PACK and min(first.counts | second.counts) == 1
        weight = DOUBT if perhaps or parts else DECIDES
        yield Finding(f"the titles say different numbers of units: {said}", weight)
    elif (first.stated or second.stated) and first.words and second.words:
        side, silent = (one, other) if first.stated else (other, one)
        yield from _units_of_one(side, silent, max(side.title.stated))


def _common(first: Title, second: Title) -> frozenset[int]:
    """Numbers of units that both may mean; ten pairs and five pairs have none."""
    if first.doubled and second.doubled:
        return first.counts & second.counts
    return (first.counts | first.doubled) & (second.counts | second.doubled)


def _units_of_one(side: Side, silent: Side, number: int) -> Iterator[Finding]:
    """Only one title states a number of units."""
    if number == 1:
        return
    words = f"only the {side.market} title says how many units: {_some(side.title.stated)}"
    own, theirs = side.listing.package_quantity, silent.listing.package_quantity
    if own in side.title.counts and theirs and own != theirs:
        yield Finding(f"{words}; Keepa's package quantity is {theirs} in {silent.market}", DECIDES)
    elif _is_answered(side, silent, number):
        yield Finding(words, 0.1)
    elif side.eans & silent.eans and number <= _SMALL_PACK:
        yield Finding(words, _WITH_EAN)
    else:
        yield Finding(words, DOUBT)


def _is_answered(side: Side, silent: Side, number: int) -> bool:
    """Whether something else on the silent side says the number, or shows that it is of no weight."""
    counts = side.title.counts - silent.title.counts - {n for n in side.title.stated if n < number}
    if counts & silent.title.mentions or number > (_MOST_PARTS if side.title.parts else _MOST_OF_A_PACK):
        return True
    if silent.listing.package_quantity in counts or silent.listing.item_count in counts - {1}:
        return True
    # A kit is one thing: of how many parts, titles say or leave out.
    if number not in side.title.packs and "kit" in silent.title.words.split():
        return True
    stated, theirs = side.title, silent.title.measures
    return any(_near(stated.totals[kind], theirs[kind]) for kind in stated.totals.keys() & theirs.keys())


def _near(here: Iterable[float], there: Sequence[float] | frozenset[float]) -> bool:
    return any(abs(a - b) <= _NEAR * max(a, b) for a in here for b in there)


def contents(one: Side, other: Side) -> Iterator[Finding]:
    """Volumes and weights: two that differ decide where each title has one, else they are a doubt."""
    yield from _measures(one, other, _CONTENTS)


def other_measures(one: Side, other: Side) -> Iterator[Finding]:
    """Memory, power, battery, screen: two that differ are a doubt."""
    yield from _measures(one, other, (one.title.measures.keys() & other.title.measures.keys()) - _CONTENTS)


def _measures(one: Side, other: Side, kinds: Iterable[str]) -> Iterator[Finding]:
    here, there = one.title.measures, other.title.measures
    for kind in sorted(kinds):
        first, second = here.get(kind), there.get(kind)
        if not first or not second:
            continue
        if _near(first | one.title.totals[kind], second | other.title.totals[kind]):
            yield Finding(f"the titles agree on {kind}", -0.5)
            continue
        amounts = [[f"{v:g}" for v in sorted(values)] for values in (first, second)]
        said = f"{one.says(amounts[0])}, {other.says(amounts[1])}"
        decides = kind in _CONTENTS and len(first) == len(second) == 1
        yield Finding(f"the titles differ in {kind}: {said}", DECIDES if decides else DOUBT)


def models(one: Side, other: Side) -> Iterator[Finding]:
    """Model numbers: none in common is a doubt. Part numbers are a hint: lists of what a part fits have them too."""
    first, second = one.title.models, other.title.models
    alike = first & second or {a for a in first for b in second if _near_code(a, b)}
    if alike:
        yield Finding(f"both titles name the model {min(alike).upper()}", -0.5)
    elif first and second:
        names = [sorted(code.upper() for code in codes) for codes in (first, second)]
        yield Finding(f"the titles name different models: {one.says(names[0])}, {other.says(names[1])}", DOUBT)
    parts, others = one.title.part_numbers, other.title.part_numbers
    if not alike and parts and others and not parts & others:
        said = f"{one.says(sorted(parts))}, {other.says(sorted(others))}"
        yield Finding(f"the titles name different part numbers: {said}", HINT)


def _near_code(a: str, b: str) -> bool:
    """Whether one is the other with a brand's letters before it, or a colour or country behind."""
    short, long = sorted((a, b), key=len)
    return len(short) >= 5 and (short in long if any(c.isalpha() for c in short) else long.endswith(short))


def sizes(one: Side, other: Side) -> Iterator[Finding]:
    """Sides of the goods, and the size of a variation."""
    yield from _sides(one, other)
    if one.listing.size and other.listing.size:
        here, there = parse_title(one.listing.size), parse_title(other.listing.size)
        kinds = here.measures.keys() & there.measures.keys()
        apart = any(not _near(here.measures[kind], there.measures[kind]) for kind in kinds)
        if apart or (here.counts and there.counts and not here.counts & there.counts):
            yield Finding(f"different sizes: {one.says([one.listing.size])}, {other.says([other.listing.size])}", DOUBT)


def _sides(one: Side, other: Side) -> Iterator[Finding]:
    if len(one.title.sizes) != 1 or len(other.title.sizes) != 1:
        return
    (first,), (second,) = one.title.sizes, other.title.sizes
    if len(first) == len(second) and max(prod(first), prod(second)) >= _LARGER * min(prod(first), prod(second)):
        said = f"{one.says([_centimetres(first)])}, {other.says([_centimetres(second)])}"
        weight = _WITH_EAN if one.eans & other.eans else DOUBT
        yield Finding(f"the titles say different sizes: {said}", weight)


def _centimetres(sides: Sequence[float]) -> str:
    return " × ".join(f"{side / 10:g}" for side in sides) + " cm"


def variants(one: Side, other: Side) -> Iterator[Finding]:
    """What tells variants apart: all doubts, but used against new decides."""
    here, there = _marks(one.listing, one.title), _marks(other.listing, other.title)
    if not here and not there:
        return
    yield from _condition(one, other, here, there)
    yield from _keyboards(one, other, here.get("keyboard", frozenset()), there.get("keyboard", frozenset()))
    yield from _editions(one, other, here.get("edition", frozenset()), there.get("edition", frozenset()))
    yield from _plug_of_one(one, other, here, there)
    for facet in sorted((here.keys() & there.keys()) - _OWN):
        yield from _apart(one, other, _NAMES.get(facet, f"{facet}s"), here[facet], there[facet])
    for facet in ("colour", "language"):
        first, second = here.get(facet, frozenset()), there.get(facet, frozenset())
        if ANY not in first | second:
            yield from _apart(one, other, f"{facet}s", first, second)


def _apart(one: Side, other: Side, names: str, first: frozenset[str], second: frozenset[str]) -> Iterator[Finding]:
    if first and second and not first & second:
        yield Finding(f"different {names}: {one.says(sorted(first))}, {other.says(sorted(second))}", DOUBT)


def _condition(one: Side, other: Side, here: Marks, there: Marks) -> Iterator[Finding]:
    if not one.title.words or not other.title.words:
        return
    first, second = here.get("condition", frozenset()), there.get("condition", frozenset())
    for name, weight in (("refurbished", DECIDES), ("remanufactured", DOUBT)):
        if (name in first) != (name in second) and not (first and second):
            yield Finding(f"{name} in {(one if name in first else other).market}, not in the other", weight)


def _keyboards(one: Side, other: Side, first: frozenset[str], second: frozenset[str]) -> Iterator[Finding]:
    if not first or not second:
        return
    letters = keyboard_letters(first), keyboard_letters(second)
    tongues = first - letters[0], second - letters[1]
    if not letters[0] & letters[1] or (all(tongues) and not tongues[0] & tongues[1]):
        yield Finding(f"different keyboards: {one.says(sorted(first))}, {other.says(sorted(second))}", DOUBT)


def _plug_of_one(one: Side, other: Side, here: Marks, there: Marks) -> Iterator[Finding]:
    """A title that names no plug has that of its country."""
    if ("plug" in here) == ("plug" in there) or not one.title.words or not other.title.words:
        return
    side, silent, named = (one, other, here["plug"]) if "plug" in here else (other, one, there["plug"])
    if usual_plug(silent.market) not in named:
        yield Finding(f"only the {side.market} title names a plug: {_some(sorted(named))}", DOUBT)


def _editions(one: Side, other: Side, first: frozenset[str], second: frozenset[str]) -> Iterator[Finding]:
    yield from _apart(one, other, "editions", first, second)
    special = (first | second) - _PLAIN_EDITIONS
    if special and not (first and second) and one.title.words and other.title.words:
        weight = _WITH_EAN if one.eans & other.eans else DOUBT
        only = one if first else other
        yield Finding(f"only the {only.market} title names an edition: {_some(sorted(special))}", weight)


def _marks(listing: Goods, title: Title) -> Marks:
    """The facets of a title, and of what Keepa has in fields of its own, which says it better."""
    found = dict(title.marks)
    if title.words.startswith("braun ") and "colour" in found:
        found["colour"] = found["colour"] - {"brown"}
    for text in (listing.color, listing.edition and f"{listing.edition}, {listing.edition} edition", listing.binding):
        if text:
            found.update(_field_marks(text))
    if listing.size:
        found.update(_field_marks(f"size {listing.size}"))
    if tongues := frozenset(TONGUES[word] for text in listing.languages if (word := normalize(text)) in TONGUES):
        found["language"] = tongues
    return found


@lru_cache(maxsize=4_096)
def _field_marks(text: str) -> Marks:
    return read_marks(normalize(text))


@lru_cache(maxsize=4_096)
def _normalized(brand: str) -> str:
    return normalize(brand)


def _some(values: Sequence[object]) -> str:
    shown = " and ".join(_short(str(v)) for v in values[:3])
    return shown + (f" and {len(values) - 3} more" if len(values) > 3 else "")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
