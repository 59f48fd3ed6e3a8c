"""What the past of a price says about its future: a few figures of the 90 days before each origin. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from operator import attrgetter

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from arbkit.analysis.forecast.known_history import known_history
from arbkit.core.files import shipped_table
from arbkit.core.history.prices import PriceFigures, daily_prices, price_figures
from arbkit.core.history.steps import StepSeries
from arbkit.core.models import History, Offer
from arbkit.profit.fees.arrays import Floats, Ints, Mask


class _Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    least_days: int = Field(ge=1)
    glitch_factor: float = Field(gt=1)
    source: str = Field(min_length=1)


_LIMITS = shipped_table(_Limits, "arbkit.analysis.forecast.price", "limits.toml")
_ROWS = 16_384
"""Origins that are looked at together: 91 prices of each are held."""
_FIGURES = (
    "new_days90", "new_changed90_pct", "new_below90_pct", "new_low90_minor", "new_high90_minor", "new_median90_minor",
)  # fmt: skip
"""The facts of a history that are :class:`~arbkit.core.history.prices.PriceFigures`, in their order."""
_prices_of = attrgetter("new_minor", "price_minor", "amazon_minor")


class Basis(IntEnum):
    """What a forecast rests on, or why there is none."""

    OWN = 0
    TYPICAL = 1
    NO_PRICE = 2
    GLITCH = 3


BASIS_WORDS: Mapping[Basis, str] = {
    Basis.OWN: "from its own past and that of similar products",
    Basis.TYPICAL: f"fewer than {_LIMITS.least_days} days of price history: as a typical product",
    Basis.NO_PRICE: "nobody offers it new, or no price was recorded",
    Basis.GLITCH: (
        f"today's price is {_LIMITS.glitch_factor:g} times as high, or as low, as the median of the last 90 days"
    ),
}
"""The basis of a forecast in words."""


@dataclass(frozen=True, slots=True)
class PriceHistories:
    """The new price (minor units) and Amazon's own of many listings, a row each."""

    new: StepSeries
    amazon: StepSeries

    @classmethod
    def of(cls, histories: Sequence[History]) -> PriceHistories:
        """A row for each of these histories."""
        return cls(*(StepSeries.of([h.series.get(name) for h in histories]) for name in ("new", "amazon")))


@dataclass(frozen=True, slots=True)
class PricePast:
    """Figures at each origin, arrays of one length; nothing after the origin is in them.

    Of those days of the last 90 on which there was a price: ``days`` how many, ``changed`` the share of them on which
    it changed, ``below`` the share on which it was lower than at the origin (equal days half), ``low`` and ``high`` the
    logarithms of lowest and highest over the price at the origin. ``amazon`` is 1 where Amazon sells it, else 0.
    ``basis`` is a :class:`Basis`; without a price (``price`` NaN, minor units) the figures are 0.
    """

    price: Floats
    days: Floats
    changed: Floats
    below: Floats
    low: Floats
    high: Floats
    amazon: Floats
    basis: Ints

    def __len__(self) -> int:
        return len(self.price)

    def take(self, rows: Ints | Mask) -> PricePast:
        """Some of the origins."""
        return PricePast(*(getattr(self, one.name)[rows] for one in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[PricePast]) -> PricePast:
        """The origins of all parts (at least one), one after the other."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))


def past_of(histories: PriceHistories, rows: Ints, origins: Ints) -> PricePast:
    """The figures of these rows at these times (Keepa minutes), each as far as it was known then."""
    parts = [
        _at_origins(histories, rows[i : i + _ROWS], origins[i : i + _ROWS]) for i in range(0, max(len(rows), 1), _ROWS)
    ]
    return PricePast.joined(parts)


def _at_origins(histories: PriceHistories, rows: Ints, origins: Ints) -> PricePast:
    daily = daily_prices(histories.new, rows, origins)
    return _described(daily[:, -1], price_figures(daily), histories.amazon.at(rows, origins) > 0)


def past_of_offers(offers: Sequence[Offer], *, now: float) -> PricePast:
    """The past of each offer's new price by what its history said; that of a typical product where it said nothing."""
    columns = np.array([*map(_prices_of, offers)], np.float64).reshape(len(offers), 3)
    new, used, amazon = columns.T
    known = known_history(offers, now=now)
    figures = PriceFigures(*(known[name] for name in _FIGURES))
    # Where nobody recorded a new price, any price is one that may move as others do.
    price = np.where(np.isnan(figures.days) & np.isnan(new), used, new)
    return _described(np.where(price > 0, price, np.nan), figures, amazon > 0)


def _described(price: Floats, found: PriceFigures, amazon: Mask) -> PricePast:
    """The past that leads to these prices (minor units)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = np.log(found.low / price), np.log(found.high / price)
        is_glitch = np.abs(np.log(price / found.median)) > math.log(_LIMITS.glitch_factor)
    # A price that came after the history was read may lie beyond all that it says.
    below = np.where(high < 0, 1.0, np.where(low > 0, 0.0, found.below_pct / 100))
    basis = np.where(found.days >= _LIMITS.least_days, Basis.OWN, Basis.TYPICAL)
    basis = np.where(is_glitch, Basis.GLITCH, basis)
    basis = np.where(np.isnan(price), Basis.NO_PRICE, basis)
    return PricePast(
        price=price,
        days=np.nan_to_num(found.days),
        changed=np.nan_to_num(found.changed_pct / 100),
        below=np.nan_to_num(below),
        low=np.nan_to_num(np.minimum(low, 0.0)),
        high=np.nan_to_num(np.maximum(high, 0.0)),
        amazon=amazon.astype(float),
        basis=basis,
    )
