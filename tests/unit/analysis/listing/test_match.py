"""Whether two listings are the same thing: what titles say in five languages, and what it comes to."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from arbkit.analysis.listing.match import Match, compare_listings, compare_pair, compare_rows, warning
from arbkit.analysis.listing.titles import parse_title
from arbkit.core.models import ProductType
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
        ("Samsung filtro de agua externo para refrigerador (3)", {3}),
        ("Roblin filtre à charbon pour hotte (1)", {1}),
        ("Filtre à eau pour réfrigérateur, lot de 2 (3)", {2}),
        ("Tapis antidérapant (02)", set()),
        ("Kohlefilter 385x195x28mm (2)", {2}),
        ("Harry Potter (3) Taschenbuch", set()),
        ("Canon EOS 40x optischer Zoom", set()),
        ("Bosch Bohrer 60 x 40 cm", set()),
        ("Apple iPhone 15 Pro 256 GB", set()),
    ],
)
def test_units_are_read_in_five_languages(title: str, units: set[int]) -> None:
    assert set(parse_title(title).counts) == units


def test_part_numbers_without_one_in_common_are_a_hint() -> None:
    shelf = "Bosch bandeja de nevera, número de pieza genuina 00704751"
    found = pair(shelf, "Bac de porte pour réfrigérateur Bosch - 00709646", eans=("4242005285358",))
    assert found.verdict == "same"
    assert found.differs
    assert found.against[0].startswith("the titles name different part numbers: 704751 in DE, 709646 in IT")
    assert not pair(shelf, "Bac de porte pour réfrigérateur Bosch 704751, 00709646 et 00704751").differs


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
    assert found.verdict == "different"
    assert found.speaks_for == ("both have the EAN 4005808158003",)


def test_a_upc_and_the_ean_made_of_it_are_the_same_number() -> None:
    one, other = offer(code="UK", eans=("0036000291452",)), offer(code="DE", eans=("036000291452",))
    assert "both have the EAN 0036000291452" in compare_pair(one, other).speaks_for


def test_several_contradictions_are_all_named() -> None:
    one = offer(code="DE", title="Finish Tabs 40 Stück", eans=("4002448100000",), weight_g=700)
    other = offer(code="FR", title="Finish tablettes, lot de 120", eans=("3059946100000",), weight_g=2_100)
    found = compare_pair(one, other)
    assert found.verdict == "different"
    assert any("3.0 times" in words for words in found.against)


@pytest.mark.parametrize(
    "fields", [{"package_quantity": None, "weight_g": None}, {"image": "71abc.jpg"}, {"weight_g": 500}]
)
def test_what_is_unknown_on_one_side_speaks_against_nothing(fields: dict[str, Any]) -> None:
    full = offer(code="DE", eans=("4005808158003",), package_quantity=2, image="81xyz.jpg")
    found = compare_pair(full, offer(code="FR", **fields))
    assert found.verdict == "same"
    assert warning([found]) == ""


@pytest.mark.parametrize("fields", [{"title": None}, {"title": "", "brand": None, "eans": ()}])
def test_a_listing_without_a_title_is_not_said_to_be_the_same(fields: dict[str, Any]) -> None:
    full = offer(code="DE", eans=("4005808158003",), title="Nivea Creme, 6 Stück")
    found = compare_pair(full, offer(code="FR", **fields))
    assert found.verdict == "unknown"
    assert warning([found]) == ""


@pytest.mark.parametrize("count", ["confezione da 12", "12 pezzi", "12 x", "pack 12", "set da 12"])
def test_a_number_of_units_that_only_one_title_states_is_a_doubt(count: str) -> None:
    found = pair("Duracell AA Batterien", f"Duracell pile AA, {count} Ultra")
    assert found.verdict == "doubtful"
    assert found.against == ("only the IT title says how many units: 12",)


def test_an_ean_in_common_answers_a_pair_that_one_title_leaves_out_but_not_a_dozen() -> None:
    eans = ("4005808158003",)
    assert pair("Nivea Creme", "Nivea crema, 2 pezzi", eans=eans).verdict == "same"
    assert pair("Nivea Creme", "Nivea crema, 12 pezzi", eans=eans).verdict == "doubtful"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FilterLogic 2x Wasserfilter", "2 filtri acqua FilterLogic"),
        ("Nivea Creme 2 x 150 ml", "Nivea crema 300 ml"),
        ("LEGO 10311 Orchidee (608 Teile)", "LEGO 10311 orchidea"),
        ("Anschluss-Set, 14 Stück, für Kühlschrank", "Kit di connessione per frigorifero"),
        ("Minikühlschrank für 6 Dosen, 5 Liter", "Mini frigo 5 litri"),
        ("Abdeckung mit 4 Haken", "Copertura"),
    ],
)
def test_numbers_that_the_other_side_says_in_its_own_way_are_no_doubt(one: str, other: str) -> None:
    assert pair(one, other).verdict == "same"


def test_keepas_package_quantity_turns_silence_into_a_contradiction_or_an_agreement() -> None:
    six = offer(code="DE", title="Nivea Creme, 6er Pack", package_quantity=6)
    assert compare_pair(six, offer(code="FR", title="Nivea crème", package_quantity=1)).verdict == "different"
    assert compare_pair(six, offer(code="FR", title="Nivea crème", package_quantity=6)).verdict == "same"


def test_a_number_of_items_is_a_hint_only() -> None:
    one, other = offer(code="DE", item_count=1), offer(code="FR", item_count=6)
    found = compare_pair(one, other)
    assert found.verdict == "same"
    assert found.against == ("Keepa has different numbers of items: 1 in DE, 6 in FR",)


def test_equal_tabs_in_one_pack_and_in_two_are_a_doubt() -> None:
    assert pair("Finish Quantum, 60 Tabs", "Finish Quantum, 60 pastiglie, confezione da 2").verdict == "doubtful"


def test_one_piece_against_a_pack_of_six_blocks_with_both_counts() -> None:
    one = offer(code="IT", title="Crema mani Alfa 100 ml, 1 pezzo", weight_g=150)
    six = offer(code="DE", title="Alfa Handcreme 100 ml, 6er Pack", weight_g=900)
    found = compare_pair(one, six)
    assert found.verdict == "different"
    assert found.units == (1, 6)
    assert found.row()["reasons"][0] == "the titles say different numbers of units: 1 in IT, 6 in DE"
    assert found.row()["verdict"] == "different"


@pytest.mark.parametrize(
    ("fields", "against"),
    [
        ({"languages": ("English",)}, {"languages": ("German",)}),
        ({"color": "Schwarz"}, {"color": "Rosso"}),
        ({"size": "M"}, {"size": "XL"}),
        ({"size": "250 ml (1er Pack)"}, {"size": "250 ml (6er Pack)"}),
        ({"edition": "Collector's Edition"}, {"edition": "Standard"}),
        ({"binding": "Taschenbuch"}, {"binding": "Copertina rigida"}),
        ({"adult": True}, {"adult": False}),
        ({"hazmat": True}, {"hazmat": False}),
    ],
)
def test_what_keepa_says_of_a_variation_is_a_doubt_where_it_differs(
    fields: dict[str, Any], against: dict[str, Any]
) -> None:
    assert compare_pair(offer(code="DE", **fields), offer(code="IT", **against)).verdict == "doubtful"
    assert compare_pair(offer(code="DE", **fields), offer(code="IT", **fields)).verdict == "same"
    assert compare_pair(offer(code="DE", **fields), offer(code="IT")).verdict in ("same", "doubtful")


@pytest.mark.parametrize("kind", ["ebook", "download", "parent"])
def test_a_download_or_a_parent_against_goods_blocks(kind: ProductType) -> None:
    found = compare_pair(offer(code="DE", product_type=kind), offer(code="IT", product_type="standard"))
    assert found.verdict == "different"


def test_rows_of_a_store_compare_as_their_offers() -> None:
    one = offer(code="IT", title="Crema mani, 1 pezzo", eans=("4005808158003",), weight_g=150)
    six = offer(code="DE", title="Handcreme, 6er Pack", eans=("4005808158003",))
    rows: list[dict[str, JsonValue]] = [
        {"asin": o.asin, "market": o.market, "title": o.title, "eans": '["4005808158003"]', "weight_g": float("nan")}
        for o in (one, six)
    ]
    (found,) = compare_rows(rows[:1], rows[1:])
    assert found.verdict == compare_pair(one, six).verdict == "different"
    assert found.speaks_for == ("both have the EAN 4005808158003",)


_TITLES = st.lists(
    st.sampled_from(
        [
            "6er Pack",
            "lot de 2",
            "confezione da 3",
            "1 Stück",
            "2 x 1 kg",
            "500 ml",
            "QWERTZ",
            "AZERTY",
            "UK-Stecker",
            "schwarz",
            "bleu",
            "Region 2",
            "Größe M",
            "3. Auflage",
            "reconditionné",
            "60 x 40 cm",
            "WH-1000XM5",
            "Conjunto 4",
            "2 ud de 75 mm",
            "kit",
            "Alfa",
            ",",
            "x3",
            "5 Paar",
            "2+1 gratis",
        ]
    ),
    max_size=6,
).map(" ".join)
_OFFERS = st.fixed_dictionaries(
    {
        "title": _TITLES | st.text(max_size=40),
        "eans": st.sampled_from([(), ("4005808158003",), ("4005808158010",)]),
        "package_quantity": st.none() | st.integers(1, 6),
        "item_count": st.none() | st.integers(1, 6),
        "product_type": st.sampled_from([None, "standard", "ebook", "parent"]),
        "weight_g": st.none() | st.integers(1, 5_000),
    }
)


@given(_OFFERS, _OFFERS)
def test_the_verdict_does_not_depend_on_which_listing_comes_first(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = offer(code="DE", **one), offer(code="IT", **other)
    here, there = compare_pair(first, second), compare_pair(second, first)
    assert here.verdict == there.verdict
    assert here.units == there.units[::-1]
    assert sorted(f.weight for f in here.findings) == sorted(f.weight for f in there.findings)


@given(_OFFERS)
def test_a_listing_is_the_same_as_itself(fields: dict[str, Any]) -> None:
    both = offer(code="DE", **fields), offer(code="IT", **fields)
    assert compare_pair(*both).verdict in ("same", "unknown")


def test_different_package_quantities_are_doubted() -> None:
    one, other = offer(code="DE", package_quantity=1), offer(code="ES", package_quantity=3)
    assert "1 in DE, 3 in ES" in warning([compare_pair(one, other)])


def test_the_warning_names_the_pairs_and_the_first_reason() -> None:
    offers = [offer(code="DE", title="Tabs, 40 Stück"), offer(code="FR", title="Tabs, lot de 40"),
              offer(code="IT", title="Tabs, 80 pezzi")]  # fmt: skip
    said = warning(compare_listings(offers))
    assert said.startswith("The listings may not match: DE and IT, FR and IT.")
    assert "40 in DE, 80 in IT" in said


_HOSTILE = (
    "1", "x", "1 x ", "pack of ", "9,", "a-", "1x", "2+", "6er-", "1.", "deutsche version ", "lot de 2 ", "x3-", '"',
    "2 m x", "de completo ",
)  # fmt: skip


@pytest.mark.parametrize("part", _HOSTILE)
def test_the_time_to_read_a_title_grows_with_its_length_only(part: str) -> None:
    def seconds(length: int) -> float:
        text = (part * length)[:length]
        runs = []
        for _ in range(5):
            parse_title.cache_clear()
            began = process_time()
            for _ in range(20):
                parse_title.__wrapped__(text)
            runs.append(process_time() - began)
        return min(runs)

    # Twenty times the length: a square would be four hundred times as long.
    assert seconds(1_000) < 100 * max(seconds(50), 1e-4)


def test_hostile_titles_are_cut() -> None:
    for text in (part * (100_000 // len(part)) for part in _HOSTILE):
        assert compare_pair(offer(title=text), offer(code="FR", title=text)).verdict == "same"
        assert len(parse_title(text).words) <= 1_000
