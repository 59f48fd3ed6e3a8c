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
        self._gain: Floats = np.zeros(count)
        self._decay: Floats = np.zeros(count)
        self._moves: Floats = np.zeros(count)
        self._gain_at = -np.inf
        self._reach = _REACH_H
        self._heard: Mask = np.zeros(len(self._pages), bool)
        self._true, self._false = known.deals_true * known.deals_looks, (1 - known.deals_true) * known.deals_looks
        # Moves that pages should have shown if they showed all, and how many they did show.
        self._expected, self._shown = 1.0, 0.25

    def true_share(self, rate: Small) -> Small:
        """How likely each offer has moved if a page shows it: the more, the more often it moves."""
        usual = float(rate.mean()) * self._false / self._true
        return np.asarray(rate / (rate + np.float32(max(usual, 1e-12))))

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

        Each move that a page shows spares what would be lost until the offer's next look; what is to be gained by not
        waiting for it grows with the square of the wait, until the page has shed what it showed first.
        """
        if not len(self._read_at):
            return None
        if not 0 <= now - self._gain_at < _REFRESH_S:
            self._gain_at = now
            gain = np.maximum(0.0, stake * self.true_share(rate) * _loss_of_waiting(stake, token_value) - token_value)
            count = len(self._read_at)
            self._gain = np.asarray(np.bincount(self._pages, gain * rate, count), float)
            self._decay = np.asarray(np.bincount(self._pages, (gain > 0) * stake * rate * rate, count), float)
            self._moves = np.asarray(np.bincount(self._pages, rate, count), float)
        waited = (now - self._read_at) / _HOUR_S
        early = self._decay * np.minimum(waited, self._reach) ** 2 / 2
        value = np.where(waited < self._reach, early, self._gain * self._reach) * self.shown_share
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

    def heard_stake(self, stake: Small, rate: Small) -> Floats:
        """What a look at each offer is worth for what a page has shown; 0 where none has."""
        return np.asarray(np.where(self._heard, stake * self.true_share(rate), 0.0))


_WAITS = np.linspace(0.0, 30.0, 3_001)
_INDEX = 1 - np.exp(-_WAITS) * (1 + _WAITS)


def _loss_of_waiting(stake: Small, token_value: float) -> Floats:
    """The share of what is at stake after a move that is lost until the next look, where looks are worth a token."""
    with np.errstate(divide="ignore", invalid="ignore"):
        asked = np.where(stake > 0, token_value / stake, np.inf)
    wait = np.interp(asked, _INDEX, _WAITS)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(wait > 0, 1 + np.expm1(-wait) / wait, 0.0)
