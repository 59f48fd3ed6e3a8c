"""Whether the listings of one product on two marketplaces are the same thing: a verdict with its reasons. Pure.

Keepa and Amazon give both the same ASIN, so "the same" is believed until something speaks against it. Every finding
that does has a weight, those that speak for it take up to one back, and what is left decides. The weights are
arbkit's own judgement: numbers (units, contents, model) weigh more than words, which differ between languages anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from rapidfuzz import fuzz

from arbkit.analysis.listing.titles import Title, normalize, parse_title
from arbkit.core.models import Offer

Verdict = Literal["same", "doubtful", "probably different"]
_DOUBTFUL, _DIFFERENT = 1.0, 3.0
_MOST_FOR = 1.0
_ALIKE = 80.0
_NEAR = 0.05
_NOTHING_ALIKE = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was compared; ``weight`` above zero speaks against "the same", below zero for it."""

    words: str
    weight: float


@dataclass(frozen=True, slots=True)
class Match:
    """Two marketplaces' listings of an ASIN, what was found, and what it comes to."""

    first: str
    second: str
    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def against(self) -> tuple[str, ...]:
        """What speaks against the two being the same, the weightiest first."""
        return tuple(f.words for f in sorted(self.findings, key=lambda f: -f.weight) if f.weight > 0)

    @property
    def speaks_for(self) -> tuple[str, ...]:
        """What speaks for the two being the same, the weightiest first."""
        return tuple(f.words for f in sorted(self.findings, key=lambda f: f.weight) if f.weight < 0)


def compare_listings(offers: Sequence[Offer]) -> list[Match]:
    """Every pair of these offers of one ASIN compared, in the offers' order."""
    return [compare_pair(one, other) for one, other in combinations(offers, 2)]


def compare_pair(one: Offer, other: Offer) -> Match:
    """Compare two offers of one ASIN."""
    titles = parse_title(one.title or ""), parse_title(other.title or "")
    found = (
        *_eans(one, other),
        *_units(one, other, *titles),
        *_contents(one, other, *titles),
        *_models(one, other, *titles),
        *_plugs(one, other, *titles),
        *_brands(one, other, *titles),
        *_image(one, other),
        *_package(one, other),
        *_words(*titles),
    )
    against = sum(f.weight for f in found if f.weight > 0)
    left = against - min(_MOST_FOR, -sum(f.weight for f in found if f.weight < 0))
    verdict: Verdict = "probably different" if left >= _DIFFERENT else "doubtful" if left >= _DOUBTFUL else "same"
    return Match(one.market, other.market, verdict, found)


