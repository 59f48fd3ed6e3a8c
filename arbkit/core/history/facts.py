"""The facts of an offer that its history says: figures of 90 days, so that nobody has to read all of it again. Pure.

Forecasts of price and of sales are made from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from arbkit.core.files import shipped_table
from arbkit.core.history.prices import daily_prices, price_figures
from arbkit.core.history.sale_price import inferred_sale_price
from arbkit.core.history.steps import DAY_MIN, Floats, Ints
from arbkit.core.history.windows import Windows
from arbkit.core.keepa_time import to_minutes
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import History, Offer, Series, Update
from arbkit.core.offers.groups import POSITION, read_values


class HistoryFacts(NamedTuple):
    """The fields of an :class:`~arbkit.core.models.Offer` that its history says, in their order; None unknown.

    All are of the last 90 days. ``new_days90`` counts the days with a new price, the last one among them, and the
    other figures of it are shares or extremes of these days: on which it changed, and on which it was lower than on the
    last one (equal ones half); the median is that of the days before. ``rank_mean90`` is by the logarithm, over the
    ``rank_days90`` on which somebody watched, at ``rank_looks90`` looks. ``buy_box_holders90`` is the effective number
    of third parties that held it: 1 / the sum of their squared time shares. Amazon's own offer came or went
    ``amazon_switches90`` times in ``amazon_days90`` days. ``sale_price_minor`` is inferred from ``sale_price_sales``
    sales (:func:`~arbkit.core.history.sale_price.inferred_sale_price`).
    """

    new_days90: int | None
    new_changed90_pct: float | None
    new_below90_pct: float | None
    new_low90_minor: int | None
    new_high90_minor: int | None
    new_median90_minor: int | None
    rank_mean90: int | None
    rank_days90: float | None
    rank_looks90: int | None
    rank_falls90: int | None
    buy_box_holders90: float | None
    amazon_days90: float | None
    amazon_absent90_pct: float | None
    amazon_switches90: int | None
    sale_price_minor: int | None
    sale_price_sales: int | None


class _Rank(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    least_fall_pct: float = Field(gt=0)
    dense_days: float = Field(gt=0)
    source: str = Field(min_length=1)


class _Reading(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    decided_on: date
    rank: _Rank


READING = shipped_table(_Reading, "arbkit.core.history", "reading.toml")
"""How a history is read."""
_FIRST = POSITION[HistoryFacts._fields[0]]
_SHARE = POSITION["amazon_buy_box90_pct"]
_FIELDS = slice(_FIRST, _FIRST + len(HistoryFacts._fields))
_NOBODY = frozenset({"-1", "-2"})
"""What Keepa has in place of a seller while nobody holds the buy box, or nobody sells."""


def with_history_facts(updates: Sequence[Update]) -> list[Update]:
    """The updates, each offer with what the history beside it says of the 90 days up to the offer's own time.

    Amazon's share of the buy box is that of the history where the source states none.
    """
    found = list(updates)
    places = [place for place, update in enumerate(updates) if isinstance(update.history, History)]
    histories = [one.history for one in updates if isinstance(one.history, History)]
    until = [updates[place].offer.updated_at for place in places]
    for place, said, share in zip(places, *_read(histories, until), strict=True):
        values = list(read_values(updates[place].offer))
        values[_FIELDS] = said
        if values[_SHARE] is None:
            values[_SHARE] = share
        found[place] = replace(updates[place], offer=Offer.of_values(values))
    return found


def history_facts(histories: Sequence[History], until: Sequence[float]) -> list[HistoryFacts]:
    """What each history says of the 90 days up to a time (Unix s); nothing of a later one is read."""
    return _read(histories, until)[0]


def _read(histories: Sequence[History], until: Sequence[float]) -> tuple[list[HistoryFacts], list[float | None]]:
    """The facts, and Amazon's share of the buy box as :func:`amazon_shares` has it."""
    if not histories:
        return [], []
    ends = np.array([to_minutes(one) for one in until], np.int64)
    absent, *amazon = _of_amazon(_windows(histories, "amazon", ends))
    holders, by_buy_box = _of_buy_box(_windows(histories, "buy_box_seller", ends), histories)
    sold = [inferred_sale_price(one, end) for one, end in zip(histories, ends.tolist(), strict=True)]
    columns = (
        *_of_prices(_windows(histories, "new", ends)),
        *_of_rank(_windows(histories, "sales_rank", ends)),
        _cells(holders, 3),
        _cells(amazon[0], 2),
        _cells(np.where(np.isnan(absent), by_buy_box, absent), 2),
        _cells(amazon[1]),
        [one.minor for one in sold],
        [one.sales for one in sold],
    )
    return [HistoryFacts(*row) for row in zip(*columns, strict=True)], _cells(100 - by_buy_box, 2)


