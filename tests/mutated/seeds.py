"""What is mutated: exports of five languages made here, real files where there are any, and answers of the demo market.

Each seed has products of its own, by the number of the case, so that many cases share one log and one store.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import xlsxwriter

from arbkit.core.keepa_time import to_minutes
from arbkit.core.marketplaces import MARKETS
from arbkit.sources.demo.market import asins
from arbkit.sources.demo.wire import Clock, product_object

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NOW = 1_764_000_000
"""The moment at which the demo market is looked at: 24 November 2025."""
_CODES = ("4006381333931", "5901234123457", "4000000000014", "3600523971234", "012345678905", "96385074")
_LANGUAGES: dict[str, tuple[str, ...]] = {
    "en": (
        "ASIN", "Locale", "Title", "Sales Rank: Current", "Buy Box 🚚: Current", "Buy Box 🚚: 90 days avg.",
        "New: Current", "Amazon: Current", "List Price: Current", "FBA Pick&Pack Fee", "Referral Fee %",
        "Product Codes: EAN", "Package: Weight (g)", "Last Update", "URL: Amazon",
    ),
    "es": (
        "ASIN", "Localización", "Título", "Clasificación de Ventas: Actual", "Caja de Compra: Actual",
        "Caja de Compra: Promedio de 90 días", "Nuevo: Actual", "Amazon: Actual", "Precio de lista: Actual",
        "Tarifa FBA Pick&Pack", "% de comisión de referencia", "Códigos de producto: EAN", "Paquete: Peso (g)",
        "Última actualización", "URL: Amazon",
    ),
    "fr": (
        "ASIN", "Région", "Titre", "Classement des ventes: Courant", "Buy Box: Courant",
        "Buy Box: Moyenne sur 90 jours", "Nouveau: Courant", "Amazon: Courant", "Prix catalogue: Courant",
        "Frais d'enlèvement et d'emballage FBA", "% de frais de parrainage", "Codes produit: EAN",
        "Emballage: Poids (g)", "Dernière mise à jour", "URL: Amazon",
    ),
    "de": (
        "ASIN", "Standort", "Titel", "Verkaufsrang: Aktuell", "Buy Box: Aktuell", "Buy Box: Durchschnitt 90 Tage",
        "Neu: Aktuell", "Amazon: Aktuell", "Listenpreis: Aktuell", "FBA Pick&Pack Gebühr", "Verkaufsgebühr %",
        "Produktcodes: EAN", "Paket: Gewicht (g)", "Letzte Aktualisierung", "URL: Amazon",
    ),
    "it": (
        "ASIN", "Località", "Titolo", "Classifica vendite: Attuale", "Buy Box: Attuale", "Buy Box: Media 90 giorni",
        "Nuovo: Attuale", "Amazon: Attuale", "Prezzo di listino: Attuale", "Tariffa FBA Pick&Pack",
        "Commissione per segnalazione %", "Codici prodotto: EAN", "Confezione: Peso (g)", "Ultimo aggiornamento",
        "URL: Amazon",
    ),
}  # fmt: skip
_DOMAINS = {"DE": "de", "FR": "fr", "IT": "it", "ES": "es", "UK": "co.uk"}
Cell = str | float


@dataclass(frozen=True)
class Export:
    """An export before it is written: its cells, and how they are to be written."""

    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    market: str
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    line_end: str = "\n"
    footer: str = "Exported on 2025-11-20 10:15 (UTC) by ✜ Keepa.com"
    xlsx: bool = False
    quote: bool = True
    pad: bool = True
    sheets: str = ""

    def bytes(self) -> bytes:
        """The file."""
        rows = [*self.rows, *([(*[""] * len(self.headers), self.footer)] if self.footer else [])]
        headers = (*self.headers, "") if self.footer else self.headers
        if self.xlsx:
            return _xlsx(headers, rows, "£" if self.market == "UK" else "", self.sheets)
        lines = [headers, *[(*row, *[""] * (len(headers) - len(row) if self.pad else 0)) for row in rows]]
        text = self.line_end.join(self.delimiter.join(map(self._written, line)) for line in lines) + self.line_end
        return text.encode(self.encoding, "replace")

    def _written(self, cell: Cell) -> str:
        text = str(cell)
        if self.quote or any(c in text for c in (self.delimiter, '"', "\n")):
            return '"' + text.replace('"', '""') + '"'
        return text


def _xlsx(headers: Sequence[str], rows: Sequence[Sequence[Cell]], sign: str, sheets: str) -> bytes:
    """An XLSX, with another sheet ``before`` or ``after`` it."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        names = {"before": ["Notes", "Data"], "after": ["Data", "Notes"]}.get(sheets, ["Data"])
        made = {name: book.add_worksheet(name) for name in names}
        if "Notes" in made:
            made["Notes"].write_row(0, 0, ["ASIN", "Buy Box: Current"] if len(rows) % 2 else ["Notes"])
        sheet = made["Data"]
        money = book.add_format({"num_format": f'#,##0.00"{sign}"' if sign else "#,##0.00 [$€-C0A]"})
        for number, line in enumerate((headers, *rows)):
            for index, cell in enumerate(line):
                if isinstance(cell, float):
                    sheet.write_number(number, index, cell, money if 4 <= index <= 9 else None)
                else:
                    sheet.write_string(number, index, str(cell))
    return out.getvalue()


