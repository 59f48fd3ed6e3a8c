"""Fit the price model that comes with arbkit anew and write it: python -m tests.price_forecast.fit"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from arbkit.analysis.backtest.evidence import gather
from arbkit.analysis.forecast.price.fit import fit_price_model
from arbkit.analysis.forecast.price.model import MoveModel
from arbkit.analysis.forecast.price.origins import PriceOrigins
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.keepa_time import to_unix
from arbkit.profit.fees.arrays import Floats
from tests.helpers.paths import ROOT
from tests.price_forecast.histories import histories_file, read_listings

__all__ = ["main", "write_model"]

_TARGET = ROOT / "arbkit" / "analysis" / "forecast" / "price" / "model.toml"
_SEED = 18
_HEAD = """\
# How a price moves within some days: see model.py for what the numbers mean. Fitted, not typed in:
# python -m tests.price_forecast.fit
"""


def main() -> int:
    """Fit to the real histories and replace the file; the exit code."""
    path = histories_file()
    if path is None:
        sys.stderr.write("the histories are missing: point ARBKIT_REAL_DATA at the folder beside theirs\n")
        return 1
    evidence = gather([read_listings(path)], (30,))
    if evidence is None:
        sys.stderr.write("there is no history that is long enough\n")
        return 1
    write_model(evidence.learnt, _TARGET)
    return 0


def write_model(learnt: PriceOrigins, target: Path) -> None:
    """Fit a model to these origins and write it down."""
    ends = learnt.at[:, None] + np.array(learnt.horizons) * DAY_MIN
    last = datetime.fromtimestamp(to_unix(int(ends[~np.isnan(learnt.returns)].max())), UTC)
    model = fit_price_model(learnt, version=f"{last:%Y-%m}.1", seed=_SEED)
    assert model is not None
    lines = [
        _HEAD.rstrip(),
        f'version = "{model.version}"',
        "",
        "[fitted_to]",
        'source = "price histories of amazon.de products, published by an open-source tool under the ISC licence"',
        f'until = "{last:%Y-%m-%d}"',
        f"products = {len(np.unique(learnt.product))}",
        f"outcomes = {int((~np.isnan(learnt.returns)).sum())}",
        'command = "python -m tests.price_forecast.fit"',
        *_table("own", model.own),
        *_table("typical", model.typical),
    ]
    target.write_text("\n".join(lines) + "\n", "utf-8")


def _table(name: str, moves: MoveModel) -> list[str]:
    rows = [("direction", moves.direction), ("size", moves.size), ("spread", moves.spread)]
    return ["", f"[{name}]", *(line for key, values in rows for line in _rows(key, values))]


def _rows(key: str, values: Floats) -> Sequence[str]:
    lines = ["  [" + ", ".join(f"{value:.4f}" for value in row) + "]," for row in values]
    return [f"{key} = [", *lines, "]"]


if __name__ == "__main__":
    sys.exit(main())
