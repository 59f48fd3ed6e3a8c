"""Constructed contradictions in five languages, each beside its innocent twins."""

from __future__ import annotations

import tomllib
from itertools import permutations
from pathlib import Path
from typing import TypedDict

import pytest

from arbkit.analysis.listing.match import Match, compare_pair
from tests.helpers.factories import offer

MARKETS = ("DE", "FR", "IT", "ES", "UK")


class Kind(TypedDict, total=False):
    """Per marketplace the title of a thing and of the other thing."""

    name: str
    decides: bool
    DE: list[str]
    FR: list[str]
    IT: list[str]
    ES: list[str]
    UK: list[str]


_FILE = Path(__file__).with_name("contradictions.toml")
KINDS: list[Kind] = tomllib.loads(_FILE.read_text("utf-8"))["kind"]


def compare(kind: Kind, first: str, second: str, *, which: tuple[int, int]) -> Match:
    titles = kind[first][which[0]], kind[second][which[1]]  # type: ignore[literal-required]
    return compare_pair(offer(code=first, title=titles[0]), offer(code=second, title=titles[1]))


def contradictions(kind: Kind) -> list[Match]:
    return [compare(kind, *pair, which=which) for pair in permutations(MARKETS, 2) for which in ((0, 1), (1, 0))]


def twins(kind: Kind) -> list[Match]:
    return [compare(kind, *pair, which=which) for pair in permutations(MARKETS, 2) for which in ((0, 0), (1, 1))]


def test_of_all_constructed_contradictions_nearly_all_are_caught() -> None:
    found = [match for kind in KINDS for match in contradictions(kind)]
    assert len(found) >= 100
    caught = [match for match in found if match.verdict in ("doubtful", "different")]
    assert len(caught) / len(found) >= 0.95


@pytest.mark.parametrize("kind", KINDS, ids=[kind["name"] for kind in KINDS])
def test_each_kind_is_caught_in_every_pair_of_languages(kind: Kind) -> None:
    expected = {"different"} if kind.get("decides") else {"doubtful", "different"}
    assert {match.verdict for match in contradictions(kind)} <= expected


@pytest.mark.parametrize("kind", KINDS, ids=[kind["name"] for kind in KINDS])
def test_the_same_thing_in_two_languages_passes(kind: Kind) -> None:
    assert [match.against for match in twins(kind) if match.verdict != "same"] == []


_PAIRS: dict[str, list[list[str]]] = tomllib.loads(Path(__file__).with_name("title_pairs.toml").read_text("utf-8"))


def verdicts(name: str) -> list[str]:
    pairs = _PAIRS[name]
    return [compare_pair(offer(code="DE", title=one), offer(code="IT", title=two)).verdict for one, two in pairs]


def test_of_titles_as_sellers_write_them_nearly_all_contradictions_are_caught() -> None:
    found = verdicts("contradict")
    assert len(found) >= 200
    assert found.count("same") <= 0.05 * len(found)


def test_of_titles_as_sellers_write_them_hardly_any_innocent_pair_is_flagged() -> None:
    found = verdicts("same")
    assert len(found) >= 160
    assert len(found) - found.count("same") <= 0.02 * len(found)
