"""A row of a Keepa export → the canonical offer. Pure; the files themselves are read in ``export_files``.

An odd cell beside the price leaves its field unknown; only what says which product it is and what it costs makes a
row unusable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from arbkit.core.errors import BadRecordError, RefusedFileError, UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, UNDATED_AT, iso_to_unix, to_minutes
from arbkit.core.marketplaces import MARKETS, Market, by_host
from arbkit.core.models import Offer, PriceBasis, ProductType
from arbkit.core.offers.price import Price, used_price
from arbkit.sources.exports.cells import READERS, Reader, distinct_codes
from arbkit.sources.exports.columns import EMPTY_MEANS_NONE, MANY, PRICES, VOCABULARY, Column, plain, read_columns
from arbkit.sources.exports.notation import Notation, decide_notation
from arbkit.sources.raw_types import Cell, RawProduct

EMPTY: frozenset[Cell] = frozenset({None, "", "-", "–", "nan", "NaN", "N/A", "n/a", "None", "null"})
"""Cells that hold nothing, as exports and the programs that save them again write it."""
UNDATED = "the export does not say when its prices were true"

_BASES: tuple[PriceBasis, ...] = ("buy_box", "new", "amazon")
_DIRECT = frozenset(Offer.__slots__) & {
    name for kind, fields in VOCABULARY["fields"].items() if kind != "identity" for name in fields
}
_TOGETHER = frozenset({"product_type", "buy_box_is_amazon"})
"""Fields that follow from several cells."""
_DERIVED = frozenset(
    {
        "price_minor", "price_basis", "price_at", "shipping_minor", "price_avg30_minor", "price_avg90_minor",
        "price_avg180_minor",
    }
)  # fmt: skip
"""Fields that follow from those of the price that is used."""
_TIMES: Mapping[str, str] = {
    "buy_box_minor": "buy_box_at", "new_minor": "new_at", "amazon_minor": "amazon_at", "sales_rank": "sales_rank_at",
    "offers_new": "offers_new_at", "keepa_fba_fee_minor": "keepa_fba_fee_at",
}  # fmt: skip
_AMAZON = frozenset(map(plain, VOCABULARY["words"]["amazon"]))
_DIGITAL: Mapping[ProductType, tuple[frozenset[str], re.Pattern[str]]] = {
    kind: (frozenset(said["types"]), re.compile(rf"\b(?:{'|'.join(map(re.escape, said['words']))})\b"))
    for kind, said in VOCABULARY["digital"].items()
}


@dataclass(slots=True)
class _Row:
    """What a row says: the values by field, fields whose price includes shipping, and cells that are not readable."""

    values: dict[str, Any] = field(default_factory=dict)
    included: set[str] = field(default_factory=set)
    odd: list[BadRecordError] = field(default_factory=list)


def market_of(locale: Cell, url: Cell) -> Market | None:
    """The marketplace that a row names in its locale and in its Amazon address; None if it names none.

    Raises:
        RefusedFileError: it names one outside arbkit's, or two.
    """
    word = None if locale in EMPTY else str(locale).strip().lower().removeprefix("www.").removeprefix("amazon.")
    said = MARKETS.get({"CO.UK": "UK", "GB": "UK"}.get(word.upper(), word.upper())) if word else None
    if word and said is None:
        raise _foreign(f"amazon.{word}")
    if url in EMPTY:
        return said
    text = str(url)
    # Thousands of rows name one host: what follows it need not be parsed each time.
    host = _host("/".join((text if "//" in text else f"//{text}").split("/", 3)[:3]))
    linked = by_host(host)
    if linked is None:
        raise _foreign(host or text[:60])
    if said is not None and said != linked:
        raise RefusedFileError(
            f"names two marketplaces: {said.code} in its locale and {linked.code} in its address",
            remedy="Export each marketplace anew from Keepa",
        )
    return linked


@lru_cache(maxsize=64)
def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def _foreign(name: str) -> RefusedFileError:
    return RefusedFileError(
        "not a marketplace arbkit knows", field="marketplace", value=name,
        remedy=f"arbkit compares {', '.join(MARKETS)}; export from one of these",
    )  # fmt: skip


def to_offer(envelope: RawProduct) -> Offer:
    """The offer in an envelope of source ``export``; its version is the time at which its facts were true.

    What cannot be read is named in ``notes``. An offer without a date has the oldest time there is.

    Raises:
        BadRecordError: ASIN, time or a price cannot be what its column says; names the column and the cell.
    """
    return read_offer(envelope)[0]


def stated_fields(envelope: RawProduct) -> frozenset[str]:
    """The fields of the offer that a row really says something about; every other one keeps what is known.

    A column that is absent, a cell that cannot be read and an empty cell of the goods' facts (title, size, fee …)
    say nothing; an empty cell of a price, rank or count says that there is none.

    Raises:
        BadRecordError: as :func:`to_offer`.
    """
    return read_offer(envelope)[1]


def read_offer(envelope: RawProduct) -> tuple[Offer, frozenset[str]]:
    """What :func:`to_offer` and :func:`stated_fields` give, read once.

    Raises:
        BadRecordError: as :func:`to_offer`.
    """
    market = MARKETS[envelope["market"]]
    asin, at, row = _checked(envelope)
    _say_which_goods(row, market)
    return Offer(asin=asin, **_fields(row, market, at, envelope.get("fetched_at"))), _stated(row)


def check(envelope: RawProduct, doubtful: frozenset[str]) -> tuple[BadRecordError, ...]:
    """Check what :func:`to_offer` would, in the columns with these headers only, without making the offer.

    Returns:
        what its notes would say of cells that cannot be read.

    Raises:
        BadRecordError: as :func:`to_offer`.
    """
    return tuple(_checked(envelope, doubtful)[2].odd)


def _stated(row: _Row) -> frozenset[str]:
    known = row.values
    stated = {name for name in known if known[name] not in (None, ()) or name in EMPTY_MEANS_NONE}
    stated &= _DIRECT | _TOGETHER
    stated |= {at for name, at in _TIMES.items() if name in stated}
    if not PRICES.isdisjoint(stated):
        stated |= _DERIVED
    if "category_path" in stated:
        stated.add("category")
    return frozenset(stated)


def _checked(envelope: RawProduct, only: frozenset[str] | None = None) -> tuple[str, int, _Row]:
    """The ASIN, the time of the facts, and what the row says in the columns with these headers (None: in all)."""
    product = envelope["product"]
    if why := product.get("refused"):
        raise BadRecordError(str(why))
    columns = product.get("columns")
    if not isinstance(columns, Mapping):
        raise BadRecordError("is not a JSON object", field="columns")
    at = _facts_at(product)
    try:
        asin = parse_asin(str(envelope["asin"]))
    except UsageError as error:
        raise BadRecordError(error.why, field="ASIN", value=error.value) from None
    if only is not None and not only:
        return asin, at, _Row()
    try:
        row = _read(columns, only, MARKETS[envelope["market"]], _notation(product, columns))
    except TypeError:
        raise BadRecordError("has a list or an object for a cell", field="columns") from None
    return asin, at, row


def _facts_at(product: RawProduct) -> int:
    """When the facts of a row were true; a row of an earlier version has the time of its export only."""
    if "facts_at" in product and product["facts_at"] is None:
        return UNDATED_AT
    name = "facts_at" if "facts_at" in product else "exported_at"
    return int(iso_to_unix(product.get(name), field=name))


def _notation(product: RawProduct, columns: Mapping[str, Any]) -> Notation:
    """How the row's file writes; a row of an earlier version says it only by its own cells."""
    if isinstance(row := product.get("notation"), Mapping):
        fractions = row.get("fractions")
        return _notation_of(row.get("decimal"), tuple(fractions) if isinstance(fractions, list) else None)
    cells = {header: (cell,) for header, cell in columns.items()}
    try:
        alone = decide_notation(read_columns(tuple(columns)), cells, delimiter="", percent=frozenset())
    except RefusedFileError as error:
        raise BadRecordError(error.why, field=error.field or "columns") from None
    return Notation(alone.decimal)


