"""The morning report: what is new, gone and moved since the last one, the best routes, and how good the data is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arbkit.core.errors import UsageError
from arbkit.core.models import Offer, Opportunity, Run
from arbkit.core.settings import Settings
from arbkit.reports.comparison import Comparison, Snapshot, compare_snapshots, read_snapshot, take_snapshot
from arbkit.reports.data_quality import Quality, assess
from arbkit.reports.parameters import MorningParameters
from arbkit.reports.run_folders import write_result
from arbkit.store import Stats, Store, open_store
from arbkit.store.iteration import opportunity_by_id

__all__ = ["Gone", "Morning", "MorningParameters", "Moved", "run"]

_RUNS_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Gone:
    """A route that was an opportunity and is none any more, with what it left then, and why it is none."""

    asin: str
    source: str
    target: str
    title: str | None
    profit: float
    why: str


@dataclass(frozen=True, slots=True)
class Moved:
    """An opportunity whose money changed, with the profit and prices of before."""

    now: Opportunity
    profit: float
    buy_price: float
    sell_price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """What the report shows. ``new``, ``gone`` and ``moved`` are the first of them; ``comparison`` has all.

    Without a ``before``, ``nothing_before`` says why, and nothing is new, gone or moved.
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
    quality: Quality

    @property
    def currency(self) -> str:
        return self.snapshot.currency or (self.before.currency if self.before else None) or "EUR"

    def counts(self) -> dict[str, Any]:
        """The few figures that the list of runs shows; None where nothing could be compared."""
        changes = self.comparison
        return {
            "products": self.stats.products,
            "total": len(self.snapshot.routes),
            "new": len(changes.new) if changes else None,
            "gone": len(changes.gone) if changes else None,
            "moved": len(changes.moved) if changes else None,
        }

    def to_dict(self) -> dict[str, Any]:
        """The document of ``result.json``: all counts, and of every list as much as the report shows."""
        return {
            "run_id": self.run_id,
            "at": _iso(self.at),
            "demo": self.stats.demo_products > 0,
            **self.counts(),
            "currency": self.currency,
            "compared_with": None
            if self.before is None
            else {"run_id": self.before.run_id, "at": _iso(self.before.taken_at)},
            "nothing_to_compare": self.nothing_before,
            "notes": list(self.comparison.notes) if self.comparison else [],
            "new_items": [o.public(now=self.at) for o in self.new],
            "gone_items": [{name: getattr(g, name) for name in g.__slots__} for g in self.gone],
            "moved_items": [
                {
                    **m.now.public(now=self.at),
                    "before": {"profit": m.profit, "buy_price": m.buy_price, "sell_price": m.sell_price},
                }
                for m in self.moved
            ],
            "items": [o.public(now=self.at, components=True) for o in self.top],
            "quality": self.quality.to_dict(),
        }

    def write(self, folder: str | Path) -> Path:
        """Leave ``result.json`` in ``folder``, and the snapshot that the next report compares with."""
        self.snapshot.write(folder)
        return write_result(folder, self.to_dict(), summary=self.counts())


def run(
    settings: Settings, parameters: MorningParameters | None = None, *, run_id: str, now: float | None = None
) -> Morning:
    """Look at the store and compare it with the last morning report that succeeded, or the one named.

    Raises:
        UsageError: the run to compare with is none, or left nothing to compare with.
        StoreError: the store cannot be read.
    """
    parameters = parameters or MorningParameters()
    now = time.time() if now is None else now
    with open_store(settings, read_only=True) as store:
        before, nothing_before = _before(settings, store, parameters.since)
        snapshot, top = take_snapshot(store, run_id=run_id, now=now, best=max(parameters.top, parameters.waterfalls))
        changes = None
        if before is not None:
            changes = compare_snapshots(
                before, snapshot, min_change=parameters.min_change, min_change_pct=parameters.min_change_pct
            )
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
            new=tuple(_found(store, changes.new[: parameters.top])) if changes else (),
            gone=tuple(_gone(store, before, changes.gone[: parameters.top])) if before and changes else (),
            moved=tuple(_moved(store, changes, parameters.top)) if changes else (),
            top=tuple(top),
            quality=assess(settings, store, stats, now=now, stale_s=parameters.stale_hours * 3600),
        )


def _before(settings: Settings, store: Store, since: str | None) -> tuple[Snapshot | None, str | None]:
    """What to compare with, or why there is nothing."""
    if since is not None:
        one = store.run(since)
        if one is None or one.report != "morning":
            raise UsageError(
                "is no run of the morning report", field="since", value=since, remedy="See `arbkit reports list`"
            )
        kept = read_snapshot(_folder(settings, one))
        if kept is None:
            raise UsageError(
                "left nothing to compare with, or it was cleaned", field="since", value=since,
                remedy="Name another run of `arbkit reports list`",
            )  # fmt: skip
        return kept, None
    done = [r for r in store.runs(report="morning", limit=_RUNS_LOOKED_AT) if r.status == "succeeded"]
    for one in done:
        if (kept := read_snapshot(_folder(settings, one))) is not None:
            return kept, None
    if done:
        return None, "No earlier report left anything that can be read: the next one compares with this one."
    return None, "This is the first report: there is nothing to compare with yet. The next one compares with this one."


def _folder(settings: Settings, one: Run) -> Path:
    return settings.reports_dir / one.report / one.run_id


def _found(store: Store, ids: tuple[str, ...]) -> list[Opportunity]:
    """The opportunities of these ids, in their order; one that a detection has just taken away is left out."""
    return [found for one in ids if (found := opportunity_by_id(store, one)) is not None]


def _moved(store: Store, changes: Comparison, most: int) -> list[Moved]:
    rows: Mapping[Any, Any] = changes.moved.head(most).to_dict("index")
    return [
        Moved(one, rows[one.id]["profit_before"], rows[one.id]["buy_price_before"], rows[one.id]["sell_price_before"])
        for one in _found(store, tuple(rows))
    ]


def _gone(store: Store, before: Snapshot, ids: tuple[str, ...]) -> list[Gone]:
    gone = []
    for one in ids:
        asin, source, target = one.split(":")
        offers = {o.market: o for o in store.offers([asin])}
        title = next((o.title for code in (target, source) if (o := offers.get(code)) and o.title), None)
        gone.append(
            Gone(asin, source, target, title, float(before.routes["profit"].loc[one]), _why(offers, source, target))
        )
    return gone


def _why(offers: Mapping[str, Offer], source: str, target: str) -> str:
    for code, doing in ((source, "bought"), (target, "sold")):
        offer = offers.get(code)
        if offer is None:
            return f"no longer known on {code}"
        if offer.price_minor is None:
            return f"no price on {code}, where it is {doing}"
    return "not profitable at current prices and limits"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
