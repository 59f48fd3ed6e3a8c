"""What would leave more, or what is missing to price a route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from arbkit.core.errors import nearest
from arbkit.core.marketplaces import market
from arbkit.profit.quote.pricer import PricedMethod, QuotePricer
from arbkit.profit.reason_codes import ReasonCode

_SIZE_STEP_MM = 2.0
_UNMEASURED = (ReasonCode.PACKAGE_ASSUMED, ReasonCode.PACKAGE_DERIVED)
_HALF_A_CENT = 0.005
_NEAR_ZONE = 1.25
"""A stretch of worse prices is worth a hint as far above the selling price as this factor."""


def hints(pricer: QuotePricer, priced: PricedMethod, zones: Sequence[tuple[float, float]]) -> list[str]:
    """Remedies where the profit is unknown; else prices and package sizes that would leave more.

    ``zones``: stretches of selling prices that leave less than a lower price.
    """
    if priced.unknown:
        names = [schedule.name for schedule in pricer.day.schedules]
        categories = ", ".join(nearest(pricer.request.category or "", names, most=3) or sorted(names)[:5])
        remedies = (reason.remedy(categories=categories) for reason in priced.unknown)
        return [remedy for remedy in remedies if remedy]
    measure = (reason.remedy() for reason in priced.row["assumed"] if reason.code in _UNMEASURED)
    return [*_price_hints(pricer, priced, zones), *_size_hints(pricer, priced), *filter(None, measure)]


def _price_hints(pricer: QuotePricer, priced: PricedMethod, zones: Sequence[tuple[float, float]]) -> list[str]:
    sell, currency = pricer.request.sell, market(pricer.request.target).currency
    found = []
    for low, high in zones:
        better = round(low - 0.01, 2)
        if low <= sell <= high:
            now, then = pricer.profits(priced.method, sell=np.array([sell, better]))
            found.append(
                f"sell at {better:.2f}, not at {low:.2f} to {high:.2f} {currency}: that leaves {then - now:.2f} "
                f"{pricer.profile.currency} more than {sell:.2f}"
            )
        elif sell < low <= _NEAR_ZONE * sell:
            found.append(f"prices of {low:.2f} to {high:.2f} {currency} leave less than {better:.2f}")
    return found


def _size_hints(pricer: QuotePricer, priced: PricedMethod) -> list[str]:
    """What 2 mm less, or more, on one side would change of the fulfilment fee."""
    # Storage changes with every millimetre: left out, only a step of a fee is left.
    pricer = replace(pricer, storage=False)
    sides = np.sort(np.array(pricer.sides))[::-1]
    if priced.method == "fbm" or pricer.package.uncertain or np.isnan(sides).any():
        return []
    step = np.eye(3) * _SIZE_STEP_MM
    every = np.vstack([sides, sides - step, sides + step, sides - _SIZE_STEP_MM])
    profit = pricer.profits(priced.method, sides=every)
    gains, losses = profit[1:4] - profit[0], profit[0] - profit[4:7]
    found = []
    for side, name, gain, loss in zip(sides, ("longest", "middle", "shortest"), gains, losses, strict=True):
        if gain > _HALF_A_CENT:
            found.append(f"2 mm less on the {name} side ({side:g} mm) leaves {gain:.2f} more: the next tier")
        if loss > _HALF_A_CENT:
            found.append(f"2 mm more on the {name} side ({side:g} mm) would cost {loss:.2f}: measure well")
    gain = profit[7] - profit[0]
    if gain > _HALF_A_CENT and not (gains > _HALF_A_CENT).any():
        found.append(f"2 mm less on every side leaves {gain:.2f} more")
    return found
