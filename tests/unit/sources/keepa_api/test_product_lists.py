"""Pages of deals and lists of best sellers, as Keepa answers them and as it should not."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest

from arbkit.core.errors import KeepaError, KeepaTokensError
from arbkit.core.keepa_time import to_minutes
from tests.helpers.keepa_stub import TOKENS, Asked, Reply, stub, used_up
from tests.unit.sources.keepa_api.test_client import source

ASINS = ("B000000001", "B000000002", "B000000003")


def deal(asin: str, ago_s: float, new: int = 1_999, **more: Any) -> dict[str, Any]:
    at = to_minutes(time.time() - ago_s)
    return {
        "asin": asin, "current": [-1, new], "currentSince": [0, at], "creationDate": at - 5,
        "deltaPercent": [[0, 25], [0, 10]], **more,
    }  # fmt: skip


def answering(**body: Any) -> Any:
    return lambda asked, before: Reply(body={**TOKENS, **body})


def test_a_page_of_deals_says_what_changed_when_and_how_far_it_reaches() -> None:
    rows = [deal(f"B{n:09}", 60 * n) for n in range(1, 151)]
    with stub(answering(deals={"dr": rows[::-1]})) as service, source(service.url) as keepa:
        page = keepa.deals("IT", category=1_003, page=2)
    asked = service.asked[-1]
    selection = orjson.loads(asked.query["selection"])
    assert (asked.name, asked.query["domain"]) == ("deal", "8")
    assert selection["includeCategories"] == [1_003]
    assert (selection["page"], selection["sortType"], selection["priceTypes"], selection["dateRange"]) == (2, 1, [1], 0)
    assert [one.asin for one in page.deals] == [f"B{n:09}" for n in range(1, 151)]
    assert (page.deals[0].new_minor, page.deals[0].drop_pct) == (1_999, 25)
    assert not page.is_last
    # The 150 newest: nothing is missing of the last two and a half hours, and nothing is known of those before.
    assert page.reaches_back_s == pytest.approx(150 * 60, abs=61)
    assert page.tokens is not None


def test_a_page_that_is_not_full_reaches_as_far_as_the_feed() -> None:
    with stub(answering(deals={"dr": [deal(ASINS[0], 60)]})) as service, source(service.url) as keepa:
        page = keepa.deals("DE")
    assert "includeCategories" not in service.asked[-1].query["selection"]
    assert page.is_last
    assert page.reaches_back_s == 12 * 3_600


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        7,
        {},
        {"asin": None},
        {"asin": "x"},
        {"asin": "B000000009"},
        {"asin": "B000000009", "creationDate": "x"},
    ],
    ids=repr,
)
def test_what_is_no_deal_costs_no_other(odd: object) -> None:
    with stub(answering(deals={"dr": [odd, deal(ASINS[0], 60)]})) as service, source(service.url) as keepa:
        assert [one.asin for one in keepa.deals("DE").deals] == [ASINS[0]]


def test_no_offer_is_no_price_and_a_clock_that_is_ahead_makes_nothing_newer_than_now() -> None:
    rows = [deal(ASINS[0], 60, new=-1), deal(ASINS[1], -7_200)]
    with stub(answering(deals={"dr": rows})) as service, source(service.url) as keepa:
        page = keepa.deals("DE")
    by_asin = {one.asin: one for one in page.deals}
    assert by_asin[ASINS[0]].new_minor is None
    assert by_asin[ASINS[1]].changed_at == page.fetched_at


@pytest.mark.parametrize("body", [{}, {"deals": None}, {"deals": []}, {"deals": {"dr": None}}], ids=repr)
def test_an_answer_without_deals_is_asked_for_again_and_then_an_error(body: dict[str, Any]) -> None:
    with stub(answering(**body)) as service, source(service.url) as keepa:
        with pytest.raises(KeepaError, match="no deals"):
            keepa.deals("DE")
        assert service.count("deal") == 4


def test_best_sellers_come_in_order() -> None:
    listed = {"domainId": 3, "categoryId": 1_001, "asinList": [*ASINS[::-1], None, 7, "x", ASINS[0]]}
    with stub(answering(bestSellersList=listed)) as service, source(service.url) as keepa:
        found = keepa.best_sellers("DE", 1_001)
    asked = service.asked[-1]
    assert (asked.name, asked.query["domain"], asked.query["category"]) == ("bestsellers", "3", "1001")
    assert found.asins == ASINS[::-1]
    assert found.tokens is not None


@pytest.mark.parametrize("body", [{}, {"bestSellersList": None}, {"bestSellersList": {"asinList": None}}], ids=repr)
def test_a_category_without_a_list_is_an_empty_one(body: dict[str, Any]) -> None:
    with stub(answering(**body)) as service, source(service.url) as keepa:
        assert keepa.best_sellers("DE", 1).asins == ()
        assert service.count("bestsellers") == 1


def test_lists_wait_for_tokens_as_looks_do() -> None:
    def answer(asked: Asked, before: int) -> Reply:
        return used_up(refill_in_ms=30_000)

    with stub(answer) as service, source(service.url) as keepa:
        with pytest.raises(KeepaTokensError):
            keepa.deals("DE")
        with pytest.raises(KeepaTokensError):
            keepa.best_sellers("DE", 1)
        assert len(service.asked) == 2
