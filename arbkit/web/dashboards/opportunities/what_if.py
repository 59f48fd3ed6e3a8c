"""What if: the shown routes, and the selected one, priced with another seller, exchange rate or prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import get_args

from arbkit.analysis.routes import PricedRoute
from arbkit.analysis.what_if import quote_request_for, reprice
from arbkit.core.errors import UsageError
from arbkit.core.models import Offer, Opportunity
from arbkit.display.labels import fulfilment_label, vat_status_label
from arbkit.profit import Profile, Rates, load_rates, load_tables
from arbkit.profit.exchange_rates import AssumedRates
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.quote.results import Quote
from arbkit.profit.seller.profile import FULFILMENT_METHODS, VatStatus
from arbkit.web.address import parse_number
from arbkit.web.dashboards.content import Field, choice, options

_OF_SELLER = (
    "vat_status",
    "fulfilment",
    "warehouses",
    "expected_days",
    "return_rate_pct",
    "other_costs",
    "fbm_shipping",
)
_OF_ROUTE = ("buy", "sell", "target_roi")
_LEAST_RATE, _GREATEST_RATE = 0.01, 100.0
_LEAST_CHANGE, _GREATEST_CHANGE = -95.0, 500.0


@dataclass(slots=True)
class WhatIf:
    """What was changed; an empty field changes nothing. ``wrong`` says why a field's value was refused."""

    values: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether anything is changed that concerns every route."""
        every = ("profile", "gbp", "sell_change", *_OF_SELLER)
        return any(self.values.get(name) for name in every)

    def update(self, values: Mapping[str, str | bool]) -> None:
        """Take the fields' new texts."""
        self.values = {name: str(text).strip() for name, text in values.items()}
        self.wrong = {}

    def forget_route(self) -> None:
        """Drop what was typed in for the selected route only: its prices are not those of another one."""
        for name in _OF_ROUTE:
            self.values.pop(name, None)
            self.wrong.pop(name, None)

    def fields(self, profiles: Mapping[str, Profile], chosen: Opportunity | None) -> list[Field]:
        """The form; a field's placeholder is its value without a change. ``profiles``: the configured one first."""
        seller = self.seller(profiles)
        rate = load_rates().rate("GBP", "EUR", date.today())  # noqa: DTZ011 - the newest one is what is meant
        configured, *others = profiles
        status = f"profile: {vat_status_label(seller.vat_status)}"
        statuses = options(get_args(VatStatus), first=status, label=vat_status_label)
        methods = options(FULFILMENT_METHODS, first="cheapest available", label=fulfilment_label)
        warehouses = options(("de", "cep"), first=f"profile: {seller.warehouses}")
        fields = [
            choice("profile", "Seller profile", options(others, first=configured)),
            choice("vat_status", "VAT status", statuses),
            choice("fulfilment", "Fulfilment", methods),
            choice("warehouses", "Warehouse region (DE)", warehouses),
            _number("expected_days", "Days stored", f"{seller.expected_days:g}"),
            _number("return_rate_pct", "Returns %", f"{seller.return_rate_pct:g}"),
            _number("other_costs", "Other costs per unit", "profile"),
            _number("fbm_shipping", "FBM shipping (net)", "none"),
            _number("gbp", "GBP/EUR rate", "unknown" if rate is None else f"{rate.value:.4f}"),
            _number("sell_change", "Selling prices ± %", "0"),
        ]
        if chosen is not None:
            of_route = [
                _number("buy", f"Selected row: buy price, {chosen.buy_currency}", f"{chosen.buy_price:.2f}"),
                _number("sell", f"Selected row: sell price, {chosen.sell_currency}", f"{chosen.sell_price:.2f}"),
                _number("target_roi", "Selected row: target ROI %", f"{seller.target_roi_pct:g}"),
            ]
            fields += [{**one, "of": chosen.id} for one in of_route]
        for one in fields:
            one["value"] = self.values.get(one["name"], "")
            one["wrong"] = self.wrong.get(one["name"])
        return [*fields, {"name": "reset", "kind": "button", "label": "Reset", "hint": "Undo all changes"}]

    def seller(self, profiles: Mapping[str, Profile]) -> Profile:
        """The selected profile, or the configured one."""
        return profiles.get(self.values.get("profile", ""), next(iter(profiles.values())))

    def rows(
        self, found: Sequence[Opportunity], offers: Sequence[Offer], profiles: Mapping[str, Profile], *, on: date
    ) -> list[PricedRoute]:
        """Each of these routes priced again; empty where a field is wrong."""
        try:
            return reprice(
                found, offers, self.seller(profiles), load_tables(), self._rates(), changes=self._changes(_OF_SELLER),
                on=on, sell_change_pct=self._figure("sell_change", _LEAST_CHANGE, _GREATEST_CHANGE) or 0.0,
            )  # fmt: skip
        except UsageError as error:
            self._refuse(error)
            return []

    def quote(
        self, found: Opportunity, offers: Sequence[Offer], profiles: Mapping[str, Profile], *, on: date
    ) -> Quote | None:
        """The quote of the selected route; None where a field is wrong."""
        try:
            seller = self.seller(profiles)
            stored, package = quote_request_for(found, offers, seller, on=on)
            asked = stored.model_dump(exclude_none=True)
            change = self._figure("sell_change", _LEAST_CHANGE, _GREATEST_CHANGE) or 0.0
            asked["sell"] = round(asked["sell"] * (1 + change / 100), 2)
            question = QuoteRequest.parse({**asked, **self._changes((*_OF_SELLER, *_OF_ROUTE))})
            return quote(question, seller, load_tables(), self._rates(), package=package)
        except UsageError as error:
            self._refuse(error)
            return None

    def _changes(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.values[name].replace(",", ".") for name in names if self.values.get(name)}

    def _rates(self) -> Rates:
        value = self._figure("gbp", _LEAST_RATE, _GREATEST_RATE)
        return load_rates() if value is None else AssumedRates(load_rates(), "GBP", "EUR", value)

    def _figure(self, name: str, low: float, high: float) -> float | None:
        try:
            return parse_number(self.values.get(name, ""), low, high)
        except ValueError as error:
            raise UsageError(str(error), field=name) from None

    def _refuse(self, error: UsageError) -> None:
        self.wrong = {error.field if error.field in self.values else "profile": error.why}


def _number(name: str, label: str, placeholder: str) -> Field:
    return {"name": name, "label": label, "kind": "number", "placeholder": placeholder}
