"""Keepa's lists of products, deals and best sellers, as they are answered → ASINs with what is said of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from arbkit.core.input.asin import is_asin
from arbkit.core.keepa_time import to_unix
from arbkit.sources.keepa_api.calls import BestSellersCall, DealsCall
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.keepa_api.token_costs import DEALS_A_PAGE
from arbkit.sources.raw_types import Json, RawProduct

_NEW, _LAST_DAY = 1, 0
"""Where a deal's tables have the price of NEW, and the interval of a day."""
FEED_REACHES_S = 12 * 3_600.0
"""Products that were updated within 12 hours are in the feed (Keepa API documentation, "Browsing Deals")."""


@dataclass(frozen=True, slots=True)
class Deal:
    """A product whose price of NEW fell, when it did (Unix s, never after the answer), and what it is now.

    ``new_minor`` is None where nobody offers it any more; ``drop_pct`` is against the mean of the day, if that is said.
    """

    asin: str
    changed_at: float
    new_minor: int | None
    drop_pct: int | None


@dataclass(frozen=True, slots=True)
class DealsPage:
    """A page of deals, the last change first; ``tokens`` is None where the answer says nothing usable of them."""

    call: DealsCall
    deals: tuple[Deal, ...]
    is_last: bool
    tokens: Tokens | None
    fetched_at: float

    def __len__(self) -> int:
        return len(self.deals)

    @property
    def reaches_back_s(self) -> float:
        """Seconds before the answer from which on all changes are on this page and those before it."""
        if self.is_last or not self.deals:
            return FEED_REACHES_S
        oldest = min(deal.changed_at for deal in self.deals)
        return min(FEED_REACHES_S, self.fetched_at - oldest)


@dataclass(frozen=True, slots=True)
class BestSellers:
    """The ASINs of a category, the best-selling one first; none where Keepa keeps no list of it."""

    call: BestSellersCall
    asins: tuple[str, ...]
    tokens: Tokens | None
    fetched_at: float

    def __len__(self) -> int:
        return len(self.asins)


def read_deals(answer: RawProduct, call: DealsCall, tokens: Tokens | None, *, now: float) -> DealsPage | None:
    """The page in an answer, None if there is none; what is no deal is left out."""
    page = answer.get("deals")
    rows = page.get("dr") if isinstance(page, dict) else None
    if not isinstance(rows, list):
        return None
    found = [deal for row in rows if isinstance(row, dict) and (deal := _deal(row, now)) is not None]
    newest_first = sorted({deal.asin: deal for deal in found}.values(), key=lambda deal: -deal.changed_at)
    return DealsPage(call, tuple(newest_first), len(rows) < DEALS_A_PAGE, tokens, now)


def read_best_sellers(answer: RawProduct, call: BestSellersCall, tokens: Tokens | None, *, now: float) -> BestSellers:
    """The list in an answer; empty where Keepa has none of this category."""
    listed = answer.get("bestSellersList")
    asins = listed.get("asinList") if isinstance(listed, dict) else None
    known = [asin for asin in asins if _is_asin(asin)] if isinstance(asins, list) else []
    return BestSellers(call, tuple(dict.fromkeys(known)), tokens, now)


def _deal(row: RawProduct, now: float) -> Deal | None:
    asin, since = row.get("asin"), _number(_at(row.get("currentSince"), _NEW))
    changed = since if since is not None and since > 0 else _number(row.get("creationDate"))
    if not _is_asin(asin) or changed is None or changed <= 0:
        return None
    price, drop = _number(_at(row.get("current"), _NEW)), _number(_at(_at(row.get("deltaPercent"), _LAST_DAY), _NEW))
    # A clock that is ahead makes nothing newer than now.
    return Deal(str(asin), min(now, to_unix(changed)), price if price is not None and price > 0 else None, drop)


def _is_asin(value: Json) -> bool:
    return isinstance(value, str) and is_asin(value)


def _at(values: Json, index: int) -> Json:
    return values[index] if isinstance(values, list) and index < len(values) else None


def _number(value: Json) -> int | None:
    return value if type(value) is int and -(2**31) <= value < 2**31 else None
