"""How a demo listing's price and stock move: by distributions fitted to real histories, in ``prices.toml``. Pure.

Between its events a price stands still. An event is a small move, as of a repricer that cuts and turns, a step that
stays, or a sale that ends at the price before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from arbkit.core.files import shipped_table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class PriceProcess:
    """What ``prices.toml`` holds; lists are quantiles at ``levels``, sizes of the log price, chances by day.

    ``event_chance`` is by listing. Of small moves a share ``turn_chance`` goes against the last one, and of those
    ``undo_chance`` back to the price before. Off its level, ``towards_chance`` of the steps lead back to it; ``band``
    bounds where a price may go from its level. Amazon sells some listings always, some sometimes, the rest never.
    """

    levels: tuple[float, ...]
    event_chance: tuple[float, ...]
    step_share: float
    sale_share: float
    small_down: tuple[float, ...]
    small_up: tuple[float, ...]
    turn_chance: float
    undo_chance: float
    step_down: tuple[float, ...]
    step_up: tuple[float, ...]
    towards_chance: float
    band: tuple[float, float]
    sale_depth: tuple[float, ...]
    sale_days: tuple[float, ...]
    out_chance: float
    out_days: float
    amazon_always: float
    amazon_sometimes: float
    amazon_in_chance: float
    amazon_in_days: float


@lru_cache(maxsize=1)
def price_process() -> PriceProcess:
    """The parameters that are shipped."""
    return shipped_table(PriceProcess, "arbkit.sources.demo", "prices.toml")


def price_path(steps: int, steps_a_day: int, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    """The log price about its level at each step."""
    import numpy as np

    known = price_process()
    often = np.interp(chance.random(), known.levels, known.event_chance)
    # One a day and always at its seller's time of the day, for the chance is of days that differ from the one before.
    events = np.flatnonzero(chance.random(steps // steps_a_day) < often) * steps_a_day + chance.integers(steps_a_day)
    kinds, turns, undone, towards, signs, sizes, lengths = chance.random((7, len(events))).tolist()
    drawn = {
        name: np.interp(sizes, known.levels, getattr(known, name)).tolist()
        for name in ("small_down", "small_up", "step_down", "step_up", "sale_depth")
    }
    days = np.interp(lengths, known.levels, known.sale_days)
    ends = events + np.maximum(1, np.round(days * steps_a_day)).astype(int)
    path = np.zeros(steps)
    at, last, until = 0.0, 0.0, 0
    low, high = known.band
    for number, (start, end) in enumerate(zip(events.tolist(), ends.tolist(), strict=True)):
        if start < until:
            continue
        if kinds[number] < known.sale_share:
            # A price that is back is what it was, so the sale leaves nothing but its days.
            path[start:end] = at - drawn["sale_depth"][number]
            path[end:] = at
            until = end
            continue
        stays = kinds[number] < known.sale_share + known.step_share
        if stays:
            back = towards[number] < known.towards_chance
            up = (at < 0) == back if at else signs[number] < 0.5
            move = drawn["step_up"][number] if up else -drawn["step_down"][number]
        else:
            turning = turns[number] < known.turn_chance
            up = (last < 0) == turning if last else signs[number] < 0.5
            move = drawn["small_up"][number] if up else -drawn["small_down"][number]
            move = -last if turning and undone[number] < known.undo_chance else move
        if not low <= at + move <= high:
            move = -move if low <= at - move <= high else 0.0
        at += move
        last = last if stays else move or last
        path[start:] = at
    return path


def out_of_stock(steps: int, steps_a_day: int, chance: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Whether nobody offers it, at each step."""
    known = price_process()
    return _spells(steps, known.out_chance / steps_a_day, known.out_days * steps_a_day, chance)


def amazon_sells(steps: int, steps_a_day: int, chance: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Whether Amazon offers it, at each step."""
    import numpy as np

    known, lot = price_process(), chance.random()
    if lot < known.amazon_always + known.amazon_sometimes and lot >= known.amazon_always:
        return _spells(steps, known.amazon_in_chance / steps_a_day, known.amazon_in_days * steps_a_day, chance)
    return np.full(steps, lot < known.amazon_always)


def _spells(steps: int, begins: float, length: float, chance: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Spells that begin with a chance a step and last this many on average; some are under way at first."""
    import numpy as np

    flags = np.zeros(steps, bool)
    inside = chance.random() < begins * length / (1 + begins * length)
    at = 0
    while at < steps:
        end = at + int(chance.geometric(1 / length if inside else begins))
        flags[at:end] = inside
        at, inside = end, not inside
    return flags
