"""A route's money row by row, written from the published rules and the TOML files alone: what the vectorised
evaluation must agree with. Slow, plain, and sharing no code with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from arbkit.profit import Profile, Rates
from tests.helpers.oracle_tables import CURRENCY, Row, band, of_day, schedule_of, size, storage_months, toml


def dispatched_on(profile: Profile, on: date) -> date:
    return on + timedelta(math.floor(profile.expected_days))


@dataclass(frozen=True)
class _Case:
    """A route by one method on one day, with what follows from that: exchange rates, schedule and referral fee."""

    buy: Row
    sell: Row
    way: str
    profile: Profile
    on: date
    to_home: Mapping[str, float]
    schedule: str
    fee: float

    @property
    def source(self) -> str:
        return str(self.buy["market"])

    @property
    def target(self) -> str:
        return str(self.sell["market"])

    @property
    def price(self) -> float:
        return float(self.sell["price_minor"] / 100)

    @property
    def stock(self) -> str:
        """Where it lies before it is sold."""
        if self.way == "fbm":
            return self.profile.home
        return (self.profile.stock or self.source) if self.way == "efn" else self.target

    @property
    def collected(self) -> bool:
        """Whether the marketplace owes the VAT on the sale."""
        stores = of_day("vat_collected", self.on).get("stores", {})
        if self.target not in stores or self.profile.home == self.target:
            return False
        limit = stores[self.target]["consignment_up_to"]
        return bool(self.stock == self.target or self.price / (1 + self.vat(self.sell)) <= limit)

    @property
    def kg(self) -> float:
        return float(self.sell["weight_g"] / 1000)

    @property
    def registered(self) -> bool:
        return self.profile.vat_status != "unregistered"

    @property
    def numbers(self) -> set[str]:
        """Countries in which VAT can be recovered."""
        if self.profile.vat_status != "reclaiming":
            return set()
        return {self.profile.home, *self.profile.registrations}

    @property
    def purchase_net(self) -> bool:
        """Whether the VAT of the purchase is no cost: with a number where it is bought, or, within the EU, where the
        goods go."""
        inside = "UK" not in (self.source, self.stock)
        by_number = self.source in self.numbers or (inside and self.stock in self.numbers)
        if not self.numbers:
            return False
        way = "stay" if self.stock == self.source else "inside" if inside else "customs"
        stated = self.profile.input_vat.get(self.source)
        holds = {"net-intra-eu": way == "inside", "import": way == "customs"}
        if stated is None or not holds.get(stated, True):
            return by_number
        return stated != "domestic-lost"

    @property
    def import_vat_recovered(self) -> bool:
        crossed_before_sale = (self.stock == "UK") != (self.source == "UK")
        return (self.stock if crossed_before_sale else self.target) in self.numbers

    @property
    def home_vat(self) -> float:
        return float(of_day("vat", self.on)["standard"][self.profile.home] / 100)

    def vat(self, offer: Row) -> float:
        rows, kind = of_day("vat", self.on), str(self.profile.vat_class)
        if kind == "auto":
            own = schedule_of(offer, offer["price_minor"] / 100, self.on)
            kind = rows["suggested"].get(own[0], "standard") if own else "standard"
        return float(rows[kind][offer["market"]] / 100)


Amounts = dict[str, float]


def route(buy: Row, sell: Row, way: str, profile: Profile, rates: Rates, on: date) -> Amounts | None:
    """Components in the home currency, exact; None if something needed is unknown. Spot prices only."""
    home = CURRENCY[profile.home]
    to_home = {code: rate.value for code, c in CURRENCY.items() if (rate := rates.rate(c, home, on))}
    if not buy["price_minor"] > 0 or not sell["price_minor"] > 0:
        return None
    found = schedule_of(sell, sell["price_minor"] / 100, on)
    charged = schedule_of(sell, sell["price_minor"] / 100, on, by_fba=way != "fbm")
    if found is None or charged is None or not of_day("fulfilment_local", on):
        return None
    case = _Case(buy, sell, way, profile, on, to_home, found[0], charged[1])
    out: Amounts = {}
    for part in (_goods, _selling_fees, _fulfilment, _further_fees, _own_costs, _customs):
        amounts = part(case, out)
        if amounts is None:
            return None
        out |= amounts
    return None if any(math.isnan(v) for v in out.values()) else out


def _goods(case: _Case, _: Amounts) -> Amounts:
    sale = case.price * case.to_home[case.target]
    purchase = -case.buy["price_minor"] / 100 * case.to_home[case.source]
    sold_at, bought_at = case.vat(case.sell), case.vat(case.buy)
    return {
        "sale_price": sale,
        "purchase_price": purchase,
        "output_vat": -sale * sold_at / (1 + sold_at) if case.registered or case.collected else 0.0,
        "input_vat": -purchase * bought_at / (1 + bought_at) if case.purchase_net else 0.0,
    }


def _selling_fees(case: _Case, _: Amounts) -> Amounts | None:
    closing, target = of_day("closing", case.on), case.target
    fee = 0.0
    for row in closing["fees"]:
        if case.schedule in row["schedules"]:
            if target not in row:
                return None
            fee = row[target]
    if case.profile.plan == "individual":
        fee += closing["individual_plan"][target]
    return {"referral_fee": -case.fee * case.to_home[target], "closing_fee": -fee * case.to_home[target]}


def _fulfilment(case: _Case, _: Amounts) -> Amounts | None:
    if case.way == "fbm":
        return None if case.profile.fbm_shipping is None else {"fulfilment_fee": -case.profile.fbm_shipping}
    sized = size(case.sell, case.schedule, case.on)
    table = _table_fee(case, *sized) if sized else None
    amounts = _observed_fee(case, sized, table) if case.way != "efn" else None
    if amounts is None:
        if sized is None or table is None:
            return None
        hazmat = of_day("surcharges.hazmat", case.on)["amount"] if case.sell["hazmat"] else 0.0
        amounts = table + hazmat, _peak_above(case, *sized)
    fee, peak = amounts
    if case.way == "pan-eu":
        if case.target == "UK":
            return None
        fee += _pan_eu_surcharges(case, *sized) if sized else 0.0
    fuel = of_day("surcharges.fuel", case.on).get("percent", 0)
    rate = case.to_home[case.target]
    found = {
        "fulfilment_fee": -fee * rate,
        "peak_surcharge": -peak * rate,
        "fuel_surcharge": -(fee + peak) * rate * fuel / 100,
        "packaging_fee": -_packaging(case, *sized) * rate if sized else 0.0,
    }
    if case.profile.expected_days:
        if sized is None:
            return None
        found["storage"] = -_storage(case, sized[0]) * case.to_home[case.stock]
    return found


def _packaging(case: _Case, tier: str, kg: float) -> float:
    if case.profile.sipp_certified:
        return 0.0
    for row in of_day("surcharges.packaging", case.on)["tiers"]:
        if row["tier"] == tier:
            base, step = row[case.target]
            return float(base + step * math.ceil(round(max(0.0, kg - row["base_kg"]), 6)))
    return 0.0


def _observed_fee(case: _Case, sized: tuple[str, float] | None, table: float | None) -> tuple[float, float] | None:
    """Keepa's fee and what the season adds to it; None where the table comes first."""
    fee, at = case.sell["keepa_fba_fee_minor"] / 100, case.sell["keepa_fba_fee_at"]
    if not fee > 0 or (case.target == "DE" and case.profile.warehouses == "cep"):
        return None
    # These offers' prices are those that Keepa saw, so the low-price limit separates none of them.
    first = of_day("fulfilment_local", case.on)["valid_from"]
    current = at >= datetime.combine(first, time(), UTC).timestamp()
    seasons = [s for s in toml("surcharges")["peak"] if "bands" in s and case.target in s["bands"][0]]
    holds = any(_is_peak_fee(case, s, sized, fee, at) for s in seasons)
    now = [s for s in seasons if s["valid_from"] <= dispatched_on(case.profile, case.on) <= s["valid_to"]]
    in_season = any(
        s["valid_from"] <= dispatched_on(case.profile, case.on) <= s["valid_to"] for s in toml("surcharges")["peak"]
    )
    if table is not None and (not current or (holds and not in_season)):
        return None
    adds = 0.0 if holds or sized is None or not now else _peak_above(case, *sized)
    return fee, adds


