"""What the offers' histories said, as arrays: unknown where nothing was said, or too long ago. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

import numpy as np

from arbkit.core.history.facts import HistoryFacts
from arbkit.core.models import Offer
from arbkit.core.offers.groups import fact_stamp
from arbkit.profit.facts.ages import DAY_S, load_age_rules
from arbkit.profit.fees.arrays import Floats

_NAMES = HistoryFacts._fields
_facts_of = attrgetter(*_NAMES)


def known_history(offers: Sequence[Offer], *, now: float) -> Mapping[str, Floats]:
    """The fields of :class:`~arbkit.core.history.facts.HistoryFacts` of each offer, by name; ages count to ``now``."""
    found = np.array([*map(_facts_of, offers)], np.float64).reshape(len(offers), len(_NAMES))
    said_at = np.array([_said_at(offer) for offer in offers], np.float64)
    found[now - said_at > load_age_rules().history.unknown_after_days * DAY_S] = np.nan
    return dict(zip(_NAMES, found.T, strict=True))


def _said_at(offer: Offer) -> float:
    """When its history was read, Unix seconds."""
    # Most have no stamps, and finding one takes longer than all else here.
    stamp = fact_stamp(offer, _NAMES[0]) if offer.stamps else None
    return offer.updated_at if stamp is None else stamp.at
