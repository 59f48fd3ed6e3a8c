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
_SLICE = 16_384
"""Offers that a decision does this for, so that none takes long: the next ones go on."""
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
        """``categories`` of the products (n), or of their offers (n, markets), numbered from 0; −1: on no page."""
        count = int(categories.max(initial=-1) + 1) * markets
        each = categories if categories.ndim == 2 else categories[:, None]
        by_offer = np.broadcast_to(each, (len(categories), markets))
        # The last place is for those on no page.
        self._pages = np.where(by_offer < 0, count, by_offer * markets + np.arange(markets)).ravel()
        self._markets = markets
        self._read_at = np.full(count, -np.inf)
        # By page: what a move brings, how much more of it a longer wait costs, and moves an hour.
        self._sums: Floats = np.zeros((3, count + 1))
        self._next_sums: Floats = np.zeros((3, count + 1))
        self._done, self._begun_at = len(self._pages), -np.inf
        self._reach = _REACH_H
        self._heard: Mask = np.zeros(len(self._pages), bool)
        self._true, self._false = known.deals_true * known.deals_looks, (1 - known.deals_true) * known.deals_looks
        # Moves that pages should have shown if they showed all, and how many they did show.
        self._expected, self._shown = 20.0, 5.0

    def true_share(self, rate: Small, usual: float) -> Small:
        """How likely offers have moved if a page shows them: the more, the more often they move. ``usual`` rate."""
        false = max(usual * self._false / self._true, 1e-12)
        return np.asarray(rate / (rate + np.float32(false)))

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
        self._refresh(now, stake, rate, token_value)
        gain, decay, _ = self._sums[:, :-1]
        waited = (now - self._read_at) / _HOUR_S
        early = decay * np.minimum(waited, self._reach) ** 2 / 2
        value = np.where(waited < self._reach, early, gain * self._reach) * self.shown_share
        best = int(np.argmax(value))
        return PlannedPage(best % self._markets, best // self._markets, float(value[best]))

    def _refresh(self, now: float, stake: Small, rate: Small, token_value: float) -> None:
        """Go on working out what there is to gain on each page; once through, it counts."""
        count = len(self._pages)
        if self._done >= count:
            if 0 <= now - self._begun_at < _REFRESH_S:
                return
            self._done, self._begun_at, self._next_sums = 0, now, np.zeros(self._sums.shape)
        part = slice(self._done, self._done + _SLICE)
        true = self.true_share(rate[part], float(rate.mean()))
        stake, rate, pages = stake[part], rate[part], self._pages[part]
        gain = np.maximum(0.0, stake * true * _loss_of_waiting(stake, token_value) - token_value)
        for row, one in enumerate((gain * rate, (gain > 0) * stake * rate * rate, rate)):
            self._next_sums[row] += np.bincount(pages, one, self._sums.shape[1])
        self._done += _SLICE
        if self._done >= count:
            self._sums = self._next_sums

    def hear(
        self, page: PlannedPage, offers: Ints, now: float, reach_hours: float, since: Floats, seen_at: Floats
    ) -> None:
        """Take which offers of the list a page has shown, ``since`` when each has its price, and when each was seen.

        What was seen since then is no news; it still tells how much of all moves pages show.
        """
        place = page.category * self._markets + page.market
        waited = min((now - self._read_at[place]) / _HOUR_S, reach_hours)
        self._expected += float(self._sums[2, place]) * waited
        self._shown += float((since > max(self._read_at[place], now - reach_hours * _HOUR_S)).sum())
        self._reach = min(_REACH_H, reach_hours)
        self._read_at[place] = now
        self._heard[offers[since > seen_at]] = True

    def looked(self, offers: Ints, moved: Mask) -> None:
        """Take which offers were looked at, and whether they had moved."""
        heard = self._heard[offers]
        self._true += float((heard & moved).sum())
        self._false += float((heard & ~moved).sum())
        self._heard[offers] = False

    def heard_stake(self, stake: Small, rate: Small) -> Small:
        """What a look at each offer is worth for what a page has shown; 0 where none has."""
        found: Small = np.zeros(len(stake), np.float32)
        heard = np.flatnonzero(self._heard)
        found[heard] = stake[heard] * self.true_share(rate[heard], float(rate.mean()))
        return found

    def keep(self, before: DealsPages, kept: Ints, origin: Ints) -> None:
        """Take over what pages showed of another list: its offers ``origin`` are those ``kept`` of this one."""
        self._heard[kept] = before._heard[origin]
        count = min(len(self._read_at), len(before._read_at))
        self._read_at[:count] = before._read_at[:count]
        self._reach = before._reach
        self._true, self._false = before._true, before._false
        self._expected, self._shown = before._expected, before._shown


_WAITS = np.linspace(0.0, 30.0, 3_001)
_INDEX = 1 - np.exp(-_WAITS) * (1 + _WAITS)


def _loss_of_waiting(stake: Small, token_value: float) -> Floats:
    """The share of what is at stake after a move that is lost until the next look, where looks are worth a token."""
    with np.errstate(divide="ignore", invalid="ignore"):
        asked = np.where(stake > 0, token_value / stake, np.inf)
    wait = np.interp(asked, _INDEX, _WAITS)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(wait > 0, 1 + np.expm1(-wait) / wait, 0.0)
