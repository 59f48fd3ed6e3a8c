"""Alerts of every opportunity, for tests that are about something else than rules."""

from __future__ import annotations

import time
from collections.abc import Sequence

from arbkit.alerts.announcer import announce_by
from arbkit.alerts.rules import Rule
from arbkit.alerts.rules_file import Rules
from arbkit.store import Announce, Announcement, Store
from arbkit.store.routes import RouteChange

EVERYTHING = """
[[rule]]
name = "everything"
on = ["new_opportunity"]
cool_down_hours = 0
"""
"""An alerts.toml with a rule that every opportunity meets, whenever it begins to be one."""
_RULES = Rules("test", (Rule(name="everything", on=("new_opportunity",), cool_down_hours=0),))


def announce_everything(changes: Sequence[RouteChange]) -> Announcement:
    """An alert whenever a route begins to be an opportunity."""
    return announce_by(_RULES, changes, now=time.time())


def announcing_everything(_: Store) -> Announce:
    """Gives a detection :func:`announce_everything`."""
    return announce_everything
