"""The fee and tax tables: TOML files in this package, each with its source and the day it begins."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from arbkit.errors import ConfigError

__all__ = ["Bands", "Schedule", "Table", "Tables", "load_tables", "parse_tables"]

Floats = npt.NDArray[np.float64]
_FILES = (
    "categories", "closing", "digital_services", "fulfilment_efn", "fulfilment_local", "fulfilment_low_price",
    "referral", "size_tiers", "surcharges", "vat",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """Where a number comes from: file, the day it begins, source, and whether it is an assumption."""

    name: str
    valid_from: date
    source: str
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """A referral schedule: ``fractions`` by price slice; ``bounds`` (inclusive) by currency, the last open."""

    name: str
    mode: str
    fractions: tuple[float, ...]
    bounds: Mapping[str, tuple[float, ...]]

    def fee(self, price: Floats, currency: str) -> Floats:
        """The fee before the minimum, in ``currency``, for shop prices in it."""
        bounds = self.bounds.get(currency, ())
        if self.mode == "marginal":
            edges = [0.0, *bounds, np.inf]
            fee = np.zeros_like(price)
            for fraction, low, high in zip(self.fractions, edges, edges[1:], strict=False):
                fee += fraction * np.clip(price - low, 0.0, high - low)
            return np.asarray(np.where(np.isnan(price), np.nan, fee))
        # side="left": a price on the bound still has the lower rate
        place = np.searchsorted(np.array(bounds), price, side="left") if bounds else np.zeros(price.shape, int)
        return np.asarray(np.array(self.fractions)[np.minimum(place, len(self.fractions) - 1)] * price)

    @property
    def rule(self) -> str:
        """The schedule in words, without amounts that depend on the currency."""
        percents = " / ".join(f"{100 * f:g} %" for f in self.fractions)
        return f"{self.name}: {percents}" + (f" ({self.mode})" if len(self.fractions) > 1 else "")


@dataclass(frozen=True, slots=True)
class Bands:
    """Fees by size tier, billing weight (kg) and column (store or stock); oversize grows by started kg."""

    table: Table
    rows: Mapping[str, tuple[tuple[float, Mapping[str, float]], ...]]
    oversize: Mapping[str, tuple[float, Mapping[str, tuple[float, float]]]]

    def fee(self, tier: str, weight_kg: Floats, column: str) -> Floats:
        """Fees of packages in one tier, net, in the column's currency; NaN where the table ends."""
        if tier in self.oversize:
            base_kg, fees = self.oversize[tier]
            base, per_kg = fees[column]
            started = np.ceil(np.round(np.maximum(0.0, weight_kg - base_kg), 6))
            return np.asarray(base + per_kg * started)
        bands = self.rows.get(tier)
        if bands is None:
            return np.full(weight_kg.shape, np.nan)
        place = np.searchsorted(np.array([up_to for up_to, _ in bands]), np.round(weight_kg, 6), side="left")
        values = np.array([fees[column] for _, fees in bands] + [np.nan])
        return np.asarray(np.where(np.isnan(weight_kg), np.nan, values[place]))


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables. ``version`` is the newest day on which any of them begins."""

    version: str
    files: Mapping[str, Mapping[str, Any]]
    schedules: tuple[Schedule, ...]
    local: Bands
    low_price: Bands
    efn: Bands

    def table(self, name: str) -> Table:
        """The provenance of a file with one block."""
        return _provenance(name, self.files[name])

    def covers(self, on: date) -> bool:
        """Whether the tables reach back to a day."""
        return on >= max(self.table(n).valid_from for n in ("referral", "fulfilment_local", "vat"))

    def dated(self, name: str, block: str, on: date) -> Mapping[str, Any] | None:
        """The row of a block with rows of their own dates that holds on a day."""
        for row in self.files[name][block]:
            if row["valid_from"] <= on <= row.get("valid_to", date.max):
                found: Mapping[str, Any] = row
                return found
        return None

    def vat(self, code: str, vat_class: str = "standard") -> float:
        """The VAT rate of a class in a country, as a fraction.

        Raises:
            ConfigError: no such class.
        """
        rates = self.files["vat"].get(vat_class)
        if not isinstance(rates, Mapping):
            known = [k for k, v in self.files["vat"].items() if isinstance(v, Mapping)]
            raise ConfigError("no such VAT class", field="vat_class", value=vat_class, remedy=f"Use {known}")
        return float(rates[code]) / 100

    def schedules_of(self, category: str | None) -> tuple[int, ...]:
        """Places in ``schedules`` of a root category, or of a schedule's own name; () if it is not known."""
        if not category:
            return ()
        wanted = category.strip().casefold()
        for root in self.files["categories"]["roots"].values():
            if any(wanted == name.casefold() for name in root["names"]):
                return tuple(self._place(name) for name in root["schedules"])
        return tuple(i for i, s in enumerate(self.schedules) if s.name.casefold() == wanted)

    def _place(self, schedule: str) -> int:
        return next(i for i, s in enumerate(self.schedules) if s.name == schedule)


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """The tables that come with arbkit.

    Raises:
        ConfigError: a file is broken; names file, row and rule.
    """
    folder = resources.files("arbkit.money").joinpath("tables")
    files = {}
    for name in _FILES:
        try:
            files[name] = tomllib.loads(folder.joinpath(f"{name}.toml").read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"the table cannot be read: {error}", field=f"{name}.toml") from None
    return parse_tables(files)


