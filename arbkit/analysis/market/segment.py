"""Prepared offers as columns: what products are priced from, and what filters ask about them, without any object."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
import orjson
import pandas as pd

from arbkit.analysis.market.column_file import Array, ColumnFile
from arbkit.analysis.offers import texts_of
from arbkit.core.marketplaces import MARKET_CODES
from arbkit.core.models import FieldValue, Opportunity, ProductState
from arbkit.profit import OFFER_COLUMNS
from arbkit.profit.facts.packages import EXTREMES, PACKAGE
from arbkit.profit.fees.arrays import Floats, Ints, Mask
from arbkit.profit.offer_facts import numbers
from arbkit.store.routes import ProductRoutes

ROUTES = tuple(permutations(MARKET_CODES, 2))
"""By number; a product's ``opportunity`` and ``different`` have a bit for each."""
UNKNOWN_CONFIDENCE = np.iinfo(np.uint16).max
_CODED = ("price_basis", "category", "category_path", "vat_class", "brand")
_MARKS = (
    "rank_too_old", "sale_price_too_old", "category_old", "price_replaced", "price_too_old", "price_undated",
    "price_glitch",
)  # fmt: skip
_NUMBERS = (
    *(name for name in OFFER_COLUMNS if name not in (*_CODED, "asin", "market")),
    *(f"{extreme}_{name}" for extreme in EXTREMES for name in PACKAGE),
    "sales_rank", "rank_drops30", "rank_drops90", "monthly_sold", "offers_new",
)  # fmt: skip
_OF_PRODUCTS = ("asin", "change", "opportunity", "different", "confidence")
_DATED = frozenset({"updated_at", "keepa_fba_fee_at"})
"""Seconds, which have more digits than a small float."""


@dataclass(frozen=True)
class Segment:
    """Some products, in the order of ASINs, and their offers in the order of products.

    Of each product (n): ``asin``, ``change`` (of its state), ``opportunity`` and ``different`` (routes that were priced
    as these, as bits of :data:`ROUTES`), ``confidence`` (n, routes, in thousandths), and its texts. Of each offer:
    ``product``, ``market`` (of :data:`~arbkit.core.marketplaces.MARKET_CODES`), and what it is priced and found by.
    """

    columns: Mapping[str, Array]
    texts: Mapping[str, Sequence[str]]

    @classmethod
    def of_file(cls, file: ColumnFile) -> Segment:
        """The segment of a file."""
        return cls(file.columns, file.texts)

    def __len__(self) -> int:
        return len(self.columns["asin"])

    @cached_property
    def first_offers(self) -> Ints:
        """Where the offers of each product begin, and last where they all end."""
        return np.searchsorted(self.columns["product"], np.arange(len(self) + 1))

    def rows(self, start: int, stop: int) -> Ints:
        """The row of each of these products' offers, of shape (marketplaces, products); −1: not offered."""
        first, last = self.first_offers[start], self.first_offers[stop]
        found = np.full((len(MARKET_CODES), stop - start), -1, np.int64)
        found[self.columns["market"][first:last], self.columns["product"][first:last] - start] = np.arange(first, last)
        return found

    def frame(self, start: int, stop: int) -> pd.DataFrame:
        """The prepared offers of these products, as they are costed."""
        part = slice(self.first_offers[start], self.first_offers[stop])
        made: dict[str, Array | pd.Series] = {
            "asin": self.columns["asin"][self.columns["product"][part]].astype("U10").astype(object),
            "market": _named(self.columns["market"][part], MARKET_CODES),
        }
        made |= {name: _named(self.columns[name][part], self.texts[name]) for name in _CODED}
        # pandas would look at every text to make one of its own of it.
        made = {name: pd.Series(cells, dtype=object) for name, cells in made.items()}
        made |= {name: self.columns[name][part].astype(np.float64) for name in _NUMBERS}
        made |= {name: self.columns[name][part] for name in (*_MARKS, "unsellable", "package_certainty")}
        return pd.DataFrame(made)

    def text_of(self, product: int) -> str:
        """What a search finds a product by."""
        ends = self.columns["text_end"]
        start = 0 if product == 0 else int(ends[product - 1])
        return self.columns["text"][start : int(ends[product])].tobytes().decode()


