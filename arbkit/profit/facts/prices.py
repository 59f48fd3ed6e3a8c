"""Which of an offer's prices is one of now: rules of age decide, before anything is priced. Pure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from arbkit.core.keepa_time import UNDATED_AT
from arbkit.profit.facts.ages import DAY_S, PriceRule, load_age_rules
from arbkit.profit.fees.arrays import Floats, Mask
from arbkit.profit.offer_facts import numbers

PRICE_COLUMNS = (
    "price_at", "new_minor", "new_at", "new_shipping_minor", "new_avg30_minor", "new_avg90_minor",
    "new_avg180_minor",
)  # fmt: skip
"""What the choice looks at, beside the price that was chosen when the offer was read."""
_AVERAGES = ("30", "90", "180")


def choose_prices(offers: pd.DataFrame, *, now: float, rules: PriceRule | None = None) -> pd.DataFrame:
    """The offers with the price that stands for now, and ``updated_at`` the time at which it was known to hold.

    ``price_replaced`` marks where the lowest new price took the place of an old buy box, ``price_too_old`` and
    ``price_undated`` where no price is known to be young enough (``price_minor`` is unknown then), ``price_glitch``
    where a price is a fraction of its own average.

    Args:
        offers: with :data:`PRICE_COLUMNS` and the columns of a price; columns may be missing.
        now: Unix seconds.
        rules: None: those that come with arbkit.
    """
    rules = rules or load_age_rules().price
    made = offers.copy()
    at = numbers(made, "price_at")
    replaced = _superseded(made, at, now, rules)
    if replaced.any():
        _take_new(made, replaced)
        at = np.where(replaced, numbers(made, "new_at"), at)
    known = np.where(np.isnan(at), numbers(made, "updated_at"), at)
    made["updated_at"] = known
    price, average = numbers(made, "price_minor"), numbers(made, "price_avg90_minor")
    priced = price > 0
    undated = priced & (known <= UNDATED_AT)
    too_old = priced & ~undated & (now - known > rules.any_price_days * DAY_S)
    if (unusable := too_old | undated).any():
        made["price_minor"] = price = np.where(unusable, np.nan, price)
    made["price_replaced"], made["price_too_old"] = replaced, too_old
    made["price_undated"] = undated
    made["price_glitch"] = (price > 0) & (price < rules.glitch_share * average)
    return made


def _superseded(offers: pd.DataFrame, at: Floats, now: float, rules: PriceRule) -> Mask:
    """Where the price is an old buy box, and the lowest new one is newer."""
    new_at = numbers(offers, "new_at")
    of_buy_box = offers["price_basis"].to_numpy(object) == "buy_box"
    old = now - at > rules.buy_box_days * DAY_S
    newer = new_at - at >= rules.newer_by_days * DAY_S
    return np.asarray(of_buy_box & old & newer & (numbers(offers, "new_minor") > 0))


def _take_new(offers: pd.DataFrame, rows: Mask) -> None:
    """Put the lowest new price, with its own shipping and averages, in the place of the buy box."""
    taken = {"price_minor": "new_minor", "shipping_minor": "new_shipping_minor", "price_at": "new_at"}
    taken |= {f"price_avg{days}_minor": f"new_avg{days}_minor" for days in _AVERAGES}
    for name, source in taken.items():
        offers.loc[rows, name] = numbers(offers, source)[rows]
    offers.loc[rows, "price_basis"] = "new"
