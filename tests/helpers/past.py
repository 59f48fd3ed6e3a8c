"""Offers that say what a history says, as a consumer makes them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

from arbkit.core.history.facts import history_facts
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Offer

__all__ = ["with_past"]


def with_past(offer: Offer, history: History, *, until: float) -> Offer:
    """The offer with the facts of the history up to a time (Unix s), and its new price then."""
    (facts,) = history_facts([history], [until])
    made = replace(offer, **facts._asdict())
    new = history.series.get("new")
    known = 0 if new is None else bisect_right(new.times, to_minutes(until))
    if new is None or not known:
        return made
    return replace(made, new_minor=new.values[known - 1] if new.values[known - 1] > 0 else None)
