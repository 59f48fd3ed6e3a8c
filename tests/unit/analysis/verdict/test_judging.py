"""Files, notebooks and the API say of a route what its page says of it."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from pathlib import Path

import pytest

import arbkit as package
from arbkit.analysis.verdict.judging import Judge
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.display.export.opportunities import write_opportunities
from arbkit.profit.seller.profile_file import load_profile
from arbkit.store import OpportunityQuery, open_store
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.pages import Seen, shipped_page
from tests.helpers.routes import store_routes

WANTED = (
    opportunity(
        "B000000001", profit=20.0, profit_low=18.0, max_buy=60.0, confidence=0.95, match={"verdict": "same"},
        profit_chance_pct=97.0, profit_p10=4.0, days_to_sell_p50=6.0, expected_profit=12.0,
        data_at=int(time.time()) - 600,
    ),
    opportunity("B000000002", profit=10.0, profit_low=-3.0, max_buy=30.0, data_at=int(time.time()) - 600),
    opportunity("B000000003", "FR", "DE", profit=5.0, data_at=int(time.time()) - 600),
)  # fmt: skip


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Three opportunities, the first of a product that sells well."""
    with open_store(settings) as store:
        sells = {"sales_rank": 900, "rank_drops30": 60, "rank_drops90": 180, "offers_new": 2}
        for one in WANTED:
            offers = [offer(one.asin, code, **sells) for code in (one.source, one.target)]
            store.put([Update(o, history(o.asin, o.market)) for o in offers])
        store_routes(store, list(WANTED))
    return settings


def shown(settings: Settings) -> dict[str, str]:
    """The sentence of every route's page."""
    found = {}
    for one in WANTED:
        seen = Seen(shipped_page("opportunities", settings)).begin(f"?chosen={one.id}")
        sentence = re.search("<b>(.*?)</b>", seen.html("verdict"), re.DOTALL)
        assert sentence is not None
        found[one.asin] = html.unescape(sentence[1])
    return found


def test_file_and_frame_say_what_the_page_says(filled: Settings, tmp_path: Path) -> None:
    expected = shown(filled)
    path = tmp_path / "found.csv"
    with open_store(filled, read_only=True) as store:
        write_opportunities(path, store, OpportunityQuery(), load_profile(None), Judge(filled), page_columns=["profit"])
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    assert {row["asin"]: row["verdict_sentence"] for row in rows} == expected
    words = {row["asin"]: row["verdict"] for row in rows}
    assert all(expected[asin].lower().startswith(word) for asin, word in words.items())
    assert words["B000000002"] == "pass"
    with package.open(filled) as arb:
        frame = arb.opportunities()
    assert dict(zip(frame["asin"], frame["verdict_sentence"], strict=True)) == expected
    assert dict(zip(frame["asin"], frame["verdict"], strict=True)) == words


def test_rules_that_cannot_be_used_leave_no_verdict_and_say_why(filled: Settings, tmp_path: Path) -> None:
    rules = tmp_path / "verdict.toml"
    rules.write_text("[units]\nmost = 'many'\n", "utf-8")
    judge = Judge(filled.model_copy(update={"verdict": rules}))
    with open_store(filled, read_only=True) as store:
        judged = [verdict for _, verdict in judge.each(store, WANTED, now=time.time())]
    assert {one.verdict for one in judged} == {None}
    assert all("verdict.toml" in one.sentence for one in judged)
