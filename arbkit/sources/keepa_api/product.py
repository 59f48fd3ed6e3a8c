"""Keepa's product object → the canonical offer and history. Pure.

In Keepa's data −1 is "no offer" and −2 "no data"; prices are whole cents or pence.
Source: Keepa API documentation, "Product Object" and "Statistics Object".
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from arbkit.core.errors import BadRecordError
from arbkit.core.keepa_time import NEW_INCLUDES_SHIPPING_FROM, to_unix
from arbkit.core.marketplaces import Market
from arbkit.core.models import History, Origin, ProductType, Series, Update, new_offer
from arbkit.core.offers.price import Price, used_price
from arbkit.sources.keepa_api.series import KEPT, as_list, read_pairs, read_series
from arbkit.sources.raw_types import Json, RawProduct

_CURRENT = tuple(
    (name, KEPT[name], f"stats.current[{KEPT[name]}]")
    for name in ("new", "amazon", "new_fba", "list", "sales_rank", "offers_new", "rating", "reviews")
)
_OFFERS_FBA, _OFFERS_FBM = 34, 35
"""Where Keepa's current values count offers of new goods by who fulfils them; older products end before that."""
_AVERAGES = ("avg30", "avg90", "avg180")
_PRICES = frozenset({"amazon", "new", "new_fba", "list"})
_CODE = re.compile(r"[0-9]{8,14}")
_MAX_SHOWN = 80


def parse_product(product: RawProduct, market: Market, *, origin: Origin, fetched_at: float) -> Update | None:
    """The update in Keepa's product object; None if Keepa does not know the product on this marketplace.

    The price is the buy box's, else the lowest new one, else Amazon's. Each price has the time up to which it is
    known: NEW and AMAZON that of the product's last update, the buy box that of its own.

    Raises:
        BadRecordError: a field has a value it cannot have. Other errors mean an unknown shape.
    """
    csv, title = product.get("csv"), product.get("title")
    version = _time(product.get("lastUpdate"))
    if not csv and not title and version is None:
        return None
    if version is None or version >= 2**31:
        raise BadRecordError("is no Keepa time", field="lastUpdate", value=product.get("lastUpdate"))
    updated_at = to_unix(version)
    series = read_series(csv)
    stats: RawProduct = product.get("stats") or {}
    new, amazon, new_fba, listed, rank, offers_new, rating, reviews = _current(series, stats.get("current"))
    buy_box, buy_box_shipping, buy_box_at = _buy_box(product, stats, series, updated_at)
    new_shipping = 0 if new is not None and updated_at >= NEW_INCLUDES_SHIPPING_FROM else None
    averages = [_values(stats.get(days)) for days in _AVERAGES]
    prices = (
        Price(_offered(buy_box), buy_box_at, buy_box_shipping, *_averages(averages, "buy_box")),
        Price(_offered(new), None if new is None else updated_at, new_shipping, *_averages(averages, "new")),
        Price(_offered(amazon), None if amazon is None else updated_at, None, *_averages(averages, "amazon")),
    )
    used = used_price(*prices)
    index = KEPT[used["price_basis"] or "new"]
    tree = product.get("categoryTree") or []
    fees: RawProduct = product.get("fbaFees") or {}
    fee_at = _time(fees.get("lastUpdate"))
    fba_fee = _offered(_number(fees.get("pickAndPackFee"), "pickAndPackFee"))
    codes = _texts(product, "eanList", "upcList")
    eans = [code for code in codes if _CODE.fullmatch(code)]
    offer = new_offer(
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
        eans=tuple(eans),
        image=_image(product),
        **_which_goods(product),
        **used,
        **_of_prices(*prices),
        buy_box_seller=_optional_text(stats.get("buyBoxSellerId"), "buyBoxSellerId"),
        buy_box_is_amazon=_optional_flag(stats.get("buyBoxIsAmazon")),
        buy_box_is_fba=_optional_flag(stats.get("buyBoxIsFBA")),
        new_fba_minor=_offered(new_fba),
        list_minor=_offered(listed),
        sales_rank=_offered(rank),
        sales_rank_at=updated_at if "sales_rank" in series else None,
        **_coupon(product.get("coupon")),
        rank_drops30=_count(stats.get("salesRankDrops30")),
        rank_drops90=_count(stats.get("salesRankDrops90")),
        monthly_sold=_positive(product.get("monthlySold"), "monthlySold"),
        offers_new=_count(offers_new),
        offers_new_at=updated_at if offers_new is not None else None,
        offers_fba=_count(_at(stats.get("current"), _OFFERS_FBA)),
        offers_fbm=_count(_at(stats.get("current"), _OFFERS_FBM)),
        out_of_stock90_pct=_count(_at(stats.get("outOfStockPercentage90"), index)),
        rating=rating / 10 if rating is not None and rating > 0 else None,
        reviews=_count(reviews),
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
        keepa_fba_fee_at=to_unix(fee_at) if fba_fee is not None and fee_at is not None else None,
        keepa_referral_pct=_percent(product),
        keepa_closing_fee_minor=_count(product.get("variableClosingFee")),
        notes=tuple(str(_no_code(code)) for code in codes if code not in eans),
    )
    sellers = _sellers(product.get("buyBoxSellerIdHistory"), series)
    if monthly := product.get("monthlySoldHistory"):
        series["monthly_sold"] = read_pairs(monthly, "monthlySoldHistory")
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


