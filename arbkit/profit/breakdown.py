"""Each component of a route's profit explained: the rule, the table, the day that came into force, its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypedDict, cast

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
_VAT_HIDDEN = int(ReasonCode.VAT_CLASS_HIDDEN.bit)
_SENDING_FLAGS = sum(int(code.bit) for code in (*_GUESSES, ReasonCode.KEEPA_FEE_OLD))
_INPUT_VAT: dict[InputVat, str] = {
    "net-intra-eu": "not charged: bought with the VAT number of another EU country",
    "domestic-recovered": "recovered on the purchase",
    "domestic-lost": "not recovered",
    "import": "not charged, or recovered, as the goods are exported",
}


class _Words(TypedDict):
    """What a component's row says beside its amount."""

    rule: str
    table: str | None
    valid_from: str | None
    source: str | None
    assumed: bool


@dataclass(frozen=True)
class _Explanation:
    """The rule in words, the table it is from or else the source, and whether it rests on a guess."""

    rule: str
    table: Provenance | None = None
    source: str | None = None
    assumed: bool = False

    @cached_property
    def words(self) -> _Words:
        table = self.table
        return {
            "rule": self.rule,
            "table": table.table_id if table else None,
            "valid_from": table.valid_from.isoformat() if table else None,
            "source": table.source if table else self.source,
            "assumed": self.assumed or bool(table and table.assumed),
        }


class _Sending(NamedTuple):
    """What the fees of sending a unit are explained by."""

    target: str
    stock: str
    method: str
    fee_from: str
    size_tier: str
    billing_kg: float
    package_from: str
    flags: int

    @classmethod
    def of(cls, row: RouteRow) -> _Sending:
        return cls(
            row["target"], row["stock"], row["fulfilment"], row["fulfilment_from"], row["size_tier"],
            row["billing_kg"], row["package_from"], row["reason_flags"] & _SENDING_FLAGS,
        )  # fmt: skip

    @property
    def guess(self) -> str:
        """What the package was taken from where nobody measured it; else empty."""
        return next((text for code, text in _GUESSES.items() if self.flags & int(code.bit)), "")

    @property
    def size(self) -> str:
        """Size tier and weight in words, and where they come from."""
        size = f"{self.size_tier}, {self.billing_kg:.2f} kg" if self.size_tier else "size unknown"
        if self.guess:
            size += f", {self.guess}"
        return f"{size}, package facts of the {self.package_from} listing" if self.package_from else size


def _is_vat_hidden(row: RouteRow) -> bool:
    return bool(row["reason_flags"] & _VAT_HIDDEN)


def components(row: RouteRow, profile: Profile, day: EffectiveTables, rates: Rates) -> list[ComponentRow]:
    """As :meth:`Breakdown.components`, of one row alone."""
    return Breakdown(profile, day, rates).components(row)


