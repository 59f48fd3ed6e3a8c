"""What products are priced with: profile, tables and rates of one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from arbkit.analysis.detection_inputs import fingerprint, today
from arbkit.analysis.forecast.price.recalibration import Recalibration
from arbkit.core.settings import Settings
from arbkit.profit import Profile, Rates, Tables, load_profile, load_rates, load_tables


@dataclass(frozen=True, slots=True)
class Inputs:
    """What products are priced with.

    ``on`` is the day of prices and tables, ``fingerprint`` of all of it, and ``generation`` its number in the store;
    ``recalibration`` is what forecasts are widened by.
    """

    profile: Profile
    tables: Tables
    rates: Rates
    on: date
    fingerprint: str = ""
    generation: int = 0
    recalibration: Recalibration | None = None

    @classmethod
    def load(cls, settings: Settings, on: date | None = None) -> Inputs:
        """Those of now, for the prices of a day (None: today).

        Raises:
            ConfigError: the profile, a table or a setting is wrong.
        """
        day = on or today()
        # Before anything is read: what changes meanwhile is a change after it.
        mark = fingerprint(settings, day)
        return cls(load_profile(settings.profile_path, settings.profile_name), load_tables(), load_rates(), day, mark)
