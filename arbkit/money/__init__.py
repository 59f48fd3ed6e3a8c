"""Money: what a route leaves after every fee and tax, explained line by line."""

from __future__ import annotations

from arbkit.money.cents import COMPONENTS
from arbkit.money.explain import components
from arbkit.money.facts import OFFER_COLUMNS, share_facts, with_assumed_package
from arbkit.money.fx import Rates, load_rates
from arbkit.money.profile import Profile
from arbkit.money.profiles import configured_profile, load_profile
from arbkit.money.profit import Evaluation, evaluate
from arbkit.money.tables import Tables, load_tables

__all__ = [
    "COMPONENTS",
    "OFFER_COLUMNS",
    "Evaluation",
    "Profile",
    "Rates",
    "Tables",
    "components",
    "configured_profile",
    "evaluate",
    "load_profile",
    "load_rates",
    "load_tables",
    "share_facts",
    "with_assumed_package",
]
