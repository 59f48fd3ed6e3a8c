"""Which of an offer's prices is the one that arbkit calculates with."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from arbkit.core.models import PriceBasis


class Price(NamedTuple):
    """One of an offer's prices: whole cents or pence, Unix seconds; None is unknown, ``minor`` also "no offer"."""

    minor: int | None = None
    at: int | None = None
    shipping: int | None = None
    avg30: int | None = None
    avg90: int | None = None
    avg180: int | None = None


class UsedPrice(TypedDict):
    """The fields of an offer that follow from its prices."""

    price_minor: int | None
    price_basis: PriceBasis | None
    price_at: int | None
    shipping_minor: int | None
    price_avg30_minor: int | None
    price_avg90_minor: int | None
    price_avg180_minor: int | None


def used_price(buy_box: Price, new: Price, amazon: Price) -> UsedPrice:
    """The buy box's price, else the lowest new one, else Amazon's, each with its own averages.

    Without any price the averages are those of new offers. Amazon's price includes shipping.
    """
    if buy_box.minor:
        return _used("buy_box", buy_box)
    if new.minor:
        return _used("new", new)
    if amazon.minor:
        return _used("amazon", amazon._replace(shipping=0))
    return _used(None, new._replace(minor=None, at=None, shipping=None))


def _used(basis: PriceBasis | None, price: Price) -> UsedPrice:
    return {
        "price_minor": price.minor,
        "price_basis": basis,
        "price_at": price.at,
        "shipping_minor": price.shipping,
        "price_avg30_minor": price.avg30,
        "price_avg90_minor": price.avg90,
        "price_avg180_minor": price.avg180,
    }
