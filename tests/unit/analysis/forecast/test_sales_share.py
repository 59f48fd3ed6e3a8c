"""The share of one more seller: of the buy box's holders, not of the offers, and hardly any beside Amazon."""

from __future__ import annotations

import numpy as np
import pytest

from arbkit.analysis.forecast.sales.parameters import SALES_PARAMETERS
from arbkit.analysis.forecast.sales.share import Share, ShareEvidence, newcomer_share

NAN = float("nan")
SHAPE = SALES_PARAMETERS.share.seller_shape


def share(
    *, holders: float = NAN, offers: float = NAN, amazon_in: float = 0, absent: float = 1, switches: float = 0.005,
    days: float = 30,
) -> Share:  # fmt: skip
    return newcomer_share(
        ShareEvidence(*(np.array([value]) for value in (holders, offers, amazon_in, absent, switches))), days
    )


def mean(**known: float) -> float:
    return float(share(**known).mean[0])


def effective(sellers: int) -> float:
    """The holders that are seen on average of this many sellers of unequal weights."""
    return (sellers * SHAPE + 1) / (SHAPE + 1)


@pytest.mark.parametrize("sellers", [1, 2, 5])
def test_a_newcomer_is_one_more_of_those_who_held_the_buy_box(sellers: int) -> None:
    assert mean(holders=effective(sellers), offers=9) == pytest.approx(1 / (sellers + 1), rel=0.05)


def test_offers_that_never_hold_the_buy_box_take_nothing() -> None:
    assert mean(holders=1, offers=20) > 3 * mean(offers=20)


def test_sellers_who_have_left_take_nothing() -> None:
    assert mean(holders=effective(8), offers=1) == pytest.approx(0.5, rel=0.05)


def test_hardly_anything_is_left_beside_amazon() -> None:
    assert mean(holders=1, amazon_in=1, absent=0) < 0.05


def test_amazon_out_of_stock_leaves_the_time_that_it_is() -> None:
    often = mean(holders=1, amazon_in=1, absent=0.5, switches=0.2)
    assert often == pytest.approx(0.25, abs=0.04)
    short, long = (mean(holders=1, amazon_in=1, absent=0.5, switches=0.02, days=days) for days in (5, 90))
    assert short < long < often
    # Who is away now may return.
    assert mean(holders=1, amazon_in=0, absent=0.5, switches=0.02) > often


def test_an_unknown_share_is_wide() -> None:
    unknown, known = share(amazon_in=NAN, absent=NAN, switches=NAN), share(holders=effective(3), offers=4)

    def spread(found: Share) -> float:
        centre = found.mean[0]
        return float(np.sqrt((found.weights[0] * (found.values[0] - centre) ** 2).sum()) / centre)

    assert 0.1 < unknown.mean[0] < 0.35
    assert spread(unknown) > 1.3 * spread(known)


def test_a_listing_without_any_offer_is_nearly_ones_own() -> None:
    assert 0.6 < mean(offers=0) < 0.95


@pytest.mark.parametrize("amazon_in", [0.0, 1.0, NAN])
@pytest.mark.parametrize("absent", [0.0, 0.3, 1.0, NAN])
@pytest.mark.parametrize("days", [0.001, 30, 730])
def test_every_share_is_a_distribution(amazon_in: float, absent: float, days: float) -> None:
    found = share(holders=2, amazon_in=amazon_in, absent=absent, switches=NAN, days=days)
    assert found.weights.sum() == pytest.approx(1)
    assert (found.weights >= 0).all()
    assert ((found.values >= 0) & (found.values <= 1)).all()
