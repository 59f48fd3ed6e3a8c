"""Fit ``processes.toml`` to the real histories: ``ARBKIT_REAL_DATA=… python -m tests.simulated_market.fit``.

The file is what a clone without these histories simulates with, so it holds distributions, never a history.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import numpy as np

from tests.simulated_market.histories import DailyHistory, Floats, read_histories, real_file
from tests.simulated_market.parameters import FILE, LEVELS

_SAME = 1e-9
_WEEK = 7


def _spells(flags: Iterable[np.ndarray]) -> tuple[float, float]:
    """The chance that a day begins a spell, and the mean length in days of those that began and ended."""
    begun = idle = 0
    lengths: list[int] = []
    for each in flags:
        starts, ends = (np.flatnonzero(np.diff(each.astype(int)) == step) for step in (1, -1))
        begun += len(starts)
        idle += int((~each).sum())
        # A product that went and stayed away says nothing of how long a listing is without an offer.
        lengths += [int(ends[ends > start][0] - start) for start in starts if (ends > start).any()]
    return begun / max(idle, 1), float(np.mean(lengths)) if lengths else 0.0


def _weekly(history: DailyHistory) -> Floats:
    """Mean log rank of each week, about its mean over all weeks."""
    known = history.rank[~np.isnan(history.rank)]
    means = known[: len(known) // _WEEK * _WEEK].reshape(-1, _WEEK).mean(axis=1)
    return np.asarray(means - means.mean() if len(means) else means)


def fitted(histories: Sequence[DailyHistory]) -> dict[str, list[float] | float | int]:
    """The parameters of ``processes.toml`` by their names."""
    chances, steps, returns = [], [], []
    for one in histories:
        moves = np.diff(one.price)
        moves = moves[~np.isnan(moves)]
        if not len(moves):
            continue
        stepped = moves[np.abs(moves) > _SAME]
        chances.append(len(stepped) / len(moves))
        steps.append(stepped)
        returns.append((np.sign(stepped[1:]) != np.sign(stepped[:-1])).astype(float))
    every = np.concatenate(steps)
    # Where a rank is of every few sales it shows demand; of a slow seller it shows when the last sale was.
    ranked = [one for one in histories if not np.isnan(one.rank).all()]
    weeks = [_weekly(one) for one in ranked if np.nanmedian(one.rank) < np.log(60_000)]
    weeks = [one for one in weeks if len(one) > 4]
    before, after = np.concatenate([w[:-1] for w in weeks]), np.concatenate([w[1:] for w in weeks])
    amazon = [one.amazon for one in histories]
    ever = [each for each in amazon if each.any()]
    out_chance, out_days = _spells([one.out for one in histories])
    in_chance, in_days = _spells([each for each in ever if not each.all()])
    return {
        "products": len(histories),
        "change_chance": np.quantile(chances, LEVELS).round(4).tolist(),
        "step": np.quantile(every, LEVELS).round(4).tolist(),
        "reversal_chance": round(float(np.concatenate(returns).mean()), 3),
        "stock_out_chance": round(out_chance, 5),
        "stock_out_days": round(out_days, 1),
        "amazon_ever": round(len(ever) / len(histories), 3),
        "amazon_always": round(sum(each.all() for each in amazon) / len(histories), 3),
        "amazon_in_chance": round(in_chance, 5),
        "amazon_in_days": round(in_days, 1),
        "rank_weeks_products": len(weeks),
        "rank_week_sd": round(float(np.std(after)), 3),
        "rank_week_correlation": round(float(np.corrcoef(before, after)[0, 1]), 3),
    }


_HEAD = """\
# Distributions of the price and rank processes of real products, for simulated markets on a clone without histories.
# Source: 173 amazon.de products recorded Nov 2024 to Feb 2025, Keepa's form, published under the ISC licence.
# Fitted on 2026-11-27 by: python -m tests.simulated_market.fit (those with a NEW price on at least 45 days).
# Lists are quantiles at 0, 10, 25, 50, 75, 90 and 100 %; chances are by day, steps are of the log price.
# rank_week_*: weekly mean log rank of the products with a median rank below 60,000, about each product's mean.
"""


def main() -> int:
    """Write the file; the exit code."""
    path = real_file()
    if path is None:
        sys.stderr.write("set ARBKIT_REAL_DATA: the real histories are in the folder histories beside it\n")
        return 2
    lines = [f"{name} = {value}" for name, value in fitted(read_histories(path)).items()]
    FILE.write_text(_HEAD + "\n".join(lines) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
