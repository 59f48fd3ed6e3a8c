"""What a call may cost is known before it is made, and one that may cost too much is not made."""

from __future__ import annotations

import pytest

from arbkit.core.errors import ConfigError, UsageError
from arbkit.sources.keepa_api.calls import BestSellersCall, Call, DealsCall, ProductCall
from arbkit.sources.keepa_api.client import KeepaSource
from arbkit.sources.keepa_api.token_costs import check_cost, cost_at_most, products_within
from tests.helpers.keepa_stub import stub
from tests.unit.sources.keepa_api.test_client import settings

HUNDRED = tuple(f"B{n:09}" for n in range(100))


@pytest.mark.parametrize(
    ("call", "tokens"),
    [
        (ProductCall("DE", HUNDRED), 100),
        (ProductCall("DE", HUNDRED, buybox=True), 300),
        (ProductCall("DE", HUNDRED[:1], offers=20), 12),
        (ProductCall("DE", HUNDRED[:1], offers=21), 18),
        # With offers Keepa ignores the buy box: those of a hundred cost the 1,500 and more that others paid unawares.
        (ProductCall("DE", HUNDRED, buybox=True, offers=100), 6_000),
        (DealsCall("DE"), 5),
        (BestSellersCall("DE", 1_001), 50),
    ],
)
def test_the_most_that_a_call_can_cost(call: Call, tokens: int) -> None:
    assert cost_at_most(call) == tokens
    check_cost(call, tokens)
    with pytest.raises(ConfigError, match="ARBKIT_CALL_TOKENS"):
        check_cost(call, tokens - 1)


def test_a_dear_call_is_refused_before_it_is_made_and_says_what_would_do() -> None:
    with stub() as service, KeepaSource(settings(service.url)) as keepa:
        with pytest.raises(ConfigError) as caught:
            keepa.fetch("DE", HUNDRED, buybox=True, offers=40)
        with pytest.raises(UsageError, match="20 to 100"):
            keepa.fetch("DE", HUNDRED[:1], buybox=True, offers=5)
        assert service.asked == []
    said = str(caught.value)
    assert caught.value.field == "ARBKIT_CALL_TOKENS"
    assert caught.value.value == 300
    assert "100 products with 40 offers each may cost 2400 tokens" in said
    assert "at most 12 products at once, or set it to 2400" in said


@pytest.mark.parametrize(
    ("limit", "buybox", "offers", "fit"),
    [(300, True, 0, 100), (300, False, 0, 300), (2, True, 0, 0), (100, True, 20, 8)],
)
def test_how_many_products_fit_into_a_call(limit: int, buybox: bool, offers: int, fit: int) -> None:
    assert products_within(limit, buybox=buybox, offers=offers) == fit


def test_offers_are_asked_for_where_they_are_affordable() -> None:
    with stub() as service, KeepaSource(settings(service.url)) as keepa:
        keepa.fetch("DE", HUNDRED[:3], buybox=False, offers=20)
    assert service.asked[-1].query["offers"] == "20"


def test_a_call_that_could_never_be_made_says_so() -> None:
    with stub() as service, KeepaSource(settings(service.url, call_tokens=4)) as keepa:
        with pytest.raises(ConfigError, match="a page of deals may cost 5 tokens"):
            keepa.deals("DE")
        with pytest.raises(ConfigError, match="Set it to 50 or more"):
            keepa.best_sellers("DE", 1_001)
        assert service.asked == []