def parse_tables(files: Mapping[str, Mapping[str, Any]]) -> Tables:
    """Tables out of parsed files.

    Raises:
        ConfigError: a row breaks a rule; names file, row and rule.
    """
    schedules = tuple(_schedule(row) for row in files["referral"]["schedules"]["rows"])
    known = {s.name for s in schedules}
    for name, root in files["categories"]["roots"].items():
        for schedule in root["schedules"]:
            if schedule not in known:
                raise _broken("categories", name, f"no referral schedule is called {schedule!r}")
    tables = Tables(
        version=max(_dates(files)).isoformat(),
        files=MappingProxyType(dict(files)),
        schedules=schedules,
        local=_bands("fulfilment_local", files["fulfilment_local"]),
        low_price=_bands("fulfilment_low_price", files["fulfilment_low_price"]),
        efn=_bands("fulfilment_efn", files["fulfilment_efn"]),
    )
    for name in ("referral", "fulfilment_local", "fulfilment_efn", "vat", "closing"):
        tables.table(name)
    return tables


def _dates(block: Any) -> list[date]:
    if isinstance(block, Mapping):
        here = [block["valid_from"]] if isinstance(block.get("valid_from"), date) else []
        return here + [d for value in block.values() for d in _dates(value)]
    return [d for value in block for d in _dates(value)] if isinstance(block, list) else []


def _provenance(name: str, block: Mapping[str, Any]) -> Table:
    for key in ("valid_from", "source"):
        if key not in block:
            raise _broken(name, "head", f"{key} is missing")
    return Table(name, block["valid_from"], block["source"], bool(block.get("assumed", False)))


def _schedule(row: Mapping[str, Any]) -> Schedule:
    bounds = {c: tuple(row.get(f"up_to_{c}", ())) for c in ("EUR", "GBP")}
    for currency, edges in bounds.items():
        if len(edges) != len(row["percent"]) - 1 or list(edges) != sorted(edges):
            raise _broken("referral", row["name"], f"bounds in {currency} must rise, one fewer than percents")
    if row["mode"] not in {"flat", "threshold", "marginal"}:
        raise _broken("referral", row["name"], f"no such mode: {row['mode']}")
    return Schedule(row["name"], row["mode"], tuple(p / 100 for p in row["percent"]), MappingProxyType(bounds))


def _bands(name: str, file: Mapping[str, Any]) -> Bands:
    rows: dict[str, list[tuple[float, Mapping[str, float]]]] = {}
    source = file.get("fees", file)
    for row in source["bands"]:
        fees = {k: v for k, v in row.items() if k not in {"tier", "up_to_kg"}}
        bands = rows.setdefault(row["tier"], [])
        if bands and row["up_to_kg"] <= bands[-1][0]:
            raise _broken(name, row["tier"], f"weights must rise: {row['up_to_kg']} kg")
        bands.append((row["up_to_kg"], MappingProxyType(fees)))
    oversize = {
        row["tier"]: (
            row["base_kg"],
            MappingProxyType({k: (v[0], v[1]) for k, v in row.items() if k not in {"tier", "base_kg"}}),
        )
        for row in source.get("oversize", ())
    }
    return Bands(
        _provenance(name, file),
        MappingProxyType({tier: tuple(bands) for tier, bands in rows.items()}),
        MappingProxyType(oversize),
    )


def _broken(file: str, row: str, rule: str) -> ConfigError:
    return ConfigError(rule, field=f"{file}.toml: {row}")
