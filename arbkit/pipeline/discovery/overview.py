"""What ``arbkit discover`` shows: candidates, what came of them, and what each kind of list has cost and brought."""

from __future__ import annotations

from typing import get_args

from pydantic import Field

from arbkit.core.results import Result
from arbkit.core.settings import Settings
from arbkit.pipeline.discovery.candidates import Discovered, ListName
from arbkit.pipeline.discovery.kept import read_discovery

_ORDER = {"promoted": 0, "candidate": 1, "demoted": 2}


class OriginYield(Result):
    """What all lists of a kind have cost and brought."""

    origin: ListName
    tokens: int = Field(description="tokens that reading the lists and looking at their candidates have cost")
    candidates: int
    promoted: int
    opportunities: int
    tokens_per_opportunity: float | None = Field(description="null: it brought none yet")


class DiscoveryOverview(Result):
    """All that discovery knows."""

    share_pct: float = Field(description="percent of the tokens that discovery may spend; 0: it is off")
    allowance: int = Field(description="tokens that it may spend now")
    yields: list[OriginYield]
    items: list[Discovered]
    total: int


def overview(settings: Settings) -> DiscoveryOverview:
    """What is known now: the promoted first, the newest of each kind first.

    Raises:
        ConfigError: ``discovery.json`` is damaged.
        ServiceError: it cannot be read.
    """
    kept = read_discovery(settings)
    yields = []
    for origin in get_args(ListName):
        lists = [one for one in kept.lists.values() if one.origin == origin]
        tokens = sum(one.tokens + one.look_tokens for one in lists)
        found = sum(one.opportunities for one in lists)
        yields.append(
            OriginYield(
                origin=origin,
                tokens=tokens,
                candidates=sum(one.candidates for one in lists),
                promoted=sum(one.promoted for one in lists),
                opportunities=found,
                tokens_per_opportunity=round(tokens / found, 1) if found else None,
            )
        )
    items = sorted(kept.products.values(), key=lambda one: (_ORDER[one.state], -one.since, one.asin))
    return DiscoveryOverview(
        share_pct=settings.discovery_share, allowance=int(kept.allowance), yields=yields, items=items, total=len(items)
    )
