"""When reports run: ``schedule.toml``, read entry by entry, so that a wrong one leaves the others alone."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, JsonValue, StrictBool, ValidationError

from arbkit.core.errors import ConfigError, UsageError, did_you_mean
from arbkit.core.files import shipped_table
from arbkit.core.input.validation import Request
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.find import find_report
from arbkit.reports.schedule.cron import Cron, parse_cron, parse_zone


class _Fault(NamedTuple):
    why: str
    remedy: str | None = None


class _EntryFields(Request):
    """An ``[[entry]]`` of the file as it is written."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    report: str
    cron: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    enabled: StrictBool = True
    timezone: str | None = None


class _FileFields(Request):
    """The file; its entries are validated one by one."""

    timezone: Any = None
    entry: list[Any] = Field(default_factory=list)


_FAULTS = shipped_table(dict[str, _Fault], "arbkit.reports.schedule", "schedule_errors.toml")
"""What is wrong and the remedy, by pydantic's type of the error, or else by field."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the schedule: a report, its parameters, and when it runs."""

    name: str
    report: str
    cron: Cron
    parameters: dict[str, JsonValue]
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
        entries = {entry.name: entry for entry in self.entries}
        if name in entries:
            return entries[name]
        wrong = {bad.name: bad.error for bad in self.bad}
        remedy = did_you_mean(name, entries)
        raise wrong.get(name) or ConfigError("has no such entry", field=self.where, value=name, remedy=remedy)


def built_in() -> str:
    """The text of the schedule that is used where there is no file."""
    return resources.files("arbkit.reports.schedule").joinpath("default_schedule.toml").read_text("utf-8")


def load_schedule(settings: Settings) -> Schedule:
    """The schedule that the settings name, with what is wrong with single entries.

    Raises:
        ConfigError: the file as a whole cannot be used.
    """
    path = settings.schedule_path
    where = "the built-in schedule" if path is None else str(path)
    try:
        document = _FileFields.model_validate(_read(path, where))
    except ValidationError as error:
        raise _fault(error, where, tuple(_FileFields.model_fields)) from None
    entries: list[Entry] = []
    bad: list[BadEntry] = []
    for number, fields in enumerate(document.entry, 1):
        unnamed = f"number {number}"
        name = str(fields.get("name", unnamed)) if isinstance(fields, dict) else unnamed
        field = f"{where}: entry {name}"
        try:
            entry = _entry(settings, fields, field, document.timezone)
            if any(entry.name == other.name for other in entries):
                raise ConfigError("is there twice", field=field, remedy="Give each entry a name of its own")
            entries.append(entry)
        except ConfigError as error:
            bad.append(BadEntry(name, error))
    return Schedule(where, tuple(entries), tuple(bad))


def _read(path: Path | None, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(built_in() if path is None else path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        remedy = "Mend the file, or take ARBKIT_SCHEDULE away for the built-in one"
        why = f"the schedule cannot be read: {error}"
        raise ConfigError(why, field="ARBKIT_SCHEDULE", value=where, remedy=remedy) from None


def _entry(settings: Settings, fields: Any, where: str, default_zone: Any) -> Entry:
    try:
        given = _EntryFields.model_validate(fields)
    except ValidationError as error:
        raise _fault(error, where, tuple(_EntryFields.model_fields)) from None
    zone = default_zone if given.timezone is None else given.timezone
    if zone is None:
        raise ConfigError("is missing", field=f"{where}: timezone", remedy='Write timezone = "Europe/Berlin" on top')
    cron = parse_cron(given.cron, parse_zone(zone, field=f"{where}: timezone"), field=f"{where}: cron")
    try:
        report = find_report(settings, given.report)
        parameters = report.check(given.parameters)
    except (UsageError, ConfigError) as error:
        field = f"{where}: {error.field}" if error.field else where
        raise ConfigError(error.why, field=field, value=error.value, remedy=error.remedy) from None
    return Entry(given.name, report.name, cron, parameters, given.enabled)


def _fault(error: ValidationError, where: str, known: tuple[str, ...]) -> ConfigError:
    """The first fault in our words; a name that nobody knows comes first, for it explains one that is missing."""
    first = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    name = str(first["loc"][0]) if first["loc"] else ""
    field = f"{where}: {name}" if name else where
    if first["type"] == "extra_forbidden":
        return ConfigError("is unknown", field=field, remedy=did_you_mean(name, known))
    why, remedy = _FAULTS.get(first["type"]) or _FAULTS.get(name) or (first["msg"], None)
    value = None if first["type"] in ("missing", "model_type", "list_type") else first["input"]
    return ConfigError(why, field=field, value=value, remedy=remedy)
