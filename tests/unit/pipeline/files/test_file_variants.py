"""Exports in every notation, language, order and delimiter: read rightly or refused, never read wrongly."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.core.errors import RefusedFileError
from arbkit.core.marketplaces import MARKETS, Market
from arbkit.core.models import Offer
from arbkit.sources.exports.rows import stated_fields, to_offer
from tests.helpers.exports import csv_text, read_offers, read_rows, xlsx_bytes

MANY = hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EXPORTED = datetime(2026, 11, 25, 20, tzinfo=UTC)
HEADERS = {
    "en": ("Locale", "Title", "Buy Box: Current", "New: Current", "Sales Rank: Current", "Package: Weight",
           "Package: Length", "Referral Fee %", "Is HazMat", "Product Codes: EAN", "Last Update"),
    "de": ("Standort", "Titel", "Buy Box: Aktuell", "Neu: Aktuell", "Verkaufsrang: Aktuell", "Paket: Gewicht",
           "Paket: Länge", "Verkaufsgebühr %", "Ist HazMat", "Produktcodes: EAN", "Letzte Aktualisierung"),
    "fr": ("Région", "Titre", "Buy Box : Courant", "Nouveau: Courant", "Classement des ventes: Courant",
           "Emballage: Poids", "Emballage: Longueur", "% de frais de parrainage", "Est Hazmat", "Codes produit: EAN",
           "Dernière mise à jour"),
    "it": ("Località", "Titolo", "Buy Box: Attuale", "Nuovo: Attuale", "Classifica vendite: Attuale",
           "Confezione: Peso", "Confezione: Lunghezza", "% di commissione per segnalazione", "È HazMat",
           "Codici prodotto: EAN", "Ultimo aggiornamento"),
    "es": ("Localización", "Título", "Caja de Compra: Actual", "Nuevo: Actual", "Clasificación de Ventas: Actual",
           "Paquete: Peso", "Paquete: Longitud", "% de comisión de referencia", "Es HazMat",
           "Códigos de producto: EAN", "Última actualización"),
    "pl": ("Lokalizacja", "Tytuł", "Buy Box: Obecna", "Nowy: Obecna", "Ranking sprzedaży: Obecny", "Opakowanie: Waga",
           "Opakowanie: Długość", "% opłaty za polecenie", "Jest HazMat", "Kody produktu: EAN",
           "Ostatnia aktualizacja"),
}  # fmt: skip
FLAGS = {True: ("yes", "TRUE", "ja", "oui", "sì", "sí", "tak", "1"), False: ("no", "FALSE", "nein", "non", "nie", "0")}
DATES = ("%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "serial")
EANS = ("4006381333931", "4005900009401", "0616908318743", "036000291452", "96385074")


@dataclass(frozen=True)
class Facts:
    """What is true of one product."""

    buy_box: int
    new: int
    rank: int
    weight_g: int
    length_mm: int
    referral: int  # hundredths of a percent
    hazmat: bool
    eans: tuple[str, ...]
    updated: datetime


FACTS = st.builds(
    Facts,
    buy_box=st.integers(1, 9_999_999),
    new=st.integers(1, 9_999_999),
    rank=st.integers(1, 3_000_000),
    weight_g=st.integers(1, 40_000),
    length_mm=st.integers(1, 3_000),
    referral=st.integers(500, 4_500),
    hazmat=st.booleans(),
    eans=st.lists(st.sampled_from(EANS), max_size=3, unique=True).map(tuple),
    updated=st.sampled_from([EXPORTED - timedelta(days=days, minutes=17 * days % 1440) for days in range(1, 700)]),
)


@dataclass(frozen=True)
class Way:
    """How a file writes."""

    market: Market
    language: str
    decimal: str
    thousands: str
    symbol: str
    whole_prices: bool
    dates: str
    weights: str
    lengths: str
    delimiter: str
    encoding: str
    codes: str
    order: tuple[int, ...]

    def number(self, hundredths: int, places: int = 2) -> str:
        """A number as the file writes it."""
        whole, rest = divmod(hundredths, 100)
        digits = f"{whole:,}".replace(",", self.thousands)
        return digits if places == 0 else f"{digits}{self.decimal}{rest:02d}"

    def money(self, minor: int) -> str:
        """An amount, without cents if the file has none."""
        amount = self.number(minor, 0 if self.whole_prices else 2)
        euro = self.market.currency == "EUR"
        symbols = {"€": "€" if euro else "£", "code": self.market.currency, "language": "-C0A" if euro else "-809"}
        symbol = symbols.get(self.symbol.strip("+"), "")
        behind = self.symbol.endswith("+") or self.symbol == "language"
        return (f"{amount} {symbol}" if behind else f"{symbol} {amount}").strip()

    def date(self, at: datetime) -> str:
        """A date in the order of the file."""
        if self.dates == "serial":
            days = (at - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
            return f"{days:.6f}".replace(".", self.decimal)
        return at.strftime(self.dates)


@st.composite
def ways(draw: st.DrawFn) -> Way:
    decimal = draw(st.sampled_from(".,"))
    return Way(
        market=MARKETS[draw(st.sampled_from(sorted(MARKETS)))],
        language=draw(st.sampled_from(sorted(HEADERS))),
        decimal=decimal,
        thousands=draw(st.sampled_from(["", "'", "’", "\u00a0", "\u202f", "." if decimal == "," else ","])),
        symbol=draw(st.sampled_from(["", "€", "€+", "code", "code+", "language"])),
        whole_prices=draw(st.booleans()),
        # The month comes first only where decimals have a point.
        dates=draw(st.sampled_from([each for each in DATES if decimal == "." or not each.startswith("%m")])),
        weights=draw(st.sampled_from(["g", "kg"])),
        lengths=draw(st.sampled_from(["cm", "mm"])),
        delimiter=draw(st.sampled_from(",;\t")),
        encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
        codes=draw(st.sampled_from([", ", " | ", ";", " "])),
        order=tuple(draw(st.permutations(range(12)))),
    )  # fmt: skip


def table(way: Way, facts: list[Facts]) -> tuple[list[str], list[list[str]]]:
    names = [*HEADERS[way.language], "ASIN"]
    for index, unit in ((5, way.weights), (6, way.lengths)):
        names[index] += f" ({unit})"
    rows = []
    for number, one in enumerate(facts):
        weight = way.number(one.weight_g * 100, 0) if way.weights == "g" else _thousandths(way, one.weight_g)
        length = way.number(one.length_mm * 100, 0) if way.lengths == "mm" else way.number(one.length_mm * 10)
        rows.append([
            way.market.code.lower(), "x, y; z 1.299,00", way.money(one.buy_box), way.money(one.new),
            way.number(one.rank * 100, 0), weight, length, f"{way.number(one.referral)} %",
            FLAGS[one.hazmat][number % len(FLAGS[one.hazmat])], way.codes.join(one.eans), way.date(one.updated),
            f"B0VARIANT{number}",
        ])  # fmt: skip
    return [names[i] for i in way.order], [[row[i] for i in way.order] for row in rows]


def _thousandths(way: Way, grams: int) -> str:
    """Kilograms to the gram, as a file writes them."""
    return f"{grams // 1000}{way.decimal}{grams % 1000:03d}"


def offers_or_why(content: str | bytes) -> tuple[list[Offer], str]:
    """The offers of a file, or why it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return read_offers(Path(folder), content), ""
        except RefusedFileError as error:
            return [], error.why


