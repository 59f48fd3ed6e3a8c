"""The share of a listing's sales that one more seller at the going price would make, over a horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arbkit.analysis.forecast.sales.parameters import SALES_PARAMETERS, ShareParameters
from arbkit.profit.fees.arrays import Floats

_RECORD_DAYS, _LOOK_DAYS = 90.0, 30.0
"""Days that a record of Amazon's offers is of, and days that a single look at them stands for."""
_EDGES = np.linspace(0, 1, 13) ** 2
_WIDTHS = np.diff(_EDGES)
_NODES = (_EDGES[1:] + _EDGES[:-1]) / 2
"""Shares at which a distribution is computed: closer together where they are small."""


@dataclass(frozen=True, slots=True)
class ShareEvidence:
    """What is seen of the competition of n offers, each an array of n; NaN unknown.

    ``holders`` is the effective number of third-party sellers that held the buy box: 1 / the sum of their squared time
    shares. ``offers`` counts new third-party offers. ``amazon_in`` is 1 while Amazon offers it, else 0;
    ``amazon_absent`` the part of the last 90 days on which it did not, ``amazon_switches`` how often a day it came or
    went.
    """

    holders: Floats
    offers: Floats
    amazon_in: Floats
    amazon_absent: Floats
    amazon_switches: Floats


@dataclass(frozen=True, slots=True)
class Share:
    """A newcomer's share as a distribution: ``values`` with their ``weights``, (n, nodes) each."""

    values: Floats
    weights: Floats

    @property
    def mean(self) -> Floats:
        """The mean share of each offer."""
        return np.asarray((self.values * self.weights).sum(axis=1))


def share_beside_rivals(evidence: ShareEvidence, parameters: ShareParameters = SALES_PARAMETERS.share) -> Share:
    """The share while Amazon does not offer it, which does not depend on the days."""
    return Share(*_beside_rivals(_rivals(evidence, parameters), parameters.seller_shape))


def newcomer_share(
    evidence: ShareEvidence,
    days: Floats | float,
    parameters: ShareParameters = SALES_PARAMETERS.share,
    *,
    beside_rivals: Share | None = None,
) -> Share:
    """The share over ``days`` days; wide where little is known, and never NaN.

    ``beside_rivals`` is :func:`share_beside_rivals` of the evidence, where it is known already.

    A newcomer's weight is drawn as those of the others were, which the spread of their time shares shows. While Amazon
    offers the product hardly anything is left: how long that will be follows from how often it came and went.
    """
    beside = beside_rivals or share_beside_rivals(evidence, parameters)
    free, free_weights = _without_amazon(evidence, np.asarray(days, np.float64), parameters)
    kept = parameters.beside_amazon + (1 - parameters.beside_amazon) * free
    values = beside.values[:, :, None] * kept[:, None, :]
    weights = beside.weights[:, :, None] * free_weights[:, None, :]
    nodes = (len(values), values.shape[1] * values.shape[2])
    return Share(values.reshape(nodes), weights.reshape(nodes))


def _beside_rivals(rivals: Floats, shape: float) -> tuple[Floats, Floats]:
    """Nodes and weights of the Beta distribution of one Gamma weight among 1 + ``rivals``."""
    nodes = np.broadcast_to(_NODES, (len(rivals), len(_NODES)))
    log = (shape - 1) * np.log(_NODES) + (shape * rivals[:, None] - 1) * np.log1p(-_NODES)
    weights = _WIDTHS * np.exp(log - log.max(axis=1, keepdims=True))
    return nodes, weights / weights.sum(axis=1, keepdims=True)


def _rivals(evidence: ShareEvidence, parameters: ShareParameters) -> Floats:
    """How many sellers a newcomer shares with."""
    shape = parameters.seller_shape
    # Among n sellers of Gamma weights the squared shares add up to (shape + 1) / (n shape + 1) on average.
    held = np.maximum(1, ((shape + 1) * evidence.holders - 1) / shape)
    offered = np.where(
        evidence.offers > 0, np.maximum(1, parameters.holding_offers * evidence.offers), parameters.alone_rivals
    )
    offered = np.where(np.isnan(evidence.offers), parameters.unknown_rivals, offered)
    # Who left the listing since no longer holds anything.
    held = np.where(evidence.offers > 0, np.minimum(held, evidence.offers), held)
    return np.where(np.isnan(evidence.holders) | (evidence.offers == 0), offered, held)


def _without_amazon(evidence: ShareEvidence, days: Floats, parameters: ShareParameters) -> tuple[Floats, Floats]:
    """Parts of the horizon on which Amazon does not offer it, and how probable each is."""
    unseen = np.isnan(evidence.amazon_in)
    # What never happened in the days that are seen may happen yet: the usual part counts as a few days beside them.
    once = np.isnan(evidence.amazon_absent)
    usual, weight = parameters.amazon_absent, parameters.amazon_usual_days / np.where(once, _LOOK_DAYS, _RECORD_DAYS)
    seen = np.where(once, 1 - evidence.amazon_in, evidence.amazon_absent)
    long_run = np.where(unseen, usual, (seen + weight * usual) / (1 + weight))
    switches = np.where(np.isnan(evidence.amazon_switches), 1 / parameters.amazon_spell_days, evidence.amazon_switches)
    # A chain of two states that comes and goes at these rates leaves its present state at the sum of both.
    pace = switches / np.clip(2 * long_run * (1 - long_run), 0.05, None)
    span = np.maximum(pace * days, 1e-9)
    memory = -np.expm1(-span) / span
    now = np.where(unseen, long_run, 1 - evidence.amazon_in)
    mean = long_run + (now - long_run) * memory
    # Either the present state holds throughout, or it is left and the mean of both is what is had.
    whole = np.where(unseen, 1.0, memory)
    parts = np.stack([np.ones(len(mean)), np.zeros(len(mean)), mean], axis=1)
    return parts, np.stack([whole * mean, whole * (1 - mean), 1 - whole], axis=1)
