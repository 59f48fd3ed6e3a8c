"""When reports run: ``schedule.toml``, read entry by entry, so that one that is wrong leaves the others be."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from arbkit.core.errors import ConfigError, UsageError, did_you_mean
from arbkit.core.settings import Settings
from arbkit.reports.runner import find_report
from arbkit.reports.schedule.cron import Cron, parse_cron, parse_zone

__all__ = ["BadEntry", "Entry", "Schedule", "built_in", "load_schedule"]

_KEYS = ("timezone", "entry")
_ENTRY_KEYS = ("name", "report", "cron", "parameters", "enabled", "timezone")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the schedule: a report, what it is told, and when it runs."""

    name: str
    report: str
    cron: Cron
    parameters: Mapping[str, Any]
    enabled: bool

    @property
    def key(self) -> str:
        """What makes it the same entry as before: with another time it begins anew."""
        return f"{self.cron.line} {self.cron.zone.key}"


@dataclass(frozen=True, slots=True)
class BadEntry:
    """An entry that cannot be used, and why."""

    name: str
    error: ConfigError


@dataclass(frozen=True, slots=True)
class Schedule:
    """The entries of a schedule, and those that are wrong. ``where`` names the file."""

    where: str
    entries: tuple[Entry, ...]
    bad: tuple[BadEntry, ...]

    def entry(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            ConfigError: there is none, or it is wrong.
        """
        for one in self.entries:
            if one.name == name:
                return one
        for wrong in self.bad:
            if wrong.name == name:
                raise wrong.error
        remedy = did_you_mean(name, [one.name for one in self.entries])
        raise ConfigError("has no such entry", field=self.where, value=name, remedy=remedy)


def built_in() -> str:
    """The text of the schedule that holds where there is none."""
    return resources.files("arbkit.reports.schedule").joinpath("default_schedule.toml").read_text("utf-8")


def load_schedule(settings: Settings) -> Schedule:
    """The schedule that the settings name; what is wrong with single entries is in it.

    Raises:
        ConfigError: the file as a whole cannot be read.
    """
    path = settings.schedule_path
    where = "the built-in schedule" if path is None else str(path)
    document = _read(path, where)
    for name in document:
        if name not in _KEYS:
            raise ConfigError("is unknown", field=f"{where}: {name}", remedy=did_you_mean(name, _KEYS))
    given = document.get("entry", [])
    if not isinstance(given, list):
        raise ConfigError("is no list", field=f"{where}: entry", remedy="Begin each entry with [[entry]]")
    entries: list[Entry] = []
    bad: list[BadEntry] = []
    for number, fields in enumerate(given, 1):
        name = str(fields.get("name", f"number {number}")) if isinstance(fields, Mapping) else f"number {number}"
        try:
            entry = _entry(fields, f"{where}: entry {name}", document.get("timezone"))
            if any(entry.name == other.name for other in entries):
                raise ConfigError(
                    "is there twice", field=f"{where}: entry {name}", remedy="Give each entry a name of its own"
                )
            entries.append(entry)
        except ConfigError as error:
            bad.append(BadEntry(name, error))
    return Schedule(where, tuple(entries), tuple(bad))


def _read(path: Path | None, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(built_in() if path is None else path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"the schedule cannot be read: {error}",
            field="ARBKIT_SCHEDULE",
            value=where,
            remedy="Mend the file, or take ARBKIT_SCHEDULE away for the built-in one",
        ) from None


def _entry(fields: Any, where: str, zone: Any) -> Entry:
    if not isinstance(fields, Mapping):
        raise ConfigError("is no table", field=where, remedy="Begin each entry with [[entry]]")
    for key in fields:
        if key not in _ENTRY_KEYS:
            raise ConfigError("is unknown", field=f"{where}: {key}", remedy=did_you_mean(key, _ENTRY_KEYS))
    for key in ("name", "report", "cron"):
        if key not in fields:
            raise ConfigError("is missing", field=f"{where}: {key}", remedy="Each entry has name, report and cron")
    if not isinstance(fields["name"], str) or not _NAME.fullmatch(fields["name"]):
        raise ConfigError(
            "is no name", field=f"{where}: name", value=fields["name"], remedy="Use letters, digits, dots and dashes"
        )
    enabled = fields.get("enabled", True)
    if not isinstance(enabled, bool):
        raise ConfigError("is neither true nor false", field=f"{where}: enabled", value=enabled)
    zone = fields.get("timezone", zone)
    if zone is None:
        raise ConfigError("is missing", field=f"{where}: timezone", remedy='Write timezone = "Europe/Berlin" on top')
    cron = parse_cron(fields["cron"], parse_zone(zone, field=f"{where}: timezone"), field=f"{where}: cron")
    parameters = fields.get("parameters", {})
    if not isinstance(parameters, Mapping):
        raise ConfigError(
            "is no table", field=f"{where}: parameters", value=parameters, remedy="Write [entry.parameters]"
        )
    try:
        report = find_report(str(fields["report"]))
        checked = report.check(parameters)
    except UsageError as error:
        field = f"{where}: {error.field}" if error.field else where
        raise ConfigError(error.why, field=field, value=error.value, remedy=error.remedy) from None
    return Entry(fields["name"], report.name, cron, checked, enabled)
