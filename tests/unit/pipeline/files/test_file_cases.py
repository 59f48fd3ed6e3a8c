"""Small files that were once read wrongly, each with its right value and its neighbours."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from arbkit.core.errors import BadRecordError, RefusedFileError
from arbkit.core.keepa_time import UNDATED_AT
from arbkit.core.marketplaces import MARKETS
from arbkit.sources.envelope import from_envelope
from arbkit.sources.exports.rows import stated_fields, to_offer
from tests.helpers.exports import FOOTER, csv_text, read_offers, read_rows, xlsx_bytes

EXPORTED = int(datetime(2026, 11, 25, 20, tzinfo=UTC).timestamp())
PRICE = "Buy Box: Current"
ASIN = "B0TESTA001"


def refusal(folder: Path, content: str | bytes, **options: object) -> str:
    with pytest.raises(RefusedFileError) as refused:
        read_rows(folder, content, **options)  # type: ignore[arg-type]  # passed on
    return str(refused.value)


# a: headers in the language of the screen


@pytest.mark.parametrize(
    "headers",
    [
        ("Standort", "Titel", "Verkaufsrang: Aktuell", "Buy Box: Aktuell", "Neu: Aktuell", "Produktcodes: EAN"),
        ("Locale", "Title", "Sales Rank: Current", "Buy Box 🚚: Current", "New: Current", "Product Codes: EAN"),
        (
            "Localización", "Título", "Clasificación de Ventas: Actual", "Caja de Compra: Actual", "Nuevo: Actual",
            "Códigos de producto: EAN",
        ),
        (
            "Région", "Titre", "Classement des ventes: Courant", "Buy Box: Courant", "Nouveau: Courant",
            "Codes produit: EAN",
        ),
        (
            "Localizzazione", "Titolo", "Classifica vendite: Attuale", "Buy Box: Attuale", "Nuovo: Attuale",
            "Codici prodotto: EAN",
        ),
        ("Lokalizacja", "Tytuł", "Ranking sprzedaży: Obecny", "Buy Box: Obecna", "Nowy: Obecna", "Kody produktu: EAN"),
    ],
    ids=["de", "en", "es", "fr", "it", "pl"],
)  # fmt: skip
def test_headers_in_the_language_of_the_screen(tmp_path: Path, headers: tuple[str, ...]) -> None:
    row = ("de", "Artikel Alpha 500 g", "1234", "€ 19.99", "€ 18.49", "4006381333931", ASIN)
    (offer,) = read_offers(tmp_path, csv_text((*headers, "ASIN"), row))
    assert (offer.market, offer.title, offer.sales_rank) == ("DE", "Artikel Alpha 500 g", 1234)
    assert (offer.buy_box_minor, offer.new_minor, offer.eans) == (1999, 1849, ("4006381333931",))
    assert offer.updated_at == EXPORTED


@pytest.mark.parametrize(
    ("root", "below"),
    [
        ("Categories: Root", "Categories: Sub"), ("Categorías: Principal", "Categorías: Subcategoría"),
        ("Catégories: Principale", "Catégories: Sous-catégorie"),
    ],
)  # fmt: skip
def test_the_category_below_the_root_is_kept(tmp_path: Path, root: str, below: str) -> None:
    headers = ("Locale", "ASIN", PRICE, root, below)
    (found,) = read_offers(tmp_path, csv_text(headers, ("de", ASIN, "€ 19.99", "Elektro-Großgeräte", "Wasserfilter")))
    assert (found.category, found.category_path) == ("Elektro-Großgeräte", ("Elektro-Großgeräte", "Wasserfilter"))
    (found,) = read_offers(tmp_path, csv_text(headers, ("de", ASIN, "€ 19.99", "Elektro-Großgeräte", "")))
    assert (found.category, found.category_path) == ("Elektro-Großgeräte", ())
    whole = csv_text((*headers, "Categories: Tree"), ("de", ASIN, "€ 19.99", "Baumarkt", "Filter", "Baumarkt › Bad"))
    (found,) = read_offers(tmp_path, whole)
    assert found.category_path == ("Baumarkt", "Bad")


def test_a_file_without_a_known_price_is_refused_with_its_columns(tmp_path: Path) -> None:
    text = csv_text(("Locale", "ASIN", "Title", "Kaufbox: Jetzt", "Used: Current"), ("de", ASIN, "x", "1", "2"))
    said = refusal(tmp_path, text)
    assert "no column with a price" in said
    assert "Kaufbox: Jetzt, Used: Current" in said


# b: numbers as the country writes them

SEMICOLONS = (
    "Locale;Title;Buy Box: Current;Sales Rank: Current;FBA Pick&Pack Fee;Referral Fee %;ASIN;Package: Weight (g)"
)


@pytest.mark.parametrize(("price", "rank", "minor"), [("1.299", "12.345", 129900), ("1349,90", "23.456", 134990)])
def test_numbers_with_a_decimal_comma(tmp_path: Path, price: str, rank: str, minor: int) -> None:
    row = f"de;Monitor Omega;{price};{rank};3,20;7 %;B0TESTB001;1.250"
    (offer,) = read_offers(tmp_path, f"{SEMICOLONS}\n{row}\n")
    assert (offer.price_minor, offer.sales_rank) == (minor, int(rank.replace(".", "")))
    assert (offer.keepa_fba_fee_minor, offer.keepa_referral_pct, offer.weight_g) == (320, 7, 1250)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_as_excel_saves_it(tmp_path: Path, encoding: str) -> None:
    text = "sep=;\r\n" + "Locale;Título;Caja de Compra: Actual;ASIN\r\nes;Cafetera ñ;1.299,50 €;B0TESTB001\r\n"
    if encoding == "utf-16":
        text = text.removeprefix("sep=;\r\n")
    (offer,) = read_offers(tmp_path, text.encode(encoding))
    assert (offer.title, offer.price_minor) == ("Cafetera ñ", 129950)


def test_an_ambiguous_file_is_refused_and_not_a_row_of_it(tmp_path: Path) -> None:
    said = refusal(tmp_path, csv_text(("Locale", "ASIN", PRICE), ("it", ASIN, "1.299"), ("it", "B0TESTA002", "2.499")))
    assert "1299 or 1.299" in said


# c: the date of the facts


@pytest.mark.parametrize("footer", [FOOTER, "Exported on 2026-11-25 20:00 (UTC)"])
def test_the_footer_dates_the_facts(tmp_path: Path, footer: str) -> None:
    text = csv_text(("Locale", "ASIN", PRICE), ("it", ASIN, "€ 10.00"), footer=footer)
    rows, report = read_rows(tmp_path, text, name="KeepaExport-2026-01-20-ProductFinder.csv")
    assert (report.facts_from, report.exported_at) == ("footer", "2026-11-25T20:00:00+00:00")
    assert to_offer(rows[0].envelope).price_at == EXPORTED


def test_the_name_that_keepa_gave_dates_the_facts(tmp_path: Path) -> None:
    text = csv_text(("Locale", "ASIN", PRICE), ("it", ASIN, "€ 10.00"), footer="")
    rows, report = read_rows(tmp_path, text, name="KeepaExport-2026-01-20-ProductFinder (1).csv")
    assert report.facts_from == "file name"
    day = datetime.fromtimestamp(to_offer(rows[0].envelope).updated_at, UTC)
    assert datetime(2026, 1, 20, tzinfo=UTC) <= day <= datetime(2026, 1, 20, 23, 59, tzinfo=UTC)


def test_without_any_date_the_facts_are_older_than_all_others(tmp_path: Path) -> None:
    text = csv_text(("Locale", "ASIN", PRICE), ("it", ASIN, "€ 10.00"), footer="")
    rows, report = read_rows(tmp_path, text)
    offer = to_offer(rows[0].envelope)
    assert (report.facts_from, report.exported_at) == ("unknown", None)
    assert (offer.updated_at, offer.fetched_at, offer.version) == (UNDATED_AT, UNDATED_AT, 0)
    assert offer.notes, "the offer says that it is undated"
    assert any("--dated" in note for note in report.notes)


def test_the_user_dates_what_has_no_date_and_nothing_else(tmp_path: Path) -> None:
    headers, row = ("Locale", "ASIN", PRICE), ("it", ASIN, "€ 10.00")
    _, undated = read_rows(tmp_path, csv_text(headers, row, footer=""), dated=date(2026, 11, 3))
    assert (undated.facts_from, undated.exported_at) == ("option", "2026-11-03T00:00:00+00:00")
    _, footed = read_rows(tmp_path, csv_text(headers, row), dated=date(2026, 11, 3))
    assert footed.exported_at == "2026-11-25T20:00:00+00:00"


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (("2026/11/20 07:50", "2026/11/03 10:00"), (20, 3)),
        (("20.11.2026 07:50", "03.11.2026"), (20, 3)),
        (("20/11/2026", "03/11/2026"), (20, 3)),
        (("11/20/2026", "11/03/2026"), (20, 3)),
        (("46346.5", "46329"), (20, 3)),
        (("2026/11/20 07:50", ""), (20, 25)),
        (("2026/11/20 07:50", "yesterday"), (20, 25)),
        (("2026/11/25 23:00", "2026/11/24"), (25, 24)),
    ],
)
def test_a_row_dates_itself_else_the_footer_does(tmp_path: Path, cells: tuple[str, str], days: tuple[int, int]) -> None:
    rows = (("it", ASIN, "€ 10.00", cells[0]), ("it", "B0TESTA002", "€ 11.00", cells[1]))
    read, report = read_rows(tmp_path, csv_text(("Locale", "ASIN", PRICE, "Last Update"), *rows))
    found = [datetime.fromtimestamp(to_offer(row.envelope).updated_at, UTC) for row in read]
    assert [(day.month, day.day) for day in found] == [(11, day) for day in days]
    assert report.facts_from == "row"


def test_dates_that_can_be_read_in_two_ways_are_refused(tmp_path: Path) -> None:
    text = csv_text(("Locale", "ASIN", PRICE, "Last Update"), ("uk", ASIN, "£ 10.00", "03/04/2026"))
    assert "03 April 2026" in refusal(tmp_path, text)


def test_a_date_in_the_future_is_refused(tmp_path: Path) -> None:
    headers, row = ("Locale", "ASIN", PRICE), ("it", ASIN, "€ 10.00")
    ahead = datetime.now(UTC) + timedelta(days=3)
    footer = f"Exported on {ahead:%Y-%m-%d %H:%M} (UTC) by ✜ Keepa.com"
    assert "future" in refusal(tmp_path, csv_text(headers, row, footer=footer))
    name = f"KeepaExport-{ahead:%Y-%m-%d}-ProductFinder.csv"
    assert "future" in refusal(tmp_path, csv_text(headers, row, footer=""), name=name)
    dated = csv_text((*headers, "Last Update"), (*row, f"{ahead:%Y/%m/%d %H:%M}"))
    rows, _ = read_rows(tmp_path, dated)
    assert "future" in str(rows[0].error)
    answer = {"timestamp": int(ahead.timestamp() * 1000), "products": [{"asin": ASIN, "domainId": 3, "title": "x"}]}
    assert "future" in refusal(tmp_path, json.dumps(answer), name="answer.json")


# e, f, g, k: what else a row says


def test_the_seller_in_the_buy_box(tmp_path: Path) -> None:
    rows = [
        ("Amazon", True), ("Amazon.de", True), ("A3JWKAKR8XB7XF", True), ("Amazon EU S.à r.l.", True),
        ("Venditore X (90%) / A1BBBBBBBBBBBB", False), ("Amazonas Deko (97%)", False), ("A1BBBBBBBBBBBB", False),
        ("", None),
    ]  # fmt: skip
    text = csv_text(
        ("Locale", "ASIN", PRICE, "Buy Box: Buy Box Seller"),
        *(("de", f"B0TESTF00{number}", "€ 69.00", seller) for number, (seller, _) in enumerate(rows)),
    )
    offers = read_offers(tmp_path, text)
    assert [offer.buy_box_is_amazon for offer in offers] == [amazon for _, amazon in rows]
    assert [offer.buy_box_seller for offer in offers[:5]] == ["A3JWKAKR8XB7XF"] * 4 + ["A1BBBBBBBBBBBB"]
    assert offers[5].buy_box_seller == "Amazonas Deko"


@pytest.mark.parametrize(
    ("price", "shipping", "cell", "expected"),
    [
        ("Caja de Compra: Actual", "Caja de Compra: Gastos de envío", "€ 4.99", (1333, 499)),
        ("Buy Box: Current", "Buy Box: Shipping", "€ 0.00", (1333, 0)),
        ("Buy Box: Aktuell", "Buy Box: Versandkosten", "€ 4.99", (1333, 499)),
        ("Buy Box 🚚: Current", "Buy Box: Shipping", "€ 4.99", (1333, 0)),
    ],
)
def test_what_the_buyer_pays_on_top(
    tmp_path: Path, price: str, shipping: str, cell: str, expected: tuple[int, int]
) -> None:
    (offer,) = read_offers(tmp_path, csv_text(("Locale", price, shipping, "ASIN"), ("es", "€ 13.33", cell, ASIN)))
    assert (offer.price_minor, offer.shipping_minor) == expected


def test_shipping_of_an_undated_price_is_unknown(tmp_path: Path) -> None:
    (offer,) = read_offers(tmp_path, csv_text(("Locale", PRICE, "ASIN"), ("es", "€ 13.33", ASIN), footer=""))
    assert offer.shipping_minor is None


@pytest.mark.parametrize(
    ("type_", "binding", "expected"),
    [
        ("ABIS_EBOOKS", "Kindle Ausgabe", "ebook"), ("", "Formato Kindle", "ebook"), ("", "Edición Kindle", "ebook"),
        ("", "Format Kindle", "ebook"), ("ABIS_EBOOKS", "", "ebook"), ("", "Audible Hörbuch", "download"),
        ("", "MP3-Download", "download"), ("DOWNLOADABLE_SOFTWARE", "", "download"), ("ABIS_BOOK", "Paperback", None),
        ("KITCHEN", "Küche", None), ("", "Appareil", None),
    ],
)  # fmt: skip
def test_goods_that_cannot_be_sent(tmp_path: Path, type_: str, binding: str, expected: str | None) -> None:
    text = csv_text(("Locale", "ASIN", PRICE, "Type", "Binding"), ("it", ASIN, "€ 20.00", type_, binding))
    (offer,) = read_offers(tmp_path, text)
    assert offer.product_type == expected
    assert offer.binding == (binding or None)


def test_counts_sizes_coupons_and_bullets(tmp_path: Path) -> None:
    cells = {
        "Locale": "de", "ASIN": ASIN, PRICE: "€ 29.00", "Number of Items": "6", "Package: Quantity": "2",
        "Package: Dimension (cm³)": "5375", "Item: Length (cm)": "30.5", "Item: Weight (g)": "900",
        "Package: Weight (kg)": "1.25", "Package: Length (cm)": "12 in", "One Time Coupon: Absolute": "€ 5.00",
        "One Time Coupon: Percentage": "10 %", "Description & Features: Feature 2": "zwei",
        "Description & Features: Feature 1": "eins", "Languages": "German (Published), English", "Adult Product": "no",
        "Parent ASIN": "B0PARENT01", "Color": "Rot", "Size": "XL", "Edition": "2.",
    }  # fmt: skip
    (offer,) = read_offers(tmp_path, csv_text(tuple(cells), tuple(cells.values())))
    assert (offer.item_count, offer.package_quantity, offer.volume_cm3) == (6, 2, 5375)
    assert (offer.item_length_mm, offer.item_weight_g, offer.weight_g, offer.length_mm) == (305, 900, 1250, 305)
    assert (offer.coupon_minor, offer.coupon_pct, offer.features) == (500, 10, ("eins", "zwei"))
    assert (offer.languages, offer.adult, offer.parent_asin) == (("German", "English"), False, "B0PARENT01")
    assert (offer.color, offer.size, offer.edition) == ("Rot", "XL", "2.")


# h: the currency of a spreadsheet's cells


@pytest.mark.parametrize(
    "code", ["#,##0.00 [$£-809]", "#,##0.00 [$-809]", '"£"0.00', "#,##0.00 [$$-409]", "0.00 [$zł-415]"]
)
def test_a_format_in_another_currency_is_refused_once(tmp_path: Path, code: str) -> None:
    data = xlsx_bytes(("Title", PRICE, "ASIN"), ("x", (19.99, code), ASIN), ("y", (20.99, code), "B0TESTA002"))
    assert "not in the EUR of marketplace DE" in refusal(tmp_path, data, name="x.xlsx", market=MARKETS["DE"])


@pytest.mark.parametrize("code", ["#,##0.00 [$-C0A];-#,##0.00 [$-C0A]", "#,##0.00 [$€-C0A]", "0.00", "#,##0.00 €", ""])
def test_a_format_in_euros_or_without_a_currency_passes(tmp_path: Path, code: str) -> None:
    data = xlsx_bytes(("Title", PRICE, "ASIN"), ("x", (19.99, code), ASIN))
    (offer,) = read_offers(tmp_path, data, name="x.xlsx", market=MARKETS["DE"])
    assert offer.price_minor == 1999


def test_a_pound_format_is_right_in_the_united_kingdom(tmp_path: Path) -> None:
    data = xlsx_bytes(("Title", PRICE, "ASIN"), ("x", (19.99, "#,##0.00 [$£-809]"), ASIN))
    (offer,) = read_offers(tmp_path, data, name="x.xlsx", market=MARKETS["UK"])
    assert (offer.price_minor, offer.currency) == (1999, "GBP")


def test_one_row_in_another_currency_is_refused_alone_and_for_good(tmp_path: Path) -> None:
    euros = [("x", (19.99, "0.00 [$€-407]"), f"B0TESTA00{number}") for number in range(3)]
    data = xlsx_bytes(("Title", PRICE, "ASIN"), *euros, ("x", (19.99, "0.00 [$£-809]"), "B0TESTA009"))
    rows, report = read_rows(tmp_path, data, name="x.xlsx", market=MARKETS["DE"])
    assert [row.error is None for row in rows] == [True, True, True, False]
    assert report.notation is not None
    assert report.notation["currency"] == "EUR,GBP"
    assert "GBP" in str(rows[3].error)
    with pytest.raises(BadRecordError):
        from_envelope(rows[3].envelope)


def test_a_fraction_is_percent_where_its_cells_are_shown_so(tmp_path: Path) -> None:
    headers = ("Locale", "ASIN", PRICE, "Referral Fee %", "Buy Box: % Amazon 90 days")
    data = xlsx_bytes(headers, ("it", ASIN, 10.0, (0.0805, "0.00 %"), (1.0, "0 %")))
    (offer,) = read_offers(tmp_path, data, name="x.xlsx")
    assert offer.keepa_referral_pct == pytest.approx(8.05)
    assert offer.amazon_buy_box90_pct == 100


def test_one_percent_in_a_column_of_percents_is_one_percent(tmp_path: Path) -> None:
    headers = ("Locale", "ASIN", PRICE, "Buy Box: % Amazon 90 days")
    rows = (("it", ASIN, "10.00", "1"), ("it", "B0TESTA002", "10.00", "57"))
    assert [o.amazon_buy_box90_pct for o in read_offers(tmp_path, csv_text(headers, *rows))] == [1, 57]


# i: an odd cell beside the price


@pytest.mark.parametrize(
    ("cell", "flag"),
    [
        ("TRUE", True), ("Ja", True), ("Sì", True), ("sí", True), ("oui", True), ("tak", True), ("1", True),
        ("FALSCH", False), ("nein", False), ("non", False), ("nie", False), ("No", False), ("0", False),
        ("vielleicht", None), ("", None),
    ],
)  # fmt: skip
def test_a_flag_in_any_language(tmp_path: Path, cell: str, flag: bool | None) -> None:
    text = csv_text(("Locale", "ASIN", PRICE, "Is HazMat"), ("de", ASIN, "€ 19.99", cell))
    (offer,) = read_offers(tmp_path, text)
    assert (offer.price_minor, offer.hazmat) == (1999, flag)


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("Is HazMat", "vielleicht"), ("Product Codes: EAN", "kein"), ("Package: Length (cm)", "lang"),
        ("Package: Weight (g)", "1.2.3"), ("Sales Rank: Current", "12.345"), ("Referral Fee %", "150 %"),
        ("FBA Pick&Pack Fee", "k.A."), ("Reviews: Rating", "gut"), ("List Price: Current", "-5.00"),
    ],
)  # fmt: skip
def test_an_odd_cell_costs_its_field_only(tmp_path: Path, header: str, cell: str) -> None:
    rows, _ = read_rows(tmp_path, csv_text(("Locale", "ASIN", PRICE, header), ("de", ASIN, "€ 19.99", cell)))
    offer = to_offer(rows[0].envelope)
    assert offer.price_minor == 1999
    assert len(offer.notes) == len(rows[0].odd) == 1
    assert header in offer.notes[0]
    assert cell in offer.notes[0]
    assert not stated_fields(rows[0].envelope) & {"hazmat", "eans", "length_mm", "weight_g", "sales_rank"}


@pytest.mark.parametrize("cell", ["zehn", "€ -5.00", "£ 19.99", "1e3", "€ 1.2.3", "99999999999.00", "9" * 400])
def test_an_odd_price_costs_the_row(tmp_path: Path, cell: str) -> None:
    good = (("de", f"B0TESTA00{number}", "€ 19.99") for number in range(1, 4))
    rows, _ = read_rows(tmp_path, csv_text(("Locale", "ASIN", PRICE), ("de", ASIN, cell), *good))
    assert [row.error is None for row in rows] == [False, True, True, True]


# j: codes of goods


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        ("4006381333931", ("4006381333931",)), ("4006381333931.0", ("4006381333931",)),
        ("'4006381333931", ("4006381333931",)),
        ("4006381333931 | 4005900009401", ("4006381333931", "4005900009401")),
        ("4006381333931, 4005900009401", ("4006381333931", "4005900009401")),
        ("4006381333931;4006381333931", ("4006381333931",)), ("04006381333931", ("4006381333931",)),
        ("036000291452", ("036000291452",)), ("0036000291452, 036000291452", ("0036000291452",)),
        ("96385074", ("96385074",)), ("4006381333932", ()), ("4006381333931 4006381333932", ("4006381333931",)),
        ("4.00638E+12", ()), ("123", ()), ("0000000000000", ()), ("|", ()), ("4000000000014.0", ("4000000000014",)),
        ("'4000000000021", ("4000000000021",)), ("4000000000014 | 4000000000021", ("4000000000014", "4000000000021")),
    ],
)  # fmt: skip
def test_an_ean_has_a_right_check_digit(tmp_path: Path, cell: str, codes: tuple[str, ...]) -> None:
    text = csv_text(("Locale", "ASIN", PRICE, "Product Codes: EAN"), ("de", ASIN, "€ 19.99", cell))
    (offer,) = read_offers(tmp_path, text)
    assert offer.eans == codes


def test_an_ean_that_a_spreadsheet_made_a_number(tmp_path: Path) -> None:
    headers = ("Locale", "ASIN", PRICE, "Product Codes: EAN")
    rows = (("de", ASIN, 19.99, 4006381333931.0), ("de", "B0TESTA002", 19.99, 36000291452.0))
    offers = read_offers(tmp_path, xlsx_bytes(headers, *rows), name="x.xlsx")
    assert [offer.eans for offer in offers] == [("4006381333931",), ("036000291452",)]


# l: JSON as people save it

PRODUCT = (
    '{"asin": "B0TESTL001", "domainId": 3, "title": "Artikel Ny", "lastUpdate": 8363424, "csv": null, '
    '"productType": 0, "data": {"NEW": [11.99, NaN]}, "returnRate": NaN, "stats": {"current": [-1, 1999]}}'
)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"timestamp": 1795647293215, "products": [{PRODUCT}]}}',
        f"[{PRODUCT}]",
        PRODUCT,
        f"{PRODUCT}\n{PRODUCT.replace('L001', 'L002')}\n",
        f'{{"products": [{PRODUCT}]}}\n{{"products": [{PRODUCT.replace("L001", "L002")}]}}\n',
        f'[{{"products": [{PRODUCT}]}}, {PRODUCT.replace("L001", "L002")}]',
        f"\ufeff{PRODUCT}",
        PRODUCT.replace("NaN", "Infinity").replace("null", "-Infinity").replace('"csv": -Infinity', '"csv": null'),
    ],
)
def test_json_as_people_save_it(tmp_path: Path, text: str) -> None:
    rows, report = read_rows(tmp_path, text, name="answer.json")
    assert [row.error for row in rows] == [None] * len(rows)
    assert report.facts_from == "row"
    assert "data" not in rows[0].envelope["product"]  # type: ignore[operator]  # an object
    assert [row.envelope["asin"] for row in rows] == ["B0TESTL001", "B0TESTL002"][: len(rows)]
    for row in rows:
        update = from_envelope(row.envelope)
        assert update is not None
        assert update.offer.new_minor == 1999


@pytest.mark.parametrize("text", ['{"products": [', "[" * 100_000, '{"a": 1', f"{PRODUCT} and more"])
def test_json_that_is_cut_off_is_refused(tmp_path: Path, text: str) -> None:
    assert "no whole JSON document" in refusal(tmp_path, text, name="answer.json")


# the marketplace


@pytest.mark.parametrize(
    ("headers", "row"),
    [
        (("Locale", "ASIN", PRICE), ("de", ASIN, "€ 1.00")),
        (("URL: Amazon", "ASIN", PRICE), ("https://www.amazon.de/dp/B0TESTA001", ASIN, "€ 1.00")),
        (("Title", "ASIN", PRICE), ("x", ASIN, "€ 1.00")),
        (("Title", "ASIN", PRICE), ("x", ASIN, "1.00 -C0A")),
    ],
)
def test_the_option_never_overrides_what_the_file_says(
    tmp_path: Path, headers: tuple[str, ...], row: tuple[str, ...]
) -> None:
    rows = [(*row[:1], f"B0TESTA00{number}", *row[2:]) for number in range(5)]
    refusal(tmp_path, csv_text(headers, *rows), market=MARKETS["UK"])


def test_two_marketplaces_are_fine_if_the_rows_say_so(tmp_path: Path) -> None:
    headers, rows = ("Locale", "ASIN", PRICE), (("de", ASIN, "€ 1.50"), ("uk", ASIN, "£ 1.40"))
    offers = read_offers(tmp_path, csv_text(headers, *rows))
    assert [(offer.market, offer.currency) for offer in offers] == [("DE", "EUR"), ("UK", "GBP")]
    assert "DE, UK" in refusal(tmp_path, csv_text(headers, *rows), market=MARKETS["DE"])


def test_a_row_that_names_two_marketplaces_is_refused(tmp_path: Path) -> None:
    text = csv_text(
        ("Locale", "URL: Amazon", "ASIN", PRICE), ("de", "https://www.amazon.it/dp/B0TESTA001", ASIN, "€ 1.50")
    )
    assert "two marketplaces" in refusal(tmp_path, text)


def test_a_file_from_a_marketplace_of_no_interest_is_refused(tmp_path: Path) -> None:
    text = csv_text(("URL: Amazon", "ASIN", PRICE), ("www.amazon.com/dp/B0TESTA001", ASIN, "1.50"))
    assert "www.amazon.com" in refusal(tmp_path, text)
    assert "not a marketplace" in refusal(tmp_path, text.replace("www.amazon.com", "https://[www.amazon.de"))
    (offer,) = read_offers(tmp_path, text.replace("amazon.com", "amazon.fr"))
    assert offer.market == "FR"


# a comma that is no delimiter


def test_cells_that_a_comma_has_moved_are_not_read(tmp_path: Path) -> None:
    head = f"Locale,ASIN,Title,{PRICE},Sales Rank: Current\n"
    assert "more cells" in refusal(tmp_path, f"{head}it,{ASIN},x,12,99,345\n")
    rows = "".join(f"it,B0TESTA00{number},x,12.99,345\n" for number in range(2, 6))
    read, _ = read_rows(tmp_path, f"{head}it,{ASIN},Lamp, red,12.99,345\n{rows}")
    assert [row.error is None for row in read] == [False, True, True, True, True]


def test_a_price_with_three_decimals_is_not_read(tmp_path: Path) -> None:
    rows = (("it", f"B0TESTA00{number}", price) for number, price in enumerate(("12.99", "1.299", "14.50")))
    read, _ = read_rows(tmp_path, csv_text(("Locale", "ASIN", PRICE), *rows))
    assert [row.error is None for row in read] == [True, False, True]


def test_a_size_in_another_notation_leaves_whole_prices_usable(tmp_path: Path) -> None:
    headers = ("Locale", "ASIN", PRICE, "Package: Length (cm)", "Reviews: Rating")
    rows, _ = read_rows(tmp_path, csv_text(headers, ("it", ASIN, "19", "30,5", "4.5")))
    offer = to_offer(rows[0].envelope)
    assert (offer.price_minor, offer.rating, offer.length_mm) == (1900, 4.5, None)


# what a row says and what it does not say


def test_an_absent_column_says_nothing_and_an_empty_price_says_that_there_is_none(tmp_path: Path) -> None:
    headers = ("Locale", "ASIN", "Title", "New: Current", "Package: Weight (g)", "Sales Rank: Current")
    rows, _ = read_rows(tmp_path, csv_text(headers, ("de", ASIN, "", "", "", "")))
    said = stated_fields(rows[0].envelope)
    assert {"new_minor", "new_at", "price_minor", "sales_rank"} <= said
    assert not said & {"title", "weight_g", "buy_box_minor", "buy_box_at", "eans", "brand", "keepa_fba_fee_minor"}


def test_unread_columns_are_listed(tmp_path: Path) -> None:
    headers = ("Locale", "ASIN", PRICE, "Used: Current", "Image")
    _, report = read_rows(tmp_path, csv_text(headers, ("de", ASIN, "1.50", "1", "x")))
    assert report.columns == {"read": ["Locale", "ASIN", PRICE], "unread": ["Used: Current", "Image"]}