def warning(matches: Sequence[Match]) -> str:
    """A sentence where two listings may not be the same thing; empty where nothing says so."""
    doubts = [m for m in matches if m.verdict != "same"]
    if not doubts:
        return ""
    worst = max(doubts, key=lambda m: sum(f.weight for f in m.findings))
    pairs = ", ".join(f"{m.first} and {m.second}" for m in doubts)
    return (
        f"Two listings may not be the same thing: {pairs}. {_sentence(worst.against[0])} "
        "Compare the two pages before you buy."
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def _eans(one: Offer, other: Offer) -> Iterator[Finding]:
    first, second = ({e.lstrip("0") for e in o.eans if e.strip("0").isdigit()} for o in (one, other))
    if not first or not second:
        return
    if common := first & second:
        yield Finding(f"both have the EAN {min(common).rjust(13, '0')}", -1.0)
    else:
        yield Finding(
            f"no EAN in common: {_some(one.eans)} in {one.market}, {_some(other.eans)} in {other.market}", 1.5
        )


def _units(one: Offer, other: Offer, first: Title, second: Title) -> Iterator[Finding]:
    if first.counts and second.counts:
        if first.counts & second.counts:
            yield Finding(f"both titles say {_some(sorted(first.counts & second.counts))} units", -0.5)
        else:
            said = f"{_some(first.stated)} in {one.market}, {_some(second.stated)} in {other.market}"
            yield Finding(f"the titles say different numbers of units: {said}", 3.0)
    elif any(n > 1 for n in first.counts | second.counts):
        title, offer = (first, one) if first.counts else (second, other)
        yield Finding(f"only the {offer.market} title says how many units: {_some(title.stated)}", 0.25)
    quantities = one.package_quantity, other.package_quantity
    if None not in quantities and quantities[0] != quantities[1]:
        said = f"{quantities[0]} in {one.market}, {quantities[1]} in {other.market}"
        agree = bool(first.counts & second.counts)
        yield Finding(f"Keepa has different package quantities: {said}", 0.5 if agree else 1.5)


def _contents(one: Offer, other: Offer, first: Title, second: Title) -> Iterator[Finding]:
    here, there = first.measures or {}, second.measures or {}
    for kind in sorted(here.keys() & there.keys()):
        if any(abs(a - b) <= _NEAR * max(a, b) for a in here[kind] for b in there[kind]):
            yield Finding(f"the titles agree on {kind}", -0.5)
        else:
            said = f"{_numbers(here[kind])} in {one.market}, {_numbers(there[kind])} in {other.market}"
            yield Finding(f"the titles differ in {kind}: {said}", 2.0)


def _models(one: Offer, other: Offer, first: Title, second: Title) -> Iterator[Finding]:
    if not first.models or not second.models:
        return
    alike = [(a, b) for a in first.models for b in second.models if a == b or _near_code(a, b)]
    if alike:
        yield Finding(f"both titles name the model {min(a for a, _ in alike).upper()}", -0.5)
    else:
        said = f"{_some(sorted(c.upper() for c in first.models))} in {one.market}"
        said += f", {_some(sorted(c.upper() for c in second.models))} in {other.market}"
        yield Finding(f"the titles name different models: {said}", 1.25)


def _near_code(a: str, b: str) -> bool:
    """Whether one is the other with a colour or country at its end."""
    short, long = sorted((a, b), key=len)
    return len(short) >= 5 and long.startswith(short) and any(c.isalpha() for c in short)


def _plugs(one: Offer, other: Offer, first: Title, second: Title) -> Iterator[Finding]:
    if first.plugs and second.plugs and not first.plugs & second.plugs:
        said = f"{_some(sorted(first.plugs))} in {one.market}, {_some(sorted(second.plugs))} in {other.market}"
        yield Finding(f"the titles say different plugs: {said}", 2.0)


def _brands(one: Offer, other: Offer, first: Title, second: Title) -> Iterator[Finding]:
    here, there = normalize(one.brand or ""), normalize(other.brand or "")
    if not here or not there:
        return
    if here in there or there in here or fuzz.ratio(here, there) >= _ALIKE:
        return
    if here in second.words or there in first.words:
        return
    yield Finding(
        f"different brands: {_short(one.brand)} in {one.market}, {_short(other.brand)} in {other.market}", 1.5
    )


def _image(one: Offer, other: Offer) -> Iterator[Finding]:
    # Marketplaces often have pictures of their own: another one says nothing.
    if one.image and one.image == other.image:
        yield Finding("both show the same main picture", -0.5)


def _package(one: Offer, other: Offer) -> Iterator[Finding]:
    weights = one.weight_g, other.weight_g
    heavier = _ratio(*weights)
    if heavier is not None:
        said = f"{weights[0]:,} g in {one.market}, {weights[1]:,} g in {other.market}"
        if heavier >= 1.8:
            yield Finding(f"one package weighs {heavier:.1f} times the other: {said}", 1.5)
        elif heavier >= 1.4:
            yield Finding(f"the packages weigh differently: {said}", 0.5)
        elif heavier <= 1 + _NEAR:
            yield Finding("the packages weigh the same", -0.25)
    larger = _ratio(_volume(one), _volume(other))
    if larger is not None and larger >= 2.5:
        yield Finding(f"one package has {larger:.1f} times the volume of the other", 1.0)


def _words(first: Title, second: Title) -> Iterator[Finding]:
    if first.words and second.words:
        likeness = fuzz.token_set_ratio(first.words, second.words)
        if likeness < _NOTHING_ALIKE:
            yield Finding(f"the titles have hardly a word in common ({likeness:.0f} % alike)", 0.5)


def _ratio(a: float | None, b: float | None) -> float | None:
    return max(a, b) / min(a, b) if a and b else None


def _volume(offer: Offer) -> float | None:
    sides = offer.length_mm, offer.width_mm, offer.height_mm
    return None if None in sides else float(sides[0] or 0) * (sides[1] or 0) * (sides[2] or 0)


def _some(values: Sequence[object]) -> str:
    shown = " and ".join(_short(str(v)) for v in values[:3])
    return shown + (f" and {len(values) - 3} more" if len(values) > 3 else "")


def _numbers(values: frozenset[float]) -> str:
    return _some([f"{v:g}" for v in sorted(values)])


def _short(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= 40 else text[:39] + "…"