def _is_peak_fee(case: _Case, season: Row, sized: tuple[str, float] | None, fee: float, at: float) -> bool:
    """Whether a fee is that of the season for this package, or was seen in it and is that of another package."""
    usual = _usual_fee(case, *sized) if sized else None
    peak = _cell(season, *sized, case.target) if sized else None
    if usual is not None and abs(usual - fee) < 0.005:
        return False
    if peak is not None and abs(peak - fee) < 0.005:
        return True
    seen = datetime.fromtimestamp(at, UTC).date() if at == at else date.min
    cells = {round(100 * row[case.target]) for row in season["bands"]}
    return bool(season["valid_from"] <= seen <= season["valid_to"] and round(100 * fee) in cells)


def _further_fees(case: _Case, out: Amounts) -> Amounts:
    """What Amazon charges on top of its other fees."""
    profile, found = case.profile, Amounts()
    amazon, sent = 0.0, ("fulfilment_fee", "fuel_surcharge", "peak_surcharge", "packaging_fee")
    if case.way != "fbm":
        amazon = sum(out.get(n, 0.0) for n in (*sent, "storage"))
    selling = out["referral_fee"] + out["closing_fee"]
    for row in toml("digital_services")["rows"]:
        here = profile.home in row["home"] and case.target in row["store"]
        if here and row["valid_from"] <= case.on <= row.get("valid_to", date.max):
            found["digital_services_fee"] = selling * row["selling"] / 100 + amazon * row["fba"] / 100
    fees = selling + amazon + found.get("digital_services_fee", 0.0)
    if profile.return_rate_pct:
        share, content = profile.return_rate_pct / 100, of_day("refunds", case.on)
        admin = -min(-out["referral_fee"] * content["percent"] / 100, content["at_most_EUR"] * case.to_home["DE"])
        handling = profile.return_handling * (1 if case.registered else 1 + case.home_vat)
        sent_amount = sum(out.get(n, 0.0) for n in sent) if profile.return_outbound_lost else 0.0
        worth = (out["purchase_price"] + out["input_vat"]) * profile.return_value_loss_pct / 100
        found["refunds"] = share * (admin - handling + sent_amount + worth)
        fees += share * (admin + (sent_amount if case.way != "fbm" else 0.0))
    found["vat_on_fees"] = 0.0 if case.registered else case.home_vat * fees
    return found


