"""What is published of a product is enough to price it from, and what is none of it is refused by name."""

from __future__ import annotations

import orjson
import pytest

from arbkit.core.errors import BadRecordError
from arbkit.core.models import ProductState
from arbkit.core.offers.facts import Fact
from arbkit.pipeline.enriched import from_message, to_record
from tests.helpers.factories import offer

ASIN = "B000000001"
KNOWN = ProductState(
    ASIN,
    7,
    (offer(ASIN, "DE", eans=("4006381333931",), stamps=("category@1:export",)), offer(ASIN, "UK", price_minor=None)),
    (
        Fact.of(ASIN, "package", {"weight_g": 300}, at=1.5, market="DE"),
        Fact.of(ASIN, "category", {"category": "Toys"}, at=2),
    ),
)


def test_a_product_comes_back_as_it_went_in() -> None:
    record = to_record(KNOWN)
    assert record.key == ASIN
    assert from_message(record.value) == KNOWN


def test_an_offer_alone_of_an_older_arbkit_says_that_it_is_one() -> None:
    assert from_message(orjson.dumps(offer().to_dict())) is None


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (b"", "value"), (b"\xff", "value"), (b"[1]", "value"), (b"null", "value"),
        (b"{}", "v"), (b'{"v": 3}', "v"), (b'{"v": "2"}', "v"), (b'{"v": true}', "v"),
        (b'{"v": 2}', "offers"),
        (b'{"v": 2, "asin": "A", "change": 1}', "offers"),
        (b'{"v": 2, "asin": "A", "change": 1, "offers": [{"asin": 1}], "facts": []}', "offers"),
        (b'{"v": 2, "asin": "A", "change": 1, "offers": [1], "facts": []}', "offers"),
        (b'{"v": 2, "asin": "A", "change": 1, "offers": [], "facts": [{}]}', "offers"),
    ],
)  # fmt: skip
def test_what_is_no_product_is_refused_by_name(value: bytes, field: str) -> None:
    with pytest.raises(BadRecordError) as refused:
        from_message(value)
    assert refused.value.field == field
