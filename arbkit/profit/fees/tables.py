"""The fee and tax tables: TOML files in this package, each version with its source and the days it holds.

A table's id is its file, or a block of one (``surcharges.fuel``); :meth:`Tables.on` gives the tables of a day.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import numpy as np

from arbkit.core.errors import ConfigError
from arbkit.core.marketplaces import MARKETS
from arbkit.profit.fees.bands import Provenance, Schedule, WeightBands

__all__ = ["TABLE_IDS", "EffectiveTables", "Tables", "Version", "load_tables", "parse_tables"]

_FILES = (
    "categories", "closing", "digital_services", "duty", "fulfilment_efn", "fulfilment_local", "fulfilment_low_price",
    "fulfilment_selected", "referral", "refunds", "size_tiers", "storage", "surcharges", "vat",
)  # fmt: skip
_NOT_DATED = frozenset({"categories", "digital_services"})
TABLE_IDS = (
    "referral", "closing", "fulfilment_local", "fulfilment_low_price", "fulfilment_selected", "fulfilment_efn",
    "size_tiers", "surcharges.fuel", "surcharges.peak", "surcharges.hazmat", "surcharges.pan_eu_oversize",
    "surcharges.low_inventory", "storage", "digital_services", "refunds", "vat", "duty",
)  # fmt: skip
SPECIAL = "special oversize"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a table: in force from ``first`` to ``last``, both included."""

    provenance: Provenance
    first: date
    last: date
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EffectiveTables:
    """The tables in force on a day. One without a version of that day is absent: what needs it is unknown."""

    on: date
    version: str
    """the newest day on which any table of this day came into force"""
    versions: Mapping[str, Version]
    roots: Mapping[str, Mapping[str, Any]]
    branches: Mapping[str, Sequence[str]]
    schedules: tuple[Schedule, ...]
    tiers: tuple[str, ...]
    local: WeightBands | None
    low_price: WeightBands | None
    selected: WeightBands | None
    efn: WeightBands | None
    digital: tuple[Mapping[str, Any], ...]
    uplifts: tuple[float, ...]
    """factors by which referral percentages of any day were raised: data may be as old"""

    def has(self, table_id: str) -> bool:
        return table_id in self.versions

    def get(self, table_id: str) -> Mapping[str, Any]:
        """The content of a table; empty if it has no version of this day."""
        found = self.versions.get(table_id)
        return found.content if found else {}

    def provenance(self, table_id: str) -> Provenance | None:
        """Where a table comes from, None if it has no version of this day."""
        found = self.versions.get(table_id)
        return found.provenance if found else None

    def vat(self, code: str, vat_class: str = "standard") -> float:
        """The VAT rate of a class in a country, as a fraction; NaN if no table holds on this day.

        Raises:
            ConfigError: no such class.
        """
        content = self.get("vat")
        if not content:
            return float("nan")
        rates = content.get(vat_class)
        if not isinstance(rates, Mapping) or code not in rates:
            raise ConfigError("no such VAT class", field="vat_class", value=vat_class, remedy=f"Use {self.vat_classes}")
        return float(rates[code]) / 100

    @property
    def vat_classes(self) -> tuple[str, ...]:
        return tuple(k for k, v in self.get("vat").items() if isinstance(v, Mapping) and "DE" in v)

    def digital_services(self, home: str, store: str) -> Mapping[str, Any] | None:
        """The row for sellers established in ``home`` selling in ``store``; None: no fee."""
        return next((r for r in self.digital if home in r["home"] and store in r["store"]), None)

    def schedules_of(self, category: str | None) -> tuple[int, ...]:
        """Places in ``schedules`` of a category (``Root`` or ``Root › Branch › …``), as far as its branch tells them
        apart, or of a schedule's own name; () if it is not known."""
        if not category:
            return ()
        wanted, *branch = (name.strip().casefold() for name in category.split("›"))
        for root in self.roots.values():
            if any(wanted == name.casefold() for name in root["names"]):
                names = [n for n in root["schedules"] if self._in_branch(n, branch)] or root["schedules"]
                return tuple(p for name in names if (p := self.schedule_index(name)) >= 0)
        return self.schedules_named(category)

    def _in_branch(self, schedule: str, branch: Sequence[str]) -> bool:
        """Whether a word of the schedule stands in a name of the branch."""
        return any(word in _words(name) for word in self.branches.get(schedule, ()) for name in branch)

    def schedules_named(self, category: str | None) -> tuple[int, ...]:
        """The place of the schedule of exactly this name; () if there is none."""
        wanted = (category or "").strip().casefold()
        return tuple(i for i, s in enumerate(self.schedules) if s.name.casefold() == wanted)

    def schedule_index(self, schedule: str) -> int:
        """The place of a schedule, −1 if there is none on this day."""
        return next((i for i, s in enumerate(self.schedules) if s.name == schedule), -1)


