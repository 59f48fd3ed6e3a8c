"""Whether the listings of one product on two marketplaces are the same thing: a verdict with its reasons. Pure.

Keepa and Amazon give both the same ASIN, so "the same" is believed until something speaks against it. Every finding
that does has a weight, those that speak for it take up to one back, and what is left decides. The weights are
arbkit's own judgement: numbers (units, contents, model) weigh more than words, which differ between languages anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Literal

from rapidfuzz import fuzz

from arbkit.analysis.title_parser import Title, normalize, parse_title
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


@dataclass(frozen=True, slots=True)
class _Listing:
    """An offer and what its title says."""

    offer: Offer
    title: Title

    def says(self, values: Iterable[object]) -> str:
        """These values, as those of this marketplace."""
        return f"{_some(list(values))} in {self.offer.market}"


def compare_pair(one: Offer, other: Offer) -> Match:
    """Compare two offers of one ASIN."""
    pair = _Listing(one, parse_title(one.title or "")), _Listing(other, parse_title(other.title or ""))
    checks = (_eans, _units, _quantities, _contents, _models, _plugs, _brands, _image, _package, _words)
    found = tuple(finding for check in checks for finding in check(*pair))
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
    reason, pairs = worst.against[0], ", ".join(f"{m.first} and {m.second}" for m in doubts)
    return (
        f"Two listings may not be the same thing: {pairs}. {reason[:1].upper()}{reason[1:]}. "
        "Compare the two pages before you buy."
    )


def _eans(one: _Listing, other: _Listing) -> Iterator[Finding]:
    first, second = ({e.lstrip("0") for e in o.offer.eans if e.strip("0").isdigit()} for o in (one, other))
    if common := first & second:
        yield Finding(f"both have the EAN {min(common).rjust(13, '0')}", -1.0)
    elif first and second:
        yield Finding(f"no EAN in common: {one.says(one.offer.eans)}, {other.says(other.offer.eans)}", 1.5)


def _units(one: _Listing, other: _Listing) -> Iterator[Finding]:
    first, second = one.title, other.title
    if common := first.counts & second.counts:
        yield Finding(f"both titles say {_some(sorted(common))} units", -0.5)
    elif first.counts and second.counts:
        said = f"{one.says(first.stated)}, {other.says(second.stated)}"
        yield Finding(f"the titles say different numbers of units: {said}", 3.0)
    elif any(n > 1 for n in first.counts | second.counts):
        only = one if first.counts else other
        yield Finding(f"only the {only.offer.market} title says how many units: {_some(only.title.stated)}", 0.25)


def _quantities(one: _Listing, other: _Listing) -> Iterator[Finding]:
    first, second = one.offer.package_quantity, other.offer.package_quantity
    if None not in (first, second) and first != second:
        agree = bool(one.title.counts & other.title.counts)
        said = f"{one.says([first])}, {other.says([second])}"
        yield Finding(f"Keepa has different package quantities: {said}", 0.5 if agree else 1.5)


def _contents(one: _Listing, other: _Listing) -> Iterator[Finding]:
    here, there = one.title.measures, other.title.measures
    for kind in sorted(here.keys() & there.keys()):
        if any(abs(a - b) <= _NEAR * max(a, b) for a in here[kind] for b in there[kind]):
            yield Finding(f"the titles agree on {kind}", -0.5)
        else:
            amounts = [[f"{v:g}" for v in sorted(values)] for values in (here[kind], there[kind])]
            yield Finding(f"the titles differ in {kind}: {one.says(amounts[0])}, {other.says(amounts[1])}", 2.0)


def _models(one: _Listing, other: _Listing) -> Iterator[Finding]:
    first, second = one.title.models, other.title.models
    alike = [a for a in first for b in second if a == b or _near_code(a, b)]
    if alike:
        yield Finding(f"both titles name the model {min(alike).upper()}", -0.5)
    elif first and second:
        names = [sorted(code.upper() for code in codes) for codes in (first, second)]
        yield Finding(f"the titles name different models: {one.says(names[0])}, {other.says(names[1])}", 1.25)


def _near_code(a: str, b: str) -> bool:
    """Whether one is the other with a colour or country at its end."""
    short, long = sorted((a, b), key=len)
    return len(short) >= 5 and long.startswith(short) and any(c.isalpha() for c in short)


def _plugs(one: _Listing, other: _Listing) -> Iterator[Finding]:
    first, second = one.title.plugs, other.title.plugs
    if first and second and not first & second:
        said = f"{one.says(sorted(first))}, {other.says(sorted(second))}"
        yield Finding(f"the titles say different plugs: {said}", 2.0)


def _brands(one: _Listing, other: _Listing) -> Iterator[Finding]:
    here, there = normalize(one.offer.brand or ""), normalize(other.offer.brand or "")
    if not here or not there or here in other.title.words or there in one.title.words:
        return
    if here in there or there in here or fuzz.ratio(here, there) >= _ALIKE:
        return
    yield Finding(f"different brands: {one.says([one.offer.brand])}, {other.says([other.offer.brand])}", 1.5)


def _image(one: _Listing, other: _Listing) -> Iterator[Finding]:
    # Marketplaces often have pictures of their own: another one says nothing.
    if one.offer.image and one.offer.image == other.offer.image:
        yield Finding("both show the same main picture", -0.5)


def _package(one: _Listing, other: _Listing) -> Iterator[Finding]:
    first, second = one.offer.weight_g, other.offer.weight_g
    if first and second:
        heavier = max(first, second) / min(first, second)
        said = f"{first:,} g in {one.offer.market}, {second:,} g in {other.offer.market}"
        if heavier >= 1.8:
            yield Finding(f"one package weighs {heavier:.1f} times the other: {said}", 1.5)
        elif heavier >= 1.4:
            yield Finding(f"the packages weigh differently: {said}", 0.5)
        elif heavier <= 1 + _NEAR:
            yield Finding("the packages weigh the same", -0.25)
    volumes = [prod((o.length_mm or 0, o.width_mm or 0, o.height_mm or 0)) for o in (one.offer, other.offer)]
    if all(volumes) and (larger := max(volumes) / min(volumes)) >= 2.5:
        yield Finding(f"one package has {larger:.1f} times the volume of the other", 1.0)


def _words(one: _Listing, other: _Listing) -> Iterator[Finding]:
    first, second = one.title.words, other.title.words
    if first and second and (likeness := fuzz.token_set_ratio(first, second)) < _NOTHING_ALIKE:
        yield Finding(f"the titles have hardly a word in common ({likeness:.0f} % alike)", 0.5)


def _some(values: Sequence[object]) -> str:
    shown = " and ".join(_short(str(v)) for v in values[:3])
    return shown + (f" and {len(values) - 3} more" if len(values) > 3 else "")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
