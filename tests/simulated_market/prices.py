"""Price paths and stock: blocks of real histories drawn anew, or the processes fitted to them. By day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.simulated_market.histories import DailyHistory, Floats
from tests.simulated_market.parameters import LEVELS, load_processes

Flags = npt.NDArray[np.bool_]

_BLOCK_DAYS = 21
_WIDEST = 0.5
"""Log distance from its base at which a path is led back, as a list price leads one back."""
_STAYS = 0.8
"""Chance that the next block is of the same real product."""


@dataclass(frozen=True, slots=True)
class PricePath:
    """Of one product by day: log price relative to its base, whether nobody offers it, and whether Amazon does."""

    relative: Floats
    out: Flags
    amazon: Flags


def bootstrapped(histories: Sequence[DailyHistory], days: int, rng: np.random.Generator) -> PricePath:
    """A stationary block bootstrap: blocks of geometric length, mostly of one real product, one after the other."""
    moves, out, amazon = np.empty(0), np.empty(0, bool), np.empty(0, bool)
    source = histories[int(rng.integers(len(histories)))]
    while len(moves) < days:
        if rng.random() > _STAYS:
            source = histories[int(rng.integers(len(histories)))]
        length = min(int(rng.geometric(1 / _BLOCK_DAYS)) + 1, len(source.price))
        start = int(rng.integers(len(source.price) - length + 1))
        block = _filled(source.price)[start : start + length]
        moves = np.append(moves, np.diff(block, prepend=block[:1]))
        out = np.append(out, source.out[start : start + length])
        amazon = np.append(amazon, source.amazon[start : start + length])
    return PricePath(_led_back(moves[:days]), out[:days], amazon[:days])


def parametric(days: int, rng: np.random.Generator) -> PricePath:
    """Steps and unchanged spells, sales, sawtooth, stock-outs and Amazon's returns by the fitted distributions."""
    known = load_processes()
    chance = np.interp(rng.random(), LEVELS, known.change_chance)
    stepped = rng.random(days) < chance
    size = np.interp(rng.random(days), LEVELS, known.step)
    moves = np.zeros(days)
    last = 0.0
    for day in np.flatnonzero(stepped):
        # A price that rose mostly falls next: sales end, and repricers start their saw anew.
        turns = rng.random() < known.reversal_chance
        sign = np.sign(size[day]) if last == 0 else (-np.sign(last) if turns else np.sign(last))
        moves[day] = last = sign * abs(size[day])
    out = _spells(known.stock_out_chance, known.stock_out_days, days, rng)
    amazon = np.zeros(days, bool)
    lot = rng.random()
    if lot < known.amazon_always:
        amazon[:] = True
    elif lot < known.amazon_ever:
        amazon = _spells(known.amazon_in_chance, known.amazon_in_days, days, rng)
    return PricePath(_led_back(moves), out, amazon & ~out)


def _filled(price: Floats) -> Floats:
    known = np.flatnonzero(~np.isnan(price))
    place = np.searchsorted(known, np.arange(len(price)), side="right") - 1
    return price[known[np.maximum(place, 0)]]


def _led_back(moves: Floats) -> Floats:
    level, path = 0.0, np.empty(len(moves))
    for day, move in enumerate(moves):
        level += move
        if abs(level) > _WIDEST:
            level = 0.0
        path[day] = level
    return path


def _spells(chance: float, length: float, days: int, rng: np.random.Generator) -> Flags:
    flags = np.zeros(days, bool)
    # Each process begins where a long one would be found.
    inside = rng.random() < chance * length / (1 + chance * length)
    for day, lot in enumerate(rng.random(days)):
        inside = lot >= 1 / length if inside else lot < chance
        flags[day] = inside
    return flags
