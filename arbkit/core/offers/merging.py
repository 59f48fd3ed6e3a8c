"""What two offers of one product on one marketplace are together: each fact from the one that said it last.

Of two statements the later one holds, at the same time that of the higher origin, and of the same origin the one whose
value has the greater hash, a known value before "none". So it does not matter in which order offers come, how they are
grouped, and how often. A real offer replaces an invented one as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any, Literal, NamedTuple

import orjson

from arbkit.core.models import Offer, Update
from arbkit.core.offers.groups import (
    ALONE,
    DERIVED,
    GROUPS,
    NAMES,
    ORIGIN_RANKS,
    POSITION,
    TOGETHER,
    Group,
    Stamp,
    default_stamp,
    default_time,
    is_known,
    packed,
    parsed_stamps,
    read_values,
    stamps_of,
)
from arbkit.core.offers.price import Price, used_price

Outcome = Literal["stored", "updated", "older", "equal"]
"""What became of an update: the first of its offer, a change, nothing for all of it is older, nothing new."""

_VERSION, _ORIGIN, _FETCHED_AT, _UPDATED_AT, _NOTES, _STAMPS = (
    POSITION[name] for name in ("version", "origin", "fetched_at", "updated_at", "notes", "stamps")
)
_ALONE = tuple((group.name, group.all[0]) for group in ALONE)
_TOGETHER_NAMES = frozenset(group.name for group in TOGETHER)
_contents = attrgetter(*(name for name in NAMES if name not in ("version", "fetched_at")))
_DERIVED = tuple(POSITION[name] for name in DERIVED)
_PRICE, _BASIS, _PRICE_AT, _SHIPPING, *_AVERAGES = _DERIVED


class _PricePositions(NamedTuple):
    minor: int
    at: int
    shipping: int | None
    averages: tuple[int, ...]


_PRICES = {
    basis: _PricePositions(
        POSITION[f"{basis}_minor"],
        POSITION[f"{basis}_at"],
        POSITION.get(f"{basis}_shipping_minor"),
        tuple(POSITION[f"{basis}_avg{days}_minor"] for days in (30, 90, 180)),
    )
    for basis in ("buy_box", "new", "amazon")
}

_NEW = _PRICES["new"]
_used_facts = itemgetter(*(position for position in _DERIVED if position != _BASIS))
_buy_box_facts = itemgetter(
    *(POSITION[f"buy_box_{name}"] for name in ("minor", "at", "shipping_minor")), *_PRICES["buy_box"].averages
)


class _Joined(NamedTuple):
    """Two offers together, by position; whether that differs from the first, and whether they say the same."""

    values: list[Any]
    changed: bool
    equal: bool


def merge(a: Offer, b: Offer) -> Offer:
    """The offer that both are together; commutative, associative and idempotent. Its version is the greater one."""
    first, second = canonical(a), canonical(b)
    if first.demo == second.demo:
        values = _join(read_values(first), read_values(second)).values
    else:
        values = list(read_values(second if first.demo else first))
    values[_VERSION] = max(a.version, b.version)
    return Offer.of_values(values)


def absorb(stored: Offer | None, update: Update) -> tuple[Offer, Outcome]:
    """What is stored after an update, and what became of it. A change makes the version grow."""
    new = canonical(update.offer, update.stated)
    if stored is None:
        return new, "stored"
    if new.demo and not stored.demo:
        return stored, "older"
    # What was fetched earlier is joined below: of two like offers, the stored one keeps the moment it was first seen.
    if new.fetched_at >= stored.fetched_at and _contents(new) == _contents(stored):
        return stored, "equal"
    old, values = read_values(canonical(stored)), list(read_values(new))
    if stored.demo == new.demo and not _supersedes(values, old):
        joined = _join(old, values)
        if not joined.changed:
            return stored, "equal" if joined.equal else "older"
        values = joined.values
    elif new.version > stored.version:
        return new, "updated"
    values[_VERSION] = max(stored.version + 1, new.version)
    return Offer.of_values(values), "updated"


def renew(stored: Offer, rebuilt: Offer, *, latest: float) -> Offer:
    """What a rebuilt offer leaves of the stored one: what is newer there, or not stated any more.

    Of the same time the rebuilt fact holds, for it may have been read anew by a better reader. The version is the
    greater one: reading anew is no change of the facts. Of a stored offer from after ``latest`` (Unix seconds), which
    an arbkit of before took from a record of the future, nothing is left.
    """
    if rebuilt.demo and not stored.demo:
        return stored
    new = read_values(canonical(rebuilt))
    is_bad = stored.updated_at > latest >= rebuilt.updated_at
    values = (
        list(new)
        if is_bad or stored.demo != rebuilt.demo
        else _join(new, read_values(canonical(stored)), ties=False).values
    )
    values[_VERSION] = max(stored.version, rebuilt.version)
    return Offer.of_values(values)


def canonical(offer: Offer, stated: frozenset[str] | None = None) -> Offer:
    """The offer as it is stored: the price it names is among its prices, and what follows from them follows.

    Args:
        offer: as a source made it, or as an older arbkit stored it.
        stated: the fields that it says something about, also where that is "none".
    """
    before = read_values(offer)
    values = list(before)
    if not _is_canonical(before):
        _complete_prices(values)
        for position, value in zip(_DERIVED, _derived(values), strict=True):
            values[position] = value
    silent = [group for group in _stated_groups(stated) if default_stamp(values, group) is None] if stated else []
    if silent:
        stamps = dict.fromkeys((group.name for group in silent), Stamp(values[_UPDATED_AT], values[_ORIGIN]))
        stamps |= parsed_stamps(values[_STAMPS])
        values[_STAMPS] = tuple(packed(group.name, stamps[group.name]) for group in GROUPS if group.name in stamps)
    return offer if tuple(values) == before else Offer.of_values(values)


@lru_cache(maxsize=1_024)
def _stated_groups(stated: frozenset[str]) -> tuple[Group, ...]:
    """The groups of these fields."""
    return tuple(group for group in GROUPS if any(NAMES[position] in stated for position in group.lead))


def _is_canonical(values: Sequence[Any]) -> bool:
    """Whether an offer is surely as it is stored: it uses the price of the buy box, and states a new one."""
    return (
        values[_BASIS] == "buy_box"
        and values[_PRICE] is not None
        and _used_facts(values) == _buy_box_facts(values)
        and (values[_NEW.minor] is not None or values[_NEW.at] is not None)
    )


def _complete_prices(values: list[Any]) -> None:
    """Fill in what an offer says of the price that it uses, but not of that price itself; drop shipping of no price."""
    basis, price = values[_BASIS] or "new", values[_PRICE]
    own = _PRICES[basis]
    if price is not None and values[own.minor] is None and values[own.at] is None:
        values[own.minor] = price
    if price is not None and values[own.minor] == price:
        if values[own.at] is None:
            values[own.at] = values[_PRICE_AT]
        if own.shipping is not None and values[own.shipping] is None:
            values[own.shipping] = values[_SHIPPING]
    if values[own.minor] == price and all(values[position] is None for position in own.averages):
        for position, average in zip(own.averages, _AVERAGES, strict=True):
            values[position] = values[average]
    for one in _PRICES.values():
        if one.shipping is not None and values[one.minor] is None and values[one.at] is None:
            values[one.shipping] = None


def _derived(values: Sequence[Any]) -> tuple[Any, ...]:
    """The values of :data:`DERIVED`, in that order."""
    buy_box, new, amazon = (
        Price(
            values[one.minor],
            values[one.at],
            None if one.shipping is None else values[one.shipping],
            *(values[position] for position in one.averages),
        )
        for one in _PRICES.values()
    )
    used = used_price(buy_box, new, amazon)
    return tuple(used[name] for name in DERIVED)  # type: ignore[literal-required]  # its fields are these


def _join(a: Sequence[Any], b: Sequence[Any], *, ties: bool = True) -> _Joined:
    """Two canonical offers of one kind together; without ``ties`` the first one holds at the same time and origin."""
    values = list(a)
    equal = (a[_UPDATED_AT], a[_ORIGIN], a[_NOTES]) == (b[_UPDATED_AT], b[_ORIGIN], b[_NOTES])
    parts = None if ties else 2
    if _header_key(b)[:parts] > _header_key(a)[:parts]:
        for position in (_UPDATED_AT, _ORIGIN, _FETCHED_AT, _NOTES):
            values[position] = b[position]
    stamps: list[Stamp | None] = []
    for group, one, other in zip(GROUPS, stamps_of(a), stamps_of(b), strict=True):
        if other is None or (one == other and all(a[position] == b[position] for position in group.all)):
            stamps.append(one)
            continue
        equal = False
        if one is None or _holds(group, b, other, a, one, ties=ties):
            stamps.append(other)
            for position in group.all:
                values[position] = b[position]
        else:
            stamps.append(one)
    for position, value in zip(_DERIVED, _derived(values), strict=True):
        values[position] = value
    values[_STAMPS] = _sparse(values, stamps)
    return _Joined(values, changed=values != list(a), equal=equal)


def _supersedes(b: Sequence[Any], a: Sequence[Any]) -> bool:
    """Whether the one canonical offer is newer than the other and states all that it does: the common case, quickly."""
    if _header_key(b)[:2] <= _header_key(a)[:2]:
        return False
    own, others = parsed_stamps(b[_STAMPS]), parsed_stamps(a[_STAMPS])
    if not others.keys() <= _TOGETHER_NAMES:
        return False
    for name, position in _ALONE:
        value = b[position]
        if (value is None or value == ()) and name not in own and is_known(a[position]):
            return False
    for group in TOGETHER:
        if not (own or others) and _surely_holds(group, b, a):
            continue
        before = others.get(group.name) or default_stamp(a, group)
        after = own.get(group.name) or default_stamp(b, group)
        if before is None or (after is not None and after.at > before.at and not group.whole):
            continue
        same = before == after and all(a[position] == b[position] for position in group.all)
        if after is None or not (same or _holds(group, b, after, a, before, ties=True)):
            return False
    return True


def _surely_holds(group: Group, b: Sequence[Any], a: Sequence[Any]) -> bool:
    """Whether the group of an offer without stamps holds against the other's: where it takes no more than the times."""
    before = default_time(a, group)
    if before is None:
        return True
    after = default_time(b, group)
    if after is None or after < before:
        return False
    if after > before and not group.whole:
        return True
    # The same again, of the same moment or later.
    same = after > before or a[_ORIGIN] == b[_ORIGIN]
    return bool(same and all(a[position] == b[position] for position in group.all))


