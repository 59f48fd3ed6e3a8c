"""What is no goods that can be bought and sent: e-books, downloads, parents of variations."""

from __future__ import annotations

from typing import Any

import pytest

from arbkit.analysis.listing.goods import restrictions, unsellable_reason
from arbkit.profit.reason_codes import Reason, ReasonCode
from tests.helpers.factories import offer


@pytest.mark.parametrize(
    "fields",
    [
        {"product_type": "ebook"},
        {"product_type": "download"},
        {"product_group": "ABIS_EBOOKS"},
        {"binding": "Kindle Ausgabe"},
        {"binding": "Format Kindle"},
        {"binding": "Formato Kindle"},
        {"binding": "Versión Kindle"},
        {"binding": "Kindle Edition"},
        {"binding": "Hörbuch-Download"},
        {"binding": "Audible Hörbuch"},
        {"binding": "Prime Video"},
        {"binding": "Digital Code"},
        {"binding": "Code numérique"},
        {"binding": "App"},
        {"category": "Kindle-Shop"},
        {"category": "Kindle Store"},
        {"category": "Boutique Kindle"},
        {"category": "Tienda Kindle"},
        {"category": "Prime Video"},
    ],
)
def test_digital_goods_are_not_sent(fields: dict[str, Any]) -> None:
    one = offer(**fields)
    assert unsellable_reason(one) is ReasonCode.DIGITAL_GOODS
    assert unsellable_reason(one) is ReasonCode.DIGITAL_GOODS
    assert Reason.of(ReasonCode.DIGITAL_GOODS).message == "digital goods: nothing is sent"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"product_type": "standard"},
        {"binding": "Taschenbuch"},
        {"binding": "Appareil"},
        {"binding": "Elektronik", "category": "Kindle E-Reader"},
        {"category": "Kindle-Zubehör"},
        {"product_group": "Digital-Kameras"},
        {"binding": "Audio CD"},
        {"parent_asin": "B000000002"},
    ],
)
def test_goods_are_goods(fields: dict[str, Any]) -> None:
    assert unsellable_reason(offer(**fields)) is None


@pytest.mark.parametrize("fields", [{"product_type": "parent"}, {"parent_asin": "B000000001"}])
def test_a_parent_of_variations_is_not_sold(fields: dict[str, Any]) -> None:
    assert unsellable_reason(offer(**fields)) is ReasonCode.PARENT_LISTING
    assert Reason.of(ReasonCode.PARENT_LISTING).message == "parent of variations: not sold itself"


def test_a_listing_that_keepa_cannot_see_has_a_reason_of_its_own() -> None:
    assert unsellable_reason(offer(product_type="unavailable")) is ReasonCode.LISTING_UNAVAILABLE


def test_dangerous_and_adult_goods_are_warned_of() -> None:
    assert restrictions(offer(hazmat=None, adult=False)) == []
    assert [w["code"] for w in restrictions(offer(hazmat=True, adult=True))] == ["hazmat", "adult"]


def test_an_e_book_on_both_sides_is_no_goods_on_either() -> None:
    german = offer(code="DE", title="Roman Lambda", category="Kindle-Shop", binding="Kindle Ausgabe")
    italian = offer(code="IT", title="Romanzo Lambda", category="Kindle Store", binding="Formato Kindle")
    assert unsellable_reason(german) is unsellable_reason(italian) is ReasonCode.DIGITAL_GOODS
