"""A Keepa export's bytes → what they hold, read without arbkit.

Columns are known by the headers of real exports (English, Spanish, French, and the German and Italian ones that
importers name). Marketplace: the row's locale, else its Amazon address, else what the user says. Date: the row's last
update, else the footer, else the day in Keepa's file name, else what the user says. Numbers: one notation a file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

from tests.mutated.held import CURRENCY, HOSTS, KEEPA_EPOCH, Held, Reading
from tests.mutated.reader_cells import NOTHING, Amount, amount_of, cents, codes_of, date_readings, has_three_decimals
from tests.mutated.reader_tables import Table, UnknownError, Value, csv_table, text_of, unpacked, xlsx_table

_SUBJECTS = {
    "buy_box": ("buy box", "buybox", "caja de compra", "boite d'achat", "einkaufswagenfeld", "buy-box"),
    "new": ("new", "nuevo", "nouveau", "neuf", "neu", "nuovo"),
    "amazon": ("amazon",),
    "new_fba": (
        "new, 3rd party fba", "nuevo, de vendedor externo fba", "nouveau, tierce partie fba",
        "neuf, tierce partie fba", "neu, drittanbieter fba", "neu, dritthandler fba", "nuovo, terze parti fba",
        "nuovo, di terze parti fba",
    ),
    "list": ("list price", "precio de lista", "prix catalogue", "prix de liste", "listenpreis", "uvp",
    "prezzo di listino"),
}  # fmt: skip
_CURRENT = ("current", "actual", "courant", "actuel", "aktuell", "attuale", "corrente")
_AVERAGE = re.compile(
    r"(\d+) days? avg|promedio (?:de )?(\d+) dias|moyenne (?:sur |de )?(\d+) jours|durchschnitt (\d+) tage"
    r"|(\d+)[ -]tage[ -]durchschn(?:itt)?|media (?:di |a |su )?(\d+) giorni"
)
_NAMES = {
    "asin": ("asin",),
    "locale": ("locale", "localizacion", "region", "standort", "localizzazione", "localita"),
    "url": ("url: amazon",),
    "updated": (
        "last update", "last updated", "ultima actualizacion", "derniere mise a jour", "letzte aktualisierung",
        "zuletzt aktualisiert", "ultimo aggiornamento",
    ),
    "codes": (
        "upclist", "eanlist",
        *(
            f"{subject}: {code}"
            for subject in ("product codes", "codigos de producto", "codes produit", "produktcodes", "codici prodotto")
            for code in ("ean", "upc", "gtin")
        ),
    ),
}  # fmt: skip
_FOOTER = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}) \(UTC\)")
_FILE_NAME = re.compile(r"KeepaExport-(\d{4}-\d{2}-\d{2})", re.IGNORECASE)
_ZONES = timedelta(hours=14)


def _plain(header: str) -> str:
    bare = unicodedata.normalize("NFKD", header.replace("🚚", " ").casefold())
    bare = "".join(c for c in bare if not unicodedata.combining(c) and c != "\ufe0f").replace("’", "'")
    return re.sub(r"\s+", " ", bare).replace(" :", ":").strip(" .:")


def price_field(header: str) -> str | None:
    """``buy_box``, ``new_avg90`` …: the price that a column with this header holds."""
    subject, colon, metric = _plain(header).partition(": ")
    name = next((name for name, words in _SUBJECTS.items() if subject in words), None) if colon else None
    if name is None:
        return None
    if metric in _CURRENT:
        return name
    found = _AVERAGE.fullmatch(metric)
    days = next((group for group in found.groups() if group), "") if found else ""
    return f"{name}_avg{days}" if days in ("30", "90", "180") and name in ("buy_box", "new", "amazon") else None


def named_field(header: str) -> str | None:
    """``asin``, ``locale``, ``url``, ``updated`` or ``codes``."""
    word = _plain(header)
    return next((name for name, words in _NAMES.items() if word in words), None)


@dataclass
class Asked:
    """What the user says of a file that does not say it itself, and when that was."""

    now: datetime
    market: str | None = None
    dated: date | None = None


def read_export(data: bytes, name: str, asked: Asked) -> Reading:
    """What an export holds; nothing if its bytes do not say it for sure."""
    try:
        data = unpacked(data)
        table = xlsx_table(data) if data.startswith(b"PK") else csv_table(text_of(data))
        return Reading([*_File(table, name, asked).rows()])
    except UnknownError:
        return Reading()


def is_empty(cell: Value) -> bool:
    """Whether a cell holds nothing, as exports and programs that save them write it."""
    return cell is None or (isinstance(cell, str) and (cell in NOTHING or not cell.strip()))


class _File:
    def __init__(self, table: Table, name: str, asked: Asked) -> None:
        self._table, self._asked = table, asked
        self._prices = self._columns(price_field)
        self._names = self._columns(named_field)
        if "asin" not in self._names:
            raise UnknownError("no ASIN")
        self._footers: list[datetime] = []
        self._rows = [*self._without_footer()]
        self._mark = self._decide_mark()
        self._file_at = self._date_of_file(name)
        self._order = self._decide_order()

    def _columns(self, known: Callable[[str], str | None]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for index, header in enumerate(self._table.headers):
            if field := known(header):
                found.setdefault(field, []).append(index)
        return found

    def _without_footer(self) -> Iterator[tuple[int, list[Value]]]:
        for number, row in self._table.rows:
            filled = [cell for cell in row if cell not in (None, "")]
            if len(filled) == 1 and (found := _FOOTER.search(str(filled[0]))):
                try:
                    self._footers.append(datetime.strptime(found[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC))
                except ValueError:
                    continue
            else:
                yield number, row

    # The notation

    def _decide_mark(self) -> str | None:
        """The decimal mark of the file: what its prices show, else its other numbers, else its delimiter."""
        prices = {index for indices in self._prices.values() for index in indices}
        for columns in (prices, set(range(len(self._table.headers))) - prices):
            shown = self._marks_shown(columns)
            if len(shown) == 1:
                return shown.pop()
            if shown and columns is prices:
                return None
            if shown:
                break
        return {",": ".", ";": ","}.get(self._table.delimiter)

    def _marks_shown(self, columns: Iterable[int]) -> set[str]:
        """The marks of amounts that can be read with one alone and show it."""
        shown = set()
        for _, row in self._rows:
            for index in columns:
                cell = row[index] if index < len(row) else None
                words = (
                    re.findall(r"\d[\d.,]*\d", cell) if isinstance(cell, str) and not re.search("[a-z]", cell) else []
                )
                for word in (cell.replace("%", ""), *words) if isinstance(cell, str) else ():
                    amount = amount_of(word)
                    if amount is not None and len(amount.by_mark) == 1 and re.search(r"[.,]", word):
                        shown.add(next(iter(amount.by_mark)))
        return shown

    # Dates

    def _date_of_file(self, name: str) -> datetime | None:
        if self._footers:
            at = min(self._footers)
            if at > self._asked.now + timedelta(hours=1):
                raise UnknownError("a footer of the future")
            return min(at, self._asked.now)
        day = None
        if found := _FILE_NAME.search(name):
            try:
                day = date.fromisoformat(found[1])
            except ValueError:
                day = None
        day = day or self._asked.dated
        at_day = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
        if at_day is not None and at_day > self._asked.now + _ZONES:
            raise UnknownError("a day of the future")
        return at_day

    @property
    def _latest(self) -> datetime:
        """No fact of the file is later."""
        if self._file_at is None:
            return self._asked.now
        return self._file_at if self._footers else min(self._asked.now, self._file_at + timedelta(days=1))

    def _decide_order(self) -> str:
        """How the rows write day and month; empty if it does not matter or cannot be known."""
        cells = [row[i] for i in self._names.get("updated", ())[:1] for _, row in self._rows if i < len(row)]
        read = [readings for cell in cells if (readings := date_readings(cell)) and "" not in readings]
        fits = [
            order
            for order in ("day", "month")
            if all(order in each and each[order] <= self._latest + _ZONES for each in read)
        ]
        dots = all(
            isinstance(cell, str) and "." in cell
            for cell in cells
            if "" not in date_readings(cell) and date_readings(cell)
        )
        if len(fits) == 1:
            return fits[0]
        return "day" if fits and (dots or self._mark == ",") else ""

    def _at(self, row: list[Value]) -> datetime | None:
        """When a row was true.

        Raises:
            UnknownError: it can be read in two ways, or lies in the future.
        """
        column = next(iter(self._names.get("updated", ())), None)
        cell = row[column] if column is not None and column < len(row) else None
        readings = date_readings(cell) if not isinstance(cell, bool) else {}
        at = readings.get("") or readings.get(self._order)
        if at is None and len(set(readings.values())) == 1:
            at = next(iter(readings.values()))
        if at is None:
            if readings and "" not in readings and not self._order:
                raise UnknownError("a date that can be read in two ways")
            return self._file_at
        if at > self._asked.now + _ZONES:
            raise UnknownError("a date of the future")
        return min(at, self._latest) if at <= self._latest + _ZONES else self._file_at

    # Rows

    def rows(self) -> Iterator[Held]:
        for number, row in self._rows:
            try:
                yield self._row(number, row)
            except UnknownError:
                continue

    def _row(self, number: int, row: list[Value]) -> Held:
        width = len(self._table.headers)
        if any(not is_empty(cell) for cell in row[width:]):
            raise UnknownError("more cells than columns")
        asin, market = self._asin(row), self._market(row)
        if len(row) < width and not self._is_anchored(row):
            raise UnknownError("fewer cells than columns: they may have moved")
        self._check_currency(number, row, CURRENCY[market])
        at = self._at(row)
        seconds = frozenset({KEEPA_EPOCH if at is None else int(at.timestamp())})
        prices, plain = self._read_prices(row, CURRENCY[market])
        codes = frozenset[str]().union(
            *(
                codes_of(c)
                for i in self._names.get("codes", ())
                if i < len(row) and isinstance(c := row[i], (str, float))
            )
        )
        return Held(asin, market, seconds, prices, seconds, codes, plain)

    def _is_anchored(self, row: list[Value]) -> bool:
        """Whether an ASIN or address stands behind all that is read, so that no lost cell has moved any of it."""
        anchors = [i for i in self._names["asin"] if i < len(row) and _is_asin(str(row[i]).strip().upper())]
        anchors += [i for i in self._names.get("url", ()) if i < len(row) and _market_of_address(str(row[i]))]
        used = [i for name in ("codes", "updated", "locale") for i in self._names.get(name, ())]
        used += [i for indices in self._prices.values() for i in indices]
        there = [i for i in used if i < len(row) and not is_empty(row[i])]
        return max(there, default=0) < max(anchors, default=0)

    def _first(self, row: list[Value], name: str) -> Value:
        """The first cell of a field that holds something.

        Raises:
            UnknownError: two of its columns contradict each other.
        """
        cells = [row[i] for i in self._names.get(name, ()) if i < len(row) and not is_empty(row[i])]
        if len({str(cell).strip().casefold() for cell in cells}) > 1:
            raise UnknownError(f"two columns of {name} differ")
        return cells[0] if cells else None

    def _asin(self, row: list[Value]) -> str:
        cell = self._first(row, "asin")
        word = str(cell if cell is not None else "").strip()
        if "amazon." in word.lower() and (found := re.search(r"/(?:dp|gp/product)/(\w{10})(?!\w)", word)):
            word = found[1]
        word = word.upper() if word.isascii() else word
        number = word.removesuffix(".0")
        if number.isdecimal() and number.isascii():
            word = number.zfill(10)
        if not _is_asin(word):
            raise UnknownError("no ASIN")
        return word

    def _market(self, row: list[Value]) -> str:
        locale, url = self._first(row, "locale"), self._first(row, "url")
        said = set()
        if locale is not None:
            word = str(locale).strip().lower().removeprefix("www.").removeprefix("amazon.")
            said.add(HOSTS.get(f"amazon.{'co.uk' if word in ('uk', 'gb') else word}"))
        if url is not None:
            said.add(_market_of_address(str(url)))
        if not said and self._asked.market:
            said.add(self._asked.market)
        if self._asked.market:
            said.add(self._asked.market)
        if len(said) != 1 or None in said:
            raise UnknownError("no marketplace, or two")
        return str(said.pop())

    def _check_currency(self, number: int, row: list[Value], currency: str) -> None:
        for indices in self._prices.values():
            for index in indices:
                shown = self._table.currencies.get((number, index), currency)
                amount = amount_of(cell) if index < len(row) and isinstance(cell := row[index], str) else None
                named = amount.currency if amount is not None else None
                if shown != currency or (named or currency) != currency:
                    raise UnknownError("a price in another currency")

    def _read_prices(self, row: list[Value], currency: str) -> tuple[dict[str, frozenset[int]], bool]:
        prices, plain = {}, True
        for name, indices in self._prices.items():
            # A lorry says that shipping is in the price; columns that say the same have to agree.
            known: set[int] = set()
            for lorry in (True, False):
                same = [i for i in indices if ("🚚" in self._table.headers[i]) == lorry and i < len(row)]
                read = {self._cents(row[i]) for i in same if not is_empty(row[i])}
                plain = plain and None not in read
                if len(read) == 1:
                    known |= read.pop() or frozenset()
            prices[name] = frozenset(known)
        return prices, plain

    def _cents(self, cell: Value) -> frozenset[int] | None:
        return read_money(cell, self._mark)


def _is_asin(word: str) -> bool:
    if not re.fullmatch(r"\d{9}[\dX]", word, re.ASCII):
        return re.fullmatch(r"B[0-9A-Z]{9}", word) is not None
    digits = [10 if c == "X" else int(c) for c in word]
    return sum(digit * (10 - i) for i, digit in enumerate(digits)) % 11 == 0


def read_money(cell: Value, mark: str | None) -> frozenset[int] | None:
    """The cents in a cell of a file with this decimal mark (None: its cells contradict each other)."""
    if isinstance(cell, float):
        return cents(Decimal(repr(cell))) if 0 <= cell < 1e12 else None
    amount: Amount | None = amount_of(cell) if isinstance(cell, str) else None
    if amount is None or not isinstance(cell, str):
        return None
    alone = len(set(amount.by_mark.values())) == 1
    value = next(iter(amount.by_mark.values())) if alone else amount.by_mark.get(mark or "")
    if value is None or (1 <= value < 1000 and mark and mark in amount.by_mark and has_three_decimals(cell, mark)):
        return None
    return cents(value)


def _market_of_address(text: str) -> str | None:
    try:
        host = urlsplit(text if "//" in text else f"//{text}").netloc.lower()
    except ValueError:
        return None
    return HOSTS.get(re.sub(r"^(www|smile)\.", "", host))
