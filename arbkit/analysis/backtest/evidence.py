"""What a store's histories give a backtest: origins to learn from, origins to be judged at, and the baselines there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.analysis.backtest.baselines import own_baselines
from arbkit.analysis.forecast.price.fit import FIT_HORIZONS
from arbkit.analysis.forecast.price.origins import PriceOrigins, returns_after, spaced_origins
from arbkit.analysis.forecast.price.past import BASIS_WORDS, Basis, PriceHistories, past_of
from arbkit.core.history.prices import daily_prices
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.models import History
from arbkit.profit.fees.arrays import Floats, Ints, Mask

LEAST_SPAN_DAYS = 61
"""Days between the first and the last change of a listing that is judged."""
EXAMPLES = 10
"""Forecasts that are shown one by one."""
_JUDGED_EVERY_DAYS = 7
_LEARNT_EVERY_DAYS = 3
_MOST_LEARNT = 60


@dataclass(frozen=True, slots=True)
class Listing:
    """The history of a product on one marketplace, and its category's name."""

    history: History
    category: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Origins of all listings. ``baselines``: name → quantiles (n, 3) at the ``judged`` origins, relative to the price.

    ``products``, ``markets`` and ``categories`` are by the number of the listing; ``not_judged``: reason → origins.
    ``examples``: the number of the listing → its history, of a few listings with an origin that has all outcomes.
    """

    learnt: PriceOrigins
    judged: PriceOrigins
    baselines: dict[str, Floats]
    products: Sequence[str]
    markets: Sequence[str]
    categories: Sequence[str | None]
    not_judged: dict[str, int]
    examples: dict[int, History]


def gather(batches: Iterable[Sequence[Listing]], horizons: Sequence[int]) -> Evidence | None:
    """The evidence of all listings, a batch of histories at a time; None where none is long enough to be judged.

    A product's listings are in one batch.
    """
    fit_horizons = tuple(sorted({*FIT_HORIZONS, *horizons}))
    listings: list[tuple[str, str, str | None]] = []
    learnt: list[PriceOrigins] = []
    judged: list[PriceOrigins] = []
    baselines: list[dict[str, Floats]] = []
    missing = np.zeros(len(Basis), np.int64)
    examples: dict[int, History] = {}
    numbers: dict[str, int] = {}
    for batch in batches:
        histories = PriceHistories.of([one.history for one in batch])
        products = np.array([numbers.setdefault(one.history.asin, len(numbers)) for one in batch], np.int64)
        offset = len(listings)
        listings += [(one.history.asin, one.history.market, one.category) for one in batch]
        rows, at = spaced_origins(histories.new, every_days=_LEARNT_EVERY_DAYS, most=_MOST_LEARNT)
        learnt.append(_origins(histories, products, rows, at, offset, fit_horizons))
        rows, at = spaced_origins(histories.new, every_days=_JUDGED_EVERY_DAYS)
        long_enough = (histories.new.last() - histories.new.first())[rows] >= LEAST_SPAN_DAYS * DAY_MIN
        found = _origins(histories, products, rows[long_enough], at[long_enough], offset, tuple(horizons))
        missing += np.bincount(found.past.basis, minlength=len(Basis))
        found = found.take((found.past.basis == Basis.OWN) & ~np.isnan(found.returns).all(1))
        judged.append(found)
        whole = np.unique(found.listing[~np.isnan(found.returns).any(1)]).tolist()
        examples = _drawn({**examples, **{number: batch[number - offset].history for number in whole}})
        baselines.append(own_baselines(daily_prices(histories.new, found.listing - offset, found.at)))
    if not sum(map(len, judged)):
        return None
    names, markets, categories = zip(*listings, strict=True)
    return Evidence(
        PriceOrigins.joined(learnt),
        PriceOrigins.joined(judged),
        {name: np.concatenate([one[name] for one in baselines]) for name in baselines[0]},
        names,
        markets,
        categories,
        {BASIS_WORDS[basis]: int(missing[basis]) for basis in Basis if basis != Basis.OWN and missing[basis]},
        examples,
    )


def _drawn(listings: dict[int, History]) -> dict[int, History]:
    """A few of the listings, by a number that is as good as drawn but always the same."""
    chosen = sorted(listings.items(), key=lambda one: hashlib.sha256(one[1].id.encode()).digest())
    return dict(chosen[:EXAMPLES])


def _origins(
    histories: PriceHistories, products: Ints, rows: Ints, at: Ints, offset: int, horizons: tuple[int, ...]
) -> PriceOrigins:
    returns = returns_after(histories.new, rows, at, horizons)
    return PriceOrigins(rows + offset, products[rows], at, past_of(histories, rows, at), horizons, returns)


def groups_of(origins: PriceOrigins) -> dict[str, Mask]:
    """Name → which of the origins: groups within which a forecast has to be calibrated, too."""
    past = origins.past
    middle = (past.low + past.high) / 2
    calm = past.changed <= _CALM
    return {
        "volatile": ~calm,
        "calm": calm,
        "above the middle of its band": middle < -_SAME_LOG,
        "below the middle of its band": middle > _SAME_LOG,
        "Amazon sells it": past.amazon > 0,
        "Amazon does not sell it": past.amazon == 0,
    }


_CALM = 0.02
"""The most days on which the price of a calm listing changed, as a share."""
_SAME_LOG = 1e-9
