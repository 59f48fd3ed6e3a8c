"""What if: what the form and the address assume of the seller and the market, and of the selected route alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import get_args
from urllib.parse import parse_qsl, urlencode

from arbkit.analysis.market.assumptions import ASSUMED_PACKAGES, AssumedPackage, Assumptions
from arbkit.analysis.market.search import TURNS, Turn
from arbkit.analysis.what_if import TURN_WORDS, quote_request_for
from arbkit.core.errors import UsageError
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import Json
from arbkit.display.labels import fulfilment_label, vat_status_label
from arbkit.profit import Profile, Rates, load_rates, load_tables
from arbkit.profit.exchange_rates import AssumedRates
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.quote.results import Quote
from arbkit.profit.seller.profile import FULFILMENT_METHODS, VatStatus
from arbkit.web.address import parse_number, without_percent
from arbkit.web.dashboards.content import Field, Option, choice, options

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
_OF_MARKET = ("gbp", "sell_change", "buy_change", "package")
_PERCENTS = frozenset({"return_rate_pct", "sell_change", "buy_change", "target_roi"})
_LONGEST = 60
_IN_ADDRESS = ("profile", *_OF_SELLER, *_OF_MARKET, "turn")
_LABELS: Mapping[str, str] = {
    "vat_status": "VAT status",
    "fulfilment": "Fulfilment",
    "warehouses": "Warehouse region (DE)",
    "expected_days": "Days stored",
    "return_rate_pct": "Returns %",
    "other_costs": "Other costs per unit",
    "fbm_shipping": "FBM shipping (net)",
    "gbp": "GBP/EUR rate",
    "sell_change": "Selling prices ± %",
    "buy_change": "Buying prices ± %",
    "package": "Packages without measures",
}
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
        return any(self.values.get(name) for name in ("profile", *_OF_MARKET, *_OF_SELLER))

    @classmethod
    def of_address(cls, text: str) -> WhatIf:
        """What an address assumes.

        Raises:
            ValueError: it names what cannot be assumed.
        """
        found = dict(parse_qsl(text))
        unknown = [name for name in found if name not in _IN_ADDRESS]
        if unknown:
            raise ValueError(f"{unknown[0][:40]!r} cannot be assumed")
        what_if = cls()
        what_if.update({name: value[:_LONGEST] for name, value in found.items()})
        return what_if

    @property
    def address(self) -> str:
        """What is assumed of every route, as a query string."""
        return urlencode({name: text for name in _IN_ADDRESS if (text := self.values.get(name))})

    @property
    def words(self) -> str:
        """What is assumed, for people who do not see the form."""
        labels = {"profile": "Seller profile", **_LABELS}
        return "; ".join(f"{label}: {self.values[name]}" for name, label in labels.items() if self.values.get(name))

    @property
    def turn(self) -> Turn:
        """Which routes are asked for by what becomes of them."""
        return next((turn for turn in TURNS if turn == self.values.get("turn")), "")

    def update(self, values: Mapping[str, str | bool]) -> None:
        """Take the fields' new texts."""
        texts = {name: str(text).strip() for name, text in values.items()}
        self.values = {name: without_percent(text) if name in _PERCENTS else text for name, text in texts.items()}
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
            choice("vat_status", _LABELS["vat_status"], statuses),
            choice("fulfilment", _LABELS["fulfilment"], methods),
            choice("warehouses", _LABELS["warehouses"], warehouses),
            _number("expected_days", _LABELS["expected_days"], f"{seller.expected_days:g}"),
            _number("return_rate_pct", _LABELS["return_rate_pct"], f"{seller.return_rate_pct:g}"),
            _number("other_costs", _LABELS["other_costs"], "profile"),
            _number("fbm_shipping", _LABELS["fbm_shipping"], "none"),
            _number("gbp", _LABELS["gbp"], "unknown" if rate is None else f"{rate.value:.4f}"),
            _number("sell_change", _LABELS["sell_change"], "0"),
            _number("buy_change", _LABELS["buy_change"], "0"),
            choice("package", _LABELS["package"], options(ASSUMED_PACKAGES[1:], first="likely, and its range")),
            choice("turn", "Show", _turns()),
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

    def assumptions(self, profiles: Mapping[str, Profile]) -> Assumptions | None:
        """What is assumed of every route; None where nothing is, or a field is wrong."""
        if not self.active:
            return None
        try:
            some: dict[str, Json | date] = {"source": "IT", "target": "DE", "buy": 1.0, "sell": 1.0}
            chosen = self.seller(profiles)
            seller = QuoteRequest.parse({**some, **self._changes(_OF_SELLER)}).apply(chosen)
            # The request has prices of its own; the market's are by the seller's basis.
            seller = seller.model_copy(update={"buy_basis": chosen.buy_basis, "sell_basis": chosen.sell_basis})
            return Assumptions(
                profile=seller, gbp_eur=self._figure("gbp", _LEAST_RATE, _GREATEST_RATE), package=self._package,
                sell_change_pct=self._change("sell_change"), buy_change_pct=self._change("buy_change"),
            )  # fmt: skip
        except UsageError as error:
            self._refuse(error)
            return None

    def quote(
        self, found: Opportunity, offers: Sequence[Offer], profiles: Mapping[str, Profile], *, on: date
    ) -> Quote | None:
        """The quote of the selected route; None where a field is wrong."""
        try:
            seller = self.seller(profiles)
            stored, package = quote_request_for(found, offers, seller, on=on, package=self._package)
            asked = stored.model_dump(exclude_none=True)
            for name in ("sell", "buy"):
                asked[name] = round(asked[name] * (1 + self._change(f"{name}_change") / 100), 2)
            question = QuoteRequest.parse({**asked, **self._changes((*_OF_SELLER, *_OF_ROUTE))})
            return quote(question, seller, load_tables(), self._rates(), package=package)
        except UsageError as error:
            self._refuse(error)
            return None

    def _changes(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.values[name].replace(",", ".") for name in names if self.values.get(name)}

    @property
    def _package(self) -> AssumedPackage:
        return next((one for one in ASSUMED_PACKAGES if one == self.values.get("package")), "likely")

    def _change(self, name: str) -> float:
        return self._figure(name, _LEAST_CHANGE, _GREATEST_CHANGE) or 0.0

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


def _turns() -> list[Option]:
    found = options((), first="all that would be profitable")
    return found + [Option(value=turn, label=TURN_WORDS[turn]) for turn in TURNS if turn]


def _number(name: str, label: str, placeholder: str) -> Field:
    return {"name": name, "label": label, "kind": "number", "placeholder": placeholder}