def amazon_shares(histories: Sequence[History], until: Sequence[float]) -> list[float | None]:
    """Amazon's share of the time in which somebody held the buy box, in percent of the 90 days up to a time (Unix s).

    None where nobody held it or there is no record of it.
    """
    if not histories:
        return []
    ends = np.array([to_minutes(one) for one in until], np.int64)
    _, without_amazon = _of_buy_box(_windows(histories, "buy_box_seller", ends), histories)
    return _cells(100 - without_amazon, 2)


def _windows(histories: Sequence[History], name: str, ends: Ints) -> Windows:
    series: list[Series | None] = [one.series.get(name) for one in histories]
    return Windows.of(series, ends)


def _of_prices(new: Windows) -> tuple[list[float | None], ...]:
    count = len(new.ends)
    found = price_figures(daily_prices(new.steps(), np.arange(count), new.ends))
    recorded = new.sums(np.ones(len(new.rows))) > 0
    return (
        _cells(np.where(recorded, found.days, np.nan)), _cells(found.changed_pct, 2), _cells(found.below_pct, 2),
        _cells(found.low), _cells(found.high), _cells(found.median),
    )  # fmt: skip


def _of_rank(rank: Windows) -> tuple[list[float | None], ...]:
    """Mean by its logarithm (from two looks on), the days that somebody watched, the looks, and the falls seen."""
    known = rank.take((rank.values > 0) & (rank.times > rank.begins[rank.rows]))
    gaps = np.diff(known.times) / DAY_MIN
    dense = (known.rows[1:] == known.rows[:-1]) & (gaps <= READING.rank.dense_days)
    log = np.log(known.values)
    fell = (np.diff(log) < np.log1p(-READING.rank.least_fall_pct / 100)) & dense
    later = Windows(known.rows[1:], known.times[1:], known.values[1:], known.ends)
    weights = np.where(dense, gaps, 0.0)
    days, looks, falls = later.sums(weights), later.sums(dense), later.sums(fell)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.exp(later.sums(weights * (log[1:] + log[:-1]) / 2) / days)
    watched = np.where(days > 0, 1.0, np.nan)
    return _cells(mean), _cells(days * watched, 2), _cells(looks * watched), _cells(falls * watched)


def _of_amazon(amazon: Windows) -> tuple[Floats, Floats, Floats]:
    """The percentage of the days on which Amazon did not offer it, the days known, and how often it came or went."""
    held = amazon.take(amazon.times < amazon.ends[amazon.rows])
    absent, lengths = held.values <= 0, held.lengths()
    minutes = held.sums(lengths)
    switched = np.append(False, (absent[1:] != absent[:-1]) & (held.rows[1:] == held.rows[:-1]))[: len(absent)]
    known = np.where(minutes >= DAY_MIN, 1.0, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        percent = 100 * held.sums(lengths * absent) / minutes
    return percent * known, minutes / DAY_MIN * known, held.sums(switched) * known


def _of_buy_box(held: Windows, histories: Sequence[History]) -> tuple[Floats, Floats]:
    """The effective number of third parties that held the buy box, and the percentage of its time without Amazon.

    The number is 1 / the sum of their squared time shares. Time in which nobody held it does not count.
    """
    sellers = [(row, seller, MARKETS[one.market].amazon_seller)
               for row, one in enumerate(histories) for seller in one.sellers]  # fmt: skip
    owner = np.array([row for row, _, _ in sellers], np.int64)
    starts = np.searchsorted(owner, np.arange(len(histories)))
    minutes = np.bincount(starts[held.rows] + held.values, held.lengths(), len(sellers))
    of_amazon = np.array([seller == amazon for _, seller, amazon in sellers], bool)
    third = ~of_amazon & np.array([seller not in _NOBODY for _, seller, _ in sellers], bool)
    third_minutes, squares, amazon_minutes = (
        np.bincount(owner, weights, len(histories))
        for weights in (minutes * third, minutes**2 * third, minutes * of_amazon)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return third_minutes**2 / squares, 100 * third_minutes / (third_minutes + amazon_minutes)


def _cells(values: Floats, digits: int = 0) -> list[float | None]:
    """Figures with this many digits, whole ones without any; None for NaN."""
    known = ~np.isnan(values)
    rounded = np.round(np.where(known, values, 0.0), digits)
    cells = rounded.tolist() if digits else rounded.astype(np.int64).tolist()
    return [cell if is_known else None for cell, is_known in zip(cells, known.tolist(), strict=True)]
