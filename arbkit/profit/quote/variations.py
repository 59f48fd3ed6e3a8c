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
from arbkit.profit.seller.input_vat import possible_stocks, why_nowhere_possible
from arbkit.profit.seller.profile import INPUT_VAT_CASES, FulfilmentMethod, InputVat, Profile, VatStatus

_CHANGES_PCT = (-10.0, -5.0, 5.0, 10.0)
_LOSING: tuple[VatStatus, ...] = ("not-reclaiming", "unregistered")
_Case = tuple[VatStatus, InputVat | None, str]
"""VAT status, case of input VAT (None: what the profile says) and VAT class."""


def vat_grid(pricer: QuotePricer) -> tuple[VatGridRow, ...]:
    """The same route under each case of input VAT, each other VAT status, and each class of goods as the seller is."""
    profile = pricer.profile
    cases: list[_Case] = [("reclaiming", case, profile.vat_class) for case in INPUT_VAT_CASES]
    cases += [(status, None, profile.vat_class) for status in _LOSING]
    own = _vat_rates(pricer, profile.vat_class if profile.vat_class != "auto" else "standard")
    cases += [(profile.vat_status, None, c) for c in pricer.day.vat_classes if _vat_rates(pricer, c) != own]
    return tuple(_vat_case(pricer, *case) for case in cases)


def _vat_rates(pricer: QuotePricer, vat_class: str) -> tuple[float, float]:
    return pricer.day.vat(pricer.request.source, vat_class), pricer.day.vat(pricer.request.target, vat_class)


def _vat_case(pricer: QuotePricer, status: VatStatus, input_vat: InputVat | None, vat_class: str) -> VatGridRow:
    own, request = pricer.profile, pricer.request
    fields = {**own.model_dump(), "vat_status": status, "vat_class": vat_class}
    if status == "unregistered":
        fields["registrations"] = ()
    if input_vat is not None:
        fields["input_vat"] = {request.source: input_vat}
    elif status != own.vat_status:
        fields["input_vat"] = {}
    row = partial(VatGridRow, vat_status=status, vat_class=vat_class)
    nothing = partial(row, input_vat=input_vat or "domestic-lost", profit=None, roi_pct=None, fulfilment=None)
    try:
        other = replace(pricer, profile=Profile.checked(fields))
    except ConfigError as error:
        return nothing(why_not=error.why)
    priced = [other.priced(method) for method in other.profile.fulfilment]
    if input_vat is not None:
        stocks = possible_stocks(other.profile, request.source, request.target)
        impossible = why_nowhere_possible(input_vat, request.source, stocks)
        if impossible is not None:
            return nothing(why_not=impossible)
        priced = [p for p in priced if p.row["input_vat_case"] == input_vat]
    best = other.best(priced)
    return row(
        input_vat=best.row["input_vat_case"],
        profit=best.figure("profit"),
        roi_pct=best.figure("roi_pct"),
        fulfilment=best.method,
        why_not=best.why_not,
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
