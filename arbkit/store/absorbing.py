"""A batch of updates and what is stored already → what is to be written: the same on every store."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from arbkit.core.errors import ArbkitError
from arbkit.core.models import History, Offer, Update
from arbkit.core.offers.groups import ORIGIN_RANKS, read_values
from arbkit.core.offers.merging import Outcome, absorb
from arbkit.store.base import Written
from arbkit.store.history_codec import encode

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Absorbed:
    """The ``offers`` that change, by id; what became of each update, by its index; and offers that were invented."""

    offers: dict[str, Offer] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    replaced_demo: set[str] = field(default_factory=set)


def validate(updates: Sequence[Update]) -> tuple[list[int], dict[int, str]]:
    """Indices of the updates to take, the newest first; and index → reason of those that no store takes."""
    poison = {i: why for i, update in enumerate(updates) if (why := _why_refused(update)) is not None}
    valid = [i for i in range(len(updates)) if i not in poison]
    # What an older one then adds is little: most of a batch is written once.
    valid.sort(key=lambda i: (updates[i].offer.updated_at, ORIGIN_RANKS[updates[i].offer.origin]), reverse=True)
    return valid, poison


def absorb_all(stored: Mapping[str, Offer], updates: Sequence[Update], taken: Iterable[int]) -> Absorbed:
    """What the updates with these indices make of the stored offers (by id)."""
    result = Absorbed()
    for position in taken:
        update = updates[position]
        name = update.offer.id
        before = result.offers.get(name) or stored.get(name)
        after, outcome = absorb(before, update)
        result.outcomes[position] = outcome
        if before is not None and before.demo and not after.demo:
            result.replaced_demo.add(name)
        if after is not before:
            result.offers[name] = after
    return result


def newest_histories(
    updates: Sequence[Update], taken: Iterable[int], offers: Mapping[str, Offer]
) -> Iterator[tuple[int, History, bytes]]:
    """The newest history of each offer with the index of its update, its series packed.

    No invented one of an offer that ``offers`` (by id, as they are stored then) has as real.
    """
    best: dict[str, tuple[tuple[int, int, bytes], int, History]] = {}
    for position in taken:
        update = updates[position]
        history, name = update.history, update.offer.id
        if history is None or update.offer.demo != offers[name].demo:
            continue
        blob = encode(history.series, history.sellers)
        key = history_order(history.version, blob)
        if name not in best or key > best[name][0]:
            best[name] = key, position, history
    for (_, _, blob), position, history in best.values():
        yield position, history, blob


def history_order(version: int, blob: bytes) -> tuple[int, int, bytes]:
    """What the greater one of two histories is kept by: the newer, of one version that which says more."""
    return version, len(blob), blob


def written(outcomes: Mapping[int, Outcome], poison: Mapping[int, str]) -> Written:
    """The summary of a batch, without what turned out to be poison."""
    kept = {position: outcome for position, outcome in outcomes.items() if position not in poison}
    counts = Counter(kept.values())
    return Written(
        stored=counts["stored"],
        updated=counts["updated"],
        older=counts["older"],
        equal=counts["equal"],
        poison=poison,
        outcomes=kept,
    )


def put_guarded(put: Callable[[Sequence[Update]], Written], updates: Sequence[Update]) -> Written:
    """Store a batch by ``put``. Where an update does what nobody thought of, it is poison and the others are stored.

    Raises:
        ArbkitError: what ``put`` raises on purpose.
    """
    try:
        return put(updates)
    except ArbkitError:
        raise
    except Exception:
        logger.exception("a batch of %d updates: each is tried alone", len(updates))
    outcomes: dict[int, Outcome] = {}
    poison: dict[int, str] = {}
    for position, update in enumerate(updates):
        try:
            done = put([update])
        except ArbkitError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one record does, it must not stop the others
            poison[position] = f"a fault of arbkit: {error!r}"
        else:
            outcomes.update((position, outcome) for outcome in done.outcomes.values())
            poison.update((position, why) for why in done.poison.values())
    return written(outcomes, poison)


def _why_refused(update: Update) -> str | None:
    """Why the store will never take this update, or None."""
    offer, history = update.offer, update.history
    for position, value in enumerate(read_values(offer)):
        if type(value) is int and not -(2**63) <= value < 2**63:
            return f"{Offer.__slots__[position]}: larger than any store holds (got {value!r})"
    if history is not None and history.id != offer.id:
        return f"history of {history.id} with the offer {offer.id}"
    return None
