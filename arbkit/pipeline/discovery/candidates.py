"""Candidates for the watchlist: where each was found, merged across marketplaces and lists. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, TypeAlias

from pydantic import Field

from arbkit.core.results import Result
from arbkit.sources.keepa_api.product_lists import BestSellers, DealsPage

ListName: TypeAlias = Literal["best_sellers", "deals"]
State: TypeAlias = Literal["candidate", "promoted", "demoted"]


class Candidate(Result):
    """A product as one list on one marketplace shows it."""

    market: str
    origin: ListName
    category: int | None = Field(description="Keepa's number of the list's category; null: of no category")
    found_at: float = Field(description="when it was first seen there, in Unix seconds")
    rank: int | None = Field(None, description="its place among the best sellers when it was last seen there")
    drop_pct: int | None = Field(None, description="how far its price fell when it was last seen there")


class Discovered(Result):
    """A product with all the lists it was found in, the first one first, and what came of it."""

    asin: str
    origins: tuple[Candidate, ...] = ()
    state: State = "candidate"
    by: Literal["rule", "person"] = "rule"
    since: float = Field(description="when it came into that state, in Unix seconds")
    why: str = Field(description="why it is in that state")
    listed: Mapping[str, bool] = Field({}, description="marketplace → whether the product is listed there")
    looked: Mapping[str, int] = Field({}, description="marketplace → number of looks while it was a candidate")
    looked_at: Mapping[str, float] = Field({}, description="marketplace → when it was last looked at")
    tokens: int = Field(0, description="tokens that looks at it have cost while it was a candidate")
    opportunities: int = Field(0, description="opportunities since it was found")
    last_profit_at: float | None = Field(None, description="when it last was an opportunity, in Unix seconds")

    @property
    def found_at(self) -> float:
        """When it was first seen."""
        return min((one.found_at for one in self.origins), default=self.since)

    def rounds(self, markets: Iterable[str]) -> int:
        """How often it was looked at on all those of the marketplaces on which it may be listed."""
        return min((self.looked.get(market, 0) for market in markets if self.listed.get(market, True)), default=0)

    @property
    def markets_listed(self) -> int:
        """Marketplaces on which it is known to be listed, for a look or a list showed it there."""
        shown = {one.market for one in self.origins}
        return len(shown | {market for market, is_there in self.listed.items() if is_there})


def found_in(answer: DealsPage | BestSellers, *, most: int) -> dict[str, Candidate]:
    """ASIN → candidate, of what a list shows first, at most ``most``."""
    call, at = answer.call, answer.fetched_at
    if isinstance(answer, DealsPage):
        return {
            deal.asin: Candidate(
                market=call.market, origin="deals", category=call.category, found_at=at, drop_pct=deal.drop_pct
            )
            for deal in answer.deals[:most]
        }
    return {
        asin: Candidate(market=call.market, origin="best_sellers", category=call.category, found_at=at, rank=rank)
        for rank, asin in enumerate(answer.asins[:most], 1)
    }


def merged(
    known: Mapping[str, Discovered], found: Mapping[str, Candidate], *, watched: Collection[str], room: int
) -> dict[str, Discovered]:
    """What is known with what was found: one entry for each ASIN, with all its origins.

    What is watched already is no candidate, and of new ones only the first ``room`` are taken.
    """
    after = dict(known)
    for asin, candidate in found.items():
        before = after.get(asin)
        if before is not None:
            after[asin] = before.model_copy(update={"origins": _with(before.origins, candidate)})
        elif room > 0 and asin not in watched:
            room -= 1
            after[asin] = Discovered(asin=asin, origins=(candidate,), since=candidate.found_at, why=_words(candidate))
    return after


def _with(origins: Iterable[Candidate], seen: Candidate) -> tuple[Candidate, ...]:
    """The origins with one that was seen again or for the first time; the time it was first seen stays."""
    after = list(origins)
    for at, one in enumerate(after):
        if (one.market, one.origin, one.category) == (seen.market, seen.origin, seen.category):
            after[at] = seen.model_copy(update={"found_at": min(one.found_at, seen.found_at)})
            return tuple(after)
    return (*after, seen)


def _words(found: Candidate) -> str:
    if found.origin == "best_sellers":
        return f"number {found.rank} of the best sellers on {found.market}"
    return f"a deal on {found.market}{'' if found.drop_pct is None else f', {found.drop_pct} % down'}"
