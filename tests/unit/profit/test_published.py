"""Every figure of the published tables (``vectors.toml`` beside), cell by cell, in the tables that are priced with."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from arbkit.profit import load_tables
from arbkit.profit.fees.bands import WeightBands

TEXTS: dict[str, str] = tomllib.loads(Path(__file__).with_name("vectors.toml").read_text("utf-8"))["published"]
DAY = load_tables().on(date(2026, 11, 24))
SEASON = DAY.season(DAY.on)
TIERS = {
    "LightEnv": "light envelope", "StdEnv": "standard envelope", "LargeEnv": "large envelope",
    "XLEnv": "extra-large envelope", "SmallParcel": "small parcel", "StdParcel": "standard parcel",
    "SmallOS": "small oversize", "StdOSLight": "standard oversize light", "StdOSHeavy": "standard oversize heavy",
    "StdOSLarge": "standard oversize large", "Bulky": "bulky oversize", "Heavy": "heavy oversize",
    "SP1": "small parcel 1", "SP2": "small parcel 2", "SP3": "small parcel 3", "MP1": "medium parcel 1",
    "MP2": "medium parcel 2", "LP1": "large parcel 1", "LP2": "large parcel 2",
}  # fmt: skip
PEAK_COLUMNS = ("UK", "CEP", "DE", "EFN_EU4", "EFN_DE", "UK_EU4", "EU4_UK")


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(TEXTS[name].strip().splitlines()))


def fee(bands: WeightBands | None, tier: str, kg: float, column: str) -> float:
    assert bands is not None
    units, weights = np.array([DAY.tiers.index(TIERS[tier])], np.int8), np.array([kg])
    return round(float(bands.fee(bands.row_index(units, DAY.tiers, weights), weights, column)[0]), 4)


@pytest.mark.parametrize("table", ["local", "low_price", "efn", "peak"])
def test_each_cell_of_a_table_by_weight(table: str) -> None:
    assert SEASON is not None
    bands = {"local": DAY.local, "low_price": DAY.low_price, "efn": DAY.efn, "peak": SEASON.bands}[table]
    lower: dict[str, float] = {}
    for row in rows(table):
        tier, up_to = row.pop("tier"), float(row.pop("up_to_kg"))
        for column, amount in row.items():
            # The whole band: from just above the one before to its upper bound.
            for kg in (lower.get(tier, 0.0) + 0.001, up_to):
                assert fee(bands, tier, kg, column) == float(amount), (tier, kg, column)
        lower[tier] = up_to
    cells = sum(len(row) for row in rows(table))
    assert cells == {"local": 200, "low_price": 88, "efn": 150, "peak": 162}[table]


def _steps(table: str) -> Iterator[tuple[str, str, float, float]]:
    """Tier, column, base and step."""
    if table == "peak_selected":
        for line in TEXTS[table].strip().splitlines():
            tier, cells = line.split(" ", 1)
            for column, cell in zip(PEAK_COLUMNS, cells.split("|"), strict=True):
                base, step = re.fullmatch(r"([\d.]+)\(([\d.]+)\)", cell.strip()).groups()  # type: ignore[union-attr]
                yield tier, column, float(base), float(step)
        return
    for row in rows(table):
        for column in ("UK", "CEP", "DE", "FR", "IT", "ES"):
            step = row.get(f"inc_{column}") or row[f"perkg_{column}"]
            yield row["tier"], column, float(row[column]), float(step)


@pytest.mark.parametrize("table", ["selected", "peak_selected"])
def test_each_parcel_of_the_selected_categories(table: str) -> None:
    assert SEASON is not None
    bands = DAY.selected if table == "selected" else SEASON.selected
    for tier, column, base, step in _steps(table):
        for kg, steps in ((0.05, 0), (0.1, 0), (0.101, 1), (0.2, 1), (1.0, 9), (3.9, 38)):
            assert fee(bands, tier, kg, column) == pytest.approx(base + steps * step), (tier, kg, column)


def test_each_oversize_fee() -> None:
    bases = {row["tier"]: float(row["base_kg"]) for row in rows("oversize")}
    for tier, column, base, step in _steps("oversize"):
        for more, steps in ((0.0, 0), (0.5, 1), (1.0, 1), (1.001, 2), (7.2, 8)):
            kg = bases[tier] + more
            assert fee(DAY.local, tier, kg, column) == pytest.approx(base + steps * step), (tier, kg, column)


def test_each_percentage_of_the_referral_fees() -> None:
    schedules = {schedule.name: schedule for schedule in DAY.schedules}
    published = list(csv.reader(TEXTS["referral"].strip().splitlines()))[1:]
    assert len(published) == len(schedules)
    for name, mode, tiers in published:
        schedule = schedules[name.removesuffix(" (+appliances)")]
        parts = [part.rsplit(":", 1) for part in tiers.split(";")] if ":" in tiers else [["", tiers]]
        assert schedule.mode == mode
        assert [round(100 * f, 4) for f in schedule.fractions] == [float(percent) for _, percent in parts]
        for bound, currency in ((0, "GBP"), (-1, "EUR")):
            found = [float(text.strip(" <=").split("/")[bound]) for text, _ in parts[:-1]]
            assert list(schedule.bounds[currency]) == found, name
