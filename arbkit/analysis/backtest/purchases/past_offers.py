"""Offers as they were on a past day, from their histories until then. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from arbkit.analysis.demand import AMAZON_SELLERS, held_within
from arbkit.analysis.forecast.price.origins import LEAST_PAST_DAYS
from arbkit.core.history.facts import history_facts
from arbkit.core.history.prices import WITH_SHIPPING_MIN
from arbkit.core.history.steps import DAY_MIN, WINDOW_DAYS
from arbkit.core.keepa_time import to_unix
from arbkit.core.models import History, Offer
from arbkit.core.offers.price import Price, used_price


def purchase_days(history: History, *, every_days: int, most: int) -> list[int]:
    """The newest days (Keepa minutes) on which a listing is bought: the same for all listings, as far as each reaches.

    The first is 30 days after the first point of its new price.
    """
    new = history.series.get("new")
    if new is None or not len(new.times):
        return []
    step = every_days * DAY_MIN
    first = -(-(new.times[0] + LEAST_PAST_DAYS * DAY_MIN) // step) * step
    return [*range(first, last_seen(history) + 1, step)][-most:]


def last_seen(history: History) -> int:
    """The time of the last point of any series (Keepa minutes): until then somebody looked."""
    return max((one.times[-1] for one in history.series.values() if len(one.times)), default=0)


def offers_on(offers: Sequence[Offer], pasts: Sequence[History], moments: Sequence[int]) -> list[Offer]:
    """The offers as their histories, each of which ends at its moment (Keepa minutes), show them.

    What names and measures the goods is that of today. Fees that Keepa saw later, or at no known time, are left out.
    """
    facts = history_facts(pasts, [to_unix(at) for at in moments])
    each = zip(offers, pasts, moments, facts, strict=True)
    return [replace(_offer_on(offer, past, at), **said._asdict()) for offer, past, at, said in each]


def _offer_on(offer: Offer, past: History, at: int) -> Offer:
    """The offer without what is only seen over time."""
    unix = to_unix(at)
    values = {name: one.values[-1] for name, one in past.series.items() if len(one.values)}
    shipping = past.series["buy_box"].shipping if "buy_box" in values else None
    prices = {
        "buy_box": _price(past, values, "buy_box", at, shipping[-1] if shipping and shipping[-1] >= 0 else None),
        "new": _price(past, values, "new", at, 0 if at >= WITH_SHIPPING_MIN else None),
        "amazon": _price(past, values, "amazon", at, None),
    }
    seller = past.sellers[values["buy_box_seller"]] if "buy_box_seller" in values else None
    rank, offers_new, badge = (values.get(name) for name in ("sales_rank", "offers_new", "monthly_sold"))
    fee_known = offer.keepa_fba_fee_at is not None and offer.keepa_fba_fee_at <= unix
    return replace(
        offer, version=at, fetched_at=float(unix), updated_at=unix, **used_price(*prices.values()),
        buy_box_minor=prices["buy_box"].minor, buy_box_at=prices["buy_box"].at,
        buy_box_shipping_minor=prices["buy_box"].shipping, buy_box_avg30_minor=None,
        buy_box_avg90_minor=prices["buy_box"].avg90, buy_box_avg180_minor=None, buy_box_seller=seller,
        buy_box_is_amazon=None if seller is None else seller == AMAZON_SELLERS.get(offer.market), buy_box_is_fba=None,
        new_minor=prices["new"].minor, new_at=prices["new"].at, new_shipping_minor=prices["new"].shipping,
        new_avg30_minor=None, new_avg90_minor=prices["new"].avg90, new_avg180_minor=None,
        amazon_minor=prices["amazon"].minor, amazon_at=prices["amazon"].at, amazon_avg30_minor=None,
        amazon_avg90_minor=prices["amazon"].avg90, amazon_avg180_minor=None, amazon_buy_box90_pct=None,
        new_fba_minor=None, list_minor=None, coupon_minor=None, coupon_pct=None,
        sales_rank=rank if rank and rank > 0 else None, sales_rank_at=None if rank is None else unix,
        rank_drops30=None, rank_drops90=None, monthly_sold=badge if badge and badge > 0 else None,
        offers_fba=None, offers_fbm=None, offers_new=offers_new if offers_new is not None and offers_new >= 0 else None,
        offers_new_at=None if offers_new is None else unix, out_of_stock90_pct=None, rating=None, reviews=None,
        keepa_fba_fee_minor=offer.keepa_fba_fee_minor if fee_known else None,
        keepa_fba_fee_at=offer.keepa_fba_fee_at if fee_known else None,
        keepa_referral_pct=None, keepa_closing_fee_minor=None, stamps=(),
    )  # fmt: skip


def _price(past: History, values: dict[str, int], name: str, at: int, shipping: int | None) -> Price:
    """One of the prices: None where it was never looked at, without an amount where nobody offered it."""
    if name not in values:
        return Price()
    minor = values[name] if values[name] > 0 else None
    lengths, amounts = held_within(past.series[name], at - WINDOW_DAYS * DAY_MIN, at)
    offered = (amounts > 0) & (lengths > 0)
    mean = round(float(np.average(amounts[offered], weights=lengths[offered]))) if offered.any() else None
    return Price(minor, to_unix(at), shipping, None, mean, None)
