"""Pages of deals as a noisy sign of moves: what a page is expected to bring, and how far what it shows is true.

A page shows offers of one category on one marketplace whose price fell lately: late, not all, and some that did not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arbkit.pipeline.planning.book import Floats, Ints, Mask, Small
from arbkit.pipeline.planning.parameters import PlanningParameters

_HOUR_S = 3_600.0
_REFRESH_S = 3_600.0
"""How often it is worked out anew what there is to gain on each page."""
_REACH_H = 12.0
"""Products of the last 12 hours are shown (Keepa API documentation, "Browsing Deals"), until a page shows less."""


@dataclass(frozen=True, slots=True)
class PlannedPage:
    """Read the newest deals of a category on a marketplace; ``value`` is money expected from it."""

    market: int
    category: int
    value: float


class DealsPages:
    """The pages of a list, when each was read, and what they have shown so far."""

    def __init__(self, categories: Ints, markets: int, known: PlanningParameters) -> None:
        """``categories`` of the products, numbered from 0."""
        self._pages = (categories[:, None] * markets + np.arange(markets)).ravel()
        self._markets = markets
        count = int(categories.max(initial=-1) + 1) * markets
        self._read_at = np.full(count, -np.inf)
        self._gain = np.zeros(count)
        self._moves = np.zeros(count)
        self._gain_at = -np.inf
        self._reach = _REACH_H
        self._heard: Mask = np.zeros(len(self._pages), bool)
        self._true, self._false = known.deals_true * known.deals_looks, (1 - known.deals_true) * known.deals_looks
        # Moves that pages should have shown if they showed all, and how many they did show.
        self._expected, self._shown = 1.0, 0.25
        self._pages_read = 0

    @property
    def true_share(self) -> float:
        """The share of what pages show that has moved."""
        return self._true / (self._true + self._false)

    @property
    def shown_share(self) -> float:
        """Offers that pages show for each move that there was."""
        return self._shown / self._expected

    @property
    def heard(self) -> Mask:
        """The offers that a page has shown since the last look at them."""
        return self._heard

    def best_page(self, now: float, stake: Small, rate: Small, token_value: float) -> PlannedPage | None:
        """The page that is worth most, where a token elsewhere brings so much; None where there are no categories.

        A page brings the looks at what it shows: each is worth what is at stake if the move is true, less its token.
        """
        if not len(self._read_at):
            return None
        if not 0 <= now - self._gain_at < _REFRESH_S:
            self._gain_at = now
            gain = np.maximum(0.0, stake * self.true_share - token_value) * rate
            self._gain = np.bincount(self._pages, gain, len(self._read_at))
            self._moves = np.bincount(self._pages, rate, len(self._read_at))
        waited = np.clip((now - self._read_at) / _HOUR_S, 0.0, self._reach)
        value = self._gain * waited * self.shown_share
        best = int(np.argmax(value))
        return PlannedPage(best % self._markets, best // self._markets, float(value[best]))

    def hear(self, page: PlannedPage, offers: Ints, now: float, reach_hours: float) -> None:
        """Take which offers of the list a page has shown, which reached so far back."""
        place = page.category * self._markets + page.market
        waited = min((now - self._read_at[place]) / _HOUR_S, reach_hours)
        self._expected += float(self._moves[place]) * waited
        self._shown += float((~self._heard[offers]).sum())
        self._reach = min(_REACH_H, reach_hours)
        self._read_at[place] = now
        self._heard[offers] = True

    def looked(self, offers: Ints, moved: Mask) -> None:
        """Take which offers were looked at, and whether they had moved."""
        heard = self._heard[offers]
        self._true += float((heard & moved).sum())
        self._false += float((heard & ~moved).sum())
        self._heard[offers] = False

    def heard_stake(self, stake: Small) -> Floats:
        """What a look at each offer is worth for what a page has shown; 0 where none has."""
        return np.asarray(np.where(self._heard, stake * self.true_share, 0.0))
