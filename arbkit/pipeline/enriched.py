"""The messages of ``products.enriched``: each is all that is known of a product, enough to price it from there."""

from __future__ import annotations

import orjson

from arbkit.store import Snapshot
from arbkit.stream import Record

_VERSION = 2
"""Before there were versions a message was one offer alone."""


def to_record(snapshot: Snapshot) -> Record:
    """The message that says so, under the product's ASIN.

    Raises:
        TypeError: something in it cannot be written as JSON.
    """
    document = {
        "v": _VERSION,
        "asin": snapshot.asin,
        "change": snapshot.change,
        "offers": [offer.to_dict() for offer in snapshot.offers],
        "facts": [fact.to_dict() for fact in snapshot.facts],
    }
    return Record(snapshot.asin, orjson.dumps(document))
