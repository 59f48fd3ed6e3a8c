"""Where an alert goes and when: the channels of ``alerts.toml``, and what its rules say of sending."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from arbkit.alerts.channels.channel_tables import BadChannel, Channel, parse_channels
from arbkit.alerts.rules import Recheck, Rule
from arbkit.alerts.rules_file import alerts_path, read_alerts_file, rule_faults, rules_of
from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings

RULE_OF_VERSION_1 = "built-in"
"""What the alerts of arbkit 0.1 are said to be of."""
_VERSION_1 = Rule(name=RULE_OF_VERSION_1, per_day=20)
"""It announced every opportunity, and knew no limits."""
PlanMark = tuple[int, int, int] | None
"""Device, inode and time of change of the file, as :func:`plan_mark` finds them."""


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """What ``alerts.toml`` says of delivery.

    ``bad`` are channels with a mistake: alerts wait for them until it is mended. ``zone`` is where days and quiet hours
    count, ``kept_s`` how many seconds alerts are kept after they were made.
    """

    where: str
    zone: ZoneInfo
    kept_s: float
    channels: Mapping[str, Channel] = field(default_factory=dict)
    bad: tuple[BadChannel, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Of every channel, also of those with a mistake."""
        # A name that stands there twice is among the good ones and the bad ones.
        return list(dict.fromkeys([*self.channels, *(bad.name for bad in self.bad)]))

    def channels_of(self, rule: str) -> list[str]:
        """The names of the channels that alerts of this rule go to."""
        known = self.names
        named = self.rules[rule].channels if rule in self.rules else None
        return known if named is None else [name for name in known if name in named]

    def is_muted(self, rule: str, now: float) -> bool:
        """Whether this rule sends nothing at ``now`` (Unix seconds)."""
        return rule in self.rules and self.rules[rule].is_muted(now)

    def per_day(self, rule: str) -> int | None:
        """How many alerts of this rule a channel sends in a day; None: any number."""
        return self.rules[rule].per_day if rule in self.rules else None

    def recheck(self, rule: str) -> Recheck | None:
        """When alerts of this rule are looked at once more before they go; None: never."""
        return self.rules[rule].recheck if rule in self.rules else None


def channel_faults(settings: Settings) -> list[ConfigError]:
    """What is wrong with single channels; where services have environments of their own, not that this one lacks one's.

    Raises:
        ConfigError: the file as a whole cannot be used.
    """
    return [one.error for one in load_plan(settings).bad if not (one.lacks_variable and settings.shared)]


def alert_faults(settings: Settings) -> list[str]:
    """What is wrong with the file, with single rules or with single channels, in words; empty: nothing."""
    faults = rule_faults(settings)
    try:
        return [*faults, *map(str, channel_faults(settings))]
    except ConfigError:
        # The rules have said so.
        return faults


def plan_mark(settings: Settings) -> PlanMark:
    """What changes when the file of the plan does; None where there is no file."""
    try:
        status = alerts_path(settings).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


def load_plan(settings: Settings) -> DeliveryPlan:
    """The plan that the settings name, with what is wrong with single channels.

    Variables that channels name are those of the environment and, where it lacks them, of ``.env``.

    Raises:
        ConfigError: the file as a whole cannot be used.
    """
    file = read_alerts_file(settings)
    good, bad = parse_channels(file.channels, file.where, _variables(settings))
    return DeliveryPlan(
        file.where,
        file.zone,
        86_400 * file.keep_days,
        {channel.name: channel for channel in good},
        tuple(bad),
        {rule.name: rule for rule in (_VERSION_1, *rules_of(file).rules)},
    )


def _variables(settings: Settings) -> dict[str, str]:
    # A page of the dashboards runs in another folder than arbkit was started in.
    found: dict[str, str | None] = {}
    for folder in dict.fromkeys((settings.folder.absolute(), Path.cwd())):
        found |= dotenv_values(folder / ".env", interpolate=False)
    return {name: value for name, value in found.items() if value is not None} | dict(os.environ)
