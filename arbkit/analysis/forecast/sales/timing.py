"""How long it takes to sell units, and how probably they are sold in time: order statistics of a Gamma–Poisson."""

from __future__ import annotations

from functools import partial

import numpy as np

from arbkit.analysis.forecast.sales.parameters import SALES_PARAMETERS, SalesParameters
from arbkit.analysis.forecast.sales.rate import SalesRate
from arbkit.analysis.forecast.sales.share import Share, ShareEvidence, newcomer_share, share_beside_rivals
from arbkit.profit.fees.arrays import Floats

LONGEST_DAYS = 730.0
"""A time to sell beyond this is not given: nothing that is seen today says what sells in two years."""
_HALVINGS = 16


def sold_probability(
    rate: SalesRate,
    share: ShareEvidence,
    units: int,
    days: Floats | float,
    parameters: SalesParameters = SALES_PARAMETERS,
    *,
    beside_rivals: Share | None = None,
) -> Floats:
    """The probability to have sold ``units`` units after ``days`` days on the listing, by offer.

    NaN where the rate is unknown. The seller's own sales are those of the listing thinned by his share; the rate of the
    coming weeks is a Gamma distribution that strays from that of the past, so that for each share the units sold in a
    time are negative binomial. ``beside_rivals`` is as in :func:`~.share.newcomer_share`.

    Raises:
        ValueError: ``units`` is less than 1.
    """
    if units < 1:
        raise ValueError(f"units must be at least 1, got {units}")
    part = newcomer_share(share, days, parameters.share, beside_rivals=beside_rivals)
    shape = coming_shape(rate, parameters)
    fewer = fewer_than(units, shape[:, None], (rate.mean * days)[:, None] * part.values)
    return np.asarray(1 - (part.weights * fewer).sum(axis=1))


def coming_shape(rate: SalesRate, parameters: SalesParameters = SALES_PARAMETERS) -> Floats:
    """The shape of the Gamma distribution of the coming weeks' rate, by offer: wider than that of the past's."""
    return np.asarray(1 / ((1 + 1 / rate.shape) * np.exp(parameters.drift.log_sd**2) - 1))


def fewer_than(units: int, shape: Floats, expected: Floats) -> Floats:
    """The probability of fewer than ``units`` of a negative binomial distribution of this shape and mean."""
    odds = expected / (shape + expected)
    term = np.exp(-shape * np.log1p(expected / shape))
    total = term.copy()
    for sold in range(units - 1):
        term = term * odds * (shape + sold) / (sold + 1)
        total += term
    return np.asarray(np.minimum(total, 1.0))


def days_to_sell(
    rate: SalesRate, share: ShareEvidence, units: int, level: float, parameters: SalesParameters = SALES_PARAMETERS
) -> Floats:
    """Days after which ``units`` units are sold with probability ``level``, by offer.

    Infinite beyond :data:`LONGEST_DAYS`, NaN where the rate is unknown.

    Raises:
        ValueError: ``units`` is less than 1, or ``level`` not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    low, high = np.zeros(len(rate.mean)), np.full(len(rate.mean), LONGEST_DAYS)
    sold = partial(sold_probability, rate, share, units, beside_rivals=share_beside_rivals(share, parameters.share))
    reached = sold(high, parameters) >= level
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = sold(np.maximum(middle, 1e-6), parameters) >= level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(np.isnan(rate.mean), np.nan, np.where(reached, high, np.inf))
