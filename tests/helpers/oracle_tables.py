"""What the TOML files say on a day, read row by row: for the oracle, and sharing no code with arbkit."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from tests.helpers.paths import ROOT

FOLDER = ROOT / "arbkit" / "profit" / "fees" / "data"
CURRENCY = {"UK": "GBP", "DE": "EUR", "FR": "EUR", "IT": "EUR", "ES": "EUR"}
CATEGORIES = ROOT / "arbkit" / "core" / "offers" / "categories.toml"
CATEGORY_NAMES = tomllib.loads(CATEGORIES.read_text("utf-8"))["categories"]
ENVELOPES = ("light envelope", "standard envelope", "large envelope", "extra-large envelope")
Row = Mapping[str, Any]


@lru_cache
def toml(name: str) -> dict[str, Any]:
    """A file as it is."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


@lru_cache
def of_day(name: str, on: date) -> dict[str, Any]:
    """The version of a file, or of a block as ``surcharges.fuel``, that holds on a day; {} if none does."""
    file, _, block = name.partition(".")
    found: dict[str, Any] = {}
    for version in toml(file)[block or "version"]:
        if version["valid_from"] <= on:
            if file == "referral":
                rows = {r["name"]: r for r in found.get("rows", [])} | {r["name"]: r for r in version.get("rows", [])}
                rows |= {r["name"]: r for r in version.get("changes", [])}
                found = {**found, **version, "rows": list(rows.values())}
            else:
                found = version if on <= version.get("valid_to", date.max) else {}
    return found


def referral(
    name: str, price: float, market: str, on: date, *, by_fba: bool = False, kg: float = math.nan
) -> tuple[float, float]:
    """The fee of one schedule, and what it would be without the least fee per item."""
    content, currency = of_day("referral", on), CURRENCY[market]
    row = next(r for r in content["rows"] if r["name"] == name)
    bounds = [*row.get(f"up_to_{currency}", []), math.inf]
    rest = row.get("fba")
    if by_fba and rest and price > rest[f"above_{currency}"]:
        whole = rest[f"above_{currency}"]
        fee = whole * row["percent"][-1] / 100 + (price - whole) * rest["percent"] / 100
    elif row["mode"] == "marginal":
        fee, low = 0.0, 0.0
        for percent, high in zip(row["percent"], bounds, strict=True):
            fee += max(0.0, min(price, high) - low) * percent / 100
            low = high
    else:
        percent = next(p for p, high in zip(row["percent"], bounds, strict=True) if price <= high)
        fee = price * percent / 100
    fee *= 1 + content.get("uplift_percent", {}).get(market, 0) / 100
    least = 0.0 if name in content["no_minimum"] else float(content["minimum"][currency])
    heavy = content.get("minimum_heavy")
    if by_fba and heavy and kg > heavy["over_unit_kg"]:
        least = max(least, heavy[currency])
    return max(fee, least), fee


def schedule_of(offer: Row, price: float, on: date, *, by_fba: bool = True) -> tuple[str, float] | None:
    """The schedule with the highest fee of those that are possible, and that fee; of equal ones the highest rate."""
    rows = {r["name"] for r in of_day("referral", on)["rows"]}
    category = str(offer["category"]).casefold()
    names: list[str] = []
    for key, root in toml("categories")["roots"].items():
        if category in [n.casefold() for n in CATEGORY_NAMES[key]]:
            names = root["schedules"]
    names = names or [n for n in rows if n.casefold() == category]
    kg = offer["weight_g"] / 1000
    fees = [(n, referral(n, price, offer["market"], on, by_fba=by_fba, kg=kg)) for n in names if n in rows]
    if not fees:
        return None
    highest = max(charged for _, (charged, _) in fees)
    rate = max(plain for _, (charged, plain) in fees if charged > highest - 1e-9)
    cents = Decimal(str(round(highest, 8))).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return next((n, float(cents)) for n, (_, plain) in fees if plain > rate - 1e-9)


def size(offer: Row, schedule: str, on: date, *, selected_too: bool = True) -> tuple[str, float] | None:
    """Size tier and billing weight in kg; None where a side or the weight is unknown."""
    content = of_day("size_tiers", on)
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
    if selected_too and tier not in ENVELOPES and schedule in of_day("fulfilment_selected", on)["schedules"]:
        for row in of_day("fulfilment_selected", on)["parcels"]:
            a, b, c = row["sides_mm"]
            if long <= a and middle <= b and short <= c and kg <= row["max_unit_kg"]:
                return row["tier"], kg
    return tier, billing


def band(file: str, tier: str, kg: float, column: str, on: date) -> float | None:
    """A fee out of a table; None where it has none."""
    content = of_day(file, on)
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
