"""Whether two listings are the same thing: what titles say in five languages, and what it comes to."""

from __future__ import annotations

from typing import Any

import pytest

from arbkit.analysis.listing.match import Match, compare_listings, compare_pair, warning
from arbkit.analysis.listing.titles import parse_title
from tests.helpers.factories import offer


def pair(one: str, other: str, **both: Any) -> Match:
    return compare_pair(offer(code="DE", title=one, **both), offer(code="IT", title=other, **both))


@pytest.mark.parametrize(
    ("title", "units"),
    [
        ("Oral-B Aufsteckbürsten, 2 Stück", {2}),
        ("Philips Sonicare Bürstenköpfe 4er-Pack HX9004/10", {4}),
        ("Brita Maxtra Pro Filterkartuschen, Packung mit 6", {6}),
        ("Duracell Plus AA Batteries (Pack of 12)", {12}),
        ("Gillette Fusion5 Razor Blades, 8 count", {8}),
        ("Scotch-Brite éponges, lot de 3", {3}),
        ("Brita filtre à eau, boîte de 12", {12}),
        ("Gillette Venus lamette, confezione da 6 pezzi", {6}),
        ("Philips testine spazzolino (2 pz)", {2}),
        ("Duracell pilas AAA, paquete de 8", {8}),
        ("Nivea crema 3 unidades", {3}),
        ("Pellicola protettiva x3", {3}),
        ("L'Oréal Shampoo, 6 x 250 ml", {6}),
        ("Nivea Duschgel Doppelpack", {2}),
        ("LEGO Star Wars 75192 Millennium Falcon (7.541 Teile)", {7_541}),
        ("LEGO Icons 10311 Orchid, 608 Pieces", {608}),
        ("Finish Powerball, 40 Pastilles", {40}),
        ("Canon EOS 40x optischer Zoom", set()),
        ("Bosch Bohrer 60 x 40 cm", set()),
        ("Apple iPhone 15 Pro 256 GB", set()),
    ],
)
def test_units_are_read_in_five_languages(title: str, units: set[int]) -> None:
    assert set(parse_title(title).counts) == units


def test_contents_and_models_are_told_from_units_and_sizes() -> None:
    found = parse_title("Sony WH-1000XM5 Bluetooth 5.2 Kopfhörer, USB-C, 30 Stunden, 20 cm, 2024")
    assert found.models == {"wh1000xm5"}
    assert parse_title("Samsung 990 PRO SSD 2 TB").measures == {"memory, GB": frozenset({2_000.0})}
    assert parse_title("Samsung disque SSD 2 To").measures == {"memory, GB": frozenset({2_000.0})}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LEGO 42115 Technic Lamborghini Sián FKP 37, 3.696 Teile", "LEGO 42115 Technic Lamborghini, 3696 pezzi, auto"),
        ("Oral-B Aufsteckbürsten CrossAction, 4 Stück", "Oral-B testine CrossAction, confezione da 4"),
        ("L'Oréal Elvital Shampoo 3 x 300 ml", "L'Oréal Paris shampoo 900 ml"),
        ("Sony WH-1000XM5 kabellose Kopfhörer schwarz", "Sony WH1000XM5B cuffie wireless nero"),
        ("Bosch Akkuschrauber", "Bosch trapano avvitatore a batteria"),
        ("Philips Kaffeemaschine, 1000 Watt", "Philips macchina del caffè 1 kW"),
    ],
)
def test_the_same_thing_in_two_languages_is_the_same(one: str, other: str) -> None:
    assert pair(one, other).verdict == "same"


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ("Duracell AA, 4 Stück", "Duracell AA, confezione da 12", "4 in DE, 12 in IT"),
        ("Samsung SSD 1 TB", "Samsung SSD 2 TB", "1000 in DE, 2000 in IT"),
        ("Dyson Airwrap, EU-Stecker", "Dyson Airwrap, spina UK", "EU in DE, UK in IT"),
        ("Sony WH-1000XM4 Kopfhörer", "Sony WH-1000XM5 cuffie", "WH1000XM4 in DE, WH1000XM5 in IT"),
    ],
)
def test_real_contradictions_are_doubted_with_their_reason(one: str, other: str, says: str) -> None:
    found = pair(one, other)
    assert found.verdict != "same"
    assert says in found.against[0]


def test_the_same_ean_does_not_make_a_multipack_a_single() -> None:
    found = pair("Nivea Creme, 1 Stück", "Nivea crema, 6 pezzi", eans=("4005808158003",))
    assert found.verdict == "doubtful"
    assert found.speaks_for == ("both have the EAN 4005808158003",)


def test_a_upc_and_the_ean_made_of_it_are_the_same_number() -> None:
    one, other = offer(code="UK", eans=("0036000291452",)), offer(code="DE", eans=("036000291452",))
    assert "both have the EAN 0036000291452" in compare_pair(one, other).speaks_for


def test_several_contradictions_make_two_listings_probably_different() -> None:
    one = offer(code="DE", title="Finish Tabs 40 Stück", eans=("4002448100000",), weight_g=700)
    other = offer(code="FR", title="Finish tablettes, lot de 120", eans=("3059946100000",), weight_g=2_100)
    found = compare_pair(one, other)
    assert found.verdict == "different"
    assert any("3.0 times" in words for words in found.against)


@pytest.mark.parametrize(
    "fields",
    [
        {"title": None},
        {"title": "", "brand": None, "eans": ()},
        {"package_quantity": None, "weight_g": None},
        {"image": "71abc.jpg"},
        {"weight_g": 500},
    ],
)
def test_what_is_unknown_on_one_side_speaks_against_nothing(fields: dict[str, Any]) -> None:
    full = offer(code="DE", eans=("4005808158003",), package_quantity=2, image="81xyz.jpg")
    found = compare_pair(full, offer(code="FR", **fields))
    assert found.verdict == "same"
    assert warning([found]) == ""


def test_a_pack_that_only_one_title_tells_of_is_no_contradiction_by_itself() -> None:
    assert pair("Duracell AA Batterien", "Duracell pile AA, confezione da 12").verdict == "same"


def test_different_package_quantities_are_doubted() -> None:
    one, other = offer(code="DE", package_quantity=1), offer(code="ES", package_quantity=3)
    assert "1 in DE, 3 in ES" in warning([compare_pair(one, other)])


def test_the_warning_names_the_pairs_and_the_first_reason() -> None:
    offers = [offer(code="DE", title="Tabs, 40 Stück"), offer(code="FR", title="Tabs, lot de 40"),
              offer(code="IT", title="Tabs, 80 pezzi")]  # fmt: skip
    said = warning(compare_listings(offers))
    assert said.startswith("Two listings may not be the same thing: DE and IT, FR and IT.")
    assert "40 in DE, 80 in IT" in said


def test_hostile_titles_are_cut() -> None:
    for text in ("1" * 100_000, "x" * 100_000, "1 x " * 30_000, "pack of " * 20_000, "9," * 50_000, "a-" * 50_000):
        assert compare_pair(offer(title=text), offer(code="FR", title=text)).verdict == "same"
        assert len(parse_title(text).words) <= 1_000
