"""Sizes read out of titles and bullet points."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbkit.analysis.listing.sizes import StatedSize, read_size


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("Frontlader-Waschmaschine - Abmessungen BxTxH 60x62x85 cm", (850, 620, 600)),
        ("mit ihren kompakten Maßen von 600 × 80 × 440 mm ist die", (600, 440, 80)),
        ("Con dimensiones de 4 x 29 x 51 cm y un peso de 4,7 kg", (510, 290, 40)),
        ("Dimensions (l x p x h) : 24,3 x 25,7 x 1,5 cm.", (257, 243, 15)),
        ("dimensioni 95mm x 70mm x 10mm", (95, 70, 10)),
        ("Dimensiones: 570X470x2 mm", (570, 470, 2)),
        ("the box is 15 x 8 x 6 inches", (381, 203.2, 152.4)),
        ('15" x 8" x 6"', (381, 203.2, 152.4)),
        ("56 cm (H) x 40 cm (B) x 30 cm (T)", (560, 400, 300)),
        ("【Dimensions】 – 50P x 55L x 43,8H cm. Longueur du tuyau : 1,7 m", (550, 500, 438)),
        ("85H x 60B x 55T cm", (850, 600, 550)),
        ("Verpackungsabmessungen (L x B x H): 6.6 zm x 15.0 zm x 16.4 zm", (164, 150, 66)),
        ("Dimensiones: 6.6 L x 16.4 H x 15.0 W (centimeters)", (164, 150, 66)),
        ("Medidas: 20 x 10 x 5 centímetros", (200, 100, 50)),
        ("Maße: 20 x 10 x 5 Zentimeter", (200, 100, 50)),
    ],
)
def test_three_sides_in_five_languages(text: str, sides: tuple[float, float, float]) -> None:
    assert read_size("", [text]).sides_mm == pytest.approx(sides)
    assert read_size(text).sides_mm == pytest.approx(sides)


@pytest.mark.parametrize(
    "text",
    [
        "die Nischenmaße sind 597 x 560 x 550 cm",
        "Einbaumaße 56 x 55 x 60 cm",
        "passt auf Geräte von 60 x 62 x 85 cm",
        "compatible con lavadoras de 60 x 62 x 85 cm",
        "Maße Innenraum (Hauptfach): ca. 32 x 26 x 30 cm",
        "Filter 43 x 45 cm",
        "2 x 55 mm + 2 x 75 mm + 1 x 100 mm",
        "0 x 0 x 0 cm",
        "900 x 900 x 900 m",
    ],
)
def test_the_sizes_of_other_things_are_not_the_goods_own(text: str) -> None:
    assert read_size(text, [text]).sides_mm is None


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        ("un peso de 4,7 kg, esta placa", 4_700),
        ("Poids : env. 7,1 kg", 7_100),
        ("Gewicht: 45.0 kg", 45_000),
        ("Medidas aproximadas: 75 x 63 x 63 mm; peso: 45 g", 45),
        ("weight 1.2 kg", 1_200),
        ("peso netto 850 grammi", 850),
        ("Verpackungsgewicht: 680 g", 680),
        ("Artikelgewicht 1,2 kg", 1_200),
    ],
)
def test_a_weight_that_is_named_as_one(text: str, grams: float) -> None:
    assert read_size("", [text]).weight_g == grams


@pytest.mark.parametrize(
    "text",
    [
        "Maximale Gewicht bis zu: 200KG",
        "Waschmaschine 8 kg, 1400 U/min",
        "maximale Tragfähigkeit von 300 kg",
        "capacidad de carga de peso 10 kg",
        "supports a weight of 150 kg",
        "Fassungsgewicht 9 kg",
        "Wäschegewicht 7 kg",
    ],
)
def test_a_load_is_no_weight(text: str) -> None:
    assert read_size(text, [text]).weight_g is None


@pytest.mark.parametrize(
    ("title", "cm3"),
    [("Mini-Kühlschrank 43L", 43_000), ("Frigo 129 litres", 129_000), ("Crème 500 ml", 500), ("Bier 33cl", 330)],
)
def test_the_capacity_of_a_title(title: str, cm3: float) -> None:
    assert read_size(title).capacity_cm3 == cm3
    # A bullet point states what is inside and around it too.
    assert read_size("Kühlschrank", [title]).capacity_cm3 is None


@pytest.mark.parametrize(
    "title",
    [
        "Lave-vaisselle compact pose libre, écran LED, 6,5 litres, blanc",
        "Tischgeschirrspüler, 6 Maßgedecke, 6,5 L, weiß",
        "Geschirrspüler 60 cm, 9,5 l",
        "Waschmaschine 7 kg, 45 Liter",
        "Lavavajillas compacto 6,5 litros",
        "Lavastoviglie da tavolo 6,5 L",
        "Compact dishwasher, 6.5 litres",
    ],
)
def test_the_water_that_a_machine_uses_is_no_capacity(title: str) -> None:
    assert read_size(title).capacity_cm3 is None


def test_what_is_sold_for_such_a_machine_has_a_capacity() -> None:
    assert read_size("Entkalker für Waschmaschine und Geschirrspüler, 5 Liter").capacity_cm3 == 5_000
    assert read_size("Détartrant pour lave-vaisselle 1 l").capacity_cm3 == 1_000


@given(st.text(max_size=200))
def test_any_text_has_some_answer(text: str) -> None:
    found = read_size(text, [text])
    assert isinstance(found, StatedSize)
    assert found.sides_mm is None or all(side > 0 for side in found.sides_mm)


def test_a_title_of_a_megabyte_is_read_at_once() -> None:
    assert read_size("1 x 1 x " * 200_000).sides_mm is None
