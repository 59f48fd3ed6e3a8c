"""The product page of what was imported: it blames no source for what a file does not hold."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from arbkit.analysis.demand import TOO_OLD, demand_of
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.factories import offer
from tests.helpers.pages import Seen, shipped_page

ASIN = "B00000000A"
NOW = 1_760_000_060.0
_FALSE = (
    "Amazon shows no badge", "Keepa does not say", "not checked by Keepa", "too little history", "none from Keepa",
    "no badge", "not stated by Keepa", "not counted", "none yet", "no record of who held",
)  # fmt: skip
"""What only a source that was asked can say."""


def shown(settings: Settings, **fields: Any) -> str:
    """The words of the regions that say why a value is absent."""
    with open_store(settings) as store:
        store.put([Update(offer(ASIN, code, **fields), None) for code in ("DE", "IT")])
    seen = Seen(shipped_page("product", settings)).begin(f"?asin={ASIN}")
    html = " ".join(seen.html(region) for region in ("about", "offers", "demand", "fees", "match"))
    return " ".join(re.sub("<[^>]*>", " ", html).split())


@pytest.mark.parametrize("origin", ["export", "raw"])
def test_what_a_file_does_not_hold_is_said_to_be_missing_there(settings: Settings, origin: str) -> None:
    words = shown(settings, origin=origin, brand=None, manufacturer="Midea", new_at=1_760_000_000)
    assert [false for false in _FALSE if false in words] == []
    assert "not in the imported data" in words
    assert "not in the imported data: FR, ES, UK" in words
    assert "not listed on" not in words
    assert ("not in this export" in words) == (origin == "export")
    # The column was there, and empty.
    assert "no new offer" in words
    assert "Midea" in words


@pytest.mark.parametrize("origin", ["keepa", "demo"])
def test_who_was_asked_says_why_there_is_nothing(settings: Settings, origin: str) -> None:
    words = shown(settings, origin=origin)
    assert "not in th" not in words
    assert "not listed on FR, ES, UK" in words
    assert "Amazon shows no badge" in words
    assert "not checked by Keepa" in words


def test_demand_tells_a_column_that_was_not_there_from_one_that_was_empty() -> None:
    why = demand_of(offer(origin="export"), None, now=NOW).why
    assert why["amazon_sells"] == "not in this export"
    assert {why[name] for name in ("monthly_sold", "rank", "rank_drops30", "offers")} == {"not in the imported data"}
    assert demand_of(offer(origin="export", amazon_at=5), None, now=NOW).amazon_sells is False
    assert demand_of(offer(origin="export", sales_rank_at=5), None, now=NOW).why["rank"] == "no sales rank"
    assert demand_of(offer(), None, now=NOW).why["rank"] == "Keepa does not say"


@pytest.mark.parametrize(("days", "old"), [(29, False), (31, True)])
def test_demand_of_more_than_a_month_ago_is_shown_with_its_age_and_not_used(
    settings: Settings, days: int, old: bool
) -> None:
    at = int(time.time()) - days * 86_400
    known = offer(sales_rank=777, sales_rank_at=at, rank_drops30=44, monthly_sold=333, updated_at=at)
    found = demand_of(known, None, now=time.time())
    assert (found.rank, found.rank_drops30, found.monthly_sold) == ((None,) * 3 if old else (777, 44, 333))
    assert (found.why.get("rank"), found.why.get("rank_drops30")) == ((TOO_OLD,) * 2 if old else (None, None))
    words = shown(settings, sales_rank=777, sales_rank_at=at, rank_drops30=44, monthly_sold=333, updated_at=at)
    assert all(number in words.split() for number in ("777", "44", "333"))
    assert (f"777 31 d old: {TOO_OLD}" in words, TOO_OLD in words) == (old, old)
