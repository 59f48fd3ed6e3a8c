"""A backtest over a user's own store: read its histories, judge forecasts of them, say why where nothing can be."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from arbkit.analysis.backtest.evidence import LEAST_SPAN_DAYS, Listing, gather
from arbkit.analysis.backtest.parameters import BacktestParameters
from arbkit.analysis.backtest.price_backtest import judge
from arbkit.analysis.backtest.results import PriceBacktest
from arbkit.core.keepa_time import to_minutes
from arbkit.core.offers.categories import category_id
from arbkit.core.offers.histories import until
from arbkit.core.settings import Settings
from arbkit.store import Store, open_store
from arbkit.store.iteration import offers_of_many

MOST_PRODUCTS = 1_000
"""Products that are read, chosen by chance where the store has more: no figure gets better by more."""
_PAGE = 10_000
_BATCH = 500
NOTHING = (
    f"no product has a history of its new price over {LEAST_SPAN_DAYS} days or more, so no forecast can be judged: "
    "import saved Keepa responses (exports hold no history), or let arbkit up watch for a while"
)
"""What is said of a store in which there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """The content of a backtest's report; without anything ``found`` it says ``why_not``."""

    run_id: str
    at: float
    parameters: BacktestParameters
    demo: bool
    found: PriceBacktest | None
    why_not: str | None

    def summary(self) -> dict[str, JsonValue]:
        """The figures that the list of runs shows."""
        return {"products": self.found.products if self.found else 0, "missed": self.missed}

    @property
    def missed(self) -> int:
        """How many targets were missed."""
        horizons = self.found.horizons if self.found else []
        return sum(target.state == "missed" for horizon in horizons for target in horizon.targets)

    def to_dict(self) -> dict[str, JsonValue]:
        """The document of ``result.json``."""
        return {
            "run_id": self.run_id,
            "at": self.at,
            "demo": self.demo,
            "parameters": self.parameters.model_dump(mode="json"),
            "why_not": self.why_not,
            "price": self.found.model_dump(mode="json") if self.found else None,
        }


def run(
    settings: Settings, parameters: BacktestParameters | None = None, *, run_id: str, now: float | None = None
) -> BacktestReport:
    """Judge forecasts at past days of the store's histories; what is dated after ``now`` (Unix seconds) is left out.

    Raises:
        StoreError: the store cannot be read.
    """
    parameters = parameters or BacktestParameters()
    now = time.time() if now is None else now
    with open_store(settings) as store:
        asins, count = _chosen(store)
        evidence = gather(_batches(store, asins, parameters.markets, now), parameters.horizons())
        demo = not store.holds_real_products()
    found = None if evidence is None else judge(evidence, of_products=count)
    return BacktestReport(run_id, now, parameters, demo, found, NOTHING if found is None else None)


def _chosen(store: Store) -> tuple[list[str], int]:
    """The products to read, by a number that is as good as drawn but always the same; and how many there are."""
    asins: list[str] = []
    while page := store.asins(after=asins[-1] if asins else "", limit=_PAGE):
        asins += page
    chosen = sorted(asins, key=lambda asin: hashlib.sha256(asin.encode()).digest())[:MOST_PRODUCTS]
    return sorted(chosen), len(asins)


def _batches(store: Store, asins: list[str], markets: Collection[str], now: float) -> Iterator[list[Listing]]:
    latest = to_minutes(now)
    for start in range(0, len(asins), _BATCH):
        batch = asins[start : start + _BATCH]
        names = {(offer.asin, offer.market): offer.category for offer in offers_of_many(store, batch)}
        yield [
            Listing(until(history, latest), _category(names.get((history.asin, history.market))))
            for asin in batch
            for history in store.history(asin)
            if not markets or history.market in markets
        ]


def _category(name: str | None) -> str | None:
    return category_id(name) or name
