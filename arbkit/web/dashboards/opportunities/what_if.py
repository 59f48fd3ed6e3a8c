"""What if: the shown routes, and the chosen one, asked again with another seller, exchange rate or prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, get_args

from arbkit.analysis.what_if import Revalued, question_of, revalue
from arbkit.core.errors import UsageError
from arbkit.core.models import Offer, Opportunity
from arbkit.profit import Profile, Rates, load_rates, load_tables
from arbkit.profit.exchange_rates import AssumedRates
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.quote.results import Quote
from arbkit.profit.seller_profile import FULFILMENT_METHODS, VatStatus

__all__ = ["WhatIf"]

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
    """What was changed; an empty field is as it is. ``wrong`` says of a field why it cannot be."""

    values: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether anything is changed that concerns every route."""
        every = ("profile", "gbp", "sell_change", *_OF_SELLER)
        return any(self.values.get(name) for name in every)

    def take(self, values: Mapping[str, Any]) -> None:
        """These are the fields' texts now."""
        self.values = {name: str(text).strip() for name, text in values.items()}
        self.wrong = {}

    def fields(self, profiles: Mapping[str, Profile], chosen: Opportunity | None) -> list[dict[str, Any]]:
        """The form: what each field is now, with what it is without a change as its placeholder."""
        seller = self.seller(profiles)
        rate = load_rates().rate("GBP", "EUR", date.today())  # noqa: DTZ011 - the newest one is what is meant
        configured, *others = profiles
        sellers = [{"value": "", "label": configured}, *_options(others)]
        statuses = [{"value": "", "label": f"as in the profile: {seller.vat_status}"}]
        ways = [{"value": "", "label": "the best that is open"}]
        stock = [{"value": "", "label": f"as in the profile: {seller.warehouses}"}]
        fields: list[dict[str, Any]] = [
            _choice("profile", "Seller profile", sellers),
            _choice("vat_status", "VAT status", statuses + _options(get_args(VatStatus))),
            _choice("fulfilment", "Fulfilment", ways + _options(FULFILMENT_METHODS)),
            _choice("warehouses", "German stock", stock + _options(("de", "cep"))),
            _number("expected_days", "Days stored", f"{seller.expected_days:g}"),
            _number("return_rate_pct", "Returns %", f"{seller.return_rate_pct:g}"),
            _number("other_costs", "Other costs, unit", "profile"),
            _number("fbm_shipping", "Own parcel, net", "none"),
            _number("gbp", "EUR for 1 GBP", "unknown" if rate is None else f"{rate.value:.4f}"),
            _number("sell_change", "Selling prices ± %", "0"),
        ]  # fmt: skip
        if chosen is not None:
            fields += [
                _number("buy", f"Chosen: buy, {chosen.buy_currency}", f"{chosen.buy_price:.2f}"),
                _number("sell", f"Chosen: sell, {chosen.sell_currency}", f"{chosen.sell_price:.2f}"),
                _number("target_roi", "Chosen: target ROI %", f"{seller.target_roi_pct:g}"),
            ]
        for one in fields:
            one["value"] = self.values.get(one["name"], "")
            one["wrong"] = self.wrong.get(one["name"])
        return [*fields, {"name": "reset", "kind": "button", "label": "As it is", "hint": "Take all changes back"}]

    def seller(self, profiles: Mapping[str, Profile]) -> Profile:
        """The profile that is asked with; the configured one where none is chosen."""
        return profiles.get(self.values.get("profile", ""), next(iter(profiles.values())))

    def rows(
        self, found: Sequence[Opportunity], offers: Sequence[Offer], profiles: Mapping[str, Profile], *, on: date
    ) -> list[Revalued]:
        """What each of these routes would leave; none where a field is wrong."""
        try:
            return revalue(
                found, offers, self.seller(profiles), load_tables(), self._rates(), changes=self._changes(_OF_SELLER),
                on=on, sell_change_pct=self._figure("sell_change", _LEAST_CHANGE, _GREATEST_CHANGE) or 0.0,
            )  # fmt: skip
        except UsageError as error:
            self._fault(error)
            return []

    def answer(
        self, found: Opportunity, offers: Sequence[Offer], profiles: Mapping[str, Profile], *, on: date
    ) -> Quote | None:
        """The chosen route's whole answer; None where a field is wrong."""
        try:
            seller = self.seller(profiles)
            asked = question_of(found, offers, seller, on=on).model_dump(exclude_none=True)
            change = self._figure("sell_change", _LEAST_CHANGE, _GREATEST_CHANGE) or 0.0
            asked["sell"] = round(asked["sell"] * (1 + change / 100), 2)
            question = QuoteRequest.parse({**asked, **self._changes((*_OF_SELLER, *_OF_ROUTE))})
            return quote(question, seller, load_tables(), self._rates())
        except UsageError as error:
            self._fault(error)
            return None

    def _changes(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.values[name].replace(",", ".") for name in names if self.values.get(name)}

    def _rates(self) -> Rates:
        value = self._figure("gbp", _LEAST_RATE, _GREATEST_RATE)
        return load_rates() if value is None else AssumedRates(load_rates(), "GBP", "EUR", value)

    def _figure(self, name: str, low: float, high: float) -> float | None:
        text = self.values.get(name, "")
        if not text:
            return None
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            raise UsageError("is not a number", field=name, value=text[:40]) from None
        if not low <= value <= high:
            raise UsageError(f"must be between {low:g} and {high:g}", field=name, value=text[:40])
        return value

    def _fault(self, error: UsageError) -> None:
        self.wrong = {error.field if error.field in self.values else "profile": error.why}


def _choice(name: str, label: str, options: list[dict[str, str]]) -> dict[str, Any]:
    return {"name": name, "label": label, "kind": "choice", "options": options}


def _options(values: Sequence[str]) -> list[dict[str, str]]:
    return [{"value": value, "label": value} for value in values]


def _number(name: str, label: str, placeholder: str) -> dict[str, Any]:
    return {"name": name, "label": label, "kind": "number", "placeholder": placeholder}
