"""The same route under other VAT, and with prices or the exchange rate other than expected."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from arbkit.core.errors import ConfigError
from arbkit.core.marketplaces import market
from arbkit.profit.components import rounded
from arbkit.profit.exchange_rates import ShiftedRates
from arbkit.profit.fees.arrays import Floats
from arbkit.profit.quote.pricer import QuotePricer
from arbkit.profit.quote.results import SensitivityRow, VatGridRow
from arbkit.profit.seller_profile import FulfilmentMethod, Profile, VatStatus

_CHANGES_PCT = (-10.0, -5.0, 5.0, 10.0)
_STATUSES: tuple[VatStatus, ...] = ("reclaiming", "not-reclaiming", "unregistered")


def vat_grid(pricer: QuotePricer) -> tuple[VatGridRow, ...]:
    """The same route under each VAT status, and under each class of goods with the seller's own status."""
    profile = pricer.profile
    cases = [(status, profile.vat_class) for status in _STATUSES]
    own = _vat_rates(pricer, profile.vat_class if profile.vat_class != "auto" else "standard")
    cases += [(profile.vat_status, c) for c in pricer.day.vat_classes if _vat_rates(pricer, c) != own]
    return tuple(_vat_case(pricer, status, vat_class) for status, vat_class in cases)


def _vat_rates(pricer: QuotePricer, vat_class: str) -> tuple[float, float]:
    return pricer.day.vat(pricer.request.source, vat_class), pricer.day.vat(pricer.request.target, vat_class)


def _vat_case(pricer: QuotePricer, status: VatStatus, vat_class: str) -> VatGridRow:
    fields = {**pricer.profile.model_dump(), "vat_status": status, "vat_class": vat_class}
    if status == "unregistered":
        fields["registrations"] = ()
    case = partial(VatGridRow, vat_status=status, vat_class=vat_class)
    try:
        other = replace(pricer, profile=Profile.checked(fields))
    except ConfigError as error:
        return case(profit=None, roi_pct=None, fulfilment=None, why_not=error.why)
    best = other.best([other.priced(method) for method in other.profile.fulfilment])
    return case(
        profit=best.figure("profit"), roi_pct=best.figure("roi_pct"), fulfilment=best.method, why_not=best.why_not
    )


def sensitivity(pricer: QuotePricer, method: FulfilmentMethod) -> tuple[SensitivityRow, ...]:
    """The profit when a price or the exchange rate is other than expected."""
    request = pricer.request
    factors = np.array([1 + change / 100 for change in _CHANGES_PCT])
    rows = _changes("sell_price", pricer.profits(method, sell=request.sell * factors))
    rows += _changes("buy_price", pricer.profits(method, buy=request.buy * factors))
    if market(request.source).currency != market(request.target).currency:
        shifted = [replace(pricer, rates=ShiftedRates(pricer.rates, factor)) for factor in factors.tolist()]
        profits = [other.profits(method, sell=np.array([request.sell]))[0] for other in shifted]
        rows += _changes("exchange_rate", np.array(profits))
    return tuple(rows)


def _changes(of: Literal["sell_price", "buy_price", "exchange_rate"], profits: Floats) -> list[SensitivityRow]:
    return [
        SensitivityRow(of=of, change_pct=change, profit=rounded(profit))
        for change, profit in zip(_CHANGES_PCT, profits, strict=True)
    ]
