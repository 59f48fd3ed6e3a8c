"""Rules by which candidates are looked at, promoted and given up (``rules.toml``). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from arbkit.core.files import shipped_table
from arbkit.core.formatting import counted
from arbkit.pipeline.discovery.candidates import Discovered, State

_HOUR_S, _DAY_S = 3_600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class DiscoveryRules:
    """What ``rules.toml`` holds."""

    best_sellers_first: int
    most_candidates: int
    waiting_for_look: int
    best_sellers_every_hours: float
    deals_every_hours: float
    categories: int
    least_markets: int
    look_every_hours: float
    looks: int
    promote_opportunities: int
    demote_days: float
    forget_days: float


@lru_cache(maxsize=1)
def discovery_rules() -> DiscoveryRules:
    """The rules that are shipped."""
    return shipped_table(DiscoveryRules, "arbkit.pipeline.discovery", "rules.toml")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Opportunities of a product since it was found, and when the last one was there (Unix s)."""

    opportunities: int
    last_at: float


def judged(
    one: Discovered, outcome: Outcome | None, markets: Sequence[str], rules: DiscoveryRules, now: float
) -> Discovered | None:
    """A product as the rules have it now, with what came of it; None: it is forgotten.

    What a person decided stays.
    """
    if outcome is not None:
        one = one.model_copy(update={"opportunities": outcome.opportunities, "last_profit_at": outcome.last_at})
    if one.by == "person":
        return one
    match one.state:
        case "candidate":
            return _candidate(one, markets, rules, now)
        case "promoted":
            quiet_s = now - max(one.since, one.last_profit_at or 0.0)
            if quiet_s > rules.demote_days * _DAY_S:
                return _now(one, "demoted", f"no opportunity in {rules.demote_days:g} days", now)
        case "demoted":
            if now - one.since > rules.forget_days * _DAY_S:
                return None
    return one


def _candidate(one: Discovered, markets: Sequence[str], rules: DiscoveryRules, now: float) -> Discovered:
    rounds = one.rounds(markets)
    if one.opportunities >= rules.promote_opportunities:
        found = f"{one.opportunities} opportunities" if one.opportunities > 1 else "an opportunity"
        return _now(one, "promoted", f"{found} after {counted(max(1, rounds), 'round')} of looks", now)
    is_known = all(market in one.listed for market in markets)
    if is_known and one.markets_listed < rules.least_markets:
        return _now(one, "demoted", "listed on fewer than two of the watched marketplaces", now)
    # What the last look showed has to be decoded and priced first.
    waited_s = now - max(one.looked_at.values(), default=now)
    if rounds >= rules.looks and waited_s > rules.look_every_hours * _HOUR_S:
        return _now(one, "demoted", f"no opportunity after {counted(rounds, 'round')} of looks", now)
    return one


def _now(one: Discovered, state: State, why: str, now: float) -> Discovered:
    return one.model_copy(update={"state": state, "since": now, "why": why})


def due_looks(
    known: Iterable[Discovered], markets: Sequence[str], rules: DiscoveryRules, now: float
) -> Mapping[str, list[str]]:
    """Marketplace → candidates to look at there, the most promising first.

    First those that two lists or marketplaces show, then the newest; each round on all marketplaces.
    """
    waiting = [one for one in known if one.state == "candidate" and one.rounds(markets) < rules.looks]
    waiting.sort(key=lambda one: (one.rounds(markets), -one.markets_listed, -len(one.origins), -one.found_at))
    return {
        market: [
            one.asin
            for one in waiting
            if one.listed.get(market, True) and _is_due(one.looked_at.get(market), now, rules.look_every_hours)
        ]
        for market in markets
    }


def _is_due(at: float | None, now: float, hours: float) -> bool:
    # A look from the future means that the clock was set back.
    return at is None or now - at >= hours * _HOUR_S or at > now + _DAY_S
