"""What if over the whole market: rows, order, filters, tiles, address and downloads go by it."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from arbkit.analysis import detection
from arbkit.analysis.verdict.judging import Judge
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.display.export.opportunities import write_opportunities
from arbkit.profit.seller.profile_file import load_profile
from arbkit.store import open_store
from arbkit.web.dashboards.opportunities.found import FoundOpportunities
from tests.helpers.factories import PACKAGE, offer
from tests.helpers.pages import Seen, shipped_page

_PRODUCTS = 40


@pytest.fixture
def swept(settings: Settings) -> Settings:
    """Products bought in Italy and sold in Germany, each for one euro more than the one before, after a sweep."""
    now = int(time.time())
    with open_store(settings) as store:
        store.put(
            [
                Update(
                    offer(f"B0000000{n:02}", code, price_minor=price, price_at=now, shipping_minor=0, **PACKAGE), None
                )
                for n in range(1, _PRODUCTS + 1)
                for code, price in (("IT", 2_000), ("DE", 2_200 + 100 * n))
            ]
        )
    detection.run(settings, run_id="r1")
    return settings


def profits(seen: Seen, column: str) -> list[float]:
    return [float(text.split()[0].replace("−", "-").replace(",", "")) for text in seen.column(column)]


def both(seen: Seen) -> list[tuple[float, float]]:
    """What each shown route would make, and what it makes today."""
    found = list(zip(profits(seen, "Profit if …"), profits(seen, "Profit today"), strict=True))
    assert found
    return found


def test_all_routes_are_priced_sorted_and_counted_under_assumptions(swept: Settings) -> None:
    seen = Seen(shipped_page("opportunities", swept))
    seen.begin()
    before = seen.regions["table"]["total"]
    seen.emit("toggle", region="whatif", open=True)
    seen.fill("whatif", sell_change="10")
    total = seen.regions["table"]["total"]
    assert 0 < before < total
    assert f"{total} routes of the whole market would be profitable" in seen.html("outcome")
    assert f"{total - before} become opportunities" in seen.html("outcome")
    assert re.search(r"Market of \d+ s ago", seen.html("outcome"))
    seen.emit("sort", region="table", sort="profit")
    assert profits(seen, "Profit if …") == sorted(profits(seen, "Profit if …"), reverse=True)
    assert all(
        then > now for then, now in zip(profits(seen, "Profit if …"), profits(seen, "Profit today"), strict=True)
    )
    seen.fill("whatif", sell_change="10", turn="wins")
    assert seen.regions["table"]["total"] == total - before
    assert all(
        now <= 0 < then for then, now in zip(profits(seen, "Profit if …"), profits(seen, "Profit today"), strict=True)
    )
    assert "becomes an opportunity" in str(seen.regions["table"]["rows"][0])
    seen.fill("whatif", sell_change="-10", turn="loses")
    assert all(
        then <= 0 < now for then, now in zip(profits(seen, "Profit if …"), profits(seen, "Profit today"), strict=True)
    )
    assert "would lose" in str(seen.regions["table"]["rows"][0])
    seen.fill("filters", min_profit="1000000")
    assert seen.regions["table"]["total"] == 0


def test_assumptions_are_in_the_address_and_come_back_by_it(swept: Settings) -> None:
    seen = Seen(shipped_page("opportunities", swept))
    seen.begin()
    seen.emit("toggle", region="whatif", open=True)
    seen.fill("whatif", sell_change="10", package="largest")
    shown, address = seen.column("Profit if …"), seen.address
    assert parse_qs(address)["what_if"] == ["sell_change=10&package=largest"]
    again = Seen(shipped_page("opportunities", swept))
    again.begin(address)
    assert again.column("Profit if …") == shown
    again.emit("toggle", region="whatif", open=True)
    assert again.field("whatif", "sell_change")["value"] == "10"
    again.click("clear")
    assert "what_if" in again.address
    again.click("reset")
    assert "what_if" not in again.address
    assert "Profit if …" not in [c["label"] for c in again.regions["table"]["columns"]]


def test_an_address_that_assumes_what_cannot_be_assumed_says_so(swept: Settings) -> None:
    seen = Seen(shipped_page("opportunities", swept))
    seen.begin("?what_if=weather%3Dsunny")
    assert "'weather' cannot be assumed" in seen.notices[-1]
    seen.begin("?what_if=sell_change%3Dmany")
    assert "not a number" in seen.html("outcome")


def test_without_a_snapshot_the_shown_routes_are_priced_and_the_page_says_why(swept: Settings) -> None:
    for file in (swept.home / "market").iterdir():
        file.unlink()
    seen = Seen(shipped_page("opportunities", swept))
    seen.begin("?what_if=sell_change%3D-10&sort=profit")
    assert "The next detection leaves a snapshot" in seen.html("outcome")
    assert all(
        then < now for then, now in zip(profits(seen, "Profit if …"), profits(seen, "Profit today"), strict=True)
    )


def test_a_download_holds_the_market_under_assumptions_and_says_so(swept: Settings, tmp_path: Path) -> None:
    page = shipped_page("opportunities", swept)
    seen = Seen(page)
    seen.begin("?what_if=sell_change%3D10&sort=profit")
    asked, now = page.subject(FoundOpportunities), time.time()
    query, rows = asked.view.query(now=now), asked.assumed_rows(now=now)
    assert rows is not None
    path = tmp_path / "market.csv"
    written = write_opportunities(path, page.store, query, load_profile(None), Judge(page.settings), assumed=rows)
    assert written == seen.regions["table"]["total"]
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert {row["assumed"] for row in found} == {"Selling prices ± %: 10"}
    assert "becomes an opportunity" in {row["turn"] for row in found}
    assert [round(float(row["profit"]), 2) for row in found][:25] == profits(seen, "Profit if …")
    assert all(float(row["profit"]) > float(row["profit_today"]) for row in found)