def _own_costs(case: _Case, out: Amounts) -> Amounts:
    profile = case.profile
    own = profile.prep_per_unit
    if profile.other_costs is not None:
        own = profile.other_costs
    elif case.way != "fbm":
        own += profile.inbound_per_unit + (profile.inbound_per_kg * case.kg if profile.inbound_per_kg else 0.0)
    exchanged = sum(
        amount
        for code, amount in ((case.source, -out["purchase_price"]), (case.target, out["sale_price"]))
        if CURRENCY[code] != CURRENCY[profile.home]
    )
    return {
        "other_costs": -own * (1 if case.registered else 1 + case.home_vat),
        "fx_cost": -profile.exchange_spread_pct / 100 * exchanged,
    }


def _customs(case: _Case, out: Amounts) -> Amounts | None:
    customs = case.profile.customs
    if (case.source == "UK") == (case.target == "UK"):
        return {}
    if customs.duty_pct is None:
        return None
    net = -(out["purchase_price"] + out["input_vat"])
    freight = customs.freight_per_unit + (customs.freight_per_kg * case.kg if customs.freight_per_kg else 0.0)
    duty = customs.duty_pct / 100 * (net + freight)
    small = case.collected and case.stock != case.target
    if small:
        duty = 0.0
    found = {"freight": -freight, "duty": -duty}
    if not case.import_vat_recovered and not small:
        found["import_vat"] = -case.vat(case.sell) * (net + freight + duty)
    return found


def _table_fee(case: _Case, tier: str, kg: float) -> float | None:
    """The fee by the tables without surcharges."""
    if case.way == "efn":
        caps = of_day("fulfilment_efn", case.on)["remote_price_cap"]
        if (case.stock == "UK") != (case.target == "UK") and case.price > caps[case.target]:
            return None
        return _usual_fee(case, tier, kg)
    cheap = _low_price_fee(case)
    return _usual_fee(case, tier, kg) if cheap is None else cheap


