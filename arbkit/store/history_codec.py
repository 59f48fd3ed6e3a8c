"""Histories as bytes: the numbers of all series, one after the other, behind a small JSON header.

Not compressed: at 4 bytes a number a history is about a third of its JSON, and compressing it would cost
more time than reading and writing it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping

import orjson

from arbkit.core.models import Series


def encode(series: Mapping[str, Series], sellers: tuple[str, ...]) -> bytes:
    """Length of the header (4 bytes), header, then little-endian 32-bit numbers."""
    header: dict[str, list[int]] = {}
    parts: list[bytes] = []
    for name, one in series.items():
        header[name] = [len(one.times), 0 if one.shipping is None else 1]
        parts += (one.times.tobytes(), one.values.tobytes())
        if one.shipping is not None:
            parts.append(one.shipping.tobytes())
    head = orjson.dumps([sys.byteorder, header, sellers])
    return b"".join([len(head).to_bytes(4, "little"), head, *parts])


def decode(blob: bytes) -> tuple[dict[str, Series], tuple[str, ...]]:
    """What :func:`encode` was given."""
    size = int.from_bytes(blob[:4], "little")
    order, header, sellers = orjson.loads(blob[4 : 4 + size])
    numbers = array("i")
    numbers.frombytes(blob[4 + size :])
    if order != sys.byteorder:
        numbers.byteswap()
    series: dict[str, Series] = {}
    at = 0
    for name, (count, with_shipping) in header.items():
        columns = [numbers[at + i * count : at + (i + 1) * count] for i in range(2 + with_shipping)]
        at += count * len(columns)
        series[name] = Series(*columns)
    return series, tuple(sellers)