def asin_of(case: int, row: int) -> str:
    """An ASIN that no other row of no other case has."""
    number, word = case * 36 + row, ""
    for _ in range(7):
        number, digit = divmod(number, 36)
        word = ALPHABET[digit] + word
    return f"B0X{word}"


def case_of(asin: str) -> str:
    """The number of the case that an ASIN was made for, in words."""
    return f"case {int(asin[3:], 36) // 36}" if asin.startswith("B0X") else "some case"


def export(case: int, rng: Random, *, xlsx: bool) -> Export:
    """A good export in one of five languages; as native CSV, as a German or French Excel writes it, or as XLSX."""
    language, market = rng.choice([*_LANGUAGES]), rng.choice([*_DOMAINS])
    comma = not xlsx and rng.random() < 0.4
    sign = "£" if market == "UK" else "€"
    rows = []
    for number in range(rng.randint(1, 6)):
        asin = asin_of(case, number)
        prices = [round(rng.choice([rng.uniform(2, 60), rng.uniform(60, 3_000)]), 2) for _ in range(6)]
        shown: list[Cell] = [price if xlsx else _money(price, sign, comma) for price in prices]
        if rng.random() < 0.2:
            shown[rng.randrange(4)] = ""
        rows.append((
            asin, _DOMAINS[market], f'Thing, {number}" of {language}', str(rng.randint(1, 90_000)), *shown,
            0.15 if xlsx else "15 %", rng.choice(_CODES), str(rng.randint(50, 900)), _date(rng),
            f"https://www.amazon.{_DOMAINS[market]}/dp/{asin}?psc=1",
        ))  # fmt: skip
    made = Export(_LANGUAGES[language], tuple(rows), market, delimiter=";" if comma else ",", xlsx=xlsx)
    return replace(made, encoding=rng.choice(["utf-8-sig", "utf-8", "cp1252", "utf-16"]) if comma else "utf-8-sig")


def _money(price: float, sign: str, comma: bool) -> str:
    if not comma:
        return f"{sign} {price:.2f}"
    return f"{price:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".") + f" {sign}"


def _date(rng: Random) -> str:
    return f"2025/{rng.randint(1, 11):02d}/{rng.randint(1, 19):02d} {rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"


# Real files


def real_files() -> list[Path]:
    """The real files on this machine, the largest left out: ``ARBKIT_REAL_DATA`` names their folder."""
    folder = os.environ.get("ARBKIT_REAL_DATA", "")
    if not folder or not Path(folder).is_dir():
        return []
    cases = Path(folder).parent / "cases"
    found = [*Path(folder).rglob("*"), *cases.rglob("*")]
    kept = {".csv", ".xlsx", ".json"}
    return sorted(path for path in found if path.suffix in kept and path.stat().st_size < 1_000_000)


_ASIN = re.compile(rb"\bB0[0-9A-Z]{8}\b")


def real(path: Path, case: int) -> bytes:
    """A real file, of a spreadsheet the first rows, its products renamed to those of the case."""
    content = _shortened(path)
    if content.startswith(b"PK"):
        parts = {name: _renamed(data, case) for name, data in unzipped(content).items()}
        return zipped(parts)
    return _renamed(content, case)


@lru_cache(maxsize=64)
def _shortened(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(b"PK"):
        return content
    return zipped({name: _first_rows(data) for name, data in unzipped(content).items()})


def _first_rows(sheet: bytes) -> bytes:
    rows = re.findall(rb"<row\b.*?</row>", sheet, re.DOTALL)
    if len(rows) < 10:
        return sheet
    start, end = sheet.index(b"<row"), sheet.rindex(b"</row>") + len(b"</row>")
    return sheet[:start] + b"".join([*rows[:8], rows[-1]]) + sheet[end:]


def _renamed(data: bytes, case: int) -> bytes:
    names: dict[bytes, bytes] = {}
    return _ASIN.sub(lambda m: names.setdefault(m[0], asin_of(case, len(names) % 36).encode()), data)


def unzipped(data: bytes) -> dict[str, bytes]:
    """The parts of an XLSX."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return {name: book.read(name) for name in book.namelist()}


def zipped(parts: dict[str, bytes]) -> bytes:
    """An XLSX of these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, data in parts.items():
            book.writestr(name, data)
    return out.getvalue()


# Answers


@lru_cache(maxsize=1)
def _demo() -> list[tuple[str, dict[str, Any]]]:
    clock = Clock(to_minutes(NOW) - 1_000, 60)
    found = []
    now = float(to_minutes(NOW))
    for number, asin in enumerate(asins()[:12]):
        for market in MARKETS.values():
            buybox, stats = number % 2 == 0, 90 * (number % 3 > 0)
            product = product_object(asin, market, clock, now=now, seed=1, buybox=buybox, history=True, stats=stats)
            found.append((market.code, {**product}))
    return found


def products(case: int, rng: Random) -> tuple[str, list[dict[str, Any]]]:
    """A marketplace, and one to three product objects of it as Keepa sends them."""
    market, first = rng.choice(_demo())
    others = [product for code, product in _demo() if code == market and product is not first]
    chosen = [first, *rng.sample(others, rng.randint(0, 2))]
    return market, [{**_short(product), "asin": asin_of(case, n)} for n, product in enumerate(chosen)]


def _short(product: dict[str, Any]) -> dict[str, Any]:
    """The product with the ends of its series: they are most of its bytes, and all alike."""
    series = product.get("csv") or []
    return {**product, "csv": [each and each[-(12 if i != 18 else 18) :] for i, each in enumerate(series)] or None}
