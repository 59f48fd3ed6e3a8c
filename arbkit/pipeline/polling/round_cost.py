"""What a round of the watchlist would cost: nothing is asked and nothing spent for it."""

from __future__ import annotations

from arbkit.core.results import Result
from arbkit.core.settings import Settings
from arbkit.pipeline.polling.plan_file import RoundTokens
from arbkit.pipeline.polling.request import MAX_ASINS
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.keepa_api.token_costs import tokens_of_look


class MarketCost(Result):
    """What one look at each product costs on one marketplace, and in how many calls."""

    market: str
    products: int
    calls: int
    tokens: RoundTokens


class RoundTime(Result):
    """Seconds in which the tokens of a round come in, each with the buy box and without.

    ``from_now_s`` counts those that are left now.
    """

    with_buy_box_s: float
    without_s: float
    with_buy_box_from_now_s: float
    without_from_now_s: float


class RoundCost(Result):
    """One look at each product on each marketplace; ``buy_box``: the settings ask for it.

    ``left`` and ``refill_per_minute`` as the service said last; ``time`` is None where the refill is not known, or 0.
    """

    products: int
    buy_box: bool
    markets: list[MarketCost]
    calls: int
    tokens: RoundTokens
    left: int | None
    refill_per_minute: int | None
    time: RoundTime | None


def round_cost(settings: Settings, products: int, tokens: Tokens | None, now: float) -> RoundCost:
    """What a round of this many products costs at most, with the ``tokens`` of the last answer, at ``now``."""
    calls = -(-products // MAX_ASINS)
    each = RoundTokens(
        with_buy_box=products * tokens_of_look(buybox=True), without=products * tokens_of_look(buybox=False)
    )
    markets = [MarketCost(market=market, products=products, calls=calls, tokens=each) for market in settings.markets]
    count = len(markets)
    total = RoundTokens(with_buy_box=count * each.with_buy_box, without=count * each.without)
    return RoundCost(
        products=products,
        buy_box=settings.keepa_buybox,
        markets=markets,
        calls=count * calls,
        tokens=total,
        left=None if tokens is None else max(0, tokens.level(now)),
        refill_per_minute=None if tokens is None else tokens.refill_rate,
        time=None if tokens is None or tokens.refill_rate <= 0 else _time(total, tokens, now),
    )


def _time(cost: RoundTokens, tokens: Tokens, now: float) -> RoundTime:
    def seconds(needed: float) -> float:
        return max(0.0, 60 * needed / tokens.refill_rate)

    level = tokens.level(now)
    return RoundTime(
        with_buy_box_s=seconds(cost.with_buy_box),
        without_s=seconds(cost.without),
        with_buy_box_from_now_s=seconds(cost.with_buy_box - level),
        without_from_now_s=seconds(cost.without - level),
    )
