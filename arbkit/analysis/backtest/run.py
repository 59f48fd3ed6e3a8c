"""A backtest over a user's own store: read its histories, judge forecasts of them, say why where nothing can be."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from arbkit.analysis.backtest.evidence import LEAST_SPAN_DAYS, Listing, gather
from arbkit.analysis.backtest.parameters import BacktestParameters
from arbkit.analysis.backtest.price_backtest import judge
from arbkit.analysis.backtest.purchases.gathering import PurchaseEvidence
from arbkit.analysis.backtest.purchases.judging import judge_profits, judge_sales
from arbkit.analysis.backtest.purchases.results import ProfitBacktest, SalesBacktest
from arbkit.analysis.backtest.results import PriceBacktest
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History, Offer
from arbkit.core.offers.categories import category_id
from arbkit.core.offers.histories import until
from arbkit.core.results import FoundReport, JsonObject, Result, as_json
from arbkit.core.settings import Settings
from arbkit.profit import load_profile, load_rates, load_tables
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


class Backtest(Result):
    """How good forecasts were of prices, of sales and of profits."""

    price: PriceBacktest
    sales: SalesBacktest
    profit: ProfitBacktest


@dataclass(frozen=True, slots=True)
class BacktestReport(FoundReport[BacktestParameters, Backtest]):
    """The content of a backtest's report."""

    def summary(self) -> dict[str, JsonValue]:
        """The figures that the list of runs shows."""
        return {"products": self.found.price.products if self.found else 0, "missed": self.missed}

    @property
    def missed(self) -> int:
        """How many targets were missed."""
        horizons = self.found.price.horizons if self.found else []
        return sum(target.state == "missed" for horizon in horizons for target in horizon.targets)

    def results(self) -> JsonObject:
        """Prices, sales and profits."""
        return {name: as_json(getattr(self.found, name, None)) for name in Backtest.model_fields}


def run(
    settings: Settings, parameters: BacktestParameters | None = None, *, run_id: str, now: float | None = None
) -> BacktestReport:
    """Judge forecasts at past days of the store's histories; what is dated after ``now`` (Unix seconds) is left out.

    Raises:
        StoreError: the store cannot be read.
        ConfigError: the seller profile cannot be used.
    """
    parameters = parameters or BacktestParameters()
    now = time.time() if now is None else now
    profile = load_profile(settings.profile_path, settings.profile_name)
    purchases = PurchaseEvidence(profile, load_tables(), load_rates())
    with open_store(settings) as store:
        asins, count = _chosen(store)
        batches = _batches(store, asins, parameters.markets, now)
        evidence = gather(_also_bought(batches, purchases), parameters.horizons())
        demo = not store.holds_real_products()
    if evidence is None:
        return BacktestReport(run_id, now, parameters, demo, None, NOTHING)
    found = Backtest(
        price=judge(evidence, of_products=count),
        sales=judge_sales(purchases),
        profit=judge_profits(purchases, profile.currency),
    )
    return BacktestReport(run_id, now, parameters, demo, found, None)


def _chosen(store: Store) -> tuple[list[str], int]:
    """The products to read, by a number that is as good as drawn but always the same; and how many there are."""
    asins: list[str] = []
    while page := store.asins(after=asins[-1] if asins else "", limit=_PAGE):
        asins += page
    chosen = sorted(asins, key=lambda asin: hashlib.sha256(asin.encode()).digest())[:MOST_PRODUCTS]
    return sorted(chosen), len(asins)


def _batches(
    store: Store, asins: list[str], markets: Collection[str], now: float
) -> Iterator[list[tuple[Offer, History]]]:
    latest = to_minutes(now)
    for start in range(0, len(asins), _BATCH):
        batch = asins[start : start + _BATCH]
        offers = {(offer.asin, offer.market): offer for offer in offers_of_many(store, batch)}
        yield [
            (offers[history.asin, history.market], until(history, latest))
            for asin in batch
            for history in store.history(asin)
            if (not markets or history.market in markets) and (history.asin, history.market) in offers
        ]


def _also_bought(
    batches: Iterable[list[tuple[Offer, History]]], purchases: PurchaseEvidence
) -> Iterator[list[Listing]]:
    """The listings of each batch, whose purchases are taken into ``purchases`` on the way: a history is read once."""
    for batch in batches:
        purchases.add(batch)
        yield [Listing(history, category_id(offer.category) or offer.category) for offer, history in batch]
