"""What is assumed of the whole market: another seller, exchange rate, price level or package of unmeasured goods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from arbkit.profit import Profile, Rates, load_rates
from arbkit.profit.exchange_rates import AssumedRates
from arbkit.profit.facts.packages import EXTREMES, PACKAGE, Certainty
from arbkit.profit.fees.arrays import Floats
from arbkit.profit.offer_facts import numbers, prices

AssumedPackage = Literal["likely", "smallest", "largest"]
ASSUMED_PACKAGES: tuple[AssumedPackage, ...] = get_args(AssumedPackage)
_PRICED = (
    "price_avg30_minor", "price_avg90_minor", "price_avg180_minor", "sale_price_minor",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """A seller, and what is assumed of the market; a change of prices in percent.

    ``gbp_eur`` is what a pound is worth in euros (None: the known rate), ``package`` which size is taken of the range
    that a package without measures has.
    """

    profile: Profile
    gbp_eur: float | None = None
    sell_change_pct: float = 0.0
    buy_change_pct: float = 0.0
    package: AssumedPackage = "likely"

    @property
    def rates(self) -> Rates:
        """The exchange rates."""
        known = load_rates()
        return known if self.gbp_eur is None else AssumedRates(known, "GBP", "EUR", self.gbp_eur)

    def bought(self, offers: pd.DataFrame) -> pd.DataFrame:
        """Prepared offers as they are bought."""
        return _at(with_package(offers, self.package), self.buy_change_pct)

    def sold(self, offers: pd.DataFrame) -> pd.DataFrame:
        """Prepared offers as they are sold."""
        return _at(with_package(offers, self.package), self.sell_change_pct)


def with_package(offers: pd.DataFrame, package: AssumedPackage) -> pd.DataFrame:
    """Prepared offers, of which those without measures have this size of their range, and no other."""
    if package == "likely":
        return offers
    changed = offers.copy()
    unmeasured = numbers(offers, "package_certainty") > Certainty.MEASURED
    for name in PACKAGE:
        size = offers[f"{package}_{name}"].fillna(offers[name])
        changed[name] = np.where(unmeasured, size, offers[name])
        for extreme in EXTREMES:
            changed[f"{extreme}_{name}"] = changed[name]
    return changed


def changed_price(price: Floats, percent: float) -> Floats:
    """Shop prices, in whole cents, changed by a percentage."""
    return np.round(price * (1 + percent / 100), 2) if percent else price


def _at(offers: pd.DataFrame, percent: float) -> pd.DataFrame:
    """The offers with all their prices changed by a percentage."""
    if not percent:
        return offers
    spot = prices(offers, "spot", buying=False).price
    changed = offers.copy()
    # Keepa observed its fees at the price that there is.
    changed["keepa_referral_price"] = spot
    changed["price_minor"], changed["shipping_minor"] = (
        np.round(100 * changed_price(spot, percent)),
        np.where(np.isnan(numbers(offers, "shipping_minor")), np.nan, 0.0),
    )
    for name in _PRICED:
        changed[name] = np.round(numbers(offers, name) * (1 + percent / 100))
    return changed