@dataclass(frozen=True, slots=True)
class Tables:
    """All versions of all tables. ``version`` is the newest day on which any of them begins."""

    version: str
    versions: Mapping[str, tuple[Version, ...]]
    roots: Mapping[str, Mapping[str, Any]]
    branches: Mapping[str, Sequence[str]]
    digital: tuple[Mapping[str, Any], ...]
    _days: dict[date, EffectiveTables] = field(default_factory=dict, compare=False)

    def on(self, day: date) -> EffectiveTables:
        """The tables of a day."""
        if day not in self._days:
            self._days[day] = self._day(day)
        return self._days[day]

    @property
    def changes(self) -> tuple[date, ...]:
        """Every day on which something begins, or has just ended, rising."""
        days = {v.first for versions in self.versions.values() for v in versions}
        days |= {v.last + timedelta(1) for versions in self.versions.values() for v in versions if v.last < date.max}
        return tuple(sorted(days | {row["valid_from"] for row in self.digital}))

    def _day(self, on: date) -> EffectiveTables:
        here = {name: v for name, vs in self.versions.items() for v in vs if v.first <= on <= v.last}
        digital = tuple(r for r in self.digital if r["valid_from"] <= on <= r.get("valid_to", date.max))
        began = [v.first for v in here.values()] + [r["valid_from"] for r in digital]
        sizes = here.get("size_tiers")
        selected = here.get("fulfilment_selected")
        tiers = [row["tier"] for row in sizes.content["tiers"]] if sizes else []
        tiers += [SPECIAL, *(row["tier"] for row in selected.content["parcels"] if selected)] if selected else [SPECIAL]
        return EffectiveTables(
            on=on,
            version=max(began, default=on).isoformat(),
            versions=MappingProxyType(here),
            roots=self.roots,
            branches=self.branches,
            schedules=_schedules(here.get("referral")),
            tiers=tuple(dict.fromkeys(tiers)),
            local=_bands(here.get("fulfilment_local")),
            low_price=_bands(here.get("fulfilment_low_price")),
            selected=_selected(selected),
            efn=_bands(here.get("fulfilment_efn")),
            digital=digital,
            uplifts=_uplifts(self.versions["referral"]),
        )


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """The tables that come with arbkit.

    Raises:
        ConfigError: a file is broken; names file, row and rule.
    """
    folder = resources.files("arbkit.profit.fees").joinpath("data")
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
    versions: dict[str, tuple[Version, ...]] = {}
    for name, content in files.items():
        if name in _NOT_DATED:
            continue
        blocks = {name: content["version"]} if "version" in content else {f"{name}.{k}": v for k, v in content.items()}
        for table_id, rows in blocks.items():
            versions[table_id] = _versions(table_id, rows)
    digital = tuple(files["digital_services"]["rows"])
    _check_digital(digital)
    tables = Tables(
        version=max(v.first for vs in versions.values() for v in vs).isoformat(),
        versions=MappingProxyType(versions),
        roots=MappingProxyType(dict(files["categories"]["roots"])),
        branches=MappingProxyType({n: tuple(map(_words, w)) for n, w in files["categories"]["branches"].items()}),
        digital=digital,
    )
    for day in tables.changes:
        tables.on(day)
    known = {s.name for day in tables.changes for s in tables.on(day).schedules}
    named = [(root, schedule) for root, row in tables.roots.items() for schedule in row["schedules"]]
    for row, schedule in [*named, *(("branches", name) for name in tables.branches)]:
        if schedule not in known:
            raise _broken("categories", row, f"no referral schedule is called {schedule!r}")
    return tables


def _words(text: str) -> str:
    """A text with a space around each word, so that a word is not found inside another."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def _versions(table_id: str, rows: Sequence[Mapping[str, Any]]) -> tuple[Version, ...]:
    found: list[Version] = []
    content: Mapping[str, Any] = {}
    for row in rows:
        for key, kind in (("valid_from", date), ("checked_on", date), ("source", str)):
            if not isinstance(row.get(key), kind):
                raise _broken(table_id, str(row.get("valid_from", "version")), f"{key} is missing or mistyped")
        first, last = row["valid_from"], row.get("valid_to", date.max)
        if last < first:
            raise _broken(table_id, first.isoformat(), f"valid_to {last} is before valid_from")
        if found:
            before = found[-1]
            if first <= before.first or (before.last < date.max and first <= before.last):
                raise _broken(table_id, first.isoformat(), f"overlaps the version of {before.first}")
            if before.last == date.max:
                found[-1] = Version(before.provenance, before.first, first - timedelta(1), before.content)
            elif first != before.last + timedelta(1) and not row.get("seasonal"):
                raise _broken(table_id, first.isoformat(), f"leaves a hole after {before.last}")
        content = _changed(table_id, content, row) if table_id == "referral" else row
        table = Provenance(table_id, first, row["source"], bool(row.get("assumed", False)))
        found.append(Version(table, first, last, content))
    return tuple(found)


def _changed(table_id: str, before: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A version that states only what it changes, whole."""
    whole = {**before, **{k: v for k, v in row.items() if k != "changes"}}
    rows = {r["name"]: r for r in whole["rows"]}
    for change in row.get("changes", ()):
        if change["name"] not in rows:
            raise _broken(table_id, change["name"], "changes a schedule that was not there before")
        rows[change["name"]] = change
    return {**whole, "rows": list(rows.values())}


