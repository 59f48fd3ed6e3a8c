"""The messages of ``products.enriched``: each is all that is known of a product, enough to price it from there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from operator import attrgetter
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson

from arbkit.core.errors import BadRecordError
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Offer, ProductState
from arbkit.core.offers.facts import Fact
from arbkit.core.offers.groups import NAMES, POSITION, read_values
from arbkit.stream import Record

_VERSION = 2
"""Before there were versions a message was one offer alone."""
_KNOWN_COMBINATIONS = 4_096
_MOST_MINOR = 2**31 - 1
"""Keepa's numbers have 32 bits."""
_read_prices = attrgetter(*(name for name in NAMES if name.endswith("_minor")))


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
        state = ProductState(
            document["asin"],
            document["change"],
            tuple(map(Offer.from_dict, document["offers"])),
            tuple(Fact.stored(**each) for each in document["facts"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadRecordError(f"cannot be read: {error}", field="offers") from error
    _check(state)
    return state


def _check(state: ProductState) -> None:
    """Refuse what would be priced as another product, not at all, or as something that no source ever says.

    Raises:
        BadRecordError: a value is of the wrong type, or an offer of another product or of no marketplace.
    """
    for name, value, wanted in (("asin", state.asin, str), ("change", state.change, int)):
        if type(value) is not wanted:
            raise BadRecordError("is of the wrong type", field=name, value=str(value))
    for offer in state.offers:
        values = read_values(offer)
        wrong = _of_wrong_type(tuple(map(type, values))) or _with_wrong_type_in_it(values)
        if wrong is not None:
            raise BadRecordError(f"{wrong} is of the wrong type", field="offers", value=str(getattr(offer, wrong)))
        if not all(price is None or 0 <= price <= _MOST_MINOR for price in _read_prices(offer)):
            raise BadRecordError("has a price that no shop asks", field="offers", value=offer.id)
        if offer.asin != state.asin or offer.market not in MARKETS:
            raise BadRecordError("is of another product, or of no marketplace", field="offers", value=offer.id)
    if len({offer.market for offer in state.offers}) < len(state.offers):
        raise BadRecordError("are several of one marketplace", field="offers")
    if any(fact.asin != state.asin for fact in state.facts):
        raise BadRecordError("is of another product", field="facts")


# Offers are of few combinations of types, which takes a tenth of the time of looking at each field.
@lru_cache(_KNOWN_COMBINATIONS)
def _of_wrong_type(types: tuple[type, ...]) -> str | None:
    """The first field of an offer with a value of the wrong type."""
    return next((name for name, found in zip(NAMES, types, strict=True) if found not in _TYPES[name]), None)


def _with_wrong_type_in_it(values: tuple[Any, ...]) -> str | None:
    return next((name for name in _LISTS if not all(type(one) is str for one in values[POSITION[name]])), None)


def _types(hint: Any) -> Iterator[type]:
    """The types of a field's values; where it may be a fraction, it may be whole too."""
    if get_origin(hint) in (Union, UnionType):
        for one in get_args(hint):
            yield from _types(one)
    elif get_origin(hint) is Literal:
        yield from map(type, get_args(hint))
    else:
        yield get_origin(hint) or hint
        if hint is float:
            yield int


_TYPES = {name: frozenset(_types(hint)) for name, hint in get_type_hints(Offer).items()}
_LISTS = [name for name, types in _TYPES.items() if tuple in types]
