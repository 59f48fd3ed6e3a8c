"""How near an inferred sale price is to the true one, on simulated markets; and to what comes, on real histories.

    python -m tests.benchmarks.sale_price --json scores.json

The true price of a simulated product is the median over the units that it sold in the last 90 days. Simulated
histories hold no offer counts, so falls of the rank alone are judged. Of real products nobody knows the true one: there
each price is held against what is inferred from the 30 days after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from arbkit.analysis.backtest.evidence import Listing
from arbkit.analysis.backtest.scores import Interval, ProductMeans
from arbkit.core.history.sale_price import SALE_PRICE_RULES, inferred_sale_price
from arbkit.core.history.steps import DAY_MIN, StepSeries
from arbkit.core.keepa_time import to_minutes
from arbkit.core.models import History
from arbkit.profit.fees.arrays import Floats, Mask
from tests.benchmarks.measuring import Report, run_alone, skip
from tests.price_forecast.histories import histories_file, read_listings
from tests.sales_forecast.adapter import NOW, histories_of
from tests.simulated_market.histories import DailyHistory, read_histories, real_file
from tests.simulated_market.market import PAST_DAYS, SimulatedProduct, simulate

__all__ = ["run"]

_SEEDS = range(100, 104)
_PRODUCTS = 500
_DAYS = SALE_PRICE_RULES.window.days
_LATER_DAYS = 30
_LATER = SALE_PRICE_RULES.model_copy(
    update={"window": SALE_PRICE_RULES.window.model_copy(update={"days": _LATER_DAYS})}
)
_SCORING_SEED = 18
_MANY = 15
"""Sales from which a median is not one of few."""
BASES = ("inferred", "today's", "90-day average", "robust")


@dataclass(frozen=True, slots=True)
class _Prices:
    """The price of each product (NaN unknown) by each of :data:`BASES`, on how many sales, and the one held against."""

    by_basis: dict[str, Floats]
    sales: Floats
    true: Floats

    @classmethod
    def of(cls, rows: Sequence[tuple[float, float, float, float, float]]) -> _Prices:
        """Rows of the inferred price and its sales, today's, the average, and the true one."""
        inferred, sales, today, average, true = np.array(rows, np.float64).reshape(-1, 5).T
        robust = np.where(np.isnan(today), np.nan, np.fmin(today, average))
        by_basis = zip(BASES, (inferred, today, average, robust), strict=True)
        return cls(dict(by_basis), sales, true)

    @property
    def compared(self) -> Mask:
        """The products that all of them have a price of."""
        return np.asarray(~np.isnan([*self.by_basis.values(), self.true]).any(axis=0))


@dataclass(frozen=True, slots=True)
class _Error:
    """How far a basis is from the true price, in percent of it; each product counts once."""

    market: str
    basis: str
    products: int
    mean: Interval
    median: float
    p90: float
    bias: Interval

    def to_dict(self) -> dict[str, object]:
        figures = {"mean": self.mean.model_dump(), "bias": self.bias.model_dump()}
        return {"market": self.market, "basis": self.basis, "products": self.products, "median": self.median,
                "p90": self.p90, **figures}  # fmt: skip


def _errors(market: str, prices: _Prices, where: Mask) -> Iterator[_Error]:
    numbers = np.arange(int(where.sum()))
    means = ProductMeans(numbers, numbers, seed=_SCORING_SEED)
    for basis, found in prices.by_basis.items():
        error = 100 * (found[where] / prices.true[where] - 1)
        far = np.abs(error)
        median, p90 = np.quantile(far, [0.5, 0.9])
        yield _Error(market, basis, len(numbers), means.mean(far), float(median), float(p90), means.mean(error))


def _simulated(histories: Sequence[DailyHistory] | None) -> _Prices:
    rows = []
    for seed in _SEEDS:
        market = simulate(seed, _PRODUCTS, histories=histories)
        rows += [_simulated_row(past, one) for past, one in zip(histories_of(market), market, strict=True)]
    return _Prices.of(rows)


def _simulated_row(history: History, product: SimulatedProduct) -> tuple[float, float, float, float, float]:
    window = slice(PAST_DAYS - _DAYS, PAST_DAYS)
    units, asked = product.truth.units[window], product.truth.price[window].astype(np.float64)
    sold = np.repeat(asked, np.where(asked > 0, units, 0))
    return *_known(history, to_minutes(NOW)), float(np.median(sold)) if len(sold) else np.nan


def _real(listings: Sequence[Listing]) -> _Prices:
    rows = []
    for listing in listings:
        rank = listing.history.series.get("sales_rank")
        if rank is None or not rank.times:
            continue
        end = rank.times[-1]
        later = inferred_sale_price(listing.history, end, _LATER).minor
        rows.append((*_known(listing.history, end - _LATER_DAYS * DAY_MIN), np.nan if later is None else float(later)))
    return _Prices.of(rows)


def _known(history: History, until: int) -> tuple[float, float, float, float]:
    """The inferred price, its sales, today's, and the average of 90 days by time."""
    found = inferred_sale_price(history, until)
    steps = StepSeries.of([history.series.get("new")])
    hours = until - np.arange(_DAYS * 24)[::-1] * 60
    asked = steps.at(np.zeros(len(hours), np.int64), hours)
    average = float(np.nanmean(asked)) if not np.isnan(asked).all() else np.nan
    return np.nan if found.minor is None else float(found.minor), float(found.sales or 0), float(asked[-1]), average


def _words(figure: Interval) -> str:
    return f"{figure.value:.1f} % ({figure.low:.1f} to {figure.high:.1f})"


def _rows(errors: Sequence[_Error], report: Report) -> None:
    for one in errors:
        far = f"{_words(one.mean)}, median {one.median:.1f} %, P90 {one.p90:.1f} %"
        report(f"{one.market}, {one.products} products: {one.basis}", far, f"bias {_words(one.bias)}")


def run(report: Report) -> None:
    """Report how far each basis is from the true price on every market, and from what comes of real products."""
    _report(report)


def _report(report: Report) -> list[_Error]:
    found: list[_Error] = []
    path = real_file()
    blocks = () if path is None else (("blocks of real histories", read_histories(path)),)
    for market, histories in (*blocks, ("fitted processes", None)):
        prices = _simulated(histories)
        told = float(np.mean(~np.isnan(prices.by_basis["inferred"])))
        report(f"{market}: products with an inferred price", f"{100 * told:.0f} % of {len(prices.sales)}", "")
        few = prices.sales < _MANY
        for name, where in ((market, ~few | few), (f"{market}, fewer than {_MANY} sales", few)):
            found += (errors := list(_errors(name, prices, prices.compared & where)))
            _rows(errors, report)
    real = histories_file()
    if real is None:
        skip("real histories", "there is no folder histories beside ARBKIT_REAL_DATA")
        return found
    prices = _real(read_listings(real))
    found += (errors := list(_errors("real histories, 30 days on", prices, prices.compared)))
    _rows(errors, report)
    return found


if __name__ == "__main__":
    run_alone(_report, __doc__, as_json=lambda found: [error.to_dict() for error in found])