def segment_of(states: Collection[ProductState], prepared: pd.DataFrame, results: Iterable[ProductRoutes]) -> Segment:
    """The segment of products: ``prepared`` are their offers as they were priced, ``results`` the routes of them."""
    asins, product = np.unique(prepared["asin"].to_numpy(object).astype("S10"), return_inverse=True)
    place = {asin.decode(): number for number, asin in enumerate(asins.tolist())}
    order = np.argsort(product, kind="stable")
    offers = prepared.iloc[order]
    change = np.zeros(len(asins), np.int64)
    for state in states:
        if state.asin in place:
            change[place[state.asin]] = state.change
    columns: dict[str, Array] = {
        "asin": asins,
        "change": change,
        **_of_routes(place, (route for result in results for route in result.routes)),
    }
    columns["product"] = product[order].astype(np.int32)
    columns["market"] = np.array([MARKET_CODES.index(code) for code in offers["market"].tolist()], np.int8)
    texts: dict[str, Sequence[str]] = {}
    for name in _CODED:
        columns[name], texts[name] = _coded(offers[name].tolist() if name in offers else [None] * len(offers))
    columns |= {name: _compact(name, numbers(offers, name)) for name in _NUMBERS}
    columns |= {name: offers[name].to_numpy(bool) for name in _MARKS}
    columns["unsellable"] = offers["unsellable"].to_numpy(np.uint64)
    columns["package_certainty"] = offers["package_certainty"].to_numpy(np.int8)
    columns |= _amazon(offers) | _texts(offers, columns["product"], list(place))
    return Segment(columns, texts)


def merged(segments: Sequence[Segment]) -> Segment:
    """One segment of all products; of a product that several have, the one of its last change, else of the last."""
    if len(segments) == 1:
        return segments[0]
    asins = np.concatenate([one.columns["asin"] for one in segments])
    changes = np.concatenate([one.columns["change"] for one in segments])
    order = np.lexsort((np.arange(len(asins)), changes, asins))
    ordered = asins[order]
    last = np.append(ordered[1:] != ordered[:-1], np.ones(min(1, len(ordered)), bool))
    taken = order[last]
    columns = {name: np.concatenate([one.columns[name] for one in segments])[taken] for name in _OF_PRODUCTS}
    starts = np.cumsum([0, *(len(one) for one in segments)])
    place = np.full(len(asins), -1, np.int64)
    place[taken] = np.arange(len(taken))
    product = np.concatenate(
        [place[one.columns["product"] + start] for one, start in zip(segments, starts, strict=False)]
    )
    rows = np.flatnonzero(product >= 0)
    rows = rows[np.argsort(product[rows], kind="stable")]
    columns["product"] = product[rows].astype(np.int32)
    texts: dict[str, Sequence[str]] = {}
    for name in _CODED:
        codes, texts[name] = _recoded([(one.columns[name], one.texts[name]) for one in segments])
        columns[name] = codes[rows]
    others = segments[0].columns.keys() - columns.keys() - {"text", "text_end"}
    for name in sorted(others):
        columns[name] = np.concatenate([one.columns[name] for one in segments])[rows]
    columns |= _taken_texts(segments, taken)
    return Segment(columns, texts)


def live_products(segments: Sequence[Segment]) -> list[Mask]:
    """Of each segment which of its products no other one has in a later change; all of a product's offers go along."""
    asins = np.concatenate([one.columns["asin"] for one in segments])
    changes = np.concatenate([one.columns["change"] for one in segments])
    order = np.lexsort((np.arange(len(asins)), changes, asins))
    last = np.append(asins[order][1:] != asins[order][:-1], np.ones(min(1, len(asins)), bool))
    live = np.zeros(len(asins), bool)
    live[order[last]] = True
    return np.split(live, np.cumsum([len(one) for one in segments])[:-1])


