"""What happens to JSON on its way: values that are something else, and documents that are no JSON any more."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

_RAW = "\x01raw:"
_VALUES: list[Any] = [
    None, True, False, 0, -1, -2, -3, 1, 1.5, -0.0, 2**31, 2**31 - 1, 2**63, 2**64, -(2**31) - 1, 10**30, 1e300, "",
    "0", "1999", "abc", "\ud800", "\u0000", [], {}, [[]],
    [1], [1, 2], [None], ["4006381333931"], [4006381333931], {"a": 1}, _RAW + "NaN", _RAW + "Infinity",
    _RAW + "-Infinity", _RAW + "1e999", _RAW + "1" * 5_000,
    _RAW + "[" * 200 + "]" * 200, _RAW + "[" * 100_000 + "]" * 100_000, 9_000_000, 99_000_000, "B0XXXXXXXX", 3, 1,
    11, 3.0, "3", "DE", "x" * 100_000,
]  # fmt: skip


def _places(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield document, key
        yield from _places(value)


_LIKELY = (
    "lastUpdate", "domainId", "asin", "csv", "stats", "current", "eanList", "upcList", "buyBoxPrice",
    "lastBuyBoxUpdate", "lastOffersUpdate", "products", "timestamp", "avg90", "title",
    "productType", "fbaFees", "categoryTree", "v", "market", "source", "product", "fetched_at", "columns",
    "notation", "facts_at", "exported_at",
)  # fmt: skip


def changed(document: Any, rng: Random) -> Any:
    """The document with one to three values changed, in place."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        places = [*_places(document)]
        likely = [(box, key) for box, key in places if key in _LIKELY]
        if not places:
            break
        box, key = rng.choice(likely if likely and rng.random() < 0.6 else places)
        rng.choice(_CHANGES)(box, key, rng)
    return document


def _set(box: Any, key: Any, rng: Random) -> None:
    box[key] = copy.deepcopy(rng.choice(_VALUES))


def _drop(box: Any, key: Any, _: Random) -> None:
    del box[key]


def _double(box: Any, key: Any, _: Random) -> None:
    if isinstance(box, list):
        box.insert(key, box[key])
    else:
        box[f"{key}2"] = box[key]


def _number(box: Any, key: Any, rng: Random) -> None:
    value = box[key]
    box[key] = value + rng.choice([-1, 1, 500_000, 10**7]) if isinstance(value, int) else str(value)


def _inner(box: Any, key: Any, rng: Random) -> None:
    value = box[key]
    if isinstance(value, list) and value:
        at = rng.randrange(len(value))
        if isinstance(value[at], list) and value[at]:
            value[at] = value[at][: rng.randrange(len(value[at]))]
        else:
            value[at] = copy.deepcopy(rng.choice(_VALUES))
    else:
        box[key] = [value]


_CHANGES: list[Callable[[Any, Any, Random], None]] = [_set, _set, _drop, _double, _number, _inner]


def written(document: Any) -> bytes:
    """The document as JSON, with what is no JSON where a value stands for it."""
    text = json.dumps(document)
    for value in _VALUES:
        if isinstance(value, str) and value.startswith(_RAW):
            text = text.replace(json.dumps(value), value.removeprefix(_RAW))
    return text.encode()
