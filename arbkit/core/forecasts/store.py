"""The part of a store that keeps the record of forecasts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from arbkit.core.forecasts.record import ForecastRecord
from arbkit.core.results import JsonObject


class ForecastStore(Protocol):
    """The part of a store that keeps forecasts that were shown, what came of them, and notes made from all.

    Those of the demo market and real ones are kept apart; no sweep and no rebuilding changes any of them.
    """

    def add_forecasts(self, records: Sequence[ForecastRecord], *, most_a_day: int) -> None:
        """Keep those that are not kept yet, by id; of each day the ``most_a_day`` with the least draws stay."""
        ...

    def largest_draw(self, made_on: str, *, demo: bool, most_a_day: int) -> int | None:
        """The draw above which nothing of this day is kept any more; None: there is room."""
        ...

    def kept_forecasts(self, ids: Sequence[str]) -> set[str]:
        """Those of these ids that are kept."""
        ...

    def due_forecasts(self, *, before: float) -> list[ForecastRecord]:
        """Those that are not scored and whose horizon has ended by this time (Unix seconds), by its end."""
        ...

    def put_forecasts(self, records: Sequence[ForecastRecord]) -> None:
        """Keep these in place of what was kept of them."""
        ...

    def forecasts(self, *, demo: bool) -> Iterator[ForecastRecord]:
        """All that are kept, in no order."""
        ...

    def forget_forecasts(self, *, demo: bool, before: str) -> None:
        """Forget those that were made before this day, ``YYYY-MM-DD``."""
        ...

    def put_forecast_notes(self, notes: Mapping[str, JsonObject], *, demo: bool) -> None:
        """Keep these by their names, each in place of an earlier one."""
        ...

    def forecast_notes(self, names: Collection[str] | None = None, *, demo: bool) -> dict[str, JsonObject]:
        """The notes of these names (None: all), without those that are not kept."""
        ...
