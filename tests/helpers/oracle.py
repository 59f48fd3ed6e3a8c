"""A route's money row by row, written from the published rules and the TOML files alone: what the vectorised
evaluation must agree with. Slow, plain, and sharing no code with it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
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
    fee = Decimal(str(round(highest, 8))).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return next((n, float(fee)) for n, (_, plain) in fees if plain > rate - 1e-9)


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


def route(buy: Row, sell: Row, way: str, profile: Profile, rates: Rates, on: date) -> dict[str, float] | None:
    """Components in the home currency, exact; None if something needed is unknown. Spot prices only."""
    source, target = buy["market"], sell["market"]
    home = CURRENCY[profile.home]
    to_home = {code: found.value for code, c in CURRENCY.items() if (found := rates.rate(c, home, on))}
    cost, price = buy["price_minor"] / 100, sell["price_minor"] / 100
    if not cost > 0 or not price > 0:
        return None
    found = schedule_of(sell, price, on)
    if found is None or not _of_day("fulfilment_local", on):
        return None
    schedule, fee = found
    vat_rows = _of_day("vat", on)

    def vat(code: str, offer: Row, amount: float) -> float:
        own = schedule_of(offer, amount, on)
        kind = profile.vat_class
        if kind == "auto":
            kind = vat_rows["suggested"].get(own[0], "standard") if own else "standard"
        return float(vat_rows[kind][code]) / 100

    registered = profile.vat_status != "unregistered"
    home_vat = vat_rows["standard"][profile.home] / 100
    out = {"sale_price": price * to_home[target], "purchase_price": -cost * to_home[source]}
    rate = vat(target, sell, price)
    out["output_vat"] = -out["sale_price"] * rate / (1 + rate) if registered else 0.0
    rate = vat(source, buy, cost)
    out["input_vat"] = -out["purchase_price"] * rate / (1 + rate) if profile.vat_status == "reclaiming" else 0.0
    out["referral_fee"] = -fee * to_home[target]
    closing = _of_day("closing", on)
    if schedule in closing["schedules"] and target not in closing["fee"]:
        return None
    closing_fee = closing["fee"][target] if schedule in closing["schedules"] else 0.0
    if profile.plan == "individual":
        closing_fee += closing["individual_plan"][target]
    out["closing_fee"] = -closing_fee * to_home[target]

    stock = {"fba-local": target, "pan-eu": target, "efn": profile.stock or source, "fbm": profile.home}[way]
    sized = size(sell, schedule, on)
    if way == "fbm":
        if profile.fbm_shipping is None:
            return None
        out["fulfilment_fee"] = -profile.fbm_shipping
    else:
        if sized is None:
            return None
        tier, kg = sized
        amount = _amazon_fee(sell, way, stock, price, schedule, tier, kg, profile, on)
        if amount is None:
            return None
        if sell["hazmat"]:
            amount += _of_day("surcharges.hazmat", on)["amount"]
        out["fulfilment_fee"] = -amount * to_home[target]
        fuel = _of_day("surcharges.fuel", on).get("percent", 0)
        out["fuel_surcharge"] = out["fulfilment_fee"] * fuel / 100
        out["peak_surcharge"] = -_peak(way, stock, target, tier, kg, price, schedule, on) * to_home[stock]
        if profile.expected_days:
            out["storage"] = -_storage(sell, stock, schedule, tier, profile, on) * to_home[stock]
    amazon = sum(out.get(n, 0.0) for n in ("fulfilment_fee", "fuel_surcharge", "peak_surcharge", "storage"))
    amazon = 0.0 if way == "fbm" else amazon
    selling = out["referral_fee"] + out["closing_fee"]
    for row in _file("digital_services")["rows"]:
        if profile.home in row["home"] and target in row["store"] and row["valid_from"] <= on:
            out["digital_services_fee"] = selling * row["selling"] / 100 + amazon * row["fba"] / 100
    fees = selling + amazon + out.get("digital_services_fee", 0.0)
    if profile.return_rate_pct:
        share, content = profile.return_rate_pct / 100, _of_day("refunds", on)
        admin = -min(-out["referral_fee"] * content["percent"] / 100, content["at_most_EUR"] * to_home["DE"])
        handling = profile.return_handling * (1 if registered else 1 + home_vat)
        out["refunds"] = share * (admin - handling)
        fees += share * admin
    out["vat_on_fees"] = 0.0 if registered else home_vat * fees
    weight = sell["weight_g"] / 1000
    own = profile.prep_per_unit
    if profile.other_costs is not None:
        own = profile.other_costs
    elif way != "fbm":
        own += profile.inbound_per_unit + (profile.inbound_per_kg * weight if profile.inbound_per_kg else 0.0)
    out["other_costs"] = -own * (1 if registered else 1 + home_vat)
    spread = profile.exchange_spread_pct / 100
    out["fx_cost"] = -spread * sum(
        amount
        for code, amount in ((source, -out["purchase_price"]), (target, out["sale_price"]))
        if CURRENCY[code] != home
    )
    if (source == "UK") != (target == "UK"):
        if profile.customs.duty_pct is None:
            return None
        net = -(out["purchase_price"] + out["input_vat"])
        freight = profile.customs.freight_per_unit + profile.customs.freight_per_kg * weight
        out["freight"], out["duty"] = -freight, -profile.customs.duty_pct / 100 * (net + freight)
        if profile.vat_status != "reclaiming":
            out["import_vat"] = -vat(target, sell, price) * (net + freight - out["duty"])
    return None if any(math.isnan(v) for v in out.values()) else out


def _amazon_fee(
    sell: Row, way: str, stock: str, price: float, schedule: str, tier: str, kg: float, profile: Profile, on: date
) -> float | None:
    target = sell["market"]
    selected = "parcel " in tier
    if way == "efn":
        column = "EU4_UK" if target == "UK" else "UK_EU4" if stock == "UK" else "EU4"
        if column == "EU4" and stock == "DE" and profile.warehouses == "de":
            column = "EFN_DE" if selected else "DE"
        return band("fulfilment_selected" if selected else "fulfilment_efn", tier, kg, column, on)
    column = "CEP" if target == "DE" and profile.warehouses == "cep" else target
    content = _of_day("fulfilment_low_price", on)
    strict = schedule in content["selected"]["schedules"]
    fee = band("fulfilment_selected" if selected else "fulfilment_local", tier, kg, column, on)
    if price <= content["limit_selected" if strict else "limit"][target]:
        plain = size(sell, schedule, on, selected_too=False)
        cheap = band("fulfilment_low_price", *plain, column, on) if plain else None
        fee = fee if cheap is None else cheap
    if way == "pan-eu" and fee is not None:
        for row in _of_day("surcharges.pan_eu_oversize", on)["tiers"]:
            if row["tier"] == tier:
                base, step = row[target]
                fee += base + step * math.ceil(round(max(0.0, kg - row["base_kg"]), 6))
        low = _of_day("surcharges.low_inventory", on)
        steps = [i for i, days in enumerate(low["below_days"]) if profile.cover_days < days]
        if steps:
            fee += sum(r["amounts"][steps[0]] for r in low["tiers"] if r["tier"] == tier)
    return fee


def _peak(way: str, stock: str, target: str, tier: str, kg: float, price: float, schedule: str, on: date) -> float:
    season = _of_day("surcharges.peak", on)
    content = _of_day("fulfilment_low_price", on)
    limit = content["limit_selected" if schedule in content["selected"]["schedules"] else "limit"][target]
    if not season or (way != "efn" and price <= limit):
        return 0.0
    kind = "parcel" if "parcel" in tier else "envelope" if tier in ENVELOPES[2:] else ""
    fee = float(season.get(stock, {}).get(kind, 0.0))
    column = f"EFN_{stock}" if way == "efn" else stock
    for point in season.get("known", ()):
        if point["column"] == column and point["tier"] == tier:
            weights = [r["up_to_kg"] for r in _of_day("fulfilment_local", on)["bands"] if r["tier"] == tier]
            below = max((w for w in weights if w < point["up_to_kg"]), default=0.0)
            if below < round(kg, 6) <= point["up_to_kg"]:
                fee = point["amount"]
    return fee


def _storage(sell: Row, stock: str, schedule: str, tier: str, profile: Profile, on: date) -> float:
    content = _of_day("storage", on)
    oversize = "oversize" in tier
    kind = "oversize" if oversize else "clothing" if schedule in content["clothing"] else "standard"
    if sell["hazmat"]:
        kind = "dangerous_oversize" if oversize else "dangerous"
    volume = sell["length_mm"] * sell["width_mm"] * sell["height_mm"] / 1e9
    block = "per_cubic_foot" if stock == "UK" else "per_cubic_metre"
    units = volume * (content["cubic_feet_per_m3"] if stock == "UK" else 1.0)
    months = storage_months(on, profile.expected_days)
    return float(sum(content[block][kind][late] * months[late] * units for late in (False, True)))
