"""Which referral schedule a product falls under, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.core.marketplaces import MARKETS
from arbkit.profit.fees.arrays import Floats, Ints, Mask
from arbkit.profit.fees.tables import EffectiveTables

_ROUNDING = 0.012
"""Keepa rounds the percentage to two digits."""
_CHUNK = 1 << 16
"""Rows processed together: intermediate results must fit the processor's cache."""
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Referral:
    """The referral fee of each row, and how certain it is.

    Attributes:
        fee: where Amazon fulfils, in the store's currency, NaN unknown.
        least: the least that it may be among the candidates.
        merchant_fee: the same where the seller ships.
        merchant_least: the least of that among the candidates.
        schedule: index of its schedule, −1 unknown.
        candidates: how many schedules were possible where they differ, else 1.
        observed: whether Keepa's percentage decided.
        minimum_disputed: whether one source has a least fee that is not charged here.
    """

    fee: Floats
    least: Floats
    merchant_fee: Floats
    merchant_least: Floats
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
        unit_kg: the unit's weight.
    """

    price: Floats
    market: Ints
    category: Ints
    own: Mask
    keepa_pct: Floats
    keepa_price: Floats
    unit_kg: Floats

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
    rules, first = _Rules(day, categories), units.part(slice(0, 1))
    chosen = rules.chosen(first, rules.plain_fees(first.price, first.market, by_fba=True))[0]
    names = rules.names[first.category[0]]
    return tuple(day.schedules[names[i]].name for i in np.flatnonzero(chosen[0]))


class _Rules:
    """The schedules of a day, those with the same rule taken together."""

    def __init__(self, day: EffectiveTables, categories: Sequence[str]) -> None:
        self.day = day
        content = day.get("referral")
        self.minimum = content.get("minimum", {})
        self.heavy = content.get("minimum_heavy")
        without_minimum = content.get("no_minimum", ())
        seen: dict[object, int] = {}
        self.first: list[int] = []
        self.rule_of: list[int] = []
        for index, s in enumerate(day.schedules):
            above = tuple(sorted(s.fba_above.items()))
            rule = (s.mode, s.fractions, tuple(sorted(s.bounds.items())), s.fba_rest, above, s.name in without_minimum)
            if rule not in seen:
                seen[rule] = len(self.first)
                self.first.append(index)
            self.rule_of.append(seen[rule])
        count = len(self.first)
        self.exempt = np.array([day.schedules[i].name in without_minimum for i in self.first], bool)
        self.allowed = np.zeros((len(categories) + 1, count), bool)
        # A schedule of the category is the better name where several rules cost the same.
        self.names = np.tile(np.array(self.first, np.int64), (len(categories) + 1, 1))
        for row, name in enumerate(categories):
            for index in reversed(day.schedules_of(name)):
                self.allowed[row, self.rule_of[index]] = True
                self.names[row, self.rule_of[index]] = index
        uplift = content.get("uplift_percent", {})
        self.uplift = np.array([1 + uplift.get(code, 0.0) / 100 for code in MARKETS])
        self.inside = day.uplifts

    def plain_fees(self, price: Floats, market: Ints, *, by_fba: bool) -> Floats:
        """The fee by each rule before any least fee; NaN where it is not used in the store."""
        fees = np.full((len(price), len(self.first)), np.nan)
        for currency, here in _by_currency(market):
            for column, index in enumerate(self.first):
                fee = self.day.schedules[index].fee(price[here], currency, by_fba=by_fba)
                fees[here, column] = fee * self.uplift[market[here]]
        return fees

    def chosen(self, units: ReferralUnits, fees: Floats) -> tuple[Mask, Mask]:
        """The rules that are possible of those with a fee, and where Keepa decided."""
        known = ~np.isnan(fees)
        matching = self._matching(units) & known
        own = units.own
        allowed = self.allowed[units.category] & known
        both = allowed & matching
        fits, any_both = np.asarray(matching.any(axis=1)), np.asarray(both.any(axis=1))
        chosen = np.where(
            own[:, None], allowed, np.where(any_both[:, None], both, np.where(fits[:, None], matching, allowed))
        )
        return chosen, np.asarray(~own & fits & (any_both | ~allowed.any(axis=1)))

    def _matching(self, units: ReferralUnits) -> Mask:
        """Which rules give the percentage that Keepa saw at its price, whoever fulfilled."""
        matching = np.zeros((len(units.price), len(self.first)), bool)
        seen = np.flatnonzero(~np.isnan(units.keepa_pct) & (units.keepa_price > 0))
        if not len(seen):
            return matching
        for currency, here in _by_currency(units.market[seen]):
            rows = seen[here]
            observed = _Observed.of(units.keepa_price[rows], units.keepa_pct[rows], self.inside)
            price = units.keepa_price[rows]
            for column, index in enumerate(self.first):
                schedule, least = self.day.schedules[index], self._least(currency, column)
                gives = observed.is_given_by(np.maximum(schedule.fee(price, currency), least))
                if schedule.fba_rest is not None:
                    gives |= observed.is_given_by(np.maximum(schedule.fee(price, currency, by_fba=True), least))
                matching[rows, column] = gives
        return matching

    def _least(self, currency: str, column: int) -> float:
        return 0.0 if self.exempt[column] else float(self.minimum.get(currency, np.nan))

    def fees(self, units: ReferralUnits) -> Referral:
        plain = self.plain_fees(units.price, units.market, by_fba=True)
        chosen, observed = self.chosen(units, plain)
        heavy = self._heavy_least(units)
        any_chosen = chosen.any(axis=1)
        least, highest, first = self._extremes(plain, chosen, units.market, heavy)
        merchant_least, merchant = least.copy(), highest.copy()
        rows = np.flatnonzero((heavy > 0) | self._differs_by_fba(units, chosen))
        if len(rows):
            by_merchant = self.plain_fees(units.price[rows], units.market[rows], by_fba=False)
            none = np.zeros(len(rows))
            merchant_least[rows], merchant[rows], _ = self._extremes(
                by_merchant, chosen[rows], units.market[rows], none
            )
        differ = any_chosen & (highest - least > 0.005)
        schedule = np.where(any_chosen, self.names[units.category, first] if self.first else -1, -1)
        usual = np.array([float(self.minimum.get(m.currency, np.nan)) for m in MARKETS.values()])[units.market]
        exempt = self.exempt[first] if self.first else np.zeros(len(schedule), bool)
        return Referral(
            fee=np.where(any_chosen, highest, np.nan),
            least=np.where(any_chosen, least, np.nan),
            merchant_fee=np.where(any_chosen, merchant, np.nan),
            merchant_least=np.where(any_chosen, merchant_least, np.nan),
            schedule=schedule,
            candidates=np.where(differ, chosen.sum(axis=1), 1),
            observed=observed,
            minimum_disputed=np.asarray(any_chosen & exempt & (highest < usual)),
        )

    def _heavy_least(self, units: ReferralUnits) -> Floats:
        """The least fee of heavy units that Amazon fulfils, 0 of all others."""
        least = np.zeros(len(units.price))
        if self.heavy is not None:
            rows = np.flatnonzero(units.unit_kg > self.heavy["over_unit_kg"])
            amounts = {"EUR": self.heavy["EUR"], "GBP": self.heavy["GBP"]}
            for currency, here in _by_currency(units.market[rows]):
                least[rows[here]] = amounts.get(currency, np.nan)
        return least

    def _differs_by_fba(self, units: ReferralUnits, chosen: Mask) -> Mask:
        """Where the fee of a possible rule depends on who fulfils."""
        found = np.zeros(len(units.price), bool)
        for column, index in enumerate(self.first):
            above = self.day.schedules[index].fba_above
            if above:
                limits = np.array([above.get(m.currency, np.inf) for m in MARKETS.values()])
                found |= chosen[:, column] & (units.price > limits[units.market])
        return found

    def _extremes(self, plain: Floats, chosen: Mask, market: Ints, heavy: Floats) -> tuple[Floats, Floats, Ints]:
        """The lowest and the highest fee of the possible rules, with the least fees, and the rule of the highest."""
        if not self.first:
            nothing = np.full(len(plain), np.nan)
            return nothing, nothing, np.zeros(len(plain), np.int64)
        least = np.array([[self._least(m.currency, c) for c in range(len(self.first))] for m in MARKETS.values()])
        charged = np.maximum(plain, least[market])
        if heavy.any():
            charged = np.maximum(charged, heavy[:, None])
        lowest = np.where(chosen, charged, np.inf).min(axis=1)
        possible = np.where(chosen, charged, -np.inf)
        # Of equal ones the highest before the least fee.
        first = np.where(chosen, charged + _TIE * plain, -np.inf).argmax(axis=1)
        return lowest, possible.max(axis=1), first


@dataclass(frozen=True, slots=True)
class _Observed:
    """Percentages that Keepa saw at prices above zero, as they are and without each uplift of their time."""

    price: Floats
    percents: tuple[Floats, ...]
    tolerance: Floats

    @classmethod
    def of(cls, price: Floats, pct: Floats, uplifts: Sequence[float]) -> _Observed:
        return cls(price, tuple(pct / up for up in uplifts), _ROUNDING + 0.5 / price)

    def is_given_by(self, fee: Floats) -> Mask:
        """Where a fee at the price is the percentage that Keepa shows, or was with the uplift of its time."""
        share = 100 * np.round(fee, 2) / self.price
        found = np.zeros(len(share), bool)
        for percent in self.percents:
            found |= np.abs(percent - share) <= self.tolerance
        return found


def _by_currency(market: Ints) -> Iterator[tuple[str, Ints]]:
    """Each currency with the rows of its stores."""
    for currency in dict.fromkeys(m.currency for m in MARKETS.values()):
        here = np.flatnonzero(np.isin(market, [i for i, m in enumerate(MARKETS.values()) if m.currency == currency]))
        if len(here):
            yield currency, here
