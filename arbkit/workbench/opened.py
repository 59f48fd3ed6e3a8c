"""What every part of the workbench stands on: settings, the store as it is opened, and the seller profile."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from pydantic import TypeAdapter

from arbkit.analysis.detection_inputs import profile_note
from arbkit.analysis.offers import known_offers, moment_of, prepare_offers
from arbkit.analysis.routes import RoutePrices, price_routes
from arbkit.analysis.verdict.judging import Judge
from arbkit.core.closing import Closing
from arbkit.core.errors import StoreError, UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.validation import Day, Value, check_value
from arbkit.core.models import Offer, Opportunity
from arbkit.core.settings import Settings
from arbkit.display import record_frames
from arbkit.display.export.rows import VERDICT_COLUMNS
from arbkit.display.frames import DisplayFrame
from arbkit.display.record_frames import empty_store_remedy, noted
from arbkit.profit import Profile, load_profile, load_rates, load_tables
from arbkit.store import Store
from arbkit.store.fields import order_named
from arbkit.store.lazy import LazyStore

_DAY: TypeAdapter[date | None] = TypeAdapter(Day | None)
_OTHER_PROFILE = "Stored routes are of another seller profile than yours: arb.reprice() prices all of them with yours"


class OpenedStore(Closing):
    """Settings, and the store that they name, opened at its first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lazy_store = LazyStore(settings)

    def close(self) -> None:
        """Close the store. The next call opens it again."""
        self._lazy_store.close()

    @property
    def profile(self) -> Profile:
        """The seller profile in force.

        Raises:
            ConfigError: it cannot be used.
        """
        return load_profile(self.settings.profile_path, self.settings.profile_name)

    def _store(self) -> Store:
        try:
            return self._lazy_store.get()
        except StoreError as error:
            if error.kind == "empty":
                raise StoreError(error.why, kind=error.kind, remedy=empty_store_remedy(self.settings)) from None
            raise

    def _offers(self, asins: Sequence[str]) -> list[Offer]:
        wanted = list(dict.fromkeys(map(parse_asin, asins)))
        if not (found := known_offers(self._store(), wanted)):
            remedy = "Watch it with `arbkit watch add ASIN`; arb.products() lists what is stored"
            raise UsageError("not in the store", field="asin", value=", ".join(wanted), remedy=remedy)
        return found

    def _prices(self, offers: Sequence[Offer], on: date) -> RoutePrices:
        prepared = prepare_offers(offers, now=moment_of(on, now=time.time()))
        return price_routes(prepared, self.profile, load_tables(), load_rates(), on=on)

    def _judged(self, found: Sequence[Opportunity]) -> DisplayFrame:
        """The table of these routes, with the verdict of each."""
        frame = record_frames.opportunities_frame(found)
        judged = [one for _, one in Judge(self.settings).each(self._store(), found, now=time.time())]
        for column, field in VERDICT_COLUMNS.items():
            frame[column] = [getattr(one, field) for one in judged]
        return frame

    def _noted(
        self, frame: DisplayFrame, total: int, categories: Sequence[str] | None, *, detected: bool = False
    ) -> DisplayFrame:
        """The table with a note where there is more of it, or nothing."""
        if len(frame):
            return record_frames.noted_if_cut(frame, total)
        stats = self._store().stats()
        record_frames.check_categories(categories, stats)
        return noted(frame, record_frames.why_empty(stats, remedy=empty_store_remedy(self.settings), detected=detected))

    def _of_profile(self, frame: DisplayFrame) -> DisplayFrame:
        """The table of stored routes with a note where they are not those of the seller profile in force."""
        return noted(frame, profile_note(self.settings, self._store().swept(), changed=_OTHER_PROFILE))


def day_of(on: date | str | None) -> date:
    """The day that an argument names; None: today (UTC).

    Raises:
        UsageError: it is none.
    """
    return check_value(_DAY, "on", on) or datetime.now(UTC).date()


def with_order(request: Mapping[str, Value], orders: Mapping[str, str]) -> dict[str, Value]:
    """The request with ``sort_by`` as an order, where it names the column of a table that one of ``orders`` goes by."""
    sort = request.get("sort_by")
    return {**request, "sort_by": order_named(sort, orders)} if isinstance(sort, str) else {**request}
