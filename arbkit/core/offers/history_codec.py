"""Histories as bytes: the numbers of all series, one after the other, behind a small JSON header.

Not compressed: at 4 bytes a number a history is about a third of its JSON, and compressing it would cost
more time than reading and writing it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from arbkit.core.keepa_time import to_unix
from arbkit.core.models import History, Series

_NUMBER_BYTES = 4
_SELLERS = "buy_box_seller"
NO_OFFER = -1
"""The value of a series where nobody offers anything."""


@dataclass(frozen=True, slots=True)
class PackedHistory:
    """A history as a store keeps it: its series are bytes (see :func:`encode`)."""

    asin: str
    market: str
    version: int
    currency: str
    blob: bytes

    @property
    def id(self) -> str:
        """``asin:market``."""
        return f"{self.asin}:{self.market}"

    @classmethod
    def of(cls, history: History | PackedHistory) -> PackedHistory:
        """A history packed, if it is not yet."""
        if isinstance(history, PackedHistory):
            return history
        blob = encode(history.series, history.sellers)
        return cls(history.asin, history.market, history.version, history.currency, blob)

    def unpacked(self) -> History:
        """The history."""
        return History(self.asin, self.market, self.version, self.currency, *decode(self.blob))


def encode(series: Mapping[str, Series], sellers: tuple[str, ...]) -> bytes:
    """Length of the header (4 bytes), header, then little-endian 32-bit numbers."""
    header: dict[str, list[int]] = {}
    parts: list[array[int]] = []
    for name, one in series.items():
        header[name] = [len(one.times), 0 if one.shipping is None else 1]
        parts += (one.times, one.values) if one.shipping is None else (one.times, one.values, one.shipping)
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


def goes_on(longer: bytes, shorter: bytes) -> bool:
    """Whether each series of one packed history begins with that of the other; nothing is unpacked for it."""
    head, series = _layout(longer)
    other_head, others = _layout(shorter)
    order, sellers = head
    if order != other_head[0] or sellers[: len(other_head[1])] != other_head[1]:
        return False
    return all(name in series and _begins_with(longer, series[name], shorter, place) for name, place in others.items())


def ends_after(blob: bytes, latest: int) -> bool:
    """Whether a series of a packed history goes on after ``latest`` (Keepa minutes); nothing is unpacked for it."""
    (order, _), series = _layout(blob)
    ends = (place.start + _NUMBER_BYTES * place.points for place in series.values() if place.points)
    last = (blob[end - _NUMBER_BYTES : end] for end in ends)
    return any(int.from_bytes(number, "big" if order == "big" else "little", signed=True) > latest for number in last)


class Summary(NamedTuple):
    """What a search can go by in a history.

    ``first_at`` and ``last_at`` are the times of its first and last change point (Unix seconds), ``points`` how many
    it has in all its series, ``names`` those of the series that have any, and ``latest`` what each says last, in its
    own unit (of ``buy_box_seller`` the seller's id), without those that say "no offer".
    """

    first_at: int | None
    last_at: int | None
    points: int
    names: tuple[str, ...]
    latest: Mapping[str, int | str]


def summarise(blob: bytes) -> Summary:
    """The summary of a packed history; of its points only the first and the last are unpacked."""
    (order, sellers), series = _layout(blob)

    def number(at: int) -> int:
        return int.from_bytes(blob[at : at + _NUMBER_BYTES], "big" if order == "big" else "little", signed=True)

    held = {name: place for name, place in series.items() if place.points}
    times = [(number(p.start), number(p.start + _NUMBER_BYTES * (p.points - 1))) for p in held.values()]
    last = {name: number(p.start + _NUMBER_BYTES * (2 * p.points - 1)) for name, p in held.items()}
    latest: dict[str, int | str] = {name: value for name, value in last.items() if value != NO_OFFER}
    if (seller := latest.pop(_SELLERS, None)) is not None and isinstance(seller, int) and seller < len(sellers):
        latest[_SELLERS] = sellers[seller]
    return Summary(
        first_at=to_unix(min(first for first, _ in times)) if times else None,
        last_at=to_unix(max(final for _, final in times)) if times else None,
        points=sum(place.points for place in held.values()),
        names=tuple(held),
        latest=latest,
    )


class _Place(NamedTuple):
    """Where a series lies in a packed history: its first byte, how many points, how many columns of them."""

    start: int
    points: int
    columns: int


def _layout(blob: bytes) -> tuple[tuple[str, list[str]], dict[str, _Place]]:
    """Byte order and sellers; and where each series lies."""
    at = 4 + int.from_bytes(blob[:4], "little")
    order, header, sellers = orjson.loads(blob[4:at])
    series: dict[str, _Place] = {}
    for name, (count, with_shipping) in header.items():
        series[name] = _Place(at, count, 2 + with_shipping)
        at += _NUMBER_BYTES * count * (2 + with_shipping)
    return (order, sellers), series


def _begins_with(longer: bytes, there: _Place, shorter: bytes, place: _Place) -> bool:
    if there.columns != place.columns or there.points < place.points:
        return False
    size = _NUMBER_BYTES * place.points
    pairs = (
        (there.start + column * _NUMBER_BYTES * there.points, place.start + column * size)
        for column in range(place.columns)
    )
    return all(longer[one : one + size] == shorter[other : other + size] for one, other in pairs)