class Breakdown:
    """Explains the components of routes by a seller, the tables of a day and exchange rates."""

    def __init__(self, profile: Profile, day: EffectiveTables, rates: Rates) -> None:
        """Nothing is looked up before it explains something."""
        self.profile, self.day, self.rates = profile, day, rates
        self._by_name = self._explainers()
        # Most routes of a batch are explained in the same words.
        self._known: dict[tuple[Hashable, ...], _Explanation] = {}

    def components(self, row: RouteRow) -> list[ComponentRow]:
        """The components of one row of :meth:`arbkit.profit.Evaluation.frame` that are not zero.

        ``amount`` is signed, in the home currency, None where unknown; the amounts add up to the profit.
        """
        amounts = cast("Mapping[str, float]", row)
        return [self._line(name, amount, row) for name in COMPONENTS if (amount := amounts[name]) != 0]

    def _line(self, name: str, amount: float, row: RouteRow) -> ComponentRow:
        explanation = self._by_name[name](row)
        if not math.isnan(amount):
            return {"name": name, "amount": amount, "currency": self.profile.currency, **explanation.words}
        if explanation.table is None and explanation.source is None:
            explanation = _Explanation(f"no table reaches back to {self.day.on}")
        return {"name": name, "amount": None, "currency": self.profile.currency, **explanation.words}

    def _once(self, explain: Callable[..., _Explanation], *facts: Hashable) -> _Explanation:
        """What ``explain`` says of these facts, asked once."""
        key = (explain, *facts)
        if (found := self._known.get(key)) is None:
            found = self._known[key] = explain(*facts)
        return found

    def _explainers(self) -> dict[str, Callable[[RouteRow], _Explanation]]:
        """What explains each component, by its name."""
        once = self._once
        return {
            "sale_price": lambda row: self._price(row["sell_price"], row["sell_currency"], row["target"],
                                                  row["sell_basis"]),
            "purchase_price": lambda row: self._price(row["buy_price"], row["buy_currency"], row["source"],
                                                      row["buy_basis"]),
            "output_vat": lambda row: once(self._vat, self._who_owes(row), row["target"], row["vat_class_sold"],
                                           _is_vat_hidden(row)),
            "input_vat": lambda row: once(self._vat, _INPUT_VAT[row["input_vat_case"]], row["source"],
                                          row["vat_class_bought"], _is_vat_hidden(row)),
            "referral_fee": lambda row: once(self._referral, row["referral_schedule"], row["referral_candidates"],
                                             row["referral_observed"]),
            "closing_fee": lambda row: once(self._closing, row["referral_schedule"], row["target"]),
            "storage": lambda row: once(self._storage, row["stock"]),
            "refunds": lambda row: once(self._refunds, row["target"]),
            "fulfilment_fee": lambda row: once(self._fulfilment, _Sending.of(row)),
            "fuel_surcharge": lambda row: once(self._fuel, bool(row["peak_surcharge"])),
            "peak_surcharge": lambda row: once(self._peak, _Sending.of(row)),
            "packaging_fee": lambda row: once(self._packaging, _Sending.of(row)),
            "digital_services_fee": lambda row: once(self._digital, row["target"]),
            "vat_on_fees": lambda _: once(self._vat_on_fees),
            "duty": lambda _: once(self._duty),
            "import_vat": lambda row: once(self._vat, "on import, not recovered", row["target"],
                                           row["vat_class_sold"], _is_vat_hidden(row)),
            "freight": lambda _: once(self._of_profile, "freight per unit and kg"),
            "other_costs": lambda _: once(self._of_profile, "preparation and inbound"),
            "fx_cost": lambda _: self._of_profile(f"{self.profile.exchange_spread_pct:g} % exchange spread",
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
        return _Explanation(f"{text}{self._rate_texts[currency]}", source=source)

    @cached_property
    def _rate_texts(self) -> dict[str, str]:
        """The exchange rate of each currency into the home currency, in words; empty where there is none."""
        home, texts = self.profile.currency, {}
        for currency in {market.currency for market in MARKETS.values()}:
            rate = None if currency == home else self.rates.rate(currency, home, self.day.on)
            texts[currency] = "" if rate is None else f", at {rate.value:.4f} ({self.rates.source} of {rate.day})"
        return texts

    def _vat(self, what: str, code: str, vat_class: str, is_hidden: bool) -> _Explanation:
        auto = self.profile.vat_class == "auto"
        suggested = auto and vat_class != "standard"
        hidden = auto and not suggested and is_hidden
        how = ", suggested by the category" if suggested else ", some goods of the category reduced" if hidden else ""
        rule = f"{100 * self.day.vat(code, vat_class):g} % VAT of {code} ({vat_class}{how}), {what}"
        return _Explanation(rule, self._table("vat"), assumed=suggested or hidden)

    def _who_owes(self, row: RouteRow) -> str:
        """Who owes the VAT on the sale: abroad in some stores, the marketplace on what it may collect."""
        target, limit = row["target"], self._collected.get(row["target"])
        if limit is not None:
            net = row["sell_price"] / (1 + self.day.vat(target, row["vat_class_sold"]))
            if row["stock"] == target or net <= limit:
                return "collected and owed by the marketplace"
        return "owed on the sale"

    @cached_property
    def _collected(self) -> Mapping[str, float]:
        return collected_vat(self.day, self.profile.home)

    def _vat_on_fees(self) -> _Explanation:
        home = self.profile.home
        rule = f"{100 * self.day.vat(home):g} % VAT of {home} on Amazon's fees, not recovered"
        return _Explanation(rule, self._table("vat"))

    def _closing(self, schedule: str, target: str) -> _Explanation:
        plan = ", individual plan's fee per unit" if self.profile.plan == "individual" else ""
        rows = [r for r in self.day.get("closing").get("fees", ()) if schedule in r["schedules"]]
        assumed = any(target in row.get("assumed_in", ()) for row in rows)
        return _Explanation(f"per media item, or Keepa's own figure{plan}", self._table("closing"), assumed=assumed)

    def _storage(self, stock: str) -> _Explanation:
        early, late = months(self.day.on, self.profile.expected_days)
        seasons = {"of January to September": early, "of October to December": late}
        times = [f"{count:.2f} months {name}" for name, count in seasons.items() if count]
        return _Explanation(f"storage in {stock}: {' and '.join(times)}", self._table("storage"))

    def _refunds(self, target: str) -> _Explanation:
        content, profile = self.day.get("refunds"), self.profile
        rule = (
            f"{profile.return_rate_pct:g} % return rate: {content.get('percent', 0):g} % of the referral fee, at most "
            f"{content.get('at_most_EUR', 0):.2f} EUR, and {profile.return_handling:.2f} {profile.currency} handling"
        )
        if profile.return_outbound_lost:
            rule += ", and the cost of sending it"
        if profile.return_value_loss_pct:
            rule += f", and {profile.return_value_loss_pct:g} % of its purchase price"
        return _Explanation(rule, self._table("refunds"), assumed=MARKETS[target].currency != "EUR")

    def _referral(self, name: str, count: int, is_observed: bool) -> _Explanation:
        table = self._table("referral")
        schedule = next((s for s in self.day.schedules if s.name == name), None)
        if schedule is None:
            return _Explanation("category unknown", table)
        how = "as Keepa observes it" if is_observed else "by category"
        if count > 1:
            how = f"{'higher' if count == 2 else 'highest'} of {count} possible rates"
        return _Explanation(f"{schedule.rule}, {how}", table, assumed=count > 1)

    def _fulfilment(self, sent: _Sending) -> _Explanation:
        target = sent.target
        if sent.method == "fbm":
            return self._of_profile("own shipping to the buyer")
        if sent.fee_from == "keepa":
            old = bool(sent.flags & int(ReasonCode.KEEPA_FEE_OLD.bit))
            rule = f"FBA {target}, as Keepa observes it for this product{', before the table changed' if old else ''}"
            return _Explanation(rule, source="Keepa fbaFees", assumed=old)
        if sent.method == "efn":
            name, table = f"EFN {sent.stock} → {target}", "fulfilment_efn"
        elif "parcel " in sent.size_tier:
            name, table = f"FBA {target}, selected category", "fulfilment_selected"
        else:
            low = sent.fee_from == "low-price table"
            name, table = ("Low-Price FBA", "fulfilment_low_price") if low else ("FBA", "fulfilment_local")
            name += f"{', Pan-EU' if sent.method == 'pan-eu' else ''} {target}"
        return _Explanation(f"{name}: {sent.size}", self._table(table), assumed=bool(sent.guess))

    def _fuel(self, with_peak: bool) -> _Explanation:
        percent = self.day.get("surcharges.fuel")["percent"]
        of = "the fulfilment fee with what the peak season adds" if with_peak else "the fulfilment fee"
        return _Explanation(f"{percent:g} % of {of}", self._table("surcharges.fuel"))

    def _peak(self, sent: _Sending) -> _Explanation:
        sold_on = dispatch_day(self.day.on, self.profile.expected_days)
        season = self.day.season(sold_on)
        rule = f"peak fee minus the base fee, as expected to be sent on {sold_on}: {sent.size}"
        return _Explanation(rule, season.provenance if season else None)

    def _packaging(self, sent: _Sending) -> _Explanation:
        rule = f"packaging of oversize that is not SIPP-certified: {sent.size}"
        return _Explanation(rule, self._table("surcharges.packaging"))

    def _duty(self) -> _Explanation:
        customs = self.profile.customs
        if customs.duty_preset is not None:
            rule = f"{customs.duty_preset} goods, as the profile states"
            return _Explanation(rule, self._table("duty"), assumed=True)
        percent = customs.duty_pct
        rule = "unknown: set duty_pct" if percent is None else f"{percent:g} % of goods and freight"
        return self._of_profile(rule, assumed=True)

    def _digital(self, target: str) -> _Explanation:
        home = self.profile.home
        row = self.day.digital_services(home, target)
        if row is None:
            return _Explanation(f"unknown for sellers in {home}")
        table = Provenance("digital_services", row["valid_from"], row["source"], bool(row.get("assumed")))
        rule = f"{row['selling']:g} % of selling fees and {row['fba']:g} % of FBA fees, seller in {home}"
        return _Explanation(rule, table)
