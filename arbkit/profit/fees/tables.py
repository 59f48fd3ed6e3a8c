"""The fee and tax tables: TOML files in this package, each version with its source and the days it holds.

A table's id is its file, or a block of one (``surcharges.fuel``); :meth:`Tables.on` gives the tables of a day.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources
from itertools import product
from types import MappingProxyType
from typing import cast

from arbkit.core.errors import ConfigError
from arbkit.core.marketplaces import MARKETS
from arbkit.core.offers.categories import CATEGORIES
from arbkit.core.results import Json
from arbkit.profit.fees.bands import PeakSeason, Provenance, Schedule, WeightBands
from arbkit.profit.fees.contents import CategoryRoot, DigitalServicesRow, TableContent
from arbkit.profit.fees.parsing import SPECIAL, bands_of, broken_table, parcels_of, schedules_of

_TABLES_LAST = timedelta(90)
"""Amazon announces changes about this long ahead."""
_CATEGORIES_KEPT = 10_000
"""Of how many categories a day's tables remember the schedules: more than Amazon's stores have, but for odd data."""
_NOT_DATED = frozenset({"categories", "digital_services"})
TABLE_IDS = (
    "referral", "closing", "fulfilment_local", "fulfilment_low_price", "fulfilment_selected", "fulfilment_efn",
    "size_tiers", "surcharges.fuel", "surcharges.peak", "surcharges.hazmat", "surcharges.packaging",
    "surcharges.pan_eu_oversize", "surcharges.low_inventory", "storage", "digital_services", "refunds", "vat",
    "vat_collected", "duty",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a table: in force from ``first`` to ``last``, both included."""

    provenance: Provenance
    first: date
    last: date
    content: TableContent


