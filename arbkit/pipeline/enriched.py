"""The messages of ``products.enriched``: each is all that is known of a product, enough to price it from there."""

from __future__ import annotations

import orjson

from arbkit.core.models import ProductState
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
