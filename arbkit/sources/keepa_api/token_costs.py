"""What calls to Keepa's API cost (``token_costs.toml``), and which are refused for it. Pure."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.files import shipped_table
from arbkit.sources.keepa_api.calls import BestSellersCall, Call, DealsCall, ProductCall


class _Costs(BaseModel):
    checked_on: date
    source: str
    product: int
    buybox: int
    offers_page: int
    offers_a_page: int
    offers_least: int
    offers_most: int
    deals: int
    deals_a_page: int
    best_sellers: int


_COSTS = shipped_table(_Costs, "arbkit.sources.keepa_api", "token_costs.toml")
DEALS_A_PAGE = _COSTS.deals_a_page


def tokens_of_look(*, buybox: bool, offers: int = 0) -> int:
    """The most tokens that one product costs on one marketplace: with its buy box, or with this many of its offers."""
    if offers:
        return _COSTS.offers_page * -(-offers // _COSTS.offers_a_page)
    return _COSTS.product + (_COSTS.buybox if buybox else 0)


def cost_at_most(call: Call) -> int:
    """The most tokens that a call can cost, whatever is found."""
    match call:
        case ProductCall():
            return len(call.asins) * tokens_of_look(buybox=call.buybox, offers=call.offers)
        case DealsCall():
            return _COSTS.deals
        case BestSellersCall():
            return _COSTS.best_sellers


def products_within(limit: int, *, buybox: bool, offers: int = 0) -> int:
    """How many products one call may ask for where it may cost ``limit`` tokens."""
    return max(0, limit) // tokens_of_look(buybox=buybox, offers=offers)


def check_cost(call: Call, limit: int) -> None:
    """Refuse a call that may cost more than ``limit`` tokens, before it is made.

    Raises:
        ConfigError: it may; says what it may cost.
        UsageError: there is no such call.
    """
    if isinstance(call, ProductCall) and call.offers and not _COSTS.offers_least <= call.offers <= _COSTS.offers_most:
        remedy = f"Keepa takes {_COSTS.offers_least} to {_COSTS.offers_most}"
        raise UsageError("no number of offers that can be asked for", field="offers", value=call.offers, remedy=remedy)
    if (cost := cost_at_most(call)) <= limit:
        return
    remedy = f"Set it to {cost} or more"
    if isinstance(call, ProductCall) and (fit := products_within(limit, buybox=call.buybox, offers=call.offers)):
        remedy = f"Ask for at most {fit} products at once, or set it to {cost} or more"
    why = f"{_words(call)} may cost {cost} tokens, more than one call may"
    raise ConfigError(why, field="ARBKIT_CALL_TOKENS", value=limit, remedy=remedy)


def _words(call: Call) -> str:
    match call:
        case ProductCall():
            what = f" with {call.offers} offers each" if call.offers else " with buy box" if call.buybox else ""
            return f"{len(call.asins)} products{what}" if len(call.asins) != 1 else f"one product{what}"
        case DealsCall():
            return "a page of deals"
        case BestSellersCall():
            return "a list of best sellers"
