"""Whether the listings of one product on two marketplaces are the same thing: a verdict with its reasons. Pure.

Keepa and Amazon give both the same ASIN, so "the same" is believed until something speaks against it. A contradiction
in units, contents, kind of goods or condition decides. What tells variants apart (edition, language, keyboard, plug,
region, colour, size) and a number of units that only one side states are doubts. Hints are doubts only together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pydantic import JsonValue
from rapidfuzz import fuzz

from arbkit.analysis.listing.contradictions import (
    DECIDES,
    DOUBT,
    HINT,
    Finding,
    Side,
    contents,
    models,
    other_measures,
    sizes,
    units,
    variants,
)
from arbkit.analysis.listing.goods import Goods, Listing
from arbkit.core.models import Offer
from arbkit.core.results import MatchRow, MatchVerdict
from arbkit.profit.reason_codes import ReasonCode

_MOST_FOR = 1.0
_ALIKE = 80.0
_NEAR = 0.05
_NOTHING_ALIKE = 30.0
_KINDS = {
    ReasonCode.DIGITAL_GOODS: "a download or e-book",
    ReasonCode.PARENT_LISTING: "the parent of variations",
    ReasonCode.LISTING_UNAVAILABLE: "not available",
}


@dataclass(frozen=True, slots=True)
class Match:
    """Two marketplaces' listings of an ASIN, what was found, and what it comes to.

    ``units``: how many units each side says that it is, where they differ; None unknown.
    """

    first: str
    second: str
    verdict: MatchVerdict
    findings: tuple[Finding, ...]
    units: tuple[int | None, int | None] = (None, None)

    @property
    def against(self) -> tuple[str, ...]:
        """What speaks against the two being the same, the weightiest first."""
        return tuple(f.words for f in sorted(self.findings, key=lambda f: -f.weight) if f.weight > 0)

    @property
    def differs(self) -> bool:
        """Whether anything speaks against the two being the same, be it too little for a doubt."""
        return any(f.weight >= HINT for f in self.findings)

    @property
    def speaks_for(self) -> tuple[str, ...]:
        """What speaks for the two being the same, the weightiest first."""
        return tuple(f.words for f in sorted(self.findings, key=lambda f: f.weight) if f.weight < 0)

    def row(self) -> MatchRow:
        """The match as an opportunity carries it: reasons only where the verdict is not "same"."""
        return {"verdict": self.verdict, "reasons": [] if self.verdict == "same" else list(self.against)}


def compare_listings(offers: Sequence[Offer]) -> list[Match]:
    """Every pair of these offers of one ASIN compared, in the offers' order."""
    return [compare(one, other) for one, other in combinations([Side.of(offer) for offer in offers], 2)]


def compare_pair(one: Offer, other: Offer) -> Match:
    """Compare two offers of one ASIN."""
    return compare(Side.of(one), Side.of(other))


def stated_units(offer: Offer) -> int | None:
    """How many units an offer's title says that it is, else Keepa's package quantity; None: neither says it."""
    return Side.of(offer).units


def compare_rows(ones: Iterable[Mapping[str, JsonValue]], others: Iterable[Mapping[str, JsonValue]]) -> list[Match]:
    """Compare row by row; rows hold what they have of :data:`~arbkit.analysis.listing.goods.LISTING_COLUMNS`.

    A listing, known by its ASIN and marketplace, is read once however often it is there.

    Raises:
        ValueError: the two are not of one length.
    """
    read: dict[tuple[JsonValue, JsonValue], Side] = {}

    def side(row: Mapping[str, JsonValue]) -> Side:
        key = row["asin"], row["market"]
        if key not in read:
            read[key] = Side.of(Listing.of_row(row))
        return read[key]

    return [compare(side(one), side(other)) for one, other in zip(ones, others, strict=True)]


def compare(first: Side, second: Side) -> Match:
    """Compare two sides: to be used where a listing is compared several times."""
    checks = (
        _kinds, units, contents, _eans, _quantities, variants, other_measures, sizes, models, _brands, _restrictions,
        _image, _package, _words,
    )  # fmt: skip
    found = tuple(finding for check in checks for finding in check(first, second))
    counts = first.units, second.units
    return Match(
        first.market, second.market, _verdict(first, second, found), found,
        counts if counts[0] != counts[1] else (None, None),
    )  # fmt: skip


def _verdict(one: Side, other: Side, found: Sequence[Finding]) -> MatchVerdict:
    heaviest = max((f.weight for f in found), default=0.0)
    if heaviest >= DECIDES:
        return "different"
    speaks_for = -sum(f.weight for f in found if f.weight < 0)
    hints = sum(f.weight for f in found if f.weight > 0) - min(_MOST_FOR, speaks_for)
    if heaviest >= DOUBT or hints >= DOUBT:
        return "doubtful"
    return "same" if (one.title.words and other.title.words) or one.eans & other.eans else "unknown"


