"""Forecasts of a stored product's routes, widened by what was learnt of earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from arbkit.analysis.forecast.profit.forecast import ProfitForecast, forecast_routes
from arbkit.analysis.track_record.run import recalibration_in_force
from arbkit.core.models import Offer
from arbkit.core.settings import Settings
from arbkit.profit import Profile, load_rates, load_tables
from arbkit.store import Store


def forecast_stored(
    settings: Settings,
    store: Store,
    offers: Sequence[Offer],
    profile: Profile,
    *,
    now: float,
    wanted: Sequence[tuple[str, str, str]] | None = None,
) -> dict[tuple[str, str, str], ProfitForecast]:
    """What the routes of a product will earn, at these offers, which are all of it; by ASIN, source and target.

    ``now``: Unix seconds. ``wanted``: these routes; None: every one.

    Raises:
        StoreError: the store cannot be read.
    """
    on = datetime.fromtimestamp(now, UTC).date()
    learnt = recalibration_in_force(settings, store)
    return forecast_routes(
        offers, profile, load_tables(), load_rates(), on=on, now=now, wanted=wanted, recalibration=learnt
    )
