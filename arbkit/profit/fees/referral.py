"""Which referral schedule a product falls under, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.core.marketplaces import MARKETS
from arbkit.profit.fees.arrays import Floats, Ints, Mask
from arbkit.profit.fees.tables import EffectiveTables

_ROUNDING = 0.012
"""Keepa rounds the percentage to two digits."""
_CHUNK = 1 << 16
"""Rows processed together: intermediate results must fit the processor's cache."""


@dataclass(frozen=True, slots=True)
class Referral:
    """The referral fee of each row, and how certain it is.

    Attributes:
        fee: in the store's currency, NaN unknown.
        least: the least that it may be among the candidates.
        schedule: index of its schedule, −1 unknown.
        candidates: how many schedules were possible where they differ, else 1.
        observed: whether Keepa's percentage decided.
        minimum_disputed: whether the least fee per item that applies is disputed.
    """

    fee: Floats
    least: Floats
    schedule: Ints
    candidates: Ints
    observed: Mask
    minimum_disputed: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralUnits:
    """What the referral fee of each row depends on; shop prices (VAT included), NaN unknown.

    Attributes:
        price: what it is sold at.
        market: index of the store in ``MARKETS``.
        category: index of the category among all names, −1 unknown.
        own: whether the user named the schedule.
        keepa_pct: the percentage that Keepa observed.
        keepa_price: the price it was observed at.
    """

    price: Floats
    market: Ints
    category: Ints
    own: Mask
    keepa_pct: Floats
    keepa_price: Floats

    def part(self, rows: slice) -> ReferralUnits:
        """These rows alone."""
        return ReferralUnits(**{name: getattr(self, name)[rows] for name in self.__slots__})


def referral_fees(day: EffectiveTables, units: ReferralUnits, categories: Sequence[str]) -> Referral:
    """The referral fee of each row, by the schedule that fits best; ``categories``: their names.

    In order: what the user named, else the schedules of the category that give Keepa's percentage at Keepa's
    price, else all that give it, else those of the category. Of several that differ, the most expensive.
    """
    rules = _Rules(day, categories)
    parts = [rules.fees(units.part(slice(i, i + _CHUNK))) for i in range(0, max(len(units.price), 1), _CHUNK)]
    return Referral(*(np.concatenate([getattr(p, f) for p in parts]) for f in Referral.__slots__))


def possible_schedules(day: EffectiveTables, units: ReferralUnits, categories: Sequence[str]) -> tuple[str, ...]:
    """The schedules that the first row may fall under, each rule by one name.

    They are narrowed down as :func:`referral_fees` does.
    """
    rules = _Rules(day, categories)
    chosen = rules.chosen(units.part(slice(0, 1)))[1]
    names = rules.names[units.category[0]]
    return tuple(day.schedules[names[i]].name for i in np.flatnonzero(chosen[0]))


class _Rules:
    """The schedules of a day, those with the same rule taken together."""

    def __init__(self, day: EffectiveTables, categories: Sequence[str]) -> None:
        self.day = day
        seen: dict[object, int] = {}
        self.first: list[int] = []
        self.rule_of: list[int] = []
        for index, s in enumerate(day.schedules):
            rule = s.mode, s.fractions, tuple(sorted(s.bounds.items()))
            if rule not in seen:
                seen[rule] = len(self.first)
                self.first.append(index)
            self.rule_of.append(seen[rule])
        count = len(self.first)
        self.allowed = np.zeros((len(categories) + 1, count), bool)
        # A schedule of the category is the better name where several rules cost the same.
        self.names = np.tile(np.array(self.first, np.int64), (len(categories) + 1, 1))
        for row, name in enumerate(categories):
            for index in reversed(day.schedules_of(name)):
                self.allowed[row, self.rule_of[index]] = True
                self.names[row, self.rule_of[index]] = index
        content = day.get("referral")
        uplift = content.get("uplift_percent", {})
        self.uplift = np.array([1 + uplift.get(code, 0.0) / 100 for code in MARKETS])
        self.inside = day.uplifts
        self.minimum = content.get("minimum", {})
        disputed = content.get("minimum_disputed", ())
        self.disputed = np.array([s.name in disputed for s in day.schedules] + [False])

    def chosen(self, units: ReferralUnits) -> tuple[Floats, Mask, Floats, Mask]:
        """The fee by each rule, the rules that are possible, the least fee per item, and where Keepa decided."""
        price, market, keepa_price = units.price, units.market, units.keepa_price
        fees = np.full((len(price), len(self.first)), np.nan)
        matching = np.zeros(fees.shape, bool)
        least_fee = np.full(len(price), np.nan)
        seen = ~np.isnan(units.keepa_pct) & (keepa_price > 0)
        for currency in ("EUR", "GBP"):
            here = np.isin(market, [i for i, m in enumerate(MARKETS.values()) if m.currency == currency])
            if not here.any() or not self.first:
                continue
            minimum = float(self.minimum[currency])
            least_fee[here] = minimum
            look = here & seen
            for column, index in enumerate(self.first):
                schedule = self.day.schedules[index]
                fees[here, column] = schedule.fee(price[here], currency) * self.uplift[market[here]]
                if look.any():
                    fee = np.maximum(schedule.fee(keepa_price[look], currency), minimum)
                    matching[look, column] = self._gives(fee, keepa_price[look], units.keepa_pct[look])
        own = units.own
        allowed = self.allowed[units.category] & ~np.isnan(fees)
        matching &= ~np.isnan(fees)
        both = allowed & matching
        fits, any_both = np.asarray(matching.any(axis=1)), np.asarray(both.any(axis=1))
        chosen = np.where(
            own[:, None], allowed, np.where(any_both[:, None], both, np.where(fits[:, None], matching, allowed))
        )
        observed = ~own & fits & (any_both | ~allowed.any(axis=1))
        return fees, chosen, least_fee, np.asarray(observed)

    def fees(self, units: ReferralUnits) -> Referral:
        fees, chosen, least_fee, observed = self.chosen(units)
        any_chosen = chosen.any(axis=1)
        possible = np.where(chosen, fees, -np.inf)
        first = possible.argmax(axis=1) if self.first else np.zeros(len(fees), np.int64)
        highest = np.maximum(possible.max(axis=1, initial=-np.inf), least_fee)
        lowest = np.maximum(np.where(chosen, fees, np.inf).min(axis=1, initial=np.inf), least_fee)
        differ = any_chosen & (highest - lowest > 0.005)
        schedule = np.where(any_chosen, self.names[units.category, first] if self.first else -1, -1)
        return Referral(
            fee=np.where(any_chosen, highest, np.nan),
            least=np.where(any_chosen, lowest, np.nan),
            schedule=schedule,
            candidates=np.where(differ, chosen.sum(axis=1), 1),
            observed=observed,
            minimum_disputed=np.asarray(any_chosen & (highest == least_fee) & self.disputed[schedule]),
        )

    def _gives(self, fee: Floats, price: Floats, pct: Floats) -> Mask:
        """Whether a fee at a price is the percentage that Keepa shows, or was with the uplift of its time."""
        with np.errstate(invalid="ignore", divide="ignore"):
            share = 100 * np.round(fee, 2) / price
            tolerance = _ROUNDING + 0.5 / price
            return np.asarray(np.any([np.abs(pct / up - share) <= tolerance for up in self.inside], axis=0))
