"""The morning report: what changed since the last scheduled one, the best routes, and the quality of the data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from arbkit.analysis.sales.results import SalesReport
from arbkit.analysis.sales.scoring import sales_report
from arbkit.analysis.track_record.results import TrackRecord, headline_of
from arbkit.analysis.track_record.run import kept_track_record
from arbkit.core.errors import UsageError
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import as_json
from arbkit.core.settings import Settings
from arbkit.profit import load_profile
from arbkit.reports.comparison import PRICES, Comparison, Snapshot, compare_snapshots, read_snapshot, take_snapshot
from arbkit.reports.data_quality import Quality, assess
from arbkit.reports.parameters import MorningParameters
from arbkit.reports.run_folders import SCHEDULED, folder_of, iso_time, write_result
from arbkit.store import Stats, Store, open_store
from arbkit.store.iteration import opportunity_by_id

_DAY = len("2026-01-31")
_MAX_EARLIER_RUNS = 200
"""How many earlier runs are searched for a snapshot to compare with."""
_WITH = "A report compares with the last scheduled one, else with one of an earlier day; since=RUN names another."
_FIRST = f"This is the first report, so there is nothing to compare with yet. {_WITH}"
_NONE = f"There is no such report to compare with yet. {_WITH}"
_UNREADABLE = f"No earlier report has a readable snapshot. {_WITH}"


@dataclass(frozen=True, slots=True)
class Gone:
    """A route that is no longer profitable: its profit at the last report, and why it is not profitable now."""

    asin: str
    source: str
    target: str
    title: str | None
    profit: float
    why: str


@dataclass(frozen=True, slots=True)
class Moved:
    """An opportunity that changed materially: as it is now, and its profit and prices at the last report."""

    now: Opportunity
    profit: float
    buy_price: float
    sell_price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """The report's content. ``new``, ``gone`` and ``moved`` hold the first of each list; ``comparison`` holds all.

    ``new``, ``moved`` and ``top`` are without the routes that are dismissed or of a blocked brand, of which there are
    ``dismissed`` now; ``buy_list`` has those on the buy list that pay now; ``sales`` is what came of purchases.
    ``forecasts`` is how past ones came out, None: none was scored; ``is_recalibrated``: coming ones may be widened.
    Without a ``before``, ``nothing_before`` says why, and ``new``, ``gone`` and ``moved`` are empty.
    """

    run_id: str
    at: float
    parameters: MorningParameters
    stats: Stats
    snapshot: Snapshot
    before: Snapshot | None
    nothing_before: str | None
    comparison: Comparison | None
    new: tuple[Opportunity, ...]
    gone: tuple[Gone, ...]
    moved: tuple[Moved, ...]
    top: tuple[Opportunity, ...]
    buy_list: tuple[Opportunity, ...]
    dismissed: int
    sales: SalesReport
    quality: Quality
    seller: str
    forecasts: TrackRecord | None
    is_recalibrated: bool

    @property
    def currency(self) -> str:
        """The currency of all profits."""
        return self.snapshot.currency or (self.before.currency if self.before else None) or "EUR"

    def counts(self) -> dict[str, int | None]:
        """The figures that the list of runs shows; None where there was nothing to compare with."""
        changes = self.comparison
        changed = {name: len(getattr(changes, name)) if changes else None for name in ("new", "gone", "moved")}
        return {"products": self.stats.products, "total": len(self.snapshot.routes), **changed}

    def to_dict(self) -> dict[str, JsonValue]:
        """The document of ``result.json``: all counts, and the entries that the report shows of each list."""
        before = self.before
        return {
            "run_id": self.run_id,
            "at": iso_time(self.at),
            "demo": self.stats.demo_products > 0,
            **self.counts(),
            "currency": self.currency,
            "seller": self.seller,
            "compared_with": {"run_id": before.run_id, "at": iso_time(before.taken_at)} if before else None,
            "nothing_to_compare": self.nothing_before,
            "notes": list(self.comparison.notes) if self.comparison else [],
            "new_items": [o.public(now=self.at) for o in self.new],
            "gone_items": [asdict(gone) for gone in self.gone],
            "moved_items": [
                {**moved.now.public(now=self.at), "before": {name: getattr(moved, name) for name in PRICES}}
                for moved in self.moved
            ],
            "items": [o.public(now=self.at, components=True) for o in self.top],
            "buy_list": [o.public(now=self.at) for o in self.buy_list],
            "dismissed": self.dismissed,
            "sales": [as_json(one) for one in self.sales.scores],
            "quality": self.quality.to_dict(),
            "forecasts": headline_of(self.forecasts),
        }

    def write(self, folder: str | Path) -> Path:
        """Write ``result.json`` (whose path is returned) and the snapshot for the next report into ``folder``."""
        self.snapshot.write(folder)
        return write_result(folder, self.to_dict(), summary=self.counts())


def run(
    settings: Settings, parameters: MorningParameters | None = None, *, run_id: str, now: float | None = None
) -> Morning:
    """Compare the store with an earlier morning report that succeeded, or with the run that ``since`` names.

    That is the last one that a schedule has started, else the last one of an earlier day (UTC): what somebody runs to
    have a look takes no news away from the next one.

    Raises:
        UsageError: ``since`` is not a morning report, or has no snapshot.
        StoreError: the store cannot be read.
        ConfigError: the seller profile cannot be used.
    """
    parameters = parameters or MorningParameters()
    now = time.time() if now is None else now
    with open_store(settings, read_only=True) as store:
        before, nothing_before = _before(settings, store, parameters.since, now)
        snapshot, listed = take_snapshot(store, run_id=run_id, now=now, best=max(parameters.top, parameters.waterfalls))
        changes = None
        if before is not None:
            changes = compare_snapshots(
                before, snapshot, min_change=parameters.min_change, min_change_pct=parameters.min_change_pct
            ).without(listed.dismissed)
        stats = store.stats()
        return Morning(
            run_id=run_id,
            at=now,
            parameters=parameters,
            stats=stats,
            snapshot=snapshot,
            before=before,
            nothing_before=nothing_before,
            comparison=changes,
            new=tuple(_opportunities(store, changes.new[: parameters.top])) if changes else (),
            gone=tuple(_gone(store, before, changes.gone[: parameters.top])) if before and changes else (),
            moved=tuple(_moved(store, changes, parameters.top)) if changes else (),
            top=tuple(listed.top),
            buy_list=tuple(listed.buy_list),
            dismissed=len(listed.dismissed),
            sales=sales_report(store),
            quality=assess(settings, store, stats, now=now, stale_s=parameters.stale_hours * 3600),
            seller=load_profile(settings.profile_path, settings.profile_name).seller_line,
            forecasts=kept_track_record(store),
            is_recalibrated=settings.recalibrate,
        )


def _before(settings: Settings, store: Store, since: str | None, now: float) -> tuple[Snapshot | None, str | None]:
    """The snapshot to compare with, or why there is none."""
    if since is not None:
        one = store.run(since)
        if one is None or one.report != "morning":
            raise UsageError(
                "is not a run of the morning report", field="since", value=since, remedy="See `arbkit reports list`"
            )
        kept = read_snapshot(folder_of(settings, one))
        if kept is None:
            raise UsageError(
                "has no snapshot to compare with, or was removed by clean", field="since", value=since,
                remedy="Choose another run of `arbkit reports list`",
            )  # fmt: skip
        return kept, None
    done = [r for r in store.runs(report="morning", limit=_MAX_EARLIER_RUNS) if r.status == "succeeded"]
    scheduled = [one for one in done if (folder_of(settings, one) / SCHEDULED).exists()]
    earlier = [one for one in done if iso_time(one.started_at)[:_DAY] < iso_time(now)[:_DAY]]
    for one in (*scheduled, *earlier):
        if (kept := read_snapshot(folder_of(settings, one))) is not None:
            return kept, None
    if scheduled or earlier:
        return None, _UNREADABLE
    return None, _NONE if done else _FIRST


def _opportunities(store: Store, ids: tuple[str, ...]) -> list[Opportunity]:
    """The opportunities with these ids, in their order, without those that a detection has just removed."""
    return [found for one in ids if (found := opportunity_by_id(store, one)) is not None]


def _moved(store: Store, changes: Comparison, most: int) -> list[Moved]:
    rows: Mapping[Any, Any] = changes.moved.head(most).to_dict("index")
    found = _opportunities(store, tuple(rows))
    return [Moved(one, *(rows[one.id][f"{name}_before"] for name in PRICES)) for one in found]


def _gone(store: Store, before: Snapshot, ids: tuple[str, ...]) -> list[Gone]:
    gone = []
    for one in ids:
        asin, source, target = one.split(":")
        offers = {o.market: o for o in store.offers([asin])}
        title = next((o.title for code in (target, source) if (o := offers.get(code)) and o.title), None)
        profit = float(before.routes["profit"].loc[one])
        gone.append(Gone(asin, source, target, title, profit, _why(offers, source, target)))
    return gone


def _why(offers: Mapping[str, Offer], source: str, target: str) -> str:
    for code, doing in ((source, "bought"), (target, "sold")):
        offer = offers.get(code)
        if offer is None:
            return f"no longer known on {code}"
        if offer.price_minor is None:
            return f"no price on {code}, where it is {doing}"
    return "not profitable at current prices and limits"