@lru_cache(maxsize=64)
def _notation_of(decimal: str | None, fractions: tuple[str, ...] | None) -> Notation:
    if decimal not in (".", ","):
        raise BadRecordError("is no decimal mark", field="notation", value=decimal)
    return Notation("." if decimal == "." else ",", fractions=None if fractions is None else frozenset(fractions))


@lru_cache(maxsize=64)
def _plan(headers: tuple[str, ...], only: frozenset[str] | None) -> Sequence[tuple[Column, str, Reader, bool]]:
    """The columns to read, their headers, their readers, and whether their field is a tuple."""
    return [
        (column, column.header, READERS[column.kind], column.kind in MANY)
        for column in read_columns(headers)
        if column.kind in READERS and (only is None or column.header in only)
    ]


def _read(columns: Mapping[str, Any], only: frozenset[str] | None, market: Market, notation: Notation) -> _Row:
    """The fields in the columns that arbkit reads."""
    row = _Row()
    known = row.values
    for column, header, read, many in _plan(tuple(columns), only):
        cell, name = columns[header], column.field
        if cell in EMPTY or (cell.__class__ is str and cell.isspace()):
            if name in EMPTY_MEANS_NONE:
                known.setdefault(name, None)
            continue
        if not many and known.get(name) is not None:
            continue
        try:
            value = read(column, cell, market.currency, notation)
        except BadRecordError as error:
            if name in PRICES or error.why.startswith("is in "):
                raise
            row.odd.append(error)
            continue
        known[name] = (*known.get(name, ()), *value) if isinstance(value, tuple) else value
        if column.includes_shipping and value is not None:
            row.included.add(name)
    return row


