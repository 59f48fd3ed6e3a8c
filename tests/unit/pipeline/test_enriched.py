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


def altered(**fields: object) -> bytes:
    """The message with other fields in its first offer."""
    document = orjson.loads(to_record(KNOWN).value)
    document["offers"][0] |= fields
    return orjson.dumps(document)


@pytest.mark.parametrize("name", list(KNOWN.offers[0].to_dict()))
@pytest.mark.parametrize("value", [[[]], [1]])
def test_a_field_of_the_wrong_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadRecordError):
        from_message(altered(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price_minor", "2000"), ("price_minor", 19.99), ("price_minor", 1e300), ("price_minor", True),
        ("price_minor", -1), ("new_minor", 2**31), ("keepa_fba_fee_minor", -(2**31)),
        ("title", 1), ("updated_at", None), ("version", "x"), ("hazmat", 1), ("source", 1), ("rating", "4.5"),
        ("asin", "B000000002"), ("market", "US"), ("market", "UK"),
    ],
)  # fmt: skip
def test_an_offer_that_no_arbkit_sends_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadRecordError):
        from_message(altered(**{name: value}))


@pytest.mark.parametrize(("name", "value"), [("rating", 4), ("fetched_at", 3), ("price_minor", None), ("eans", [])])
def test_an_offer_as_any_source_has_it_is_read(name: str, value: object) -> None:
    assert from_message(altered(**{name: value})) is not None


@pytest.mark.parametrize(
    "fields", [{"asin": 1}, {"asin": "B000000002"}, {"change": "7"}, {"change": None}, {"change": 1.5}, {"facts": "x"}]
)
def test_a_product_that_is_another_one_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(BadRecordError):
        from_message(orjson.dumps({**orjson.loads(to_record(KNOWN).value), **fields}))
