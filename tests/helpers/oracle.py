"""A route's money row by row, written from the published rules and the TOML files alone: what the vectorised
evaluation must agree with. Slow, plain, and sharing no code with it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from arbkit.profit import Profile, Rates
from tests.helpers.paths import ROOT

FOLDER = ROOT / "arbkit" / "profit" / "fees" / "data"
CURRENCY = {"UK": "GBP", "DE": "EUR", "FR": "EUR", "IT": "EUR", "ES": "EUR"}
ENVELOPES = ("light envelope", "standard envelope", "large envelope", "extra-large envelope")
Row = Mapping[str, Any]


@lru_cache
def _file(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


@lru_cache
def _of_day(name: str, on: date) -> dict[str, Any]:
    """The version of a file, or of a block as ``surcharges.fuel``, that holds on a day; {} if none does."""
    file, _, block = name.partition(".")
    found: dict[str, Any] = {}
    for version in _file(file)[block or "version"]:
        if version["valid_from"] <= on:
            if file == "referral":
                rows = {r["name"]: r for r in found.get("rows", [])} | {r["name"]: r for r in version.get("rows", [])}
                rows |= {r["name"]: r for r in version.get("changes", [])}
                found = {**found, **version, "rows": list(rows.values())}
            else:
                found = version if on <= version.get("valid_to", date.max) else {}
    return found


def referral(name: str, price: float, market: str, on: date) -> tuple[float, float] | None:
    """The fee of one schedule, and what it would be without the least fee per item; None if it is not used there."""
    content, currency = _of_day("referral", on), CURRENCY[market]
    row = next(r for r in content["rows"] if r["name"] == name)
    if currency not in row.get("currencies", ("EUR", "GBP")):
        return None
    bounds = [*row.get(f"up_to_{currency}", []), math.inf]
    if row["mode"] == "marginal":
        fee, low = 0.0, 0.0
        for percent, high in zip(row["percent"], bounds, strict=True):
            fee += max(0.0, min(price, high) - low) * percent / 100
            low = high
    else:
        percent = next(p for p, high in zip(row["percent"], bounds, strict=True) if price <= high)
        fee = price * percent / 100
    fee *= 1 + content.get("uplift_percent", {}).get(market, 0) / 100
    return max(fee, float(content["minimum"][currency])), fee


def schedule_of(offer: Row, price: float, on: date) -> tuple[str, float] | None:
    """The schedule with the highest fee of those that are possible, and that fee; of equal ones the highest rate."""
    rows = {r["name"] for r in _of_day("referral", on)["rows"]}
    category = str(offer["category"]).casefold()
    names: list[str] = []
    for root in _file("categories")["roots"].values():
        if category in [n.casefold() for n in root["names"]]:
            names = root["schedules"]
    names = names or [n for n in rows if n.casefold() == category]
    fees = [(n, fee) for n in names if n in rows and (fee := referral(n, price, offer["market"], on)) is not None]
    if not fees:
        return None
    highest = max(charged for _, (charged, _) in fees)
    rate = max(plain for _, (charged, plain) in fees if charged > highest - 1e-9)
    cents = Decimal(str(round(highest, 8))).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return next((n, float(cents)) for n, (_, plain) in fees if plain > rate - 1e-9)


def size(offer: Row, schedule: str, on: date, *, selected_too: bool = True) -> tuple[str, float] | None:
    """Size tier and billing weight in kg."""
    content = _of_day("size_tiers", on)
    facts = [offer[n] for n in ("length_mm", "width_mm", "height_mm", "weight_g")]
    if not content or any(math.isnan(f) for f in facts):
        return None
    long, middle, short = sorted(facts[:3], reverse=True)
    kg, dim = facts[3] / 1000, long * middle * short / 1000 / 5000
    tier, billing = "special oversize", kg
    if long <= 1750 and long + 2 * (middle + short) <= 3600:
        for row in content["tiers"]:
            a, b, c = row.get("sides_mm", (math.inf,) * 3)
            fits = long <= a and middle <= b and short <= c and dim <= row.get("max_dim_kg", math.inf)
            if fits and row.get("over_unit_kg", 0) < kg <= row["max_unit_kg"]:
                tier, billing = row["tier"], max(kg, dim) if row["billing"] == "greater" else kg
                break
    if selected_too and tier not in ENVELOPES and schedule in _of_day("fulfilment_selected", on)["schedules"]:
        for row in _of_day("fulfilment_selected", on)["parcels"]:
            a, b, c = row["sides_mm"]
            if long <= a and middle <= b and short <= c and kg <= row["max_unit_kg"]:
                return row["tier"], kg
    return tier, billing


def band(file: str, tier: str, kg: float, column: str, on: date) -> float | None:
    """A fee out of a table; None where it has none."""
    content = _of_day(file, on)
    for row in content.get("parcels", ()):
        if row["tier"] == tier:
            base, step = row[column]
            return float(base + step * math.ceil(round(max(0.0, kg - 0.1) / 0.1, 6)))
    for row in content.get("bands", ()):
        if row["tier"] == tier and round(kg, 6) <= row["up_to_kg"]:
            return float(row[column])
    for row in content.get("oversize", ()):
        if row["tier"] == tier:
            base, step = row[column]
            return float(base + step * math.ceil(round(max(0.0, kg - row["base_kg"]), 6)))
    if tier == "special oversize" and "special" in content:
        for row in content["special"]:
            if kg <= row["up_to_kg"]:
                return float(row[column])
        last = content["special"][-1]
        return float(last[column] + content["special_per_kg"][column] * math.ceil(round(kg - last["up_to_kg"], 6)))
    return None


def storage_months(on: date, days: float) -> dict[bool, float]:
    """Months of storage, by whether they are in October to December, counted day by day."""
    found = {False: 0.0, True: 0.0}
    for number in range(round(days)):
        day = on + timedelta(number)
        length = ((day.replace(day=1) + timedelta(32)).replace(day=1) - day.replace(day=1)).days
        found[day.month >= 10] += 1 / length
    return found


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
    def kg(self) -> float:
        return float(self.sell["weight_g"] / 1000)

    @property
    def registered(self) -> bool:
        return self.profile.vat_status != "unregistered"

    @property
    def reclaims(self) -> bool:
        return self.profile.vat_status == "reclaiming"

    @property
    def home_vat(self) -> float:
        return float(_of_day("vat", self.on)["standard"][self.profile.home] / 100)

    def vat(self, offer: Row) -> float:
        rows, kind = _of_day("vat", self.on), str(self.profile.vat_class)
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
    if found is None or not _of_day("fulfilment_local", on):
        return None
    case = _Case(buy, sell, way, profile, on, to_home, *found)
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
        "output_vat": -sale * sold_at / (1 + sold_at) if case.registered else 0.0,
        "input_vat": -purchase * bought_at / (1 + bought_at) if case.reclaims else 0.0,
    }


def _selling_fees(case: _Case, _: Amounts) -> Amounts | None:
    closing, target = _of_day("closing", case.on), case.target
    fee = 0.0
    if case.schedule in closing["schedules"]:
        if target not in closing["fee"]:
            return None
        fee = closing["fee"][target]
    if case.profile.plan == "individual":
        fee += closing["individual_plan"][target]
    return {"referral_fee": -case.fee * case.to_home[target], "closing_fee": -fee * case.to_home[target]}


def _fulfilment(case: _Case, _: Amounts) -> Amounts | None:
    if case.way == "fbm":
        return None if case.profile.fbm_shipping is None else {"fulfilment_fee": -case.profile.fbm_shipping}
    sized = size(case.sell, case.schedule, case.on)
    if sized is None:
        return None
    tier, kg = sized
    amount = _amazon_fee(case, tier, kg)
    if amount is None:
        return None
    if case.sell["hazmat"]:
        amount += _of_day("surcharges.hazmat", case.on)["amount"]
    fee = -amount * case.to_home[case.target]
    fuel = _of_day("surcharges.fuel", case.on).get("percent", 0)
    found = {
        "fulfilment_fee": fee,
        "fuel_surcharge": fee * fuel / 100,
        "peak_surcharge": -_peak(case, tier, kg) * case.to_home[case.stock],
    }
    if case.profile.expected_days:
        found["storage"] = -_storage(case, tier) * case.to_home[case.stock]
    return found


def _further_fees(case: _Case, out: Amounts) -> Amounts:
    """What Amazon charges on top of its other fees."""
    profile, found = case.profile, Amounts()
    amazon = 0.0
    if case.way != "fbm":
        amazon = sum(out.get(n, 0.0) for n in ("fulfilment_fee", "fuel_surcharge", "peak_surcharge", "storage"))
    selling = out["referral_fee"] + out["closing_fee"]
    for row in _file("digital_services")["rows"]:
        if profile.home in row["home"] and case.target in row["store"] and row["valid_from"] <= case.on:
            found["digital_services_fee"] = selling * row["selling"] / 100 + amazon * row["fba"] / 100
    fees = selling + amazon + found.get("digital_services_fee", 0.0)
    if profile.return_rate_pct:
        share, content = profile.return_rate_pct / 100, _of_day("refunds", case.on)
        admin = -min(-out["referral_fee"] * content["percent"] / 100, content["at_most_EUR"] * case.to_home["DE"])
        handling = profile.return_handling * (1 if case.registered else 1 + case.home_vat)
        found["refunds"] = share * (admin - handling)
        fees += share * admin
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
    freight = customs.freight_per_unit + customs.freight_per_kg * case.kg
    duty = customs.duty_pct / 100 * (net + freight)
    found = {"freight": -freight, "duty": -duty}
    if not case.reclaims:
        found["import_vat"] = -case.vat(case.sell) * (net + freight + duty)
    return found


def _amazon_fee(case: _Case, tier: str, kg: float) -> float | None:
    target, on = case.target, case.on
    selected = "parcel " in tier
    if case.way == "efn":
        column = "EU4_UK" if target == "UK" else "UK_EU4" if case.stock == "UK" else "EU4"
        if column == "EU4" and case.stock == "DE" and case.profile.warehouses == "de":
            column = "EFN_DE" if selected else "DE"
        return band("fulfilment_selected" if selected else "fulfilment_efn", tier, kg, column, on)
    column = "CEP" if target == "DE" and case.profile.warehouses == "cep" else target
    fee = band("fulfilment_selected" if selected else "fulfilment_local", tier, kg, column, on)
    if case.price <= _low_price_limit(case):
        plain = size(case.sell, case.schedule, on, selected_too=False)
        cheap = band("fulfilment_low_price", *plain, column, on) if plain else None
        fee = fee if cheap is None else cheap
    if case.way == "pan-eu" and fee is not None:
        fee += _pan_eu_surcharges(case, tier, kg)
    return fee


def _low_price_limit(case: _Case) -> float:
    content = _of_day("fulfilment_low_price", case.on)
    strict = case.schedule in content["selected"]["schedules"]
    return float(content["limit_selected" if strict else "limit"][case.target])


def _pan_eu_surcharges(case: _Case, tier: str, kg: float) -> float:
    """For oversize, and for a low stock."""
    fee = 0.0
    for row in _of_day("surcharges.pan_eu_oversize", case.on)["tiers"]:
        if row["tier"] == tier:
            base, step = row[case.target]
            fee += base + step * math.ceil(round(max(0.0, kg - row["base_kg"]), 6))
    low = _of_day("surcharges.low_inventory", case.on)
    steps = [i for i, days in enumerate(low["below_days"]) if case.profile.cover_days < days]
    if steps:
        fee += sum(r["amounts"][steps[0]] for r in low["tiers"] if r["tier"] == tier)
    return fee


def _peak(case: _Case, tier: str, kg: float) -> float:
    season, stock = _of_day("surcharges.peak", case.on), case.stock
    if not season or (case.way != "efn" and case.price <= _low_price_limit(case)):
        return 0.0
    kind = "parcel" if "parcel" in tier else "envelope" if tier in ENVELOPES[2:] else ""
    fee = float(season.get(stock, {}).get(kind, 0.0))
    column = f"EFN_{stock}" if case.way == "efn" else stock
    for point in season.get("known", ()):
        if point["column"] == column and point["tier"] == tier:
            weights = [r["up_to_kg"] for r in _of_day("fulfilment_local", case.on)["bands"] if r["tier"] == tier]
            below = max((w for w in weights if w < point["up_to_kg"]), default=0.0)
            if below < round(kg, 6) <= point["up_to_kg"]:
                fee = point["amount"]
    return fee


def _storage(case: _Case, tier: str) -> float:
    sell, content = case.sell, _of_day("storage", case.on)
    oversize = "oversize" in tier
    kind = "oversize" if oversize else "clothing" if case.schedule in content["clothing"] else "standard"
    if sell["hazmat"]:
        kind = "dangerous_oversize" if oversize else "dangerous"
    volume = sell["length_mm"] * sell["width_mm"] * sell["height_mm"] / 1e9
    block = "per_cubic_foot" if case.stock == "UK" else "per_cubic_metre"
    units = volume * (content["cubic_feet_per_m3"] if case.stock == "UK" else 1.0)
    months = storage_months(case.on, case.profile.expected_days)
    return float(sum(content[block][kind][late] * months[late] * units for late in (False, True)))