def check(way: Way, facts: list[Facts], offers: list[Offer]) -> None:
    for one, offer in zip(facts, offers, strict=True):
        cents = 100 if way.whole_prices else 1
        assert offer.market == way.market.code
        assert offer.buy_box_minor == (one.buy_box // cents * cents or None)
        assert offer.new_minor == (one.new // cents * cents or None)
        assert offer.sales_rank == one.rank
        assert offer.weight_g == one.weight_g
        assert offer.length_mm == one.length_mm
        assert offer.keepa_referral_pct == one.referral / 100
        assert offer.hazmat is one.hazmat
        assert offer.eans == one.eans
        assert abs(offer.updated_at - one.updated.timestamp()) <= 60
        assert offer.notes == ()


@given(way=ways(), facts=st.lists(FACTS, min_size=1, max_size=4))
@MANY
def test_a_csv_is_read_rightly_or_refused_because_it_can_be_read_in_two_ways(way: Way, facts: list[Facts]) -> None:
    headers, rows = table(way, facts)
    text = csv_text(headers, *rows, delimiter=way.delimiter)
    offers, why = offers_or_why(text.encode(way.encoding))
    if why:
        # Every row has a referral fee with two decimals: only a date can be in doubt.
        assert "dates that can be read in two ways" in why
        assert "/" in way.dates
        assert all(one.updated.day <= 12 for one in facts)
    else:
        check(way, facts, offers)


@given(way=ways(), prices=st.lists(st.integers(1, 9_999), min_size=1, max_size=5))
@MANY
def test_prices_alone_are_read_rightly_or_refused(way: Way, prices: list[int]) -> None:
    whole = replace(way, whole_prices=True)
    rows = [("de", f"B0VARIANT{number}", whole.number(price * 100, 0)) for number, price in enumerate(prices)]
    text = csv_text(("Locale", "ASIN", "Buy Box: Current"), *rows, delimiter=way.delimiter)
    offers, why = offers_or_why(text)
    if why:
        assert "two ways" in why
        assert way.thousands in (".", ",")
        assert max(prices) >= 1000
    else:
        assert [offer.price_minor for offer in offers] == [100 * price for price in prices]


@given(
    decimals=st.lists(st.sampled_from(".,"), min_size=2, max_size=6),
    prices=st.lists(st.integers(1, 999_999), min_size=6, max_size=6),
)
@MANY
def test_mixed_notations_in_one_column_are_refused(decimals: list[str], prices: list[int]) -> None:
    rows = [
        ("it", f"B0VARIANT{number}", f"{price // 100}{mark}{price % 100:02d}")
        for number, (mark, price) in enumerate(zip(decimals, prices, strict=False))
    ]
    text = csv_text(("Locale", "ASIN", "Buy Box: Current"), *rows)
    offers, why = offers_or_why(text)
    assert ("two notations" in why) == (len(set(decimals)) == 2)
    assert [offer.price_minor for offer in offers] == prices[: len(offers)]


@given(
    facts=st.lists(FACTS, min_size=1, max_size=3),
    code=st.sampled_from(["[$€-C0A]", "[$-C0A]", '"€"', ""]),
    order=st.permutations(range(7)),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_an_xlsx_is_read_rightly(facts: list[Facts], code: str, order: list[int]) -> None:
    money = f"#,##0.00 {code}".strip()
    names = (
        "Locale",
        "ASIN",
        "Buy Box: Current",
        "Referral Fee %",
        "Sales Rank: Current",
        "Is HazMat",
        "Package: Weight (g)",
    )
    rows = [
        (
            "it",
            f"B0VARIANT{number}",
            (one.buy_box / 100, money),
            (one.referral / 10_000, "0.00 %"),
            float(one.rank),
            one.hazmat,
            float(one.weight_g),
        )
        for number, one in enumerate(facts)
    ]
    data = xlsx_bytes([names[i] for i in order], *([row[i] for i in order] for row in rows))
    with tempfile.TemporaryDirectory() as folder:
        offers = read_offers(Path(folder), data, name="KeepaExport-2026-11-20-ProductFinder.xlsx")
    for one, offer in zip(facts, offers, strict=True):
        assert (offer.buy_box_minor, offer.sales_rank, offer.weight_g) == (one.buy_box, one.rank, one.weight_g)
        assert offer.hazmat is one.hazmat
        assert abs((offer.keepa_referral_pct or 0) - one.referral / 100) < 1e-6


ODD = ("", "-", "nan", "€", "1.2.3", "1,2,3", "-5", "1e9", "∞", "٣", "²", "1 2 3", "+", "%", "5 %", "99999999999999999")
CELLS = st.one_of(st.text(max_size=12), st.sampled_from(ODD))


@given(cells=st.lists(CELLS, min_size=11, max_size=11), delimiter=st.sampled_from(",;\t"))
@MANY
def test_whatever_the_cells_are_a_row_is_read_or_named(cells: list[str], delimiter: str) -> None:
    clean = [cell.replace("\x00", "").replace("\r", " ").replace("\n", " ") for cell in cells]
    text = csv_text((*HEADERS["en"], "ASIN"), ("de", *clean[1:], "B0VARIANT1"), delimiter=delimiter)
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows, report = read_rows(Path(folder), text.encode("utf-8", "surrogatepass"))
        except RefusedFileError:
            return
    for row in rows:
        if row.error is None:
            offer = to_offer(row.envelope)
            assert len(offer.notes) == len(row.odd) + (offer.version == 0)
            assert stated_fields(row.envelope) <= set(Offer.__slots__)
    assert report.refused is None
