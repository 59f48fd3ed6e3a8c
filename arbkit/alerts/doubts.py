"""Figures that are too good to be believed: held back, and shown as what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from arbkit.core.formatting import money, percent
from arbkit.core.models import Opportunity
from arbkit.store.routes import RouteMemory

MOST_BELIEVED_DROP = 0.70
"""Fall of a buying price, as a share, above which it is rather a mistake of the seller or the source."""
_STALE_CODES = frozenset({"data_older_than_a_week", "data_older_than_a_month", "data_older_than_a_quarter"})
_SAME_FIGURE = 0.005

DoubtCode = Literal["same_figure", "steep_drop", "stale"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the figures of a route are held back, in words too."""

    code: DoubtCode
    why: str


def doubt_of(route: Opportunity, memory: RouteMemory | None) -> Doubt | None:
    """What speaks against believing a route's figures; None: nothing does.

    A steep drop is believed once a later look has found it still there.
    """
    if route.buy_currency != route.sell_currency and abs(route.buy_price - route.sell_price) < _SAME_FIGURE:
        why = (
            f"It costs {money(route.buy_price, route.buy_currency)} on {route.source} and "
            f"{money(route.sell_price, route.sell_currency)} on {route.target}: the same figure in two currencies is "
            "likely one price under a wrong currency."
        )
        return Doubt("same_figure", why)
    if memory is not None and is_steep_drop(route, memory) and not _is_confirmed(route, memory):
        fall = percent(100 * (1 - route.buy_price / memory.buy_price), 0)
        why = (
            f"The buying price on {route.source} fell by {fall} at once, from "
            f"{money(memory.buy_price, route.buy_currency)} to {money(route.buy_price, route.buy_currency)}: it is "
            "believed once a later look finds it still there."
        )
        return Doubt("steep_drop", why)
    if any(warning["code"] in _STALE_CODES for warning in route.warnings):
        return Doubt("stale", "One of its two prices is older than a week: look at both before you buy.")
    return None


def is_steep_drop(route: Opportunity, memory: RouteMemory) -> bool:
    """Whether the buying price fell further than is believed at once."""
    return route.buy_price < (1 - MOST_BELIEVED_DROP) * memory.buy_price


def _is_confirmed(route: Opportunity, memory: RouteMemory) -> bool:
    return memory.doubted_at is not None and route.data_at > memory.doubted_at