def _averages(averages: Sequence[Sequence[Json]], name: str) -> list[int | None]:
    """The averages of a price over 30, 90 and 180 days."""
    at = KEPT[name]
    return [
        _offered(_number(values[at], days)) if at < len(values) else None
        for days, values in zip(_AVERAGES, averages, strict=True)
    ]


def _of_prices(buy_box: Price, new: Price, amazon: Price) -> dict[str, Any]:
    """The fields of an offer that hold its prices; Amazon's is always sent free."""
    return {
        "buy_box_minor": buy_box.minor,
        "buy_box_at": buy_box.at,
        "buy_box_shipping_minor": buy_box.shipping,
        "buy_box_avg30_minor": buy_box.avg30,
        "buy_box_avg90_minor": buy_box.avg90,
        "buy_box_avg180_minor": buy_box.avg180,
        "new_minor": new.minor,
        "new_at": new.at,
        "new_shipping_minor": new.shipping,
        "new_avg30_minor": new.avg30,
        "new_avg90_minor": new.avg90,
        "new_avg180_minor": new.avg180,
        "amazon_minor": amazon.minor,
        "amazon_at": amazon.at,
        "amazon_avg30_minor": amazon.avg30,
        "amazon_avg90_minor": amazon.avg90,
        "amazon_avg180_minor": amazon.avg180,
    }


def _coupon(value: Json) -> dict[str, Any]:
    """The coupon of a single purchase: an amount above zero, or a percentage below."""
    one_time = _number(_at(value, 0), "coupon") or 0
    return {"coupon_minor": one_time if one_time > 0 else None, "coupon_pct": -one_time if one_time < 0 else None}


def _buy_box(
    product: RawProduct, stats: RawProduct, series: Mapping[str, Series], updated_at: int
) -> tuple[int | None, int | None, int | None]:
    """Price (−1: nobody has it), shipping and time of the buy box; None where Keepa did not look."""
    price = _number(stats.get("buyBoxPrice"), "buyBoxPrice")
    shipping = _number(stats.get("buyBoxShipping"), "buyBoxShipping")
    history = series.get("buy_box")
    if price is None or price == -2:
        if history is None:
            return None, None, None
        price, shipping = history.values[-1], (history.shipping or history.values)[-1]
    looked = _time(product.get("lastBuyBoxUpdate") or product.get("lastOffersUpdate"))
    # Without a time of its own a buy box in the statistics was looked at with the product.
    at = updated_at if looked is None else to_unix(looked)
    if stats.get("buyBoxPrice") in (None, -2) and history is not None:
        at = min(at, to_unix(history.times[-1]))
    return price, shipping if shipping is not None and shipping >= 0 else None, at


