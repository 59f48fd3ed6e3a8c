"""What a row says of demand, competition and the place of its price, for those columns."""

from __future__ import annotations

from arbkit.core.formatting import UNKNOWN, count, money, percent
from arbkit.core.models import Opportunity
from arbkit.web.dashboards.content import TableCell

_NOT_SAID = "the data does not say"
_NO_BADGE = "Amazon shows no badge, as for most products in the EU"
_NO_RANK = "no sales rank, or one that is too old"
_NO_AVERAGE = "no 90-day average of this price"
_NO_SHARE = "no record of who held the buy box, or of when Amazon sold it"
_SHARE_OF = {"buy_box": "of the buy box", "in_stock": "of the days"}


def price_cells(found: Opportunity) -> dict[str, TableCell]:
    """The cells of the prices that decide, by column."""
    buying, selling, position = found.buy_currency, found.sell_currency, found.sell_position_pct
    average = _amount(found.sell_avg90, selling, _NO_AVERAGE)
    return {
        "max_buy": _amount(found.max_buy, buying, "no buying price reaches the target"),
        "average": {**average, "sub": f"now {percent(position, 0, sign='+')}"} if position is not None else average,
        "break_even": _amount(found.break_even, selling, "none is known between 40 % and 220 % of the price of now"),
    }


def demand_cells(found: Opportunity) -> dict[str, TableCell]:
    """The cells of demand and competition, by column."""
    share, basis = found.amazon_share90_pct, found.amazon_share_basis
    sellers = _count(found.sellers, _NOT_SAID)
    if found.sellers_fba is not None and found.sellers_fbm is not None:
        sellers["sub"] = f"{count(found.sellers_fba)} FBA, {count(found.sellers_fbm)} FBM"
    return {
        "rank": _count(found.rank, _NO_RANK),
        "drops30": _count(found.rank_drops30, _NOT_SAID),
        "drops90": _count(found.rank_drops90, _NOT_SAID),
        "monthly_sold": _count(found.monthly_sold, _NO_BADGE, or_more=True),
        "sellers": sellers,
        "amazon_share": {"text": percent(share, 0), "sub": _SHARE_OF[basis]} if basis else _unknown(_NO_SHARE),
    }


def _amount(amount: float | None, currency: str, why: str) -> TableCell:
    return _unknown(why) if amount is None else {"text": money(amount, currency)}


def _count(number: int | None, why: str, *, or_more: bool = False) -> TableCell:
    return _unknown(why) if number is None else {"text": f"{count(number)}{'+' * or_more}"}


def _unknown(why: str) -> TableCell:
    return {"text": UNKNOWN, "why": why}