def warning(matches: Sequence[Match]) -> str:
    """A sentence where two listings may not match; empty where nothing says so."""
    doubts = [m for m in matches if m.verdict in ("doubtful", "different")]
    if not doubts:
        return ""
    worst = max(doubts, key=lambda m: sum(f.weight for f in m.findings))
    reason, pairs = worst.against[0], ", ".join(f"{m.first} and {m.second}" for m in doubts)
    return (
        f"The listings may not match: {pairs}. {reason[:1].upper()}{reason[1:]}. Compare the two pages before you buy."
    )


def _kinds(one: Side, other: Side) -> Iterator[Finding]:
    first, second = one.unsellable, other.unsellable
    if first is second:
        return
    for side, kind, against in ((one, first, second), (other, second, first)):
        if kind and kind is not against:
            weight = HINT if kind is ReasonCode.LISTING_UNAVAILABLE else DECIDES
            yield Finding(f"the {side.market} listing is {_KINDS[kind]}, the other is not", weight)


def _eans(one: Side, other: Side) -> Iterator[Finding]:
    if common := one.eans & other.eans:
        yield Finding(f"both have the EAN {min(common).rjust(13, '0')}", -1.0)
    elif one.eans and other.eans:
        said = f"{one.says(one.listing.eans)}, {other.says(other.listing.eans)}"
        yield Finding(f"no EAN in common: {said}", DOUBT)


def _quantities(one: Side, other: Side) -> Iterator[Finding]:
    first, second = one.listing.package_quantity, other.listing.package_quantity
    if first and second and first != second:
        agree = bool(one.title.counts & other.title.counts)
        said = f"{one.says([first])}, {other.says([second])}"
        yield Finding(f"Keepa has different package quantities: {said}", HINT if agree else DOUBT)
    # Sellers fill in the number of items at will: it is a hint at most.
    first, second = one.listing.item_count, other.listing.item_count
    if first and second and first != second and not one.title.counts & other.title.counts:
        yield Finding(f"Keepa has different numbers of items: {one.says([first])}, {other.says([second])}", HINT)


def _brands(one: Side, other: Side) -> Iterator[Finding]:
    here, there = one.brand, other.brand
    if not here or not there or here in other.title.words or there in one.title.words:
        return
    if here in there or there in here or fuzz.ratio(here, there) >= _ALIKE:
        return
    # Exports name the brand, the maker or the seller as the brand: an EAN in common says it better.
    weight = HINT if one.eans & other.eans else DOUBT
    yield Finding(f"different brands: {one.says([one.listing.brand])}, {other.says([other.listing.brand])}", weight)


def _restrictions(one: Side, other: Side) -> Iterator[Finding]:
    here, there = one.listing, other.listing
    if here.adult == there.adult and here.hazmat == there.hazmat:
        return
    for words, first, second in (
        ("adult goods", here.adult, there.adult), ("dangerous goods", here.hazmat, there.hazmat),
    ):  # fmt: skip
        if None not in (first, second) and first != second:
            yield Finding(f"only the {(one if first else other).market} listing is of {words}", DOUBT)


def _image(one: Side, other: Side) -> Iterator[Finding]:
    # Marketplaces often have pictures of their own: another one says nothing.
    if one.listing.image and one.listing.image == other.listing.image:
        yield Finding("both show the same main picture", -0.5)


def _package(one: Side, other: Side) -> Iterator[Finding]:
    first, second = one.listing.weight_g, other.listing.weight_g
    if first and second:
        heavier = max(first, second) / min(first, second)
        if heavier <= 1 + _NEAR:
            yield Finding("the packages weigh the same", -0.25)
        elif heavier >= 1.4:
            said = f"{first:,} g in {one.market}, {second:,} g in {other.market}"
            if heavier >= 1.8:
                yield Finding(f"one package weighs {heavier:.1f} times the other: {said}", DOUBT)
            else:
                yield Finding(f"the packages weigh differently: {said}", HINT)
    here, there = _volume(one.listing), _volume(other.listing)
    if here and there and (larger := max(here, there) / min(here, there)) >= 2.5:
        yield Finding(f"one package has {larger:.1f} times the volume of the other", DOUBT)


def _volume(listing: Goods) -> int:
    """Of the package, in mm³; 0 where a side is unknown."""
    return (listing.length_mm or 0) * (listing.width_mm or 0) * (listing.height_mm or 0)


def _words(one: Side, other: Side) -> Iterator[Finding]:
    first, second = one.title.words, other.title.words
    if first and second and (likeness := fuzz.token_set_ratio(first, second)) < _NOTHING_ALIKE:
        yield Finding(f"the titles have hardly a word in common ({likeness:.0f} % alike)", HINT)
