"""Fit the price model to what came of past origins. Pure.

Each listing counts once at each horizon. How strongly weights are drawn towards zero is chosen by how well listings
that were left out of the fit are forecast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from arbkit.analysis.forecast.price.model import (
    DIRECTION_FACTORS,
    FALL,
    RISE,
    SAME,
    SIZE_FACTORS,
    SPREAD_LEVELS,
    MoveModel,
    PriceModel,
    factors,
)
from arbkit.analysis.forecast.price.origins import PriceOrigins
from arbkit.analysis.forecast.price.past import Basis, PricePast
from arbkit.analysis.forecast.price.weighting import listing_weights, weighted_quantiles
from arbkit.profit.fees.arrays import Floats, Ints, Mask

FIT_HORIZONS = (7, 14, 21, 30, 45, 60)
"""Days until the outcomes that a model is fitted to, all together."""
LEAST_PRODUCTS = 20
"""Products that a fit needs."""
MOST_PRODUCTS = 200
"""Products of which no more are taken: the model has few weights, and a fit is to take seconds."""
_DIRECTION_PENALTIES = (0.01, 0.1)
_SIZE_PENALTIES = (0.02, 0.1, 0.3)
_INNER_FOLDS = 4
_SAME_LOG = 1e-9
_STEPS = 25
_CLOSE = 1e-6
_LITTLE = 1e-6
_LEVELS = np.array([0.1, 0.5, 0.9])


@dataclass(frozen=True, slots=True)
class _Moves:
    """Every known outcome: the past of its origin, its horizon (days), the log return, the weight."""

    past: PricePast
    product: Ints
    horizon: Floats
    moved: Floats
    weight: Floats

    @property
    def direction(self) -> Ints:
        return np.where(self.moved < -_SAME_LOG, FALL, np.where(self.moved > _SAME_LOG, RISE, SAME))

    def take(self, rows: Mask) -> _Moves:
        kept = (self.product[rows], self.horizon[rows], self.moved[rows], self.weight[rows])
        return _Moves(self.past.take(rows), *kept)


def fit_price_model(origins: PriceOrigins, *, version: str, seed: int) -> PriceModel | None:
    """The model of these outcomes; None where they are of too few products, or none of them fell or rose.

    ``seed`` decides which products are taken, and which are left out together when penalties are chosen.
    """
    moves = _moves(_drawn(origins, seed))
    if len(np.unique(moves.product)) < LEAST_PRODUCTS or not {FALL, RISE} <= set(moves.direction):
        return None
    own = _fit(moves, *_best_penalties(moves, version, seed))
    return PriceModel(own, _fit_typical(moves), version)


def _drawn(origins: PriceOrigins, seed: int) -> PriceOrigins:
    names = np.unique(origins.product)
    if len(names) <= MOST_PRODUCTS:
        return origins
    chosen = np.random.default_rng(seed).choice(names, MOST_PRODUCTS, replace=False)
    return origins.take(np.isin(origins.product, chosen))


def _moves(origins: PriceOrigins) -> _Moves:
    usable = origins.take(origins.past.basis == Basis.OWN)
    parts: list[_Moves] = []
    for column, horizon in enumerate(usable.horizons):
        one = usable.take(~np.isnan(usable.returns[:, column]))
        days = np.full(len(one), float(horizon))
        parts.append(_Moves(one.past, one.product, days, one.returns[:, column], listing_weights(one.listing)))
    arrays = (np.concatenate([getattr(p, n) for p in parts]) for n in ("product", "horizon", "moved", "weight"))
    return _Moves(PricePast.joined([part.past for part in parts]), *arrays)


def _best_penalties(moves: _Moves, version: str, seed: int) -> tuple[float, float]:
    losses = dict.fromkeys(product(_DIRECTION_PENALTIES, _SIZE_PENALTIES), 0.0)
    typical = _fit_typical(moves)
    for kept, left_out in _inner_folds(moves, seed):
        directions = {one: _fit_directions(kept, DIRECTION_FACTORS, one) for one in _DIRECTION_PENALTIES}
        sizes = {one: _fit_sizes(kept, SIZE_FACTORS, one) for one in _SIZE_PENALTIES}
        for one, other in losses:
            model = PriceModel(MoveModel(directions[one], *sizes[other]), typical, version)
            losses[one, other] += _loss(model, left_out)
    return min(losses, key=losses.__getitem__)


def _inner_folds(moves: _Moves, seed: int) -> Iterator[tuple[_Moves, _Moves]]:
    names, position = np.unique(moves.product, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(names)) % _INNER_FOLDS)[position]
    for number in range(_INNER_FOLDS):
        kept = moves.take(fold != number)
        if {FALL, RISE} <= set(kept.direction):
            yield kept, moves.take(fold == number)


def _loss(model: PriceModel, moves: _Moves) -> float:
    """The weighted sum of pinball losses relative to the price at the origin."""
    forecast = model.forecast(moves.past, moves.horizon)
    missed = np.exp(moves.moved)[:, None] - forecast.quantiles(_LEVELS.tolist()) / moves.past.price[:, None]
    loss = np.where(missed >= 0, _LEVELS * missed, (_LEVELS - 1) * missed).mean(1)
    return float(loss @ moves.weight)


def _fit(moves: _Moves, direction_penalty: float, size_penalty: float) -> MoveModel:
    size, spread = _fit_sizes(moves, SIZE_FACTORS, size_penalty)
    return MoveModel(_fit_directions(moves, DIRECTION_FACTORS, direction_penalty), size, spread)


def _fit_typical(moves: _Moves) -> MoveModel:
    """The model that knows the horizon alone, as wide as products differ."""
    known = ("constant", "horizon")
    direction = np.zeros((3, len(DIRECTION_FACTORS)))
    direction[:, [DIRECTION_FACTORS.index(name) for name in known]] = _fit_directions(moves, known, 0.0)
    size = np.zeros((2, len(SIZE_FACTORS)))
    size[:, [SIZE_FACTORS.index(name) for name in known]], spread = _fit_sizes(moves, known, 0.0)
    return MoveModel(direction, size, spread)


def _fit_directions(moves: _Moves, names: Sequence[str], penalty: float) -> Floats:
    """Weights (3, names) of a multinomial logistic regression on these factors, the first of them constant."""
    scaled, middle, scale = _standardised(factors(moves.past, moves.horizon, names))
    weight = moves.weight / moves.weight.mean()
    wanted = np.eye(3)[moves.direction]
    # The same added to all three scores changes no chance: a little keeps the curvature invertible.
    ridge = np.full(scaled.shape[1], (penalty + _LITTLE) * len(scaled))
    ridge[0] = _LITTLE * len(scaled)
    pairs = np.einsum("ni,nj->nij", scaled, scaled).reshape(len(scaled), -1)
    found = np.zeros((3, scaled.shape[1]))
    for _ in range(_STEPS):
        scores = scaled @ found.T
        powers = np.exp(scores - scores.max(1, keepdims=True))
        chances = powers / powers.sum(1, keepdims=True)
        slope = (weight[:, None] * (wanted - chances)).T @ scaled - ridge * found
        step = np.linalg.solve(_curvature(pairs, weight, chances, ridge), slope.ravel()).reshape(found.shape)
        found += step
        if np.abs(step).max() < _CLOSE:
            break
    return _unscaled(found, middle, scale)


def _curvature(pairs: Floats, weight: Floats, chances: Floats, ridge: Floats) -> Floats:
    """Minus the second derivative of the penalised log likelihood, (3 × factors, 3 × factors).

    ``pairs`` (n, factors²) are the products of every two factors.
    """
    count = len(ridge)
    shared = weight[:, None, None] * chances[:, :, None] * (np.eye(3) - chances[:, None, :])
    blocks = (shared.reshape(len(weight), 9).T @ pairs).reshape(3, 3, count, count)
    found: Floats = blocks.transpose(0, 2, 1, 3).reshape(3 * count, 3 * count) + np.diag(np.tile(ridge, 3))
    return found


def _fit_sizes(moves: _Moves, names: Sequence[str], penalty: float) -> tuple[Floats, Floats]:
    """Weights (2, names) of a linear regression of log |log return|, and quantiles (2, 41) of what is left."""
    sizes: list[Floats] = []
    spreads: list[Floats] = []
    scaled, middle, scale = _standardised(factors(moves.past, moves.horizon, names))
    for direction in (FALL, RISE):
        rows = moves.direction == direction
        chosen, weight = scaled[rows], moves.weight[rows]
        size = np.log(np.abs(moves.moved[rows]))
        ridge = np.full(chosen.shape[1], penalty * weight.sum())
        ridge[0] = 0.0
        matrix = chosen.T @ (weight[:, None] * chosen) + np.diag(ridge) + 1e-9 * np.eye(len(ridge))
        found = np.linalg.solve(matrix, chosen.T @ (weight * size))
        sizes.append(_unscaled(found[None], middle, scale)[0])
        spreads.append(weighted_quantiles(size - chosen @ found, weight, SPREAD_LEVELS))
    return np.array(sizes), np.array(spreads)


def _standardised(figures: Floats) -> tuple[Floats, Floats, Floats]:
    """Figures with mean 0 and deviation 1 but for the first column; and what was taken off and divided by."""
    middle, scale = figures.mean(0), figures.std(0)
    middle[0], scale[0] = 0.0, 1.0
    scale[scale == 0] = 1.0
    return (figures - middle) / scale, middle, scale


def _unscaled(weights: Floats, middle: Floats, scale: Floats) -> Floats:
    """The weights of figures as they were before :func:`_standardised`."""
    found: Floats = weights / scale
    found[:, 0] -= found[:, 1:] @ middle[1:]
    return found
