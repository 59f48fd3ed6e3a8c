"""Money: what a route leaves after every fee and tax, explained line by line."""

from __future__ import annotations

from arbkit.profit.breakdown import components
from arbkit.profit.components import COMPONENTS
from arbkit.profit.evaluation import Evaluation, evaluate
from arbkit.profit.exchange_rates import Rates, load_rates
from arbkit.profit.fees.tables import Tables, load_tables
from arbkit.profit.offer_facts import OFFER_COLUMNS
from arbkit.profit.seller.profile import Profile
from arbkit.profit.seller.profile_file import load_profile

__all__ = [
    "COMPONENTS",
    "OFFER_COLUMNS",
    "Evaluation",
    "Profile",
    "Rates",
    "Tables",
    "components",
    "evaluate",
    "load_profile",
    "load_rates",
    "load_tables",
]