def _header_key(values: Sequence[Any]) -> tuple[float | bytes, ...]:
    """Of the same moment and origin the offer that was fetched first: fetching it again changes nothing."""
    notes = values[_NOTES]
    return values[_UPDATED_AT], ORIGIN_RANKS[values[_ORIGIN]], -values[_FETCHED_AT], _hash(notes) if notes else b""


def _holds(
    group: Group, values: Sequence[Any], stamp: Stamp, others: Sequence[Any], other: Stamp, *, ties: bool
) -> bool:
    """Whether the one statement of a group holds against the other."""
    mine, theirs = [values[position] for position in group.all], [others[position] for position in group.all]
    first = (group.whole and None not in mine, stamp.at, ORIGIN_RANKS[stamp.origin])
    second = (group.whole and None not in theirs, other.at, ORIGIN_RANKS[other.origin])
    if first != second:
        return first > second
    return ties and (any(map(is_known, mine)), _hash(mine)) > (any(map(is_known, theirs)), _hash(theirs))


def _hash(value: Sequence[Any]) -> bytes:
    """The same on every machine and in every store: one keeps 4.0 as 4."""
    plain = [float(each) if each.__class__ is int else each for each in value]
    return blake2b(orjson.dumps(plain), digest_size=8).digest()


def _sparse(values: Sequence[Any], stamps: Sequence[Stamp | None], groups: Sequence[Group] = GROUPS) -> tuple[str, ...]:
    """The stamps that an offer has to hold: those that its other fields do not say."""
    return tuple(
        packed(group.name, stamp)
        for group, stamp in zip(groups, stamps, strict=True)
        if stamp is not None and stamp != default_stamp(values, group)
    )
