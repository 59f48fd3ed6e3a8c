"""A row of a Keepa export → the canonical offer. Pure; the files themselves are read in ``export_files``.

Cells come as XLSX gives them (floats, percentages as fractions) or as CSV does (``€ 4.72``, ``8.05 %``, bare
``85.98``, ``77.99 -C0A`` from a converted XLSX). The columns are data: ``export_columns.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

from arbkit.core.errors import BadRecordError, RefusedFileError, UsageError
from arbkit.core.files import shipped_table
from arbkit.core.input.asin import parse_asin
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, iso_to_unix, to_minutes
from arbkit.core.marketplaces import MARKETS, Market, by_host
from arbkit.core.models import Offer, PriceBasis
from arbkit.sources.raw_types import Cell, RawProduct

_COLUMNS = shipped_table(dict[str, dict[str, list[str]]], "arbkit.sources", "export_columns.toml")
IDENTITY: Mapping[str, frozenset[str]] = {name: frozenset(heads) for name, heads in _COLUMNS.pop("identity").items()}
"""``asin``, ``locale``, ``url`` → the headers that may hold it."""

_MANY = frozenset({"eans", "category_path"})
_EMPTY: frozenset[Cell] = frozenset({None, "", "-", "–"})
_NUMBER = re.compile(r"-?\d[\d.,\u00a0\u202f ]*")
_CURRENCIES = {
    "€": "EUR", "EUR": "EUR", "-C0A": "EUR", "£": "GBP", "GBP": "GBP", "-809": "GBP", "$": "USD", "-409": "USD",
}  # fmt: skip
_FLAGS = {"yes": True, "sí": True, "si": True, "oui": True, "no": False, "non": False}
_CODES = re.compile(r"[,;\s]+")


def market_of(locale: Cell, url: Cell) -> Market | None:
    """The marketplace that a row names in its locale, else in its Amazon address; None if it names none.

    Raises:
        RefusedFileError: it names one outside arbkit's.
    """
    if locale not in _EMPTY:
        word = str(locale).strip().lower().removeprefix("amazon.").removeprefix("www.amazon.")
        known = MARKETS.get({"CO.UK": "UK", "GB": "UK"}.get(word.upper(), word.upper()))
        named = f"amazon.{word}"
    elif url not in _EMPTY:
        text = str(url)
        # Thousands of rows name one host: what follows it need not be parsed each time.
        host = _host("/".join(text.split("/", 3)[:3]))
        known, named = by_host(host), host or text[:60]
    else:
        return None
    if known is None:
        remedy = f"arbkit compares {', '.join(MARKETS)}; export from one of these"
        raise RefusedFileError("not a marketplace arbkit knows", field="marketplace", value=named, remedy=remedy)
    return known


@lru_cache(maxsize=64)
def _host(address: str) -> str:
    return urlsplit(address).netloc


def to_offer(envelope: RawProduct) -> Offer:
    """The offer in an envelope of source ``export``; its version is the time of the export.

    Raises:
        BadRecordError: a cell cannot be what its column says; names the column and the cell.
    """
    market = MARKETS[envelope["market"]]
    asin, at, known, included = _checked(envelope)
    # Since the break every price of Keepa's includes shipping; before it only those marked with a lorry do.
    if at >= NEW_INCLUDES_SHIPPING_FROM:
        included |= {"buy_box_minor", "new_minor"}
    included.add("amazon_minor")
    prices: tuple[PriceBasis, ...] = ("buy_box", "new", "amazon")
    basis = next((price for price in prices if known.get(f"{price}_minor")), None)
    averages: dict[str, Any] = {f"price_avg{d}_minor": known.get(f"{basis}_avg{d}_minor") for d in (30, 90, 180)}
    ages: dict[str, Any] = {f"{price}_at": at for price in prices if f"{price}_minor" in known}
    out = known.get(f"{basis}_out90_pct")
    path = known.pop("category_path", ())
    return Offer(
        asin=asin,
        market=market.code,
        version=to_minutes(at),
        origin="export",
        fetched_at=iso_to_unix(envelope["fetched_at"], field="fetched_at"),
        updated_at=at,
        currency=market.currency,
        category_path=path,
        category=known.pop("category", None) or (path[0] if path else None),
        price_minor=known.get(f"{basis}_minor"),
        price_basis=basis,
        price_at=at if basis else None,
        shipping_minor=0 if f"{basis}_minor" in included else None,
        sales_rank_at=at if known.get("sales_rank") else None,
        offers_new_at=at if known.get("offers_new") is not None else None,
        keepa_fba_fee_at=at if known.get("keepa_fba_fee_minor") else None,
        out_of_stock90_pct=None if out is None else round(out),
        **averages,
        **ages,
        **{name: value for name, value in known.items() if name in _DIRECT},
    )


def check(envelope: RawProduct) -> None:
    """Check what :func:`to_offer` would, without making the offer.

    Raises:
        BadRecordError: as :func:`to_offer`.
    """
    _checked(envelope)


def _checked(envelope: RawProduct) -> tuple[str, int, dict[str, Any], set[str]]:
    """The ASIN, the time of the export, the fields, and those of them whose price includes shipping."""
    product = envelope["product"]
    columns = product.get("columns")
    if not isinstance(columns, Mapping):
        raise BadRecordError("is not a JSON object", field="columns")
    at = int(iso_to_unix(product.get("exported_at"), field="exported_at"))
    iso_to_unix(envelope.get("fetched_at"), field="fetched_at")
    try:
        asin = parse_asin(str(envelope["asin"]))
    except UsageError as error:
        raise BadRecordError(error.why, field="ASIN", value=error.value) from None
    return asin, at, *_read(columns, MARKETS[envelope["market"]].currency)


_DIRECT = frozenset(Offer.__slots__) & {name for fields in _COLUMNS.values() for name in fields}


def _read(columns: Mapping[str, Any], currency: str) -> tuple[dict[str, Any], set[str]]:
    """The fields in the columns that arbkit reads, and those of them whose price includes shipping.

    A column that is there but empty gives None: the export says that there is none.
    """
    known: dict[str, Any] = {}
    included: set[str] = set()
    for header, cell in columns.items():
        reader = _READERS.get(header)
        if reader is None:
            continue
        name, read, shipping = reader
        if cell in _EMPTY:
            known.setdefault(name, () if name in _MANY else None)
            continue
        value = read(header, cell, currency)
        known[name] = (*known.get(name, ()), *value) if name == "eans" else value
        if shipping:
            included.add(name)
    known["eans"] = tuple(dict.fromkeys(known.get("eans", ())))
    return known, included


def _cell_text(_: str, cell: Cell, __: str) -> str:
    return str(cell).strip()


def _path(_: str, cell: Cell, __: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(cell).split("›") if part.strip())


def _codes(_: str, cell: Cell, __: str) -> tuple[str, ...]:
    # A spreadsheet may have made a number of a code.
    text = str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
    return tuple(code for code in _CODES.split(text) if code)


def _money(header: str, cell: Cell, currency: str) -> int | None:
    if isinstance(cell, str):
        for sign, named in _CURRENCIES.items():
            if sign in cell:
                if named != currency:
                    raise BadRecordError(f"is in {named}, not in {currency}", field=header, value=cell)
                cell = cell.replace(sign, "")
                break
    amount = round(_number(header, cell) * 100)
    if amount < 0 or amount >= 2**31:
        raise BadRecordError("cannot be a price", field=header, value=cell)
    return amount or None


def _number(header: str, cell: Cell, _: str = "") -> float:
    if isinstance(cell, (int, float)) and cell.__class__ is not bool and -1e15 < cell < 1e15:
        return float(cell)
    text = str(cell).strip().rstrip("+%").strip()
    if isinstance(cell, bool) or _NUMBER.fullmatch(text) is None:
        raise BadRecordError("is not a number", field=header, value=str(cell)[:80])
    text = re.sub(r"\s", "", text)
    # The last separator is the decimal one, unless three digits follow a comma: 1,040.
    if "," in text and (text.rfind(",") > text.rfind(".")) and not re.search(r",\d{3}$", text):
        text = text.replace(".", "").replace(",", ".")
    else:
        text = text.replace(",", "")
    try:
        return float(text)
    except ValueError:
        raise BadRecordError("is not a number", field=header, value=str(cell)[:80]) from None


def _percent(header: str, cell: Cell, _: str) -> float | None:
    value = _number(header, cell)
    # XLSX holds fractions and shows percents.
    if not (isinstance(cell, str) and "%" in cell) and 0 < value <= 1:
        value *= 100
    if not 0 <= value <= 100:
        raise BadRecordError("is not between 0 and 100 percent", field=header, value=cell)
    return round(value, 4)


def _whole(header: str, cell: Cell, _: str, *, scale: int = 1) -> int | None:
    value = _number(header, cell)
    return round(value * scale) if value > 0 else None


def _flag(header: str, cell: Cell, _: str) -> bool:
    if isinstance(cell, bool):
        return cell
    known = _FLAGS.get(str(cell).strip().lower())
    if known is None:
        raise BadRecordError("is neither yes nor no", field=header, value=str(cell)[:80])
    return known


_KINDS: Mapping[str, Callable[[str, Any, str], Any]] = {
    "text": _cell_text, "path": _path, "codes": _codes, "money": _money, "percent": _percent, "whole": _whole,
    "number": _number, "centimetres": partial(_whole, scale=10), "flag": _flag,
}  # fmt: skip
_READERS = {
    header: (name, _KINDS[kind], "🚚" in header)
    for kind, fields in _COLUMNS.items()
    for name, headers in fields.items()
    for header in headers
}