def _of_routes(place: Mapping[str, int], found: Iterable[Opportunity]) -> dict[str, Array]:
    number = {route: position for position, route in enumerate(ROUTES)}
    opportunity, different = np.zeros(len(place), np.uint32), np.zeros(len(place), np.uint32)
    confidence = np.full((len(place), len(ROUTES)), UNKNOWN_CONFIDENCE, np.uint16)
    for one in found:
        product, route = place[one.asin], number[one.source, one.target]
        if one.status == "opportunity":
            opportunity[product] |= np.uint32(1 << route)
        elif one.status == "different":
            different[product] |= np.uint32(1 << route)
        confidence[product, route] = round(1000 * one.confidence)
    return {"opportunity": opportunity, "different": different, "confidence": confidence}


def _compact(name: str, values: Floats) -> Array:
    """Half as large; whole numbers up to 16 million, and so prices in cents, stay as they are."""
    return values if name in _DATED else values.astype(np.float32)


def _amazon(offers: pd.DataFrame) -> dict[str, Array]:
    """As :func:`~arbkit.analysis.demand.amazon_sells` and ``amazon_share`` say of one offer; −1 and NaN unknown."""
    offered, looked, holds, share, absent = (
        numbers(offers, name)
        for name in ("amazon_minor", "amazon_at", "buy_box_is_amazon", "amazon_buy_box90_pct", "amazon_absent90_pct")
    )
    sells = np.where(~np.isnan(offered) | (holds == 1), 1, np.where(np.isnan(looked), -1, 0))
    shares = np.round(np.where(np.isnan(share), 100 - absent, share), 1)
    return {"amazon_sells": sells.astype(np.int8), "amazon_share": shares.astype(np.float32)}


def _texts(offers: pd.DataFrame, product: Array, asins: Sequence[str]) -> dict[str, Array]:
    """All titles, the brand, the EANs and the ASIN of each product, the title first."""
    found: list[dict[str, None]] = [{} for _ in asins]
    cells = (offers[name].tolist() for name in ("title", "brand", "eans"))
    for number, title, brand, eans in zip(product.tolist(), *cells, strict=True):
        known = found[number]
        if isinstance(title, str):
            known[title] = None
        if isinstance(brand, str):
            known[brand] = None
        if eans:
            known.update(dict.fromkeys(texts_of(eans)))
    return _blob([" ".join((*texts, asin)) for texts, asin in zip(found, asins, strict=True)])


def _taken_texts(segments: Sequence[Segment], taken: Ints) -> dict[str, Array]:
    """The texts of some of all products of these segments."""
    joined = np.concatenate([one.columns["text"] for one in segments])
    lengths = np.concatenate([np.diff(one.columns["text_end"], prepend=0) for one in segments])
    starts = np.cumsum(lengths) - lengths
    ends = np.cumsum(lengths[taken])
    places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts[taken] - ends + lengths[taken], lengths[taken])
    return {"text": joined[places], "text_end": ends}


def _blob(texts: Sequence[str]) -> dict[str, Array]:
    data = [text.encode() for text in texts]
    joined = np.frombuffer(b"".join(data), np.uint8)
    return {"text": joined, "text_end": np.cumsum([len(one) for one in data], dtype=np.int64)}


def _coded(cells: Sequence[FieldValue]) -> tuple[Array, Sequence[str]]:
    """The number of each text, and the texts; −1: none."""
    known: dict[str, int] = {}
    seen: dict[FieldValue, int] = {}
    codes = []
    for cell in cells:
        code = seen.get(cell)
        if code is None:
            text = _text(cell)
            seen[cell] = code = -1 if text is None else known.setdefault(text, len(known))
        codes.append(code)
    return np.array(codes, np.int32), list(known)


def _text(cell: FieldValue) -> str | None:
    if isinstance(cell, str):
        return cell
    return orjson.dumps(cell).decode() if isinstance(cell, tuple | list) and cell else None


def _recoded(columns: Iterable[tuple[Array, Sequence[str]]]) -> tuple[Array, Sequence[str]]:
    known: dict[str, int] = {}
    made = []
    for codes, texts in columns:
        numbers_of = np.array([*(known.setdefault(text, len(known)) for text in texts), -1], np.int32)
        made.append(numbers_of[codes])
    return np.concatenate(made), list(known)


def _named(codes: Array, texts: Sequence[str]) -> Array:
    return np.array([*texts, None], object)[codes]