def _column(case: _Case) -> str:
    """The column as the tables of local fees and the peak table name it."""
    if case.way != "efn":
        return "CEP" if case.target == "DE" and case.profile.warehouses == "cep" else case.target
    if case.target == "UK":
        return "EU4_UK"
    if case.stock == "UK":
        return "UK_EU4"
    return "EFN_DE" if case.stock == "DE" and case.profile.warehouses == "de" else "EFN_EU4"


def _usual_fee(case: _Case, tier: str, kg: float) -> float | None:
    """The fee outside Low-Price FBA and outside the peak season."""
    column = _column(case)
    if "parcel " in tier:
        return band("fulfilment_selected", tier, kg, column.replace("EFN_EU4", "EU4"), case.on)
    if case.way == "efn":
        return band("fulfilment_efn", tier, kg, column.removeprefix("EFN_"), case.on)
    return band("fulfilment_local", tier, kg, column, case.on)


def _low_price_fee(case: _Case) -> float | None:
    """The fee of Low-Price FBA, by the unit's own weight; None where it is not charged."""
    if case.price > _low_price_limit(case):
        return None
    plain = size(case.sell, case.schedule, case.on, selected_too=False)
    return band("fulfilment_low_price", plain[0], case.kg, _column(case), case.on) if plain else None


def _cell(season: Row, tier: str, kg: float, column: str) -> float | None:
    """A fee out of the table of a peak season."""
    for row in season.get("parcels", ()):
        if row["tier"] == tier and column in row:
            base, step = row[column]
            return float(base + step * math.ceil(round(max(0.0, kg - 0.1) / 0.1, 6)))
    for row in season.get("bands", ()):
        if row["tier"] == tier and round(kg, 6) <= row["up_to_kg"]:
            return float(row[column]) if column in row else None
    return None


def _peak_above(case: _Case, tier: str, kg: float) -> float:
    """What the season of the dispatch adds to the fee."""
    season = of_day("surcharges.peak", dispatched_on(case.profile, case.on))
    if not season or (case.way != "efn" and _low_price_fee(case) is not None):
        return 0.0
    peak, usual = _cell(season, tier, kg, _column(case)), _usual_fee(case, tier, kg)
    return 0.0 if peak is None or usual is None else peak - usual


def _low_price_limit(case: _Case) -> float:
    content = of_day("fulfilment_low_price", case.on)
    strict = case.schedule in content["selected"]["schedules"]
    return float(content["limit_selected" if strict else "limit"][case.target])


def _pan_eu_surcharges(case: _Case, tier: str, kg: float) -> float:
    """For oversize, and for a low stock."""
    fee = 0.0
    for row in of_day("surcharges.pan_eu_oversize", case.on)["tiers"]:
        if row["tier"] == tier:
            base, step = row[case.target]
            fee += base + step * math.ceil(round(max(0.0, kg - row["base_kg"]), 6))
    low = of_day("surcharges.low_inventory", case.on)
    steps = [i for i, days in enumerate(low["below_days"]) if case.profile.cover_days < days]
    if steps:
        fee += sum(r["amounts"][steps[0]] for r in low["tiers"] if r["tier"] == tier)
    return fee


def _storage(case: _Case, tier: str) -> float:
    sell, content = case.sell, of_day("storage", case.on)
    oversize = "oversize" in tier
    kind = "oversize" if oversize else "clothing" if case.schedule in content["clothing"] else "standard"
    if sell["hazmat"]:
        kind = "dangerous_oversize" if oversize else "dangerous"
    volume = sell["length_mm"] * sell["width_mm"] * sell["height_mm"] / 1e9
    block = "per_cubic_foot" if case.stock == "UK" else "per_cubic_metre"
    units = volume * (content["cubic_feet_per_m3"] if case.stock == "UK" else 1.0)
    months = storage_months(case.on, case.profile.expected_days)
    return float(sum(content[block][kind][late] * months[late] * units for late in (False, True)))
