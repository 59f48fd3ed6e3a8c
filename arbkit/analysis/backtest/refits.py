"""Forecasts of products by models that were fitted to others, and to earlier days. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from arbkit.analysis.backtest.scores import LEVELS
from arbkit.analysis.forecast.price.fit import fit_price_model
from arbkit.analysis.forecast.price.model import PriceModel
from arbkit.analysis.forecast.price.origins import PriceOrigins
from arbkit.analysis.forecast.price.weighting import listing_weights, weighted_quantiles
from arbkit.profit.fees.arrays import Floats, Ints, Mask

FOLDS = 5
REPEATS = 3
"""How often products are parted anew, so that no figure hangs on one lucky part."""
LEAST_PRODUCTS = 30
"""Products with known outcomes that a refit needs: four fifths are fitted to, and their fourths left out in turn."""


@dataclass(frozen=True, slots=True)
class Refit:
    """One parting of the products: by product its fold, by fold the model of all others."""

    folds: Ints
    models: tuple[PriceModel, ...]


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Of each origin: quantiles (n, 3) relative to its price, and chances about the outcome.

    ``below`` and ``at_most`` are those of less than the outcome, and of at most it; ``holds`` that of at least the
    price at the origin.
    """

    quantiles: Floats
    below: Floats
    at_most: Floats
    holds: Floats


def part_products(count: int, seed: int) -> Ints:
    """The fold of each of ``count`` products."""
    return np.random.default_rng(seed).permutation(count) % FOLDS


def refit(learnt: PriceOrigins, products: int, *, seed: int) -> Refit | None:
    """Models for each fold, fitted to all other folds; None where one cannot be fitted."""
    folds = part_products(products, seed)
    models = [fit_price_model(m, version="refitted", seed=seed + fold) for fold, m in _others(learnt, folds)]
    known = tuple(model for model in models if model is not None)
    return Refit(folds, known) if len(known) == FOLDS else None


def _others(learnt: PriceOrigins, folds: Ints) -> Iterator[tuple[int, PriceOrigins]]:
    for fold in range(FOLDS):
        yield fold, learnt.take(folds[learnt.product] != fold)


def forecast_refitted(fitted: Refit, origins: PriceOrigins, column: int) -> Forecasts:
    """Each origin's forecast for its horizon ``column``, by the model that has not seen its product."""
    return _by_fold(origins, fitted.folds, lambda fold, some: forecast_with(fitted.models[fold], some, column))


def _by_fold(origins: PriceOrigins, folds: Ints, forecast: Callable[[int, PriceOrigins], Forecasts]) -> Forecasts:
    count = len(origins)
    found = Forecasts(np.empty((count, len(LEVELS))), np.empty(count), np.empty(count), np.empty(count))
    for fold in range(FOLDS):
        rows: Mask = folds[origins.product] == fold
        if rows.any():
            part = forecast(fold, origins.take(rows))
            found.quantiles[rows], found.holds[rows] = part.quantiles, part.holds
            found.below[rows], found.at_most[rows] = part.below, part.at_most
    return found


def forecast_with(model: PriceModel, origins: PriceOrigins, column: int) -> Forecasts:
    """Each origin's forecast for its horizon ``column`` by one model."""
    forecast = model.forecast(origins.past, float(origins.horizons[column]))
    price = origins.past.price
    below, at_most = forecast.chance_below(price * np.exp(origins.returns[:, column]))
    return Forecasts(forecast.quantiles(LEVELS) / price[:, None], below, at_most, 1 - forecast.chances[:, 0])


def pooled_returns(origins: PriceOrigins, folds: Ints, column: int) -> Floats:
    """Quantiles (n, 3) of all returns over this horizon of products in other folds, each listing counting once."""
    found = np.empty((len(origins), len(LEVELS)))
    for fold in range(FOLDS):
        here = folds[origins.product] == fold
        returns = origins.returns[~here, column]
        if here.any() and len(returns):
            weights = listing_weights(origins.listing[~here])
            found[here] = np.exp(weighted_quantiles(returns, weights, np.array(LEVELS)))
    return found
