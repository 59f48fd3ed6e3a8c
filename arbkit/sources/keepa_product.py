"""Keepa's product object → the canonical offer and history. Pure.

In Keepa's data −1 is "no offer" and −2 "no data"; prices are whole cents or pence; series are flat lists of
pairs ``[time, value, …]`` or, where shipping is separate, triples ``[time, price, shipping, …]``.
Source: Keepa API documentation, "Product Object" and "Statistics Object".
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Mapping
from typing import Any

from arbkit.core.errors import BadRecordError
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_unix
from arbkit.core.marketplaces import Market
from arbkit.core.models import History, Offer, Origin, PriceBasis, ProductType, Series, Update
from arbkit.sources.raw_types import Json, RawProduct

AMAZON, NEW, USED, SALES, LIST, NEW_FBA, COUNT_NEW, RATING, REVIEWS, BUY_BOX = 0, 1, 2, 3, 4, 10, 11, 16, 17, 18
TRIPLES = frozenset({7, *range(18, 28), 28, 29, 32})
_SERIES = {
    AMAZON: "amazon",
    NEW: "new",
    USED: "used",
    SALES: "sales_rank",
    LIST: "list",
    NEW_FBA: "new_fba",
    COUNT_NEW: "offers_new",
    RATING: "rating",
    REVIEWS: "reviews",
    BUY_BOX: "buy_box",
}


def parse_product(product: RawProduct, market: Market, *, origin: Origin, fetched_at: float) -> Update | None:
    """The update in Keepa's product object; None if Keepa does not know the product on this marketplace.

    The price is the buy box's, else the lowest new one, else Amazon's. Each price has the time up to which it is
    known: NEW and AMAZON that of the product's last update, the buy box that of its own.

    Raises:
        BadRecordError: a field has a value it cannot have. Other errors mean an unknown shape.
    """
    csv, title = product.get("csv"), product.get("title")
    version = product.get("lastUpdate")
    if not csv and not title and not (isinstance(version, int) and version > 0):
        return None
    if not isinstance(version, int) or not 0 < version < 2**31:
        raise BadRecordError("is no Keepa time", field="lastUpdate", value=version)
    updated_at = to_unix(version)
    series = _series(csv)
    stats: RawProduct = product.get("stats") or {}
    current = stats.get("current") or []
    buy_box, buy_box_shipping, buy_box_at = _buy_box(product, stats, series, updated_at)
    new, amazon = _current(NEW, series, current), _current(AMAZON, series, current)
    new_shipping = 0 if updated_at >= NEW_INCLUDES_SHIPPING_FROM else None
    price, basis, price_at, shipping = _choose(
        (buy_box, "buy_box", buy_box_at, buy_box_shipping),
        (new, "new", updated_at, new_shipping),
        (amazon, "amazon", updated_at, 0),
    )
    tree = product.get("categoryTree") or []
    fees: RawProduct = product.get("fbaFees") or {}
    fee_at = fees.get("lastUpdate")
    fba_fee = _positive(fees.get("pickAndPackFee"), "pickAndPackFee")
    offer = Offer(
        asin=product["asin"],
        market=market.code,
        version=version,
        origin=origin,
        fetched_at=fetched_at,
        updated_at=updated_at,
        currency=market.currency,
        title=_optional_text(title, "title"),
        brand=_optional_text(product.get("brand"), "brand"),
        manufacturer=_optional_text(product.get("manufacturer"), "manufacturer"),
        category=_optional_text(tree[0]["name"], "categoryTree") if tree else None,
        category_path=tuple(str(node["name"]) for node in tree),
        root_category_id=_positive(product.get("rootCategory"), "rootCategory"),
        product_group=_optional_text(product.get("productGroup"), "productGroup"),
        eans=_texts(product, "eanList", "upcList"),
        image=_image(product),
        **_which_goods(product),
        price_minor=price,
        price_basis=basis,
        price_at=price_at,
        shipping_minor=shipping,
        buy_box_minor=_offered(buy_box),
        buy_box_at=buy_box_at,
        buy_box_shipping_minor=buy_box_shipping,
        buy_box_seller=_optional_text(stats.get("buyBoxSellerId"), "buyBoxSellerId"),
        buy_box_is_amazon=_optional_flag(stats.get("buyBoxIsAmazon")),
        buy_box_is_fba=_optional_flag(stats.get("buyBoxIsFBA")),
        new_minor=_offered(new),
        new_at=updated_at if new is not None else None,
        new_shipping_minor=new_shipping,
        new_avg30_minor=_average(stats, "avg30", "new"),
        new_avg90_minor=_average(stats, "avg90", "new"),
        new_avg180_minor=_average(stats, "avg180", "new"),
        amazon_minor=_offered(amazon),
        amazon_at=updated_at if amazon is not None else None,
        new_fba_minor=_offered(_current(NEW_FBA, series, current)),
        list_minor=_offered(_current(LIST, series, current)),
        price_avg30_minor=_average(stats, "avg30", basis),
        price_avg90_minor=_average(stats, "avg90", basis),
        price_avg180_minor=_average(stats, "avg180", basis),
        sales_rank=_offered(_current(SALES, series, current)),
        sales_rank_at=updated_at if series.get("sales_rank") else None,
        **_coupon(product.get("coupon")),
        rank_drops30=_count(stats.get("salesRankDrops30")),
        rank_drops90=_count(stats.get("salesRankDrops90")),
        monthly_sold=_positive(product.get("monthlySold"), "monthlySold"),
        offers_new=_count(_current(COUNT_NEW, series, current)),
        offers_new_at=updated_at if _current(COUNT_NEW, series, current) is not None else None,
        out_of_stock90_pct=_count(_at(stats.get("outOfStockPercentage90"), _INDEX[basis])),
        amazon_buy_box90_pct=None,
        rating=None if (rating := _offered(_current(RATING, series, current))) is None else rating / 10,
        reviews=_count(_current(REVIEWS, series, current)),
        length_mm=_positive(product.get("packageLength"), "packageLength"),
        width_mm=_positive(product.get("packageWidth"), "packageWidth"),
        height_mm=_positive(product.get("packageHeight"), "packageHeight"),
        weight_g=_positive(product.get("packageWeight"), "packageWeight"),
        item_length_mm=_positive(product.get("itemLength"), "itemLength"),
        item_width_mm=_positive(product.get("itemWidth"), "itemWidth"),
        item_height_mm=_positive(product.get("itemHeight"), "itemHeight"),
        item_weight_g=_positive(product.get("itemWeight"), "itemWeight"),
        package_quantity=_positive(product.get("packageQuantity"), "packageQuantity"),
        hazmat=_optional_flag(product.get("isHazMat")),
        keepa_fba_fee_minor=fba_fee,
        keepa_fba_fee_at=to_unix(fee_at) if fba_fee is not None and isinstance(fee_at, int) and fee_at > 0 else None,
        keepa_referral_pct=_percent(product),
        keepa_closing_fee_minor=_count(product.get("variableClosingFee")),
    )
    sellers = _sellers(product.get("buyBoxSellerIdHistory"), series)
    monthly = product.get("monthlySoldHistory")
    if monthly:
        series["monthly_sold"] = _pairs(monthly, "monthlySoldHistory")
    return Update(offer, History(offer.asin, market.code, version, market.currency, series, sellers))


_PRODUCT_TYPES: Mapping[Json, ProductType] = {
    0: "standard", 1: "download", 2: "ebook", 3: "unavailable", 4: "unavailable", 5: "parent",
}  # fmt: skip


def _which_goods(product: RawProduct) -> dict[str, Any]:
    """What says which goods exactly they are."""
    languages = product.get("languages") or ()
    return {
        "product_type": _PRODUCT_TYPES.get(product.get("productType")),
        "parent_asin": _optional_text(product.get("parentAsin"), "parentAsin"),
        "item_count": _positive(product.get("numberOfItems"), "numberOfItems"),
        **{name: _optional_text(product.get(name), name) for name in ("binding", "color", "size", "edition")},
        "languages": tuple(dict.fromkeys(str(each[0]) for each in languages if isinstance(each, list) and each)),
        "features": _texts(product, "features"),
        "adult": _optional_flag(product.get("isAdultProduct")),
    }


def _coupon(value: Json) -> dict[str, Any]:
    """The coupon of a single purchase: an amount above zero, or a percentage below."""
    one_time = _whole(_at(value, 0), "coupon") or 0
    return {"coupon_minor": one_time if one_time > 0 else None, "coupon_pct": -one_time if one_time < 0 else None}


def _series(csv: Json) -> dict[str, Series]:
    """The series arbkit keeps, out of ``csv``: 34 or 36 entries, or null; each entry may be null."""
    found: dict[str, Series] = {}
    if csv is None:
        return found
    if not isinstance(csv, list):
        raise BadRecordError("is not a list", field="csv", value=type(csv).__name__)
    for index, name in _SERIES.items():
        flat = csv[index] if index < len(csv) else None
        if flat:
            found[name] = _triples(flat, f"csv[{index}]") if index in TRIPLES else _pairs(flat, f"csv[{index}]")
    return found


def _pairs(flat: Json, field: str) -> Series:
    numbers = _numbers(flat, field, 2)
    return Series(numbers[0::2], numbers[1::2])


def _triples(flat: Json, field: str) -> Series:
    numbers = _numbers(flat, field, 3)
    return Series(numbers[0::3], numbers[1::3], numbers[2::3])


def _numbers(flat: Json, field: str, width: int) -> array[int]:
    if not isinstance(flat, list):
        raise BadRecordError("is not a list", field=field, value=type(flat).__name__)
    numbers = array("i")
    try:
        # Twice as fast as array("i", flat), and series are most of a record.
        numbers.frombytes(struct.pack(f"{len(flat)}i", *flat))
    except struct.error as error:
        raise BadRecordError(f"is not a series of whole numbers: {error}", field=field) from None
    if len(numbers) % width:
        raise BadRecordError(f"is not a multiple of {width} long", field=field, value=len(numbers))
    return numbers


def _buy_box(
    product: RawProduct, stats: RawProduct, series: Mapping[str, Series], updated_at: int
) -> tuple[int | None, int | None, int | None]:
    """Price (−1: nobody has it), shipping and time of the buy box; None where Keepa did not look."""
    price = _whole(stats.get("buyBoxPrice"), "buyBoxPrice")
    shipping = _whole(stats.get("buyBoxShipping"), "buyBoxShipping")
    history = series.get("buy_box")
    if price is None or price == -2:
        if history is None:
            return None, None, None
        price, shipping = history.values[-1], (history.shipping or history.values)[-1]
    looked = product.get("lastBuyBoxUpdate") or product.get("lastOffersUpdate")
    # Without a time of its own a buy box in the statistics was looked at with the product.
    at = to_unix(looked) if isinstance(looked, int) and looked > 0 else updated_at
    if stats.get("buyBoxPrice") in (None, -2) and history is not None:
        at = min(at, to_unix(history.times[-1]))
    return price, shipping if shipping is not None and shipping >= 0 else None, at


def _current(index: int, series: Mapping[str, Series], current: Json) -> int | None:
    """The value now: from the statistics, else the end of the series; None if there is no data."""
    value = _whole(_at(current, index), f"stats.current[{index}]")
    if value is not None and value != -2 and not (value == -1 and _SERIES[index] in series):
        return value
    one = series.get(_SERIES[index])
    return one.values[-1] if one is not None else value if value != -2 else None


def _choose(
    *options: tuple[int | None, PriceBasis, int | None, int | None],
) -> tuple[int | None, PriceBasis | None, int | None, int | None]:
    for price, basis, at, shipping in options:
        if price is not None and price > 0:
            return price, basis, at, shipping
    return None, None, None, None


_INDEX: Mapping[PriceBasis | None, int] = {"buy_box": BUY_BOX, "new": NEW, "amazon": AMAZON, None: NEW}


def _average(stats: RawProduct, name: str, basis: PriceBasis | None) -> int | None:
    """The time-weighted average of the price that is used; never that of another one."""
    return _offered(_whole(_at(stats.get(name), _INDEX[basis]), name))


def _at(values: Json, index: int) -> Json:
    return values[index] if isinstance(values, list) and index < len(values) else None


def _whole(value: Json, field: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRecordError("is not a whole number", field=field, value=value)
    return value


def _offered(value: int | None) -> int | None:
    """A price or rank, None for "no offer" and "no data"."""
    return value if value is not None and value > 0 else None


def _count(value: Json) -> int | None:
    number = _whole(value, "statistics")
    return number if number is not None and number >= 0 else None


def _positive(value: Json, field: str) -> int | None:
    """A measure, where Keepa writes 0 and −1 for "unknown"."""
    number = _whole(value, field)
    return number if number is not None and number > 0 else None


def _optional_flag(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


def _optional_text(value: Json, field: str) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadRecordError("is not text", field=field, value=value)
    return value


def _texts(product: RawProduct, *fields: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for field in fields:
        for value in product.get(field) or ():
            if not isinstance(value, str):
                raise BadRecordError("is not text", field=field, value=value)
            found[value] = None
    return tuple(found)


def _image(product: RawProduct) -> str | None:
    if names := product.get("imagesCSV"):
        return str(names).split(",")[0]
    images = product.get("images")
    return images[0].get("l") if images else None


def _percent(product: RawProduct) -> float | None:
    value = product.get("referralFeePercentage")
    if value is None:
        value = product.get("referralFeePercent")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadRecordError("is not a number", field="referralFeePercentage", value=value)
    return float(value) if value > 0 else None


def _sellers(flat: Json, series: dict[str, Series]) -> tuple[str, ...]:
    """Adds the series ``buy_box_seller`` (indices in the answer) from ``[time, seller id, …]`` as texts."""
    if not flat:
        return ()
    if not isinstance(flat, list):
        raise BadRecordError("is not a list", field="buyBoxSellerIdHistory", value=type(flat).__name__)
    ids: dict[str, int] = {}
    times = array("i", [int(str(t)) for t in flat[0::2]])
    values = array("i", [ids.setdefault(str(s), len(ids)) for s in flat[1::2]])
    if len(times) != len(values):
        raise BadRecordError("is not a multiple of 2 long", field="buyBoxSellerIdHistory", value=len(flat))
    series["buy_box_seller"] = Series(times, values)
    return tuple(ids)
