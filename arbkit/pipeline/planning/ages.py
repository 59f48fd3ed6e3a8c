"""The maximum age: which looks cannot wait, so that nothing stays unseen for longer than the tokens allow. Pure."""

from __future__ import annotations

import numpy as np

from arbkit.pipeline.planning.book import Floats, Mask, Small
from arbkit.pipeline.planning.look_value import NEVER_H
from arbkit.pipeline.planning.parameters import PlanningParameters, planning_parameters

_HOURS, _MINUTES = 24.0, 60.0
_HEADROOM = 0.9
"""The share of the tokens that what is to come due is planned with: the rest is for what comes in between."""
_RESERVE = 0.03
"""Looks by age are planned to be done this part of the maximum age before it."""
_TOGETHER = 0.9
"""Once looks by age are made, those of offers past this part of the maximum age go along."""
_LEAST_SPAN_H, _MOST_SPAN_H = 24.0, 96.0


def age_bound(offers: int, tokens_a_minute: float, parameters: PlanningParameters | None = None) -> float:
    """The age in days past which no offer goes unseen; infinite without tokens, or where it would be over a year.

    It is the maximum age, or less where a round of cheap looks takes only the share ``plenty_share`` of the tokens till
    then. Where they allow no round within the maximum age, looks by age take the share ``oldest_share`` of them, and
    the bound is a round at that pace: more for age would leave nothing for value.
    """
    known = parameters or planning_parameters()
    if not offers:
        return known.oldest_days
    if not tokens_a_minute > 0:
        return float("inf")
    round_days = offers / (tokens_a_minute * _MINUTES * _HOURS)
    if round_days <= known.oldest_days:
        return min(known.oldest_days, max(known.plenty_days, round_days / known.plenty_share))
    bound = round_days / known.oldest_share
    return bound if bound * _HOURS < NEVER_H else float("inf")


class Pace:
    """Tokens an hour: as they are given, or where that is unknown as they were spent in the last days."""

    def __init__(self, tokens_a_minute: float) -> None:
        """``tokens_a_minute``: 0 where it is unknown."""
        self.tokens_a_minute = tokens_a_minute
        self._begun, self._spent = np.nan, 0.0

    def spend(self, hour: float, tokens: int) -> None:
        """Count tokens that were spent; a clock that was set back begins a new count."""
        if not hour >= self._begun:
            self._begun, self._spent = hour, 0.0
        if hour - self._begun > _MOST_SPAN_H:
            self._begun, self._spent = (self._begun + hour) / 2, self._spent / 2
        self._spent += tokens

    def an_hour(self, hour: float) -> float | None:
        """Tokens an hour; None before enough of them were spent."""
        if self.tokens_a_minute > 0:
            return self.tokens_a_minute * _MINUTES
        span = hour - self._begun
        return self._spent / span if span >= _LEAST_SPAN_H and self._spent else None


def cannot_wait(waited: Small, tokens_an_hour: float | None, known: PlanningParameters) -> Mask | None:
    """The offers to look at by age now; None while there is time. ``waited``: hours since each was looked at.

    There is time while, of every hour to come, the offers due by then are no more than the looks until then.
    """
    pace = 0.0 if tokens_an_hour is None else tokens_an_hour
    bound = known.oldest_days if not pace else age_bound(len(waited), pace / _MINUTES, known)
    if bound == float("inf"):
        return None
    limit = np.float32(bound * _HOURS * (1 - _RESERVE))
    left = np.maximum(limit - waited, 0).astype(np.int32)
    due = np.bincount(left)
    hours: Floats = np.arange(len(due), dtype=float)
    looks = _HEADROOM * pace * hours if pace else np.where(hours > 0, np.inf, 0.0)
    behind = np.flatnonzero((due.cumsum() > looks) & (due > 0))
    if not len(behind):
        return None
    return np.asarray((left <= behind[-1]) | (waited > _TOGETHER * limit))
