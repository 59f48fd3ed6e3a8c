"""Offers ready to be priced: which price is one of now, and which package, from all that the listings say."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any, cast

import numpy as np
import orjson
import pandas as pd
from pydantic import JsonValue

from arbkit.analysis.listing.goods import Listing, unsellable_reason
from arbkit.analysis.listing.sizes import read_size
from arbkit.core.models import FieldValue, Offer
from arbkit.core.offers.facts import Fact
from arbkit.core.offers.groups import Stamp, group_name, packed, parsed_stamps
from arbkit.profit import OFFER_COLUMNS, load_tables
from arbkit.profit.facts.ages import AMAZON_SHARE_FACTS, RANK_FACTS, SALE_PRICE, drop_old_demand
from arbkit.profit.facts.packages import GOODS, STATED, estimate_packages, is_measured
from arbkit.profit.facts.prices import PRICE_COLUMNS, choose_prices
from arbkit.profit.facts.priors import PackagePriors, load_package_priors
from arbkit.profit.fees.arrays import Floats, Mask, Objects
from arbkit.profit.offer_facts import categories, numbers
from arbkit.profit.reason_codes import ReasonCode
from arbkit.store.base import Store
from arbkit.store.fields import is_number

IDENTITY_COLUMNS = ("title", "brand", "category", "origin", "eans")
DEMAND_COLUMNS = (
    "price_minor", "shipping_minor", "price_avg90_minor", "buy_box_is_amazon", "amazon_minor", "amazon_at",
    "sales_rank", "out_of_stock90_pct", "rank_drops30", "rank_drops90", "monthly_sold", "offers_new", "offers_fba",
    "offers_fbm", *AMAZON_SHARE_FACTS,
)  # fmt: skip
_KIND_COLUMNS = ("product_type", "binding", "product_group", "category")
_PART_COLUMNS = ("features", "volume_cm3", *GOODS, "item_weight_g")
PRICING_COLUMNS = tuple(
    dict.fromkeys(
        (
            "asin",
            "market",
            *IDENTITY_COLUMNS,
            *DEMAND_COLUMNS,
            *OFFER_COLUMNS,
            *PRICE_COLUMNS,
            *_PART_COLUMNS,
            *_KIND_COLUMNS,
            "sales_rank_at",
            "stamps",
            "parent_asin",
        )
    )
)
"""The fields of offers that a priced route is made from."""
_NUMBERS = [name for name in PRICING_COLUMNS if is_number(name)]
_OTHERS = [name for name in PRICING_COLUMNS if not is_number(name)]
_NUMBERS_OF, _OTHERS_OF = attrgetter(*_NUMBERS), attrgetter(*_OTHERS)


def known_offers(store: Store, asins: Sequence[str]) -> list[Offer]:
    """The offers of these products, with what the user typed in in place of what any source says."""
    return typed_offers(store.offers(asins), store.facts(asins))


def typed_offers(offers: Sequence[Offer], facts: Sequence[Fact]) -> list[Offer]:
    """The offers with what the user typed in."""
    by_product = _by_product(facts)
    return [replace(o, **_typed(by_product[o.asin], o.market, o.stamps)) if o.asin in by_product else o for o in offers]


def with_facts(offers: pd.DataFrame, facts: Sequence[Fact]) -> pd.DataFrame:
    """A frame of offers with what the user typed in."""
    by_product = _by_product(facts)
    known = offers["asin"].isin(by_product.keys()).to_numpy(bool)
    if not known.any():
        return offers
    made = offers.copy()
    rows = zip(made.index[known], made.loc[known, "asin"], made.loc[known, "market"], strict=True)
    for label, asin, market in rows:
        stamps = texts_of(cast("FieldValue", made.at[label, "stamps"])) if "stamps" in made else ()
        for name, value in _typed(by_product[asin], market, stamps).items():
            made.at[label, name] = None if name == "category_path" else value
    return made


def _by_product(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """Facts by ASIN, those that hold everywhere before those of one marketplace."""
    found: dict[str, list[Fact]] = {}
    for fact in sorted(facts, key=lambda fact: fact.market != ""):
        found.setdefault(fact.asin, []).append(fact)
    return found


def _typed(facts: Iterable[Fact], market: str, stamps: Sequence[str]) -> dict[str, Any]:
    """The fields of an offer (which has these stamps) that the facts state, and what they put out of force."""
    fields: dict[str, Any] = {}
    for fact in (fact for fact in facts if fact.market in ("", market)):
        fields |= fact.value.model_dump(exclude_none=True)
        if fact.name == "package":
            # Keepa's fee is that of the package that the user knows better.
            fields["keepa_fba_fee_minor"] = None
        elif fact.name == "category":
            # Of several stamps of one fact the last one holds; the origin does not matter any more.
            stamp = packed("category", Stamp(int(fact.at), "keepa"))
            fields |= {"category_path": (), "keepa_referral_pct": None, "stamps": (*stamps, stamp)}
    return fields


def moment_of(on: date | None, *, now: float) -> float:
    """The time (Unix seconds) to which ages count where a day is priced: ``now`` for today, else the end of the day."""
    if on is None or on == datetime.fromtimestamp(now, UTC).date():
        return now
    return datetime.combine(on, datetime.max.time(), UTC).timestamp()


def prepare_offers(offers: Sequence[Offer] | pd.DataFrame, *, now: float | None = None) -> pd.DataFrame:
    """Offers ready to be priced, one row each.

    An old buy box gives way to a newer price (:func:`~arbkit.profit.facts.prices.choose_prices`), and old ranks are
    unknown (:func:`~arbkit.profit.facts.ages.drop_old_demand`). A package that a
    listing lacks comes from the product's other listings, else it is a range
    (:func:`~arbkit.profit.facts.packages.estimate_packages`).

    Args:
        offers: all offers of each product, as models or as frames of :data:`PRICING_COLUMNS` (``Store.scan_offers``).
        now: Unix seconds, to which the age of facts is counted; None: the present.
    """
    now = time.time() if now is None else now
    frame = offers if isinstance(offers, pd.DataFrame) else offers_frame(offers)
    frame = frame.reset_index(drop=True)
    frame = drop_old_demand(frame, fact_times(frame), now=now)
    frame = _without_unsellable(choose_prices(frame, now=now))
    lacking = ~is_measured(frame)
    if lacking.any():
        elsewhere = frame["asin"].isin(frame.loc[~lacking, "asin"]).to_numpy(bool)
        _read_sizes(frame, lacking & ~elsewhere)
    priors = load_package_priors()
    return estimate_packages(frame, package_categories(frame, priors), priors)


def fact_times(offers: pd.DataFrame) -> dict[str, Floats]:
    """When ranks, what was inferred from them, and categories were true, Unix seconds.

    By their stamps, else their own time, else the offer's. ``updated_at`` has to be that of the offers still; columns
    may be missing.
    """
    names = (*RANK_FACTS, *AMAZON_SHARE_FACTS, SALE_PRICE, "category")
    updated = numbers(offers, "updated_at")
    times = dict.fromkeys(names, updated)
    ranked_at = numbers(offers, "sales_rank_at")
    times["sales_rank"] = np.where(np.isnan(ranked_at), updated, ranked_at)
    if "stamps" not in offers:
        return times
    stamps = offers["stamps"].to_numpy(object)
    stamped = [(row, parsed_stamps(found)) for row, cell in enumerate(stamps) if (found := tuple(texts_of(cell)))]
    for name in names:
        group = group_name(name)
        own = [(row, each[group].at) for row, each in stamped if group in each]
        if own:
            times[name] = times[name].copy()
            rows, at = zip(*own, strict=True)
            times[name][list(rows)] = at
    return times


def _without_unsellable(offers: pd.DataFrame) -> pd.DataFrame:
    """The offers without prices where nothing is sold that could be sent; ``unsellable`` has the reason's bit."""
    kinds = [name for name in _KIND_COLUMNS if name in offers]
    known: dict[tuple[JsonValue, ...], int] = {}
    found = []
    for cells in zip(*(offers[name].tolist() for name in kinds), strict=True):
        if cells not in known:
            row = dict(zip(kinds, cells, strict=True))
            reason = unsellable_reason(Listing.of_row({"asin": "", "market": "", **row}))
            known[cells] = 0 if reason is None else int(reason.bit)
        found.append(known[cells])
    bits = np.array(found, np.uint64) if kinds else np.zeros(len(offers), np.uint64)
    if "parent_asin" in offers:
        own_parent = offers["parent_asin"].to_numpy(object) == offers["asin"].to_numpy(object)
        bits[np.asarray(own_parent, bool)] = ReasonCode.PARENT_LISTING.bit
    offers["unsellable"] = bits
    if bits.any():
        priced = [name for name in offers if str(name).startswith("price_") and str(name).endswith("_minor")]
        for name in (*priced, *(name for name in (SALE_PRICE,) if name in offers)):
            offers.loc[bits > 0, name] = np.nan
    return offers