def _uplifts(versions: Sequence[Version]) -> tuple[float, ...]:
    percents = {p for v in versions for p in v.content.get("uplift_percent", {}).values()}
    return (1.0, *sorted(1 + p / 100 for p in percents))


def _schedules(version: Version | None) -> tuple[Schedule, ...]:
    return tuple(_schedule(row) for row in version.content["rows"]) if version else ()


def _schedule(row: Mapping[str, Any]) -> Schedule:
    name, percent = row["name"], row["percent"]
    bounds = {c: tuple(row.get(f"up_to_{c}", ())) for c in row.get("currencies", ("EUR", "GBP"))}
    for currency, edges in bounds.items():
        if len(edges) != len(percent) - 1 or any(b <= a for a, b in zip((0, *edges), edges, strict=False)):
            raise _broken("referral", name, f"bounds in {currency} must rise, one fewer than percents")
    if not all(0 <= p <= 100 for p in percent):
        raise _broken("referral", name, "percents are between 0 and 100")
    if row["mode"] not in {"flat", "threshold", "marginal"} or (row["mode"] == "flat") != (len(percent) == 1):
        raise _broken("referral", name, f"no such mode for {len(percent)} percents: {row['mode']}")
    fractions = tuple(p / 100 for p in percent)
    return Schedule(name, row["mode"], fractions, MappingProxyType(bounds), bool(row.get("disputed")))


def _bands(version: Version | None) -> WeightBands | None:
    """Rows of ``bands``, ``oversize`` and ``special`` in one table of bases and steps."""
    if version is None:
        return None
    content, name = version.content, version.provenance.table_id
    columns = [k for k in content["bands"][0] if k not in {"tier", "up_to_kg"}]
    rows: list[tuple[str, float, float, list[float], list[float]]] = [
        (r["tier"], r["up_to_kg"], 0.0, [r[c] for c in columns], [0.0] * len(columns)) for r in content["bands"]
    ]
    rows += [
        (r["tier"], np.inf, r["base_kg"], [r[c][0] for c in columns], [r[c][1] for c in columns])
        for r in content.get("oversize", ())
    ]
    special = content.get("special", ())
    rows += [(SPECIAL, r["up_to_kg"], 0.0, [r[c] for c in columns], [0.0] * len(columns)) for r in special]
    if special:
        per_kg = content["special_per_kg"]
        last = special[-1]
        rows.append((SPECIAL, np.inf, last["up_to_kg"], [last[c] for c in columns], [per_kg[c] for c in columns]))
    return _table(version, name, columns, rows, 1.0)


def _selected(version: Version | None) -> WeightBands | None:
    if version is None:
        return None
    parcels = version.content["parcels"]
    columns = [k for k in parcels[0] if k not in {"tier", "sides_mm", "max_unit_kg"}]
    rows = [(r["tier"], r["max_unit_kg"], 0.1, [r[c][0] for c in columns], [r[c][1] for c in columns]) for r in parcels]
    return _table(version, version.provenance.table_id, columns, rows, 0.1)


def _table(
    version: Version,
    name: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, float, float, list[float], list[float]]],
    step_kg: float,
) -> WeightBands:
    tiers: dict[str, list[int]] = {}
    for place, (tier, up_to, _, base, _) in enumerate(rows):
        places = tiers.setdefault(tier, [])
        if places and place != places[-1] + 1:
            raise _broken(name, tier, "rows of a tier belong together")
        if places and up_to <= rows[places[-1]][1]:
            raise _broken(name, tier, f"weights must rise: {up_to} kg")
        if places and any(now < before for now, before in zip(base, rows[places[-1]][3], strict=True)):
            raise _broken(name, f"{tier}, {up_to} kg", "fees must not fall with the weight")
        if min(base) <= 0:
            raise _broken(name, f"{tier}, {up_to} kg", "fees are above zero")
        places.append(place)
    nothing = [np.nan] * len(columns)
    return WeightBands(
        provenance=version.provenance,
        columns=MappingProxyType({c: i for i, c in enumerate(columns)}),
        tiers=MappingProxyType({t: (p[0], np.array([rows[i][1] for i in p])) for t, p in tiers.items()}),
        base=np.array([r[3] for r in rows] + [nothing]),
        per_step=np.array([r[4] for r in rows] + [[0.0] * len(columns)]),
        start_kg=np.array([r[2] for r in rows] + [0.0]),
        step_kg=step_kg,
    )


def _check_digital(rows: Sequence[Mapping[str, Any]]) -> None:
    seen: dict[tuple[str, str], date] = {}
    for row in rows:
        for home in row["home"]:
            for store in row["store"]:
                if store not in MARKETS:
                    raise _broken("digital_services", store, "no such store")
                if seen.get((home, store), date.min) >= row["valid_from"]:
                    raise _broken("digital_services", f"{home} in {store}", "overlaps an earlier row")
                seen[home, store] = row.get("valid_to", date.max)


def _broken(file: str, row: str, rule: str) -> ConfigError:
    return ConfigError(rule, field=f"{file}.toml: {row}")