@dataclass(frozen=True, slots=True)
class EffectiveTables:
    """The tables in force on a day. One without a version of that day is absent: what needs it is unknown."""

    on: date
    version: str
    """the newest day on which any table of this day came into force"""
    versions: Mapping[str, Version]
    roots: Mapping[str, CategoryRoot]
    branches: Mapping[str, Sequence[str]]
    schedules: tuple[Schedule, ...]
    tiers: tuple[str, ...]
    local: WeightBands | None
    low_price: WeightBands | None
    selected: WeightBands | None
    efn: WeightBands | None
    seasons: tuple[PeakSeason, ...]
    """the peak seasons of all days: the one that counts is that of the dispatch"""
    digital: tuple[DigitalServicesRow, ...]
    uplifts: tuple[float, ...]
    """factors by which referral percentages of any day were raised: data may be as old"""
    renamed: Mapping[str, str]
    """referral schedules of earlier versions of arbkit, by what they are called now"""
    checked_on: date
    """the newest day on which any table was compared with its source"""
    _schedules: dict[str, tuple[int, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def has(self, table_id: str) -> bool:
        """Whether a table has a version of this day."""
        return table_id in self.versions

    def get(self, table_id: str) -> TableContent:
        """The content of a table; empty if it has no version of this day."""
        found = self.versions.get(table_id)
        return found.content if found else {}

    def provenance(self, table_id: str) -> Provenance | None:
        """Where a table comes from, None if it has no version of this day."""
        found = self.versions.get(table_id)
        return found.provenance if found else None

    def vat(self, code: str, vat_class: str = "standard") -> float:
        """The VAT rate of a class in a country, as a fraction; NaN if no table of this day has it.

        Raises:
            ConfigError: no such class.
        """
        content = self._vat
        if not content:
            return float("nan")
        rates = content.get(vat_class)
        if code not in MARKETS or not isinstance(rates, Mapping) or "DE" not in rates:
            raise ConfigError("no such VAT class", field="vat_class", value=vat_class, remedy=f"Use {self.vat_classes}")
        return float(rates.get(code, float("nan"))) / 100

    @property
    def vat_classes(self) -> tuple[str, ...]:
        """The VAT classes of goods; () if no table holds on this day."""
        return tuple(k for k, v in self._vat.items() if isinstance(v, Mapping) and "DE" in v)

    @property
    def _vat(self) -> Mapping[str, object]:
        return cast("Mapping[str, object]", self.get("vat"))

    def outlived_by(self, on: date) -> bool:
        """Whether a day is later than announced changes reach: nobody knows its tables."""
        return on - self.checked_on > _TABLES_LAST

    def season(self, on: date) -> PeakSeason | None:
        """The peak season of a dispatch on a day, None outside of those that are known."""
        return next((s for s in self.seasons if s.first <= on <= s.last), None)

    def peak_amounts(self, country: str) -> Mapping[str, float]:
        """What the peak season adds for stock in a country by kind of package, where only that was announced."""
        amounts = cast("Mapping[str, object]", self.get("surcharges.peak")).get(country, {})
        return cast("Mapping[str, float]", amounts)

    def digital_services(self, home: str, store: str) -> DigitalServicesRow | None:
        """The fee of sellers established in ``home`` in ``store``; None: no row of this day says."""
        return next((r for r in self.digital if home in r["home"] and store in r["store"]), None)

    def schedules_of(self, category: str | None) -> tuple[int, ...]:
        """Indices in ``schedules`` of a category or of a schedule's own name; () if it is not known.

        A category is ``Root``, or ``Root › Branch › …``, which narrows it down.
        """
        if not category:
            return ()
        if (found := self._schedules.get(category)) is None:
            found = self._find_schedules(category)
            if len(self._schedules) < _CATEGORIES_KEPT:
                self._schedules[category] = found
        return found

    def _find_schedules(self, category: str) -> tuple[int, ...]:
        wanted, *branch = (name.strip().casefold() for name in category.split("›"))
        for root in self.roots.values():
            if any(wanted == name.casefold() for name in root["names"]):
                names = [n for n in root["schedules"] if self._in_branch(n, branch)] or root["schedules"]
                return tuple(p for name in names if (p := self.schedule_index(name)) >= 0)
        return self.schedules_named(category)

    def _in_branch(self, schedule: str, branch: Sequence[str]) -> bool:
        """Whether a keyword of the schedule is part of a name of the branch."""
        return any(word in _words(name) for word in self.branches.get(schedule, ()) for name in branch)

    def schedules_named(self, category: str | None) -> tuple[int, ...]:
        """The index of the schedule of exactly this name; () if no schedule has it."""
        wanted = (category or "").strip()
        wanted = self.renamed.get(wanted, wanted).casefold()
        return tuple(i for i, s in enumerate(self.schedules) if s.name.casefold() == wanted)

    def schedule_index(self, schedule: str) -> int:
        """The index of a schedule, −1 if it is not in force on this day."""
        return next((i for i, s in enumerate(self.schedules) if s.name == schedule), -1)


@dataclass(frozen=True, slots=True)
class Tables:
    """All versions of all tables. ``version`` is the newest day on which any of them begins."""

    version: str
    versions: Mapping[str, tuple[Version, ...]]
    roots: Mapping[str, CategoryRoot]
    branches: Mapping[str, Sequence[str]]
    renamed: Mapping[str, str]
    digital: tuple[DigitalServicesRow, ...]
    _days: dict[date, EffectiveTables] = field(default_factory=dict, compare=False)

    def on(self, day: date) -> EffectiveTables:
        """The tables of a day."""
        if day not in self._days:
            self._days[day] = self._day(day)
        return self._days[day]

    def root_of(self, category: str | None) -> str | None:
        """The key of the root category of this name, in any language; None if it is not known."""
        wanted = (category or "").strip().casefold()
        return next((k for k, root in self.roots.items() if wanted in (n.casefold() for n in root["names"])), None)

    @property
    def changes(self) -> tuple[date, ...]:
        """Every day on which something begins, or has just ended, rising."""
        days = {v.first for versions in self.versions.values() for v in versions}
        days |= {v.last + timedelta(1) for versions in self.versions.values() for v in versions if v.last < date.max}
        return tuple(sorted(days | {row["valid_from"] for row in self.digital}))

    @property
    def _seasons(self) -> tuple[PeakSeason, ...]:
        return tuple(_season(version) for version in self.versions["surcharges.peak"])

    def _day(self, on: date) -> EffectiveTables:
        here = {name: v for name, vs in self.versions.items() for v in vs if v.first <= on <= v.last}
        digital = tuple(r for r in self.digital if r["valid_from"] <= on <= r.get("valid_to", date.max))
        began = [v.first for v in here.values()] + [r["valid_from"] for r in digital]
        sizes, selected = here.get("size_tiers"), here.get("fulfilment_selected")
        tiers = [row["tier"] for row in sizes.content["tiers"]] if sizes else []
        tiers += [SPECIAL, *(row["tier"] for row in (selected.content["parcels"] if selected else ()))]
        return EffectiveTables(
            on=on,
            version=max(began, default=on).isoformat(),
            versions=MappingProxyType(here),
            roots=self.roots,
            branches=self.branches,
            schedules=schedules_of(here["referral"].content) if "referral" in here else (),
            tiers=tuple(dict.fromkeys(tiers)),
            local=_bands(here.get("fulfilment_local")),
            low_price=_bands(here.get("fulfilment_low_price")),
            selected=parcels_of(selected.content, selected.provenance) if selected else None,
            efn=_bands(here.get("fulfilment_efn")),
            seasons=self._seasons,
            digital=digital,
            uplifts=_uplifts(self.versions["referral"]),
            renamed=self.renamed,
            checked_on=max(v.content["checked_on"] for versions in self.versions.values() for v in versions),
        )


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """The tables that come with arbkit.

    Raises:
        ConfigError: a file is broken; names file, row and rule.
    """
    files = {}
    for file in resources.files("arbkit.profit.fees").joinpath("data").iterdir():
        try:
            files[file.name.removesuffix(".toml")] = tomllib.loads(file.read_text("utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"the table cannot be read: {error}", field=file.name) from None
    return parse_tables(files)


def parse_tables(files: Mapping[str, Mapping[str, Json]]) -> Tables:
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
            versions[table_id] = _versions(table_id, cast("Sequence[TableContent]", rows))
    digital = tuple(cast("Sequence[DigitalServicesRow]", files["digital_services"]["rows"]))
    _check_digital(digital)
    roots = _roots(cast("Mapping[str, Mapping[str, Sequence[str]]]", files["categories"]["roots"]))
    branches = cast("Mapping[str, Sequence[str]]", files["categories"]["branches"])
    tables = Tables(
        version=max(v.first for vs in versions.values() for v in vs).isoformat(),
        versions=MappingProxyType(versions),
        roots=MappingProxyType(roots),
        branches=MappingProxyType({name: tuple(map(_words, words)) for name, words in branches.items()}),
        renamed=MappingProxyType(cast("dict[str, str]", files["categories"].get("renamed", {}))),
        digital=digital,
    )
    for day in tables.changes:
        tables.on(day)
    known = {s.name for day in tables.changes for s in tables.on(day).schedules}
    named = [(root, schedule) for root, row in tables.roots.items() for schedule in row["schedules"]]
    for row, schedule in [*named, *(("branches", name) for name in tables.branches)]:
        if schedule not in known:
            raise broken_table("categories", row, f"no referral schedule is called {schedule!r}")
    return tables


def _roots(schedules: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, CategoryRoot]:
    """Each category with its names, which all of arbkit shares, and its referral schedules."""
    for key in schedules.keys() ^ CATEGORIES.keys():
        raise broken_table("categories", key, "is not one of arbkit's categories, or one of them is missing here")
    return {key: {"names": CATEGORIES[key].names, "schedules": row["schedules"]} for key, row in schedules.items()}


def _words(text: str) -> str:
    """A text with a space around each word, so that a word is not found inside another."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def _versions(table_id: str, rows: Sequence[TableContent]) -> tuple[Version, ...]:
    found: list[Version] = []
    content: TableContent = {}
    for row in rows:
        for key, kind in (("valid_from", date), ("checked_on", date), ("source", str)):
            if not isinstance(row.get(key), kind):
                raise broken_table(table_id, str(row.get("valid_from", "version")), f"{key} is missing or mistyped")
        first, last = row["valid_from"], row.get("valid_to", date.max)
        if last < first:
            raise broken_table(table_id, first.isoformat(), f"valid_to {last} is before valid_from")
        if found:
            before = found[-1]
            if first <= before.first or (before.last < date.max and first <= before.last):
                raise broken_table(table_id, first.isoformat(), f"overlaps the version of {before.first}")
            if before.last == date.max:
                found[-1] = replace(before, last=first - timedelta(1))
            elif first != before.last + timedelta(1) and not row.get("seasonal"):
                raise broken_table(table_id, first.isoformat(), f"leaves a hole after {before.last}")
        content = _changed(table_id, content, row) if table_id == "referral" else row
        table = Provenance(table_id, first, row["source"], bool(row.get("assumed", False)))
        found.append(Version(table, first, last, content))
    return tuple(found)


def _bands(version: Version | None) -> WeightBands | None:
    return bands_of(version.content, version.provenance) if version else None


def _season(version: Version) -> PeakSeason:
    content, provenance = version.content, version.provenance
    return PeakSeason(
        provenance,
        version.first,
        version.last,
        bands=bands_of(content, provenance) if "bands" in content else None,
        selected=parcels_of(content, provenance) if "parcels" in content else None,
    )


def _changed(table_id: str, before: TableContent, row: TableContent) -> TableContent:
    """A version that states only what it changes, whole."""
    whole: TableContent = {**before, **row}
    whole.pop("changes", None)
    rows = {r["name"]: r for r in whole["rows"]}
    for change in row.get("changes", ()):
        if change["name"] not in rows:
            raise broken_table(table_id, change["name"], "changes a schedule that was not there before")
        rows[change["name"]] = change
    return {**whole, "rows": list(rows.values())}


def _uplifts(versions: Sequence[Version]) -> tuple[float, ...]:
    percents = {p for v in versions for p in v.content.get("uplift_percent", {}).values()}
    return (1.0, *sorted(1 + p / 100 for p in percents))


def _check_digital(rows: Sequence[DigitalServicesRow]) -> None:
    seen: dict[tuple[str, str], date] = {}
    for row in rows:
        for home, store in product(row["home"], row["store"]):
            if store not in MARKETS:
                raise broken_table("digital_services", store, "no such store")
            if seen.get((home, store), date.min) >= row["valid_from"]:
                raise broken_table("digital_services", f"{home} in {store}", "overlaps an earlier row")
            seen[home, store] = row.get("valid_to", date.max)
