"""Each line of a route's money in words: the rule, the table, the day it began, its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from arbkit.core.marketplaces import MARKETS
from arbkit.core.results import ComponentRow
from arbkit.profit.components import COMPONENTS
from arbkit.profit.exchange_rates import Rates
from arbkit.profit.fees.bands import Provenance
from arbkit.profit.fees.fulfilment import months
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.seller_profile import Profile

__all__ = ["components"]

_Told = tuple[str, Provenance | None, str | None, bool]


def components(row: Mapping[str, Any], profile: Profile, day: EffectiveTables, rates: Rates) -> list[ComponentRow]:
    """The components of one row of :meth:`arbkit.profit.Evaluation.frame` that are not zero, in public JSON.

    ``amount`` is signed, in the home currency, None where unknown; the amounts add up to the profit.
    """
    told = _Explainer(row, profile, day, rates)
    lines: list[ComponentRow] = []
    for name in COMPONENTS:
        amount = float(row[name])
        if amount == 0:
            continue
        rule, table, source, assumed = told.tell(name)
        lines.append(
            {
                "name": name,
                "amount": None if math.isnan(amount) else amount,
                "currency": row["currency"],
                "rule": rule,
                "table": table.table_id if table else None,
                "valid_from": table.valid_from.isoformat() if table else None,
                "source": table.source if table else source,
                "assumed": assumed or bool(table and table.assumed),
            }
        )
    return lines


class _Explainer:
    def __init__(self, row: Mapping[str, Any], profile: Profile, day: EffectiveTables, rates: Rates) -> None:
        self.row, self.profile, self.day, self.rates = row, profile, day, rates
        self.source, self.target = row["source"], row["target"]

    def tell(self, name: str) -> _Told:
        rules: dict[str, Callable[[], _Told]] = {
            "sale_price": lambda: (self._price("sell", self.target), None, self._offer("sell"), False),
            "purchase_price": lambda: (self._price("buy", self.source), None, self._offer("buy"), False),
            "output_vat": lambda: self._vat("owed on the sale", self.target, "sold"),
            "input_vat": lambda: self._vat("recovered on the purchase", self.source, "bought"),
            "referral_fee": self._referral,
            "closing_fee": self._closing,
            "storage": self._storage,
            "refunds": self._refunds,
            "fulfilment_fee": self._fulfilment,
            "fuel_surcharge": lambda: self._dated("fuel", "{percent:g} % of the fulfilment fee"),
            "peak_surcharge": lambda: self._dated("peak", "peak season, by size and country of stock"),
            "digital_services_fee": self._digital,
            "vat_on_fees": lambda: (
                f"{100 * self.day.vat(self.profile.home):g} % VAT of {self.profile.home} on Amazon's fees, "
                "not recovered",
                self._t("vat"), None, False,
            ),
            "duty": self._duty,
            "import_vat": lambda: self._vat("on import, not recovered", self.target, "sold"),
            "freight": lambda: ("freight per unit and kg", None, self._profile(), False),
            "other_costs": lambda: ("preparation and inbound", None, self._profile(), False),
            "fx_cost": lambda: (
                f"{self.profile.exchange_spread_pct:g} % exchange spread", None, self._profile(), True,
            ),
        }  # fmt: skip
        return rules[name]()

    def _t(self, name: str) -> Provenance | None:
        return self.day.provenance(name)

    def _profile(self) -> str:
        return f"seller profile {self.profile.name!r}"

    def _offer(self, side: str) -> str:
        basis = self.row[f"{side}_basis"]
        if not isinstance(basis, str):
            return "no price"
        return basis if basis == "as given" else f"Keepa, price basis: {basis.replace('_', ' ')}"

    def _price(self, side: str, code: str) -> str:
        price, currency = self.row[f"{side}_price"], self.row[f"{side}_currency"]
        if math.isnan(price):
            return f"no price on {MARKETS[code].amazon}"
        text = f"{price:.2f} {currency} on {MARKETS[code].amazon}, VAT included"
        if currency != self.row["currency"]:
            rate = self.rates.rate(currency, self.row["currency"], self.day.on)
            if rate is not None:
                text += f", at {rate.value:.4f} ({self.rates.source} of {rate.day})"
        return text

    def _vat(self, what: str, code: str, side: str) -> _Told:
        vat_class = str(self.row[f"vat_class_{side}"])
        suggested = self.profile.vat_class == "auto" and vat_class != "standard"
        how = ", suggested by the category" if suggested else ""
        rule = f"{100 * self.day.vat(code, vat_class):g} % VAT of {code} ({vat_class}{how}), {what}"
        return rule, self._t("vat"), None, suggested

    def _closing(self) -> _Told:
        plan = ", individual plan's fee per unit" if self.profile.plan == "individual" else ""
        return f"per media item, or Keepa's own figure{plan}", self._t("closing"), None, False

    def _storage(self) -> _Told:
        early, late = months(self.day.on, self.profile.expected_days)
        seasons = [
            f"{m:.2f} months {name}"
            for m, name in ((early, "of January to September"), (late, "of October to December"))
            if m
        ]
        return f"storage in {self.row['stock']}: {' and '.join(seasons)}", self._t("storage"), None, False

    def _refunds(self) -> _Told:
        content, profile = self.day.get("refunds"), self.profile
        rule = (
            f"{profile.return_rate_pct:g} % return rate: {content.get('percent', 0):g} % of the referral fee, at most "
            f"{content.get('at_most_EUR', 0):.2f} EUR, and {profile.return_handling:.2f} {profile.currency} handling"
        )
        return rule, self._t("refunds"), None, MARKETS[self.target].currency != "EUR"

    def _referral(self) -> _Told:
        name = self.row["referral_schedule"]
        schedule = next((s for s in self.day.schedules if s.name == name), None)
        if schedule is None:
            return "category unknown", self._t("referral"), None, False
        several = self.row["referral_candidates"] > 1
        how = "as Keepa observes it" if self.row["referral_observed"] else "by category"
        if several:
            candidates = self.row["referral_candidates"]
            how = f"{'higher' if candidates == 2 else 'highest'} of {candidates:g} possible rates"
        return f"{schedule.rule}, {how}", self._t("referral"), None, several

    def _fulfilment(self) -> _Told:
        row = self.row
        if row["fulfilment"] == "fbm":
            return "own shipping to the buyer", None, self._profile(), False
        if row["fulfilment_from"] == "keepa":
            return f"FBA {self.target}, as Keepa observes it for this product", None, "Keepa fbaFees", False
        size = f"{row['size_tier']}, {row['billing_kg']:.2f} kg" if row["size_tier"] else "size unknown"
        guessed = "package" in str(row["assumed"])
        size += ", assumed" if guessed else ""
        if row["package_from"]:
            size += f", package facts of the {row['package_from']} listing"
        if row["fulfilment"] == "efn":
            return f"EFN {row['stock']} → {self.target}: {size}", self._t("fulfilment_efn"), None, guessed
        if "parcel " in row["size_tier"]:
            return f"FBA {self.target}, selected category: {size}", self._t("fulfilment_selected"), None, guessed
        low = row["fulfilment_from"] == "low-price table"
        label, table = ("Low-Price FBA", "fulfilment_low_price") if low else ("FBA", "fulfilment_local")
        label += ", Pan-EU" if row["fulfilment"] == "pan-eu" else ""
        return f"{label} {self.target}: {size}", self._t(table), None, guessed

    def _dated(self, block: str, words: str) -> _Told:
        table = self.day.provenance(f"surcharges.{block}")
        assumed = bool(table and table.assumed)
        return words.format(**self.day.get(f"surcharges.{block}")), table, None, assumed

    def _duty(self) -> _Told:
        customs = self.profile.customs
        if customs.duty_preset is not None:
            return f"{customs.duty_preset} goods, by your word", self._t("duty"), None, True
        percent = customs.duty_pct
        rule = "unknown: set duty_pct" if percent is None else f"{percent:g} % of goods and freight"
        return rule, None, self._profile(), True

    def _digital(self) -> _Told:
        row = self.day.digital_services(self.profile.home, self.target) or {}
        table = Provenance("digital_services", row["valid_from"], row["source"], bool(row.get("assumed")))
        rule = f"{row['selling']:g} % of selling fees and {row['fba']:g} % of FBA fees, seller in {self.profile.home}"
        return rule, table, None, table.assumed
