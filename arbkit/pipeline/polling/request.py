"""One step of a producer: a request, or a wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from arbkit.pipeline.planning.deals import PlannedPage

MAX_ASINS = 100
"""Products in one request (Keepa API documentation, "Request Products")."""

Looks = Mapping[tuple[str, str], float]
"""(ASIN, market) → when it was last looked at, in Unix seconds."""


Why = Literal["value", "age", "asked"]
"""Why it is looked at: for the money expected, because it was not looked at for so long, or somebody asked for it."""


@dataclass(frozen=True, slots=True)
class Request:
    """Look at these products (at most :data:`MAX_ASINS`) on this market now.

    ``buybox``: with their buy box, where the settings allow it. ``value`` is the money expected from it by the planner,
    in the home currency, and ``why`` is what it was chosen for.
    """

    market: str
    asins: tuple[str, ...]
    buybox: bool = True
    value: float = 0.0
    why: Why = "asked"


@dataclass(frozen=True, slots=True)
class ReadDeals:
    """Read the newest deals of a root category (Keepa's number) on this market now; ``page`` is the planner's."""

    market: str
    root_category: int
    page: PlannedPage


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is to be asked for ``seconds``; infinite if there is nothing to watch. ``for_tokens``: they are short."""

    seconds: float
    for_tokens: bool = False