def package_categories(offers: pd.DataFrame, priors: PackagePriors) -> Objects:
    """The key of each row's package prior: that of a branch where any listing of the product names one, else its root.

    None where the category is unknown.
    """
    codes, named = pd.factorize(categories(offers))
    tables = load_tables()
    roots, keys = [], []
    for name in map(str, named):
        top, *below = (part.strip() for part in name.split("›"))
        roots.append(tables.root_of(top))
        keys.append(priors.key_of(roots[-1], below))
    found = np.array([*keys, None], object)[codes]
    narrowed = found != np.array([*roots, None], object)[codes]
    if not narrowed.any():
        return found
    by_product = pd.Series(found[narrowed], offers["asin"].to_numpy(object)[narrowed]).groupby(level=0).first()
    of_branch = offers["asin"].map(by_product).to_numpy(object)
    return np.where(pd.isna(of_branch), found, of_branch)


def offers_frame(offers: Sequence[Offer]) -> pd.DataFrame:
    """Offers with the columns of a store's scan, in any order: numbers as floats, the rest as objects."""
    count = len(offers)
    values = np.array([*map(_NUMBERS_OF, offers)], np.float64).reshape(count, len(_NUMBERS))
    others = np.empty((len(_OTHERS), count), object)
    # Where there is no offer there is nothing to assign either.
    for row, cells in enumerate(zip(*map(_OTHERS_OF, offers), strict=True)):
        others[row] = cells
    frames = pd.DataFrame(others.T, columns=_OTHERS, dtype=object), pd.DataFrame(values, columns=_NUMBERS)
    return pd.concat(frames, axis=1)


