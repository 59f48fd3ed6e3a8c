"""Headers of exports: every language and wording known, whatever the case, the accents and the order."""

from __future__ import annotations

import unicodedata

import pytest

from arbkit.sources.exports.columns import PRICES, VOCABULARY, read_column, read_columns

SAID = {
    # English, 2025 and 2026
    "Buy Box 🚚: Current": "buy_box_minor",
    "Buy Box: Current": "buy_box_minor",
    "Buy Box: 180 days avg.": "buy_box_avg180_minor",
    "Buy Box out of stock percentage: 90 days OOS %": "buy_box_out90_pct",
    "Buy Box: % Amazon 90 days": "amazon_buy_box90_pct",
    "Buy Box: Buy Box Seller": "buy_box_seller",
    "Buy Box Seller": "buy_box_seller",
    "New, 3rd Party FBA: Current": "new_fba_minor",
    "FBA Fees:": "keepa_fba_fee_minor",
    "Sales Rank: Drops last 90 days": "rank_drops90",
    "Reviews: Rating Count": "reviews",
    "Package: Dimension (cm³)": "volume_cm3",
    "Item: Weight (g)": "item_weight_g",
    "One Time Coupon: Percentage": "coupon_pct",
    "Number of Items": "item_count",
    "upcList": "eans",
    "URL: Amazon": "url",
    # Spanish
    "Caja de Compra: Actual": "buy_box_minor",
    "Caja de Compra: Promedio de 30 días": "buy_box_avg30_minor",
    "Caja de Compra: Gastos de envío": "buy_box_shipping_minor",
    "Caja de Compra: Vendedor Caja de Compra": "buy_box_seller",
    "Nuevo, de Vendedor Externo FBA: Actual": "new_fba_minor",
    "Clasificación de Ventas: Descensos en los últimos 30 días": "rank_drops30",
    "Count of retrieved live offers: New, FBA": "offers_fba",
    "Recuento ofertas nuevas FBM: Actual": "offers_fbm",
    "Descripción & Características: Característica 10": "features",
    "Paquete: Anchura (cm)": "width_mm",
    "Última actualización": "updated",
    "Localización": "locale",
    # French
    "Buy Box : Courant": "buy_box_minor",
    "Nouveau: Moyenne sur 90 jours": "new_avg90_minor",
    "Frais d’enlèvement et d’emballage FBA": "keepa_fba_fee_minor",
    "Emballage: Poids (g)": "weight_g",
    "Buy Box: Buy Box Vendeur": "buy_box_seller",
    # German, Italian, Polish
    "Verkaufsrang: Aktuell": "sales_rank",
    "Neu: Aktuell": "new_minor",
    "Produktcodes: EAN": "eans",
    "Paket: Gewicht (g)": "weight_g",
    "Buy Box: Attuale": "buy_box_minor",
    "Nuovo: Media 30 giorni": "new_avg30_minor",
    "Buy Box: Obecna": "buy_box_minor",
    "Nowy: Średnia 90 dni": "new_avg90_minor",
}


@pytest.mark.parametrize(("header", "field"), SAID.items())
@pytest.mark.parametrize(
    "written", [str, str.upper, lambda h: h.replace(" ", "\u00a0"), lambda h: unicodedata.normalize("NFD", h)]
)
def test_a_header_is_read_however_it_is_written(header: str, field: str, written: type[str]) -> None:
    found = read_column(written(header))
    assert found is not None
    assert found.field == field


@pytest.mark.parametrize(
    "header",
    [
        "", "Used: Current", "Buy Box Used 🚚: Current", "Buy Box: Stock", "Buy Box: Shipping Country",
        "New: 1 day avg.",
        "Sales Rank: 90 days avg.", "Count of retrieved live offers: Used, FBA", "Prime Eligible (Buy Box)",
        "Referral Fee based on current Buy Box price", "Caja de Compra: País de envío", "Item: Dimension (cm³)",
        "Package: Weight (stone)", "Subscribe & Save", "eBay New 🚚: Current",
    ],
)  # fmt: skip
def test_a_header_that_is_like_a_known_one_is_not_read(header: str) -> None:
    assert read_column(header) is None


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("Package: Weight (g)", 1), ("Package: Weight (kg)", 1000), ("Paket: Gewicht", 1), ("Package: Length (cm)", 10),
        ("Package: Length (mm)", 1), ("Package: Length (in)", 25.4), ("Package: Dimension (m³)", 1e6),
    ],
)  # fmt: skip
def test_the_unit_in_brackets_counts(header: str, factor: float) -> None:
    found = read_column(header)
    assert found is not None
    assert found.factor == pytest.approx(factor)


def test_of_two_columns_for_a_field_the_same_counts_in_any_order() -> None:
    headers = ("Caja de Compra: Actual", "Buy Box: Current", "Buy Box 🚚: Current", "ASIN")
    counted = [column.header for column in read_columns(headers) if column.field == "buy_box_minor"]
    again = [column.header for column in read_columns(headers[::-1]) if column.field == "buy_box_minor"]
    assert counted == again
    assert counted[0] == "Buy Box 🚚: Current", "the price with shipping says more"


def test_bullet_points_are_read_in_the_order_of_their_numbers() -> None:
    headers = tuple(f"Description & Features: Feature {number}" for number in (10, 2, 1))
    assert [column.header[-2:].strip() for column in read_columns(headers)] == ["1", "2", "10"]


def test_every_price_has_a_name_in_six_languages() -> None:
    assert sorted(PRICES) == ["amazon_minor", "buy_box_minor", "new_minor"]
    for header in ("Current", "Actual", "Courant", "Aktuell", "Attuale", "Obecna"):
        found = {column.field for column in read_columns((f"Buy Box: {header}", f"Amazon: {header}"))}
        assert found == {"buy_box_minor", "amazon_minor"}


def test_no_word_of_the_vocabulary_has_two_meanings_for_a_header() -> None:
    for table in (VOCABULARY["subjects"], VOCABULARY["metrics"], VOCABULARY["names"]):
        for words in table.values():
            assert len(words) == len(set(words))
