"""A batch of updates and what is stored already → what is to be written: the same on every store."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from arbkit.core.errors import ArbkitError
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Offer, ProductState, Update
from arbkit.core.offers.groups import ORIGIN_RANKS, read_values
from arbkit.core.offers.histories import merge_histories, until
from arbkit.core.offers.history_codec import PackedHistory, ends_after, goes_on
from arbkit.core.offers.merging import Outcome, absorb
from arbkit.store.base import Written

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Absorbed:
    """The ``offers`` that change, by id; what became of each update, by its index; and offers that were invented."""

    offers: dict[str, Offer] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    replaced_demo: set[str] = field(default_factory=set)


def validate(updates: Sequence[Update]) -> tuple[list[int], dict[int, str]]:
    """Indices of the updates to take, the newest first; and index → reason of those that no store takes."""
    poison = {i: why for i, update in enumerate(updates) if (why := why_refused(update)) is not None}
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


def absorb_histories(
    stored: Callable[[Iterable[str]], Mapping[str, PackedHistory]],
    updates: Sequence[Update],
    taken: Iterable[int],
    offers: Mapping[str, Offer],
) -> dict[str, tuple[int, PackedHistory]]:
    """The histories that change, by id, each with the index of the last update that changed it.

    No invented one of an offer that is real, by ``offers`` (by id, as they are stored then). ``stored`` gives those
    that are there, by their ids.
    """
    given = [(i, h) for i in taken if (h := _history_of(updates[i], offers)) is not None]
    before = dict(stored(sorted({history.id for _, history in given})))
    changed: dict[str, tuple[int, PackedHistory]] = {}
    for position, history in given:
        old, new = before.get(history.id), PackedHistory.of(history)
        merged = new if old is None else _merged(new, old)
        if merged != old:
            before[history.id] = merged
            changed[history.id] = position, merged
    return changed


def renew_histories(
    rebuilt: Mapping[str, PackedHistory], stored: Mapping[str, PackedHistory], *, latest: float
) -> Iterator[PackedHistory]:
    """The histories that rebuilt ones change among the stored; points of one time are the rebuilt's.

    Stored points from after ``latest`` (Unix seconds), which none can have, are left out.
    """
    for name in rebuilt.keys() & stored.keys():
        if (merged := _merged(rebuilt[name], without_future(stored[name], latest), ties=False)) != stored[name]:
            yield merged


def without_future(history: PackedHistory, latest: float) -> PackedHistory:
    """The history without points from after ``latest`` (Unix seconds); the same one where it has none.

    An arbkit that did not refuse such records has stored them.
    """
    if not ends_after(history.blob, to_minutes(latest)):
        return history
    logger.warning("the history of %s has points ahead of the clock: they are left out", history.id)
    return PackedHistory.of(until(history.unpacked(), to_minutes(latest)))


def _history_of(update: Update, offers: Mapping[str, Offer]) -> History | PackedHistory | None:
    return None if update.history is None or update.offer.demo != offers[update.offer.id].demo else update.history


def _merged(new: PackedHistory, old: PackedHistory, *, ties: bool = True) -> PackedHistory:
    # Mostly the new one goes on where the old one ends: then it is all that is known.
    for longer, shorter in ((new, old), (old, new)):
        if longer.blob == shorter.blob or goes_on(longer.blob, shorter.blob):
            return longer if longer.version >= shorter.version else replace(longer, version=shorter.version)
    return PackedHistory.of(merge_histories(new.unpacked(), old.unpacked(), ties=ties))


def written(outcomes: Mapping[int, Outcome], poison: Mapping[int, str], states: Mapping[str, ProductState]) -> Written:
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
        states=states,
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
    states: dict[str, ProductState] = {}
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
            states |= done.states
    return written(outcomes, poison, states)


def why_refused(update: Update) -> str | None:
    """Why no store will ever take this update, or None: who can name its file and row asks before it is published."""
    offer, history = update.offer, update.history
    values = read_values(offer)
    numbers = [value for value in values if value.__class__ is int]
    for value in (min(numbers), max(numbers)):
        if not -(2**63) <= value < 2**63:
            return f"{Offer.__slots__[values.index(value)]}: larger than any store holds (got {value!r})"
    if history is not None and history.id != offer.id:
        return f"history of {history.id} with the offer {offer.id}"
    return None
