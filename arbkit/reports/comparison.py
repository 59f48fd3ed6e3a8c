"""The snapshot of all opportunities that a morning report keeps for the next one, and the comparison of two."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from arbkit.core.decisions.event import OPEN_STATUSES
from arbkit.core.models import Opportunity
from arbkit.store.base import Store
from arbkit.store.iteration import iter_opportunities
from arbkit.store.queries import OpportunityQuery

FILE = "snapshot.json.gz"
_VERSION = 1
_MOST_LISTED = 200
"""Routes of the buy list that a report shows."""
_FACTS = ("run_id", "taken_at", "currency", "profile", "tables_version")
PRICES = ("profit", "buy_price", "sell_price")
"""What a snapshot keeps of a route, in the order of its columns."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All opportunities at one time.

    ``routes``: a row per opportunity id with the float columns ``profit`` (in ``currency``), ``buy_price`` and
    ``sell_price`` (shop prices in their marketplaces' currencies).
    """

    run_id: str
    taken_at: float
    currency: str | None
    profile: str | None
    tables_version: str | None
    routes: pd.DataFrame

    def write(self, folder: str | Path) -> None:
        """Write it to :data:`FILE` in ``folder``."""
        document = {
            "v": _VERSION,
            **{name: getattr(self, name) for name in _FACTS},
            "ids": self.routes.index.tolist(),
            **{name: self.routes[name].to_numpy() for name in PRICES},
        }
        data = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
        (Path(folder) / FILE).write_bytes(gzip.compress(data, 5, mtime=0))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed between two snapshots. ``new`` and ``gone`` are ids, the highest profit first.

    ``moved`` has a row per id with ``profit``, ``buy_price``, ``sell_price``, the same with ``_before``, and the
    ``change`` of profit, the largest change first; it is empty where the two are in different currencies.
    """

    new: tuple[str, ...]
    gone: tuple[str, ...]
    moved: pd.DataFrame
    notes: tuple[str, ...]

    def without(self, ids: Collection[str]) -> Comparison:
        """The same without what became of these routes while they are there."""
        left = self.moved[~self.moved.index.isin(list(ids))]
        return Comparison(tuple(one for one in self.new if one not in ids), self.gone, left, self.notes)


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Of the opportunities of a snapshot: the best that may be wanted, those on the buy list, and the others' ids."""

    top: list[Opportunity]
    buy_list: list[Opportunity]
    dismissed: frozenset[str]


def take_snapshot(store: Store, *, run_id: str, now: float, best: int) -> tuple[Snapshot, Shortlist]:
    """A snapshot of all opportunities, and the ``best`` of those that are not dismissed or of a blocked brand.

    They are read page by page, and only a few numbers of each are kept in memory.

    Raises:
        StoreError: the store cannot be read.
    """
    ids: list[str] = []
    numbers: list[tuple[float, float, float]] = []
    top: list[Opportunity] = []
    buy_list: list[Opportunity] = []
    dismissed: set[str] = set()
    facts: tuple[str | None, str | None, str | None] = (None, None, None)
    for one in iter_opportunities(store, OpportunityQuery()):
        if one.decision not in OPEN_STATUSES:
            dismissed.add(one.id)
        elif len(top) < best:
            top.append(one)
        if one.decision == "buy_list" and len(buy_list) < _MOST_LISTED:
            buy_list.append(one)
        ids.append(one.id)
        numbers.append((one.profit, one.buy_price, one.sell_price))
        facts = (one.currency, one.profile, one.tables_version)
    routes = pd.DataFrame(numbers, index=pd.Index(ids, dtype=object), columns=list(PRICES), dtype="float64")
    # A detection that ends meanwhile replaces the pages that are still to be read.
    shortlist = Shortlist(top, buy_list, frozenset(dismissed))
    return Snapshot(run_id, now, *facts, routes[~routes.index.duplicated()]), shortlist


def read_snapshot(folder: Path) -> Snapshot | None:
    """The snapshot that a run kept in ``folder``; None if there is none, or none that can be read."""
    try:
        document: Any = orjson.loads(gzip.decompress((folder / FILE).read_bytes()))
        routes = pd.DataFrame(
            {name: np.asarray(document[name], dtype="float64") for name in PRICES},
            index=pd.Index(document["ids"], dtype=object),
        )
        if document["v"] != _VERSION or not routes.index.is_unique:
            return None
        facts: dict[str, Any] = {name: document[name] for name in _FACTS}
        return Snapshot(**{**facts, "taken_at": float(facts["taken_at"])}, routes=routes)
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
        return None


def compare_snapshots(before: Snapshot, now: Snapshot, *, min_change: float, min_change_pct: float) -> Comparison:
    """What is new, no longer profitable, and changed.

    A route has changed when its profit changed by at least ``min_change`` (in ``currency``) and ``min_change_pct``
    percent, or one of its prices by at least ``min_change_pct`` percent.
    """
    new = now.routes.loc[now.routes.index.difference(before.routes.index, sort=False)]
    gone = before.routes.loc[before.routes.index.difference(now.routes.index, sort=False)]
    both = now.routes.join(before.routes, how="inner", rsuffix="_before")
    both["change"] = (both["profit"] - both["profit_before"]).round(2)
    share = min_change_pct / 100

    def changed(name: str) -> pd.Series[bool]:
        step = (both[name] - both[f"{name}_before"]).abs().round(4)
        return (step > 0) & (step >= share * both[f"{name}_before"].abs())

    moved = (changed("profit") & (both["change"].abs() >= min_change)) | changed("buy_price") | changed("sell_price")
    notes = []
    same_currency = None in (before.currency, now.currency) or before.currency == now.currency
    if not same_currency:
        notes.append(f"Profits were in {before.currency} and are in {now.currency} now, so changes are not shown.")
        moved &= False
    if None not in (before.profile, now.profile) and before.profile != now.profile:
        notes.append(f"The seller profile was {before.profile} and is {now.profile} now, which may explain changes.")
    if None not in (before.tables_version, now.tables_version) and before.tables_version != now.tables_version:
        notes.append(
            f"The fee tables were those of {before.tables_version} and are those of {now.tables_version} now, "
            "which may explain changes."
        )
    chosen = both[moved]
    return Comparison(
        new=tuple(new.sort_values("profit", ascending=False, kind="stable").index),
        gone=tuple(gone.sort_values("profit", ascending=False, kind="stable").index),
        moved=chosen.loc[chosen["change"].abs().sort_values(ascending=False, kind="stable").index],
        notes=tuple(notes),
    )
