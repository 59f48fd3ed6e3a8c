"""Each component of a route's profit explained: the rule, the table, the day that came into force, its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from arbkit.core.marketplaces import MARKETS
from arbkit.core.results import ComponentRow
from arbkit.profit.components import COMPONENTS
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.bands import Provenance
from arbkit.profit.fees.fulfilment import dispatch_day, months
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.fees.vat import collected_vat
from arbkit.profit.reason_codes import ReasonCode
from arbkit.profit.route_frame import RouteRow
from arbkit.profit.seller.profile import InputVat, Profile

_GUESSES = {
    ReasonCode.PACKAGE_ASSUMED: "the likely package of its category",
    ReasonCode.PACKAGE_DERIVED: "the likely package by what is known of it",
}
_INPUT_VAT: dict[InputVat, str] = {
    "net-intra-eu": "not charged: bought with the VAT number of another EU country",
    "domestic-recovered": "recovered on the purchase",
    "domestic-lost": "not recovered",
    "import": "not charged, or recovered, as the goods are exported",
}


@dataclass(frozen=True, slots=True)
class _Explanation:
    """The rule in words, the table it is from or else the source, and whether it rests on a guess."""

    rule: str
    table: Provenance | None = None
    source: str | None = None
    assumed: bool = False


def components(row: RouteRow, profile: Profile, day: EffectiveTables, rates: Rates) -> list[ComponentRow]:
    """The components of one row of :meth:`arbkit.profit.Evaluation.frame` that are not zero.

    ``amount`` is signed, in the home currency, None where unknown; the amounts add up to the profit.
    """
    explainer = _Explainer(row, profile, day, rates)
    amounts = cast("Mapping[str, float]", row)
    return [explainer.line(name, amounts[name]) for name in COMPONENTS if amounts[name] != 0]


class _Explainer:
    """Explanations of one route's components, by name."""

    def __init__(self, row: RouteRow, profile: Profile, day: EffectiveTables, rates: Rates) -> None:
        self.row, self.profile, self.day, self.rates = row, profile, day, rates
        self.source, self.target = row["source"], row["target"]
        self.assumed = {reason.code for reason in row["assumed"]}
        self._explanations = self._by_name()
        self.package_guess = next((text for code, text in _GUESSES.items() if code in self.assumed), "")

    def line(self, name: str, amount: float) -> ComponentRow:
        """The component of this name with what explains it."""
        explanation = self._explanations[name]()
        table = explanation.table
        if math.isnan(amount) and table is None and explanation.source is None:
            explanation = _Explanation(f"no table reaches back to {self.day.on}")
        return {
            "name": name,
            "amount": None if math.isnan(amount) else amount,
            "currency": self.row["currency"],
            "rule": explanation.rule,
            "table": table.table_id if table else None,
            "valid_from": table.valid_from.isoformat() if table else None,
            "source": table.source if table else explanation.source,
            "assumed": explanation.assumed or bool(table and table.assumed),
        }

    def _by_name(self) -> dict[str, Callable[[], _Explanation]]:
        """What explains each component, by its name."""
        return {
            "sale_price": lambda: self._price(self.row["sell_price"], self.row["sell_currency"], self.target,
                                              self.row["sell_basis"]),
            "purchase_price": lambda: self._price(self.row["buy_price"], self.row["buy_currency"], self.source,
                                                  self.row["buy_basis"]),
            "output_vat": lambda: self._vat(self._who_owes(), self.target, self.row["vat_class_sold"]),
            "input_vat": lambda: self._vat(_INPUT_VAT[self.row["input_vat_case"]], self.source,
                                            self.row["vat_class_bought"]),
            "referral_fee": self._referral,
            "closing_fee": self._closing,
            "storage": self._storage,
            "refunds": self._refunds,
            "fulfilment_fee": self._fulfilment,
            "fuel_surcharge": self._fuel,
            "peak_surcharge": self._peak,
            "packaging_fee": self._packaging,
            "digital_services_fee": self._digital,
            "vat_on_fees": self._vat_on_fees,
            "duty": self._duty,
            "import_vat": lambda: self._vat("on import, not recovered", self.target, self.row["vat_class_sold"]),
            "freight": lambda: self._of_profile("freight per unit and kg"),
            "other_costs": lambda: self._of_profile("preparation and inbound"),
            "fx_cost": lambda: self._of_profile(f"{self.profile.exchange_spread_pct:g} % exchange spread",
                                                assumed=True),
        }  # fmt: skip

    def _table(self, table_id: str) -> Provenance | None:
        return self.day.provenance(table_id)

    def _of_profile(self, rule: str, *, assumed: bool = False) -> _Explanation:
        return _Explanation(rule, source=f"seller profile {self.profile.name!r}", assumed=assumed)

    def _price(self, price: float, currency: str, code: str, basis: str | None) -> _Explanation:
        source = basis if isinstance(basis, str) else "no price"
        if source not in ("as given", "no price"):
            source = f"Keepa, price basis: {source.replace('_', ' ')}"
        if math.isnan(price):
            return _Explanation(f"no price on {MARKETS[code].amazon}", source=source)
        text = f"{price:.2f} {currency} on {MARKETS[code].amazon}, VAT included"
        if currency != self.row["currency"]:
            rate = self.rates.rate(currency, self.row["currency"], self.day.on)
            if rate is not None:
                text += f", at {rate.value:.4f} ({self.rates.source} of {rate.day})"
        return _Explanation(text, source=source)

    def _vat(self, what: str, code: str, vat_class: str) -> _Explanation:
        auto = self.profile.vat_class == "auto"
        suggested = auto and vat_class != "standard"
        hidden = auto and not suggested and ReasonCode.VAT_CLASS_HIDDEN in self.assumed
        how = ", suggested by the category" if suggested else ", some goods of the category reduced" if hidden else ""
        rule = f"{100 * self.day.vat(code, vat_class):g} % VAT of {code} ({vat_class}{how}), {what}"
        return _Explanation(rule, self._table("vat"), assumed=suggested or hidden)

    def _who_owes(self) -> str:
        """Who owes the VAT on the sale: abroad in some stores, the marketplace on what it may collect."""
        row, limit = self.row, collected_vat(self.day, self.profile.home).get(self.target)
        if limit is not None:
            net = row["sell_price"] / (1 + self.day.vat(self.target, row["vat_class_sold"]))
            if row["stock"] == self.target or net <= limit:
                return "collected and owed by the marketplace"
        return "owed on the sale"

    def _vat_on_fees(self) -> _Explanation:
        home = self.profile.home
        rule = f"{100 * self.day.vat(home):g} % VAT of {home} on Amazon's fees, not recovered"
        return _Explanation(rule, self._table("vat"))

    def _closing(self) -> _Explanation:
        plan = ", individual plan's fee per unit" if self.profile.plan == "individual" else ""
        name = self.row["referral_schedule"]
        rows = [r for r in self.day.get("closing").get("fees", ()) if name in r["schedules"]]
        assumed = any(self.target in row.get("assumed_in", ()) for row in rows)
        return _Explanation(f"per media item, or Keepa's own figure{plan}", self._table("closing"), assumed=assumed)

    def _storage(self) -> _Explanation:
        early, late = months(self.day.on, self.profile.expected_days)
        seasons = {"of January to September": early, "of October to December": late}
        times = [f"{count:.2f} months {name}" for name, count in seasons.items() if count]
        return _Explanation(f"storage in {self.row['stock']}: {' and '.join(times)}", self._table("storage"))

    def _refunds(self) -> _Explanation:
        content, profile = self.day.get("refunds"), self.profile
        rule = (
            f"{profile.return_rate_pct:g} % return rate: {content.get('percent', 0):g} % of the referral fee, at most "
            f"{content.get('at_most_EUR', 0):.2f} EUR, and {profile.return_handling:.2f} {profile.currency} handling"
        )
        if profile.return_outbound_lost:
            rule += ", and the cost of sending it"
        if profile.return_value_loss_pct:
            rule += f", and {profile.return_value_loss_pct:g} % of its purchase price"
        return _Explanation(rule, self._table("refunds"), assumed=MARKETS[self.target].currency != "EUR")

    def _referral(self) -> _Explanation:
        name, table, count = self.row["referral_schedule"], self._table("referral"), self.row["referral_candidates"]
        schedule = next((s for s in self.day.schedules if s.name == name), None)
        if schedule is None:
            return _Explanation("category unknown", table)
        how = "as Keepa observes it" if self.row["referral_observed"] else "by category"
        if count > 1:
            how = f"{'higher' if count == 2 else 'highest'} of {count} possible rates"
        return _Explanation(f"{schedule.rule}, {how}", table, assumed=count > 1)

    def _fulfilment(self) -> _Explanation:
        row, target = self.row, self.target
        if row["fulfilment"] == "fbm":
            return self._of_profile("own shipping to the buyer")
        if row["fulfilment_from"] == "keepa":
            old = ReasonCode.KEEPA_FEE_OLD in self.assumed
            rule = f"FBA {target}, as Keepa observes it for this product{', before the table changed' if old else ''}"
            return _Explanation(rule, source="Keepa fbaFees", assumed=old)
        if row["fulfilment"] == "efn":
            name, table = f"EFN {row['stock']} → {target}", "fulfilment_efn"
        elif "parcel " in row["size_tier"]:
            name, table = f"FBA {target}, selected category", "fulfilment_selected"
        else:
            low = row["fulfilment_from"] == "low-price table"
            name, table = ("Low-Price FBA", "fulfilment_low_price") if low else ("FBA", "fulfilment_local")
            name += f"{', Pan-EU' if row['fulfilment'] == 'pan-eu' else ''} {target}"
        return _Explanation(f"{name}: {self._size()}", self._table(table), assumed=bool(self.package_guess))

    def _size(self) -> str:
        row = self.row
        size = f"{row['size_tier']}, {row['billing_kg']:.2f} kg" if row["size_tier"] else "size unknown"
        if self.package_guess:
            size += f", {self.package_guess}"
        return f"{size}, package facts of the {row['package_from']} listing" if row["package_from"] else size

    def _fuel(self) -> _Explanation:
        percent = self.day.get("surcharges.fuel")["percent"]
        of = "the fulfilment fee with what the peak season adds" if self.row["peak_surcharge"] else "the fulfilment fee"
        return _Explanation(f"{percent:g} % of {of}", self._table("surcharges.fuel"))

    def _peak(self) -> _Explanation:
        sold_on = dispatch_day(self.day.on, self.profile.expected_days)
        season = self.day.season(sold_on)
        rule = f"peak fee minus the base fee, as expected to be sent on {sold_on}: {self._size()}"
        return _Explanation(rule, season.provenance if season else None)

    def _packaging(self) -> _Explanation:
        rule = f"packaging of oversize that is not SIPP-certified: {self._size()}"
        return _Explanation(rule, self._table("surcharges.packaging"))

    def _duty(self) -> _Explanation:
        customs = self.profile.customs
        if customs.duty_preset is not None:
            rule = f"{customs.duty_preset} goods, as the profile states"
            return _Explanation(rule, self._table("duty"), assumed=True)
        percent = customs.duty_pct
        rule = "unknown: set duty_pct" if percent is None else f"{percent:g} % of goods and freight"
        return self._of_profile(rule, assumed=True)

    def _digital(self) -> _Explanation:
        home = self.profile.home
        row = self.day.digital_services(home, self.target)
        if row is None:
            return _Explanation(f"unknown for sellers in {home}")
        table = Provenance("digital_services", row["valid_from"], row["source"], bool(row.get("assumed")))
        rule = f"{row['selling']:g} % of selling fees and {row['fba']:g} % of FBA fees, seller in {home}"
        return _Explanation(rule, table)
