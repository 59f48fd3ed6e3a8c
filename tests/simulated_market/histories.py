"""The real price and rank histories, as daily series: the stuff that simulated markets are made of."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DAY_MIN = 1_440
_AMAZON, _NEW, _RANK = 0, 1, 3
_FEWEST_DAYS = 45


@dataclass(frozen=True, slots=True)
class DailyHistory:
    """One real product by day; NaN where nothing is known or offered.

    ``price`` is the log of the NEW price at the end of each day, ``out`` whether nobody offered it then, ``amazon``
    whether Amazon did (all False where there is no record of Amazon), ``rank`` the log of the sales rank.
    """

    price: Floats
    out: npt.NDArray[np.bool_]
    amazon: npt.NDArray[np.bool_]
    rank: Floats


def real_file() -> Path | None:
    """The file of real histories beside the folder ARBKIT_REAL_DATA; None where it is not there."""
    folder = os.environ.get("ARBKIT_REAL_DATA", "")
    found = sorted(Path(folder).parent.glob("histories/*.json.gz")) if folder else []
    return found[0] if found else None


def read_histories(path: Path) -> list[DailyHistory]:
    """The products of a Keepa answer that have a NEW price on at least 45 days."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return list(_histories(json.load(file)["products"]))


def _histories(products: Sequence[dict[str, list[list[int] | None]]]) -> Iterator[DailyHistory]:
    for product in products:
        series = product["csv"]
        new = series[_NEW]
        if not new or (new[-2] - new[0]) // DAY_MIN < _FEWEST_DAYS:
            continue
        days = np.arange(new[0] // DAY_MIN + 1, new[-2] // DAY_MIN + 1) * DAY_MIN
        price, amazon, rank = (_at(series[kind], days) for kind in (_NEW, _AMAZON, _RANK))
        if (price > 0).any():
            yield DailyHistory(_log(price), price == -1, amazon > 0, _log(rank))


def _at(points: list[int] | None, days: npt.NDArray[np.int64]) -> Floats:
    if not points:
        return np.full(len(days), np.nan)
    times, values = np.array(points[0::2]), np.array(points[1::2], np.float64)
    place = np.searchsorted(times, days, side="right") - 1
    return np.where(place < 0, np.nan, values[np.maximum(place, 0)])


def _log(values: Floats) -> Floats:
    return np.log(np.where(values > 0, values, np.nan))
