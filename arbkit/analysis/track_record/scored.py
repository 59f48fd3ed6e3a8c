"""Scored forecasts as arrays, to be averaged over products. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from arbkit.core.forecasts.record import ForecastRecord
from arbkit.profit.fees.arrays import Floats, Ints, Mask, Objects

_GROUPS = 2_000
"""Products are drawn anew in this many groups at most: memory does not grow with their number, and intervals hold."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Forecasts whose outcome is known, arrays of one length.

    ``product`` and ``listing`` are hashes, ``group`` numbers products as they are drawn together. ``quantiles``
    (n, 3) and ``then`` are relative to the price of the day, as it was forecast. ``fall`` and ``same`` are chances, as
    are ``above_zero`` and ``profit``; ``is_profit`` says whether there was one. ``widening`` had been applied.
    """

    product: Ints
    listing: Ints
    group: Ints
    horizon: Ints
    model: Objects
    version: Objects
    quantiles: Floats
    then: Floats
    fall: Floats
    same: Floats
    above_zero: Floats
    profit: Floats
    is_profit: Mask
    widening: Floats

    def __len__(self) -> int:
        return len(self.then)

    @classmethod
    def of(cls, records: Iterable[ForecastRecord]) -> Scored:
        """Those of these whose outcome is known."""
        rows = [
            (
                zlib.crc32(one.asin.encode()), zlib.crc32(f"{one.asin}:{one.target}".encode()), one.horizon_days,
                one.model, one.version, one.price_p10 / one.price, one.price_p50 / one.price,
                one.price_p90 / one.price, one.price_then / one.price, one.fall_pct / 100, one.same_pct / 100,
                one.above_zero_pct / 100, one.profit_chance_pct / 100, one.profit_then > 0, one.widening,
            )
            for one in records
            if one.price_then is not None and one.profit_then is not None
        ]  # fmt: skip
        columns = [np.array(column) for column in zip(*rows, strict=True)] if rows else [np.empty(0)] * 15
        product, listing, horizon = (column.astype(np.int64) for column in columns[:3])
        model, version = (column.astype(object) for column in columns[3:5])
        numbers = np.column_stack(columns[5:8]).astype(np.float64)
        then, fall, same, above, profit = (column.astype(np.float64) for column in columns[8:13])
        is_profit, widening = columns[13].astype(bool), columns[14].astype(np.float64)
        group = product % _GROUPS
        return cls(
            product, listing, group, horizon, model, version, numbers, then, fall, same, above, profit, is_profit,
            widening,
        )  # fmt: skip

    def take(self, rows: Mask) -> Scored:
        """Some of them."""
        return Scored(*(getattr(self, one.name)[rows] for one in fields(self)))

    @property
    def products(self) -> int:
        """How many products they are of."""
        return len(np.unique(self.product))
