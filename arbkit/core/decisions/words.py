"""Decisions in words."""

from __future__ import annotations

from arbkit.core.decisions.event import Decision
from arbkit.core.formatting import money
from arbkit.core.results import DecisionStatus


def status_words(one: Decision, now: DecisionStatus) -> str:
    """A decision and what it comes to now: a dismissal that has ended says so."""
    return one.words if one.status == now else f"{one.words}, ended"


def details(one: Decision) -> str:
    """How long it holds, or what was bought; empty: there is no more to say."""
    match one.status:
        case "bought" | "new" if one.quantity is not None:
            paid = "" if one.price is None else f" at {money(one.price, one.price_currency or '')} each"
            return f"{one.quantity} {'unit' if one.quantity == 1 else 'units'}{paid} on {one.bought_on}"
        case "dismissed":
            ends = [f"until {one.until}"] if one.until else []
            if one.until_profit is not None:
                ends.append(f"until it leaves {money(one.until_profit, one.currency or '')}")
            return " or ".join(ends)
    return ""
