"""Alerts: what is announced of opportunities that were none before."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import orjson

from arbkit.core.models import Opportunity
from arbkit.store import Notice
from arbkit.stream import ALERTS_TOPIC

_LIFE_S = 24 * 3600.0


def alerts_of(new: Mapping[str, Opportunity]) -> list[Notice]:
    """One alert for each of these opportunities, given by the ids of their windows: the same one however often made."""
    return [_alert(o, blake2b(window.encode(), digest_size=16).hexdigest()) for window, o in new.items()]


def _alert(o: Opportunity, number: str) -> Notice:
    document = {
        "v": 1,
        "id": number,
        "at": o.evaluated_at,
        "asin": o.asin,
        "reason": "new_opportunity",
        "confidence": o.confidence,
        "priority": priority(o),
        "expires_at": o.evaluated_at + _LIFE_S,
        "opportunity": o.public(now=o.evaluated_at),
    }
    return Notice(number, ALERTS_TOPIC, o.asin, orjson.dumps(document))


def priority(opportunity: Opportunity) -> float:
    """Profit weighted by confidence, in the opportunity's currency: what to look at first."""
    return round(opportunity.profit * opportunity.confidence, 2)
