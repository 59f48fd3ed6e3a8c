"""Keepa's rules, one by one, and real answers where they are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arbkit.core.errors import BadRecordError
from arbkit.core.keepa_time import to_unix
from arbkit.core.models import History, Offer
from arbkit.core.offers.merging import canonical
from arbkit.sources.envelope import from_envelope

AFTER, BEFORE = 8_000_000, 7_900_000
"""Keepa minutes after and before 16 February 2026."""


def product(**fields: Any) -> dict[str, Any]:
    csv: list[Any] = [None] * 36
    csv[1] = [BEFORE, 2_500, AFTER, 2_400]
    base = {"asin": "B000000001", "domainId": 3, "title": "Ball", "lastUpdate": AFTER, "csv": csv, "stats": None}
    return {**base, **fields}


def envelope(found: Any, **fields: Any) -> dict[str, Any]:
    base = {
        "v": 1, "asin": "B000000001", "market": "DE", "source": "keepa", "fetched_at": "2026-05-01T00:00:00Z",
        "run_id": "r", "product": found,
    }  # fmt: skip
    return {**base, **fields}


def offer_of(**fields: Any) -> Offer:
    update = from_envelope(envelope(product(**fields)))
    assert update is not None
    return update.offer


def with_series(**series: list[int]) -> list[Any]:
    csv: list[Any] = [None] * 36
    for name, flat in series.items():
        csv[int(name[1:])] = flat
    return csv


def test_the_buy_box_comes_first_then_new_then_amazon() -> None:
    both = with_series(_0=[AFTER, 3_000], _1=[AFTER, 2_400], _18=[AFTER, 2_600, 99])
    chosen = offer_of(csv=both)
    assert (chosen.price_minor, chosen.price_basis, chosen.shipping_minor) == (2_600, "buy_box", 99)
    assert offer_of(csv=with_series(_0=[AFTER, 3_000], _1=[AFTER, 2_400])).price_basis == "new"
    assert offer_of(csv=with_series(_0=[AFTER, 3_000], _1=[AFTER, -1])).price_basis == "amazon"


def test_minus_one_is_no_offer_and_minus_two_no_data() -> None:
    gone = offer_of(csv=with_series(_1=[BEFORE, 2_500, AFTER, -1]))
    assert (gone.new_minor, gone.new_at, gone.price_minor) == (None, to_unix(AFTER), None)
    unlooked = offer_of(stats={"buyBoxPrice": -2})
    assert (unlooked.buy_box_minor, unlooked.buy_box_at, unlooked.price_basis) == (None, None, "new")
    empty = offer_of(stats={"buyBoxPrice": -1, "buyBoxShipping": -1})
    assert (empty.buy_box_minor, empty.buy_box_at) == (None, to_unix(AFTER))


@pytest.mark.parametrize(("index", "name"), [(0, "amazon"), (1, "new"), (4, "list"), (10, "new_fba")])
def test_no_offer_in_the_statistics_is_no_price_whatever_the_series_says(index: int, name: str) -> None:
    current = [-1] * 36
    offer = offer_of(csv=with_series(**{f"_{index}": [AFTER, 2_400]}), stats={"current": current})
    assert getattr(offer, f"{name}_minor") is None


def test_a_rank_that_the_statistics_leave_out_is_the_last_of_its_series() -> None:
    offer = offer_of(csv=with_series(_1=[AFTER, 2_400], _3=[AFTER, 17]), stats={"current": [-1] * 36})
    assert offer.sales_rank == 17


def test_unknown_shipping_is_unknown() -> None:
    assert offer_of(csv=with_series(_18=[AFTER, 2_600, -1])).shipping_minor is None


def test_new_includes_shipping_only_since_february_2026() -> None:
    assert offer_of().shipping_minor == 0
    assert offer_of(lastUpdate=BEFORE).shipping_minor is None


def test_index_seven_is_not_fba() -> None:
    offer = offer_of(csv=with_series(_1=[AFTER, 2_400], _7=[AFTER, 2_300, 100], _10=[AFTER, 2_450]))
    assert offer.new_fba_minor == 2_450


@pytest.mark.parametrize("csv", [None, [None] * 34, [None] * 36])
def test_csv_may_be_short_or_missing(csv: Any) -> None:
    assert offer_of(csv=csv).price_minor is None


def test_zero_and_minus_one_are_no_measures() -> None:
    offer = offer_of(packageLength=0, packageWeight=-1, fbaFees={"pickAndPackFee": -1})
    assert (offer.length_mm, offer.weight_g, offer.keepa_fba_fee_minor) == (None, None, None)


def test_a_product_that_keepa_does_not_know_there_is_no_update() -> None:
    assert from_envelope(envelope(product(title=None, csv=None, lastUpdate=0))) is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"domainId": 4}, "domainId"),
        ({"asin": "B000000002"}, "asin"),
        ({"lastUpdate": "soon"}, "lastUpdate"),
        ({"csv": with_series(_1=[AFTER])}, r"csv\[1\]"),
        ({"csv": with_series(_1=["x", 1])}, r"csv\[1\]"),  # type: ignore[list-item]  # the point of the test
        ({"title": 7}, "title"),
        ({"packageWeight": "heavy"}, "packageWeight"),
        ({"csv": with_series(_1=[AFTER, True])}, r"csv\[1\]"),
        ({"lastUpdate": True}, "lastUpdate"),
        ({"eanList": "None"}, "eanList"),
        ({"upcList": {"a": 1}}, "upcList"),
        ({"stats": {"buyBoxPrice": 2**31}}, "buyBoxPrice"),
        ({"stats": {"current": [None, 10**12]}}, "current"),
        ({"stats": {"avg90": [4_006_381_333_931]}}, "avg90"),
        ({"fbaFees": {"pickAndPackFee": 2**40}}, "pickAndPackFee"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(BadRecordError, match=named):
        from_envelope(envelope(product(**fields)))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = [
    "csv",
    "title",
    "stats",
    "lastUpdate",
    "categoryTree",
    "fbaFees",
    "eanList",
    "images",
    "monthlySoldHistory",
    "buyBoxSellerIdHistory",
    "packageWeight",
    "referralFeePercentage",
    "variableClosingFee",
    "domainId",
]


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.sampled_from(_FIELDS), _JSON)
def test_whatever_a_field_holds_the_record_is_used_or_refused(field: str, value: Any) -> None:
    try:
        from_envelope(envelope(product(**{field: value})))
    except BadRecordError:
        return


def test_a_real_answer_without_buy_box_data(real_data: Path) -> None:
    answer = orjson.loads((real_data / "product-de-2024-06-08.json").read_bytes())
    found = answer["products"][0]
    update = from_envelope(envelope(found, asin=found["asin"], source="raw"))
    assert update is not None
    offer = update.offer
    assert (offer.price_minor, offer.price_basis, offer.currency) == (5_199, "new", "EUR")
    assert (offer.weight_g, offer.keepa_fba_fee_minor, offer.keepa_referral_pct) == (50, 235, 15.0)
    assert offer.sales_rank == 8_166
    assert isinstance(update.history, History)
    assert list(update.history.series["new"].values) == [5_982, 5_639, 5_499, 5_299, 5_199]


def test_a_time_that_is_none_dates_nothing() -> None:
    offer = offer_of(
        lastOffersUpdate=True, stats={"buyBoxPrice": 2_000}, fbaFees={"lastUpdate": True, "pickAndPackFee": 3}
    )
    assert (offer.buy_box_at, offer.keepa_fba_fee_at) == (to_unix(AFTER), None)


@pytest.mark.parametrize("source", ["keepa", "export"])
@pytest.mark.parametrize("fields", [{"market": ["DE"]}, {"market": {}}, {"asin": None}, {"asin": 7}, {"asin": ["B"]}])
def test_a_message_that_does_not_say_which_product_is_refused_by_name(source: str, fields: dict[str, Any]) -> None:
    (name,) = fields
    with pytest.raises(BadRecordError, match=name):
        from_envelope(envelope(product(), source=source, **fields))


def test_which_goods_exactly_is_read() -> None:
    made = offer_of(
        productType=2, parentAsin="B0PARENT01", numberOfItems=6, color="rot", size="L", edition="Day One",
        binding="DVD",
        languages=[["Deutsch", "Handbuch"], ["Englisch", "Untertitelt"], ["Deutsch", "Untertitelt"]],
        features=["1,2 kg", "rund"], isAdultProduct=False, itemLength=300, itemWidth=-1, itemHeight=0, itemWeight=1_200,
    )  # fmt: skip
    assert (made.product_type, made.parent_asin, made.item_count) == ("ebook", "B0PARENT01", 6)
    assert (made.color, made.size, made.edition, made.binding) == ("rot", "L", "Day One", "DVD")
    assert (made.languages, made.features) == (("Deutsch", "Englisch"), ("1,2 kg", "rund"))
    assert made.adult is False
    # 0 and −1 are "unknown".
    assert (made.item_length_mm, made.item_width_mm, made.item_height_mm, made.item_weight_g) == (300, None, None, 1200)
    assert offer_of(productType=99).product_type is None


@pytest.mark.parametrize(
    ("coupon", "amount", "percent"),
    [([500, 0], 500, None), ([-10, -5], None, 10), ([0, 300], None, None), (None, None, None)],
)
def test_only_the_coupon_of_a_single_purchase_counts(
    coupon: list[int] | None, amount: int | None, percent: int | None
) -> None:
    made = offer_of(coupon=coupon)
    assert (made.coupon_minor, made.coupon_pct) == (amount, percent)


def test_the_averages_of_new_are_kept_beside_those_of_the_buy_box() -> None:
    average = [-1] * 36
    average[1], average[18] = 2_345, 2_500
    made = offer_of(stats={"avg90": average, "buyBoxPrice": 2_600, "buyBoxShipping": 300, "buyBoxSellerId": "A1"})
    assert (made.price_basis, made.price_avg90_minor, made.new_avg90_minor) == ("buy_box", 2_500, 2_345)
    assert made.buy_box_avg90_minor == 2_500
    # A store keeps it just as it is.
    assert canonical(made) == made
    assert (made.buy_box_shipping_minor, made.buy_box_seller) == (300, "A1")


@pytest.mark.parametrize(
    ("csv", "named"),
    [
        ([None, [BEFORE, 2_500, AFTER], [True, 1]], "csv[1]"),
        ([[AFTER, 1], [AFTER, False], "text"], "csv[1]"),
        ([[AFTER, 1.5], "text"], "csv[0]"),
        (["text", [AFTER, 2**31]], "csv[0]"),
    ],
)
def test_of_two_series_at_fault_the_first_is_named(csv: list[Any], named: str) -> None:
    with pytest.raises(BadRecordError) as caught:
        from_envelope(envelope(product(csv=csv)))
    assert caught.value.field == named


def test_a_true_beside_ones_and_zeros_is_found() -> None:
    counts: list[Any] = [None] * 11 + [[BEFORE, 1, AFTER - 1, 0, AFTER, 1]]
    assert offer_of(csv=counts).offers_new == 1
    counts[11][3] = True
    with pytest.raises(BadRecordError, match="whole numbers"):
        from_envelope(envelope(product(csv=counts)))