def _current(series: Mapping[str, Series], current: Json) -> list[int | None]:
    """The values of :data:`_CURRENT` now: from the statistics, else the end of the series; None if there is no data."""
    known, found = _values(current), list[int | None]()
    for name, at, field in _CURRENT:
        value = known[at] if at < len(known) else None
        # No offer is no price; of a rank or a count the statistics may only not have been asked.
        if value is None or value == -2 or (value == -1 and name in series and name not in _PRICES):
            found.append(series[name].values[-1] if name in series else None)
        else:
            found.append(_number(value, field))
    return found


def _values(values: Json) -> list[Json]:
    return values if isinstance(values, list) else []


def _at(values: Json, index: int) -> Json:
    return values[index] if isinstance(values, list) and index < len(values) else None


def _whole(value: Json, field: str) -> int | None:
    if type(value) is int or value is None:
        return value
    raise BadRecordError("is not a whole number", field=field, value=value)


def _time(value: Json) -> int | None:
    """A time in Keepa minutes, however far in the future; None if it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _number(value: Json, field: str) -> int | None:
    """A price, rank or count, which Keepa keeps in 32 bits as it does series."""
    if type(value) is int and -(2**31) <= value < 2**31:
        return value
    if (number := _whole(value, field)) is not None:
        raise BadRecordError("is larger than Keepa's numbers are", field=field, value=number)
    return number


def _offered(value: int | None) -> int | None:
    """A price or rank, None for "no offer" and "no data"."""
    return value if value is not None and value > 0 else None


def _count(value: Json) -> int | None:
    number = _number(value, "statistics")
    return number if number is not None and number >= 0 else None


def _positive(value: Json, field: str) -> int | None:
    """A measure, where Keepa writes 0 and −1 for "unknown"."""
    number = value if type(value) is int else _whole(value, field)
    return number if number is not None and number > 0 else None


def _optional_flag(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Json, field: str) -> str:
    if not isinstance(value, str):
        raise BadRecordError("is not text", field=field, value=value)
    return value


def _optional_text(value: Json, field: str) -> str | None:
    return None if value is None or value == "" else _text(value, field)


def _texts(product: RawProduct, *fields: str) -> tuple[str, ...]:
    found = [_text(value, field) for field in fields for value in as_list(product.get(field) or [], field)]
    return tuple(dict.fromkeys(found))


def _no_code(text: str) -> BadRecordError:
    return BadRecordError("is no EAN", field="eanList", value=text[:_MAX_SHOWN])


def _image(product: RawProduct) -> str | None:
    if names := product.get("imagesCSV"):
        return str(names).split(",")[0]
    images = product.get("images")
    return images[0].get("l") if images else None


def _percent(product: RawProduct) -> float | None:
    value = product.get("referralFeePercentage")
    if value is None and (value := product.get("referralFeePercent")) is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadRecordError("is not a number", field="referralFeePercentage", value=value)
    return float(value) if value > 0 else None


def _sellers(flat: Json, series: dict[str, Series]) -> tuple[str, ...]:
    """Adds the series ``buy_box_seller`` (indices in the answer) from ``[time, seller id, …]`` as texts."""
    if not flat:
        return ()
    pairs, ids = as_list(flat, "buyBoxSellerIdHistory"), dict[str, int]()
    times = array("i", [int(str(t)) for t in pairs[0::2]])
    values = array("i", [ids.setdefault(str(s), len(ids)) for s in pairs[1::2]])
    if len(times) != len(values):
        raise BadRecordError("is not a multiple of 2 long", field="buyBoxSellerIdHistory", value=len(pairs))
    series["buy_box_seller"] = Series(times, values)
    return tuple(ids)
