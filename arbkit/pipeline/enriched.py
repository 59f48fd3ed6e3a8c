"""The messages of ``products.enriched``: each is all that is known of a product, enough to price it from there."""

from __future__ import annotations

from typing import Any

import orjson

from arbkit.core.errors import BadRecordError
from arbkit.core.models import Offer, ProductState
from arbkit.core.offers.facts import Fact
from arbkit.stream import Record

_VERSION = 2
"""Before there were versions a message was one offer alone."""


def to_record(state: ProductState) -> Record:
    """The message that says so, under the product's ASIN.

    Raises:
        TypeError: something in it cannot be written as JSON.
    """
    document = {
        "v": _VERSION,
        "asin": state.asin,
        "change": state.change,
        "offers": [offer.to_dict() for offer in state.offers],
        "facts": [fact.to_dict() for fact in state.facts],
    }
    return Record(state.asin, orjson.dumps(document))


def from_message(value: bytes) -> ProductState | None:
    """The product that a message is about, None for one of an arbkit that sent an offer alone.

    Raises:
        BadRecordError: it is none of arbkit's; names the field.
    """
    try:
        document: Any = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise BadRecordError("is not JSON", field="value") from error
    if not isinstance(document, dict):
        raise BadRecordError("is no object", field="value")
    if "v" not in document and isinstance(document.get("asin"), str) and "market" in document:
        return None
    if document.get("v") != _VERSION:
        raise BadRecordError(
            f"is not of version {_VERSION}", field="v", value=document.get("v"), remedy="Update arbkit"
        )
    try:
        offers = tuple(map(Offer.from_dict, document["offers"]))
        facts = tuple(Fact.stored(**each) for each in document["facts"])
        return ProductState(str(document["asin"]), int(document["change"]), offers, facts)
    except (KeyError, TypeError, ValueError) as error:
        raise BadRecordError(f"cannot be read: {error}", field="offers") from error
