"""``alerts.toml``: read rule by rule, so that a wrong one leaves the others at work."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from importlib import resources
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from arbkit.alerts.rules import Rule
from arbkit.core.errors import ConfigError, UsageError, did_you_mean
from arbkit.core.input.validation import usage_error
from arbkit.core.settings import Settings

_KEYS = ("timezone", "keep_days", "rule", "channel")
_KEPT_DAYS = 90.0
"""A quarter of what was announced, to look back on."""
_MOST_DAYS = 10_000
_UNREADABLE = "Mend the file, or take it away for the built-in rule"
_DEFAULT_ZONE = "Europe/Berlin"
TomlValue: TypeAlias = (
    "str | int | float | bool | datetime | date | time | Sequence[TomlValue] | Mapping[str, TomlValue] | None"
)
TomlTable: TypeAlias = Mapping[str, TomlValue]
"""A table of the file as it is written."""


@dataclass(frozen=True, slots=True)
class AlertsFile:
    """The file, its tables not yet checked.

    ``where`` names it, ``zone`` is where days and quiet hours count, ``keep_days`` how long alerts are kept.
    """

    where: str
    zone: ZoneInfo
    rules: Sequence[TomlTable]
    channels: Sequence[TomlTable]
    keep_days: float


@dataclass(frozen=True, slots=True)
class BadRule:
    """A rule that cannot be used, and why."""

    name: str
    error: ConfigError


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a file, and those that are wrong. ``where`` names the file."""

    where: str
    rules: tuple[Rule, ...] = ()
    bad: tuple[BadRule, ...] = ()

    def rule(self, name: str) -> Rule:
        """The rule of that name.

        Raises:
            ConfigError: there is none, or it is wrong.
        """
        rules = {rule.name: rule for rule in self.rules}
        if name in rules:
            return rules[name]
        wrong = {bad.name: bad.error for bad in self.bad}
        remedy = did_you_mean(name, rules)
        raise wrong.get(name) or ConfigError("has no such rule", field=self.where, value=name, remedy=remedy)


def alerts_path(settings: Settings) -> Path:
    """The file of rules and channels, whether it is there or not."""
    return settings.alerts or settings.user_folder / "alerts.toml"


def built_in() -> str:
    """The text of the rules that are used where there is no file."""
    return resources.files("arbkit.alerts").joinpath("default.toml").read_text("utf-8")


def read_alerts_file(settings: Settings) -> AlertsFile:
    """The file in force; where it is not there, or has no rules, with the built-in rule.

    Raises:
        ConfigError: the file as a whole cannot be used.
    """
    path = alerts_path(settings)
    ours = tomllib.loads(built_in())
    if settings.alerts is None and not path.exists():
        return _file("the built-in alerts", ours)
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        field = str(path) if settings.alerts is None else "ARBKIT_ALERTS"
        value = None if settings.alerts is None else str(path)
        why = f"the rules of alerts cannot be read: {error.strerror or error}"
        raise ConfigError(why, field=field, value=value, remedy=_UNREADABLE) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = f"the rules of alerts cannot be read: {error}"
        raise ConfigError(why, field=str(path), remedy=_UNREADABLE) from None
    return _file(str(path), {"rule": ours["rule"], **tables})


def load_rules(settings: Settings) -> Rules:
    """The rules in force, with what is wrong with single ones.

    Raises:
        ConfigError: the file as a whole cannot be used.
    """
    return rules_of(read_alerts_file(settings))


def rule_faults(settings: Settings) -> list[str]:
    """What is wrong with the file or with single rules, in words; empty: nothing."""
    try:
        return [str(bad.error) for bad in load_rules(settings).bad]
    except ConfigError as error:
        return [str(error)]


def rules_of(file: AlertsFile) -> Rules:
    """The rules of a file that has been read, with what is wrong with single ones."""
    rules: list[Rule] = []
    bad: list[BadRule] = []
    for number, table in enumerate(file.rules, 1):
        name = str(table.get("name", f"number {number}"))
        where = f"{file.where}: rule {name}"
        try:
            rule = checked_rule(table, where)
            if any(rule.name == other.name for other in rules):
                raise ConfigError("is there twice", field=where, remedy="Give each rule a name of its own")
            rules.append(_in_zone(rule, file.zone))
        except ConfigError as error:
            bad.append(BadRule(name, error))
    return Rules(file.where, tuple(rules), tuple(bad))


def checked_rule(table: TomlTable, where: str, *, error: type[ConfigError | UsageError] = ConfigError) -> Rule:
    """The rule of a table; ``where`` it stands.

    Raises:
        ConfigError, UsageError: as ``error`` says; a key is unknown or missing, or a value impossible; names key,
            value and remedy.
    """
    try:
        return Rule.model_validate(dict(table))
    except ValidationError as invalid:
        found = usage_error(invalid, model=Rule)
    if found.field == "argument":
        remedy = did_you_mean(str(found.value), Rule.model_fields)
        raise error("no key of a rule", field=f"{where}: {found.value}", remedy=remedy) from None
    field = f"{where}: {found.field}" if found.field else where
    value = found.value if found.field else None
    raise error(found.why, field=field, value=value, remedy=found.remedy) from None


def _file(where: str, tables: TomlTable) -> AlertsFile:
    for key in tables:
        if key not in _KEYS:
            raise ConfigError("no key of this file", field=f"{where}: {key}", remedy=did_you_mean(key, _KEYS))
    zone = _zone(tables.get("timezone", _DEFAULT_ZONE), f"{where}: timezone")
    kept = _days(tables.get("keep_days", _KEPT_DAYS), f"{where}: keep_days")
    return AlertsFile(where, zone, _tables(tables, "rule", where), _tables(tables, "channel", where), kept)


def _tables(tables: TomlTable, key: str, where: str) -> Sequence[TomlTable]:
    found = tables.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ConfigError("is no list of tables", field=f"{where}: {key}", remedy=f"Begin each with [[{key}]]")
    return found


def _days(value: TomlValue, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= _MOST_DAYS:
        raise ConfigError(f"is no number of days from 1 to {_MOST_DAYS:,}", field=field, value=value)
    return float(value)


def _zone(name: TomlValue, field: str) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (KeyError, OSError, ValueError):
        # An unknown name is a KeyError, a folder of the system's an OSError, and a path a ValueError.
        remedy = 'Write one as "Europe/Berlin"'
        raise ConfigError("is no time zone", field=field, value=name, remedy=remedy) from None


def _in_zone(rule: Rule, zone: ZoneInfo) -> Rule:
    """A rule whose times without an offset are those of the file's time zone."""
    if rule.muted_until is None or rule.muted_until.tzinfo is not None:
        return rule
    return rule.model_copy(update={"muted_until": rule.muted_until.replace(tzinfo=zone)})