def _read_sizes(offers: pd.DataFrame, wanted: Mask) -> None:
    """Add what titles and bullet points of the wanted rows state of the goods, as columns ``stated_…``."""
    names = (*STATED, "stated_weight_g", "stated_capacity_cm3")
    rows = np.flatnonzero(wanted)
    titles = offers["title"].to_numpy(object)[rows]
    features = offers["features"].to_numpy(object)[rows] if "features" in offers else np.full(len(rows), None)
    cells = zip(titles, features, strict=True)
    found = [read_size(title if isinstance(title, str) else "", texts_of(cell)) for title, cell in cells]
    unknown = (np.nan, np.nan, np.nan)
    stated = [(*(f.sides_mm or unknown), f.weight_g or np.nan, f.capacity_cm3 or np.nan) for f in found]
    for name, values in zip(names, np.array(stated, np.float64).reshape(-1, len(names)).T, strict=True):
        column = np.full(len(offers), np.nan)
        column[rows] = values
        offers[name] = column


def texts_of(cell: FieldValue) -> Sequence[str]:
    """The texts of a cell: a store gives them as the JSON text it keeps."""
    if isinstance(cell, str):
        return cast("Sequence[str]", orjson.loads(cell))
    return cast("Sequence[str]", cell) if isinstance(cell, list | tuple) else ()