def _say_which_goods(row: _Row, market: Market) -> None:
    """Add what the cells say together: codes once each, categories, the kind of goods, whether Amazon is the seller."""
    known = row.values
    if not known.get("category_path") and (root := known.get("category")) and (sub := known.get("subcategory")):
        known["category_path"] = (root, sub)
    if "eans" in known:
        known["eans"] = distinct_codes(known["eans"])
    binding = plain(known.get("binding") or "")
    for kind, (types, words) in _DIGITAL.items():
        if known.get("type") in types or words.search(binding):
            known["product_type"] = kind
            break
    if (seller := known.get("buy_box_seller")) is not None:
        amazon = seller == market.amazon_seller or plain(seller) in _AMAZON
        known["buy_box_is_amazon"] = amazon
        known["buy_box_seller"] = market.amazon_seller if amazon else seller


def _fields(row: _Row, market: Market, at: int, fetched_at: str | None) -> dict[str, Any]:
    known = row.values
    prices = {basis: _price(basis, row, at) for basis in _BASES}
    used = used_price(**prices)
    out = known.get(f"{used['price_basis']}_out90_pct")
    path = known.get("category_path", ())
    undated = (UNDATED,) if at == UNDATED_AT else ()
    return {
        **{name: value for name, value in known.items() if name in _DIRECT or name in _TOGETHER},
        "market": market.code,
        "version": to_minutes(at),
        "origin": "export",
        "fetched_at": UNDATED_AT if fetched_at is None else iso_to_unix(fetched_at, field="fetched_at"),
        "updated_at": at,
        "currency": market.currency,
        "category": known.get("category") or (path[0] if path else None),
        **used,
        "buy_box_shipping_minor": prices["buy_box"].shipping,
        "new_shipping_minor": prices["new"].shipping,
        "out_of_stock90_pct": None if out is None else round(out),
        **{time: at for name, time in _TIMES.items() if name in known and (name in PRICES or known[name] is not None)},
        "notes": (*undated, *map(str, row.odd)),
    }


def _price(basis: PriceBasis, row: _Row, at: int) -> Price:
    """One of the prices of a row, at the time of its facts."""
    minor, *averages = (
        row.values.get(f"{basis}_{name}") for name in ("minor", "avg30_minor", "avg90_minor", "avg180_minor")
    )
    shipping = None if minor is None else _shipping(basis, row, at)
    return Price(minor, at if f"{basis}_minor" in row.values else None, shipping, *averages)


def _shipping(basis: PriceBasis, row: _Row, at: int) -> int | None:
    """What a buyer pays on top of the price; None if the export does not say."""
    if basis == "amazon" or f"{basis}_minor" in row.included:
        return 0
    stated: int | None = row.values.get("buy_box_shipping_minor") if basis == "buy_box" else None
    if stated is not None:
        return stated
    # Since the break every price of Keepa's includes shipping; before it only those marked with a lorry do.
    return 0 if at >= NEW_INCLUDES_SHIPPING_FROM else None
