"""What the morning report makes of two mornings, and how it says it."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from arbkit.core.errors import UsageError
from arbkit.core.formatting import count, money, percent, signed
from arbkit.core.models import Run, Update
from arbkit.core.settings import Settings
from arbkit.reports import morning
from arbkit.reports import morning_page as view
from arbkit.reports.comparison import FILE, read_snapshot
from arbkit.reports.morning import Morning
from arbkit.reports.parameters import MorningParameters
from arbkit.reports.run_folders import SCHEDULED
from arbkit.store import open_store
from tests.helpers.decisions import decision
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.routes import store_routes
from tests.helpers.sales import sale

A, B, C, D = "B000000001", "B000000002", "B000000003", "B000000004"
NOW = 1_760_100_000.0


def store_has(settings: Settings, *found: Any, asins: tuple[str, ...] = (A, B, C, D), **fields: Any) -> None:
    with open_store(settings) as store:
        store.put([Update(offer(a, c, **fields), history(a, c)) for a in asins for c in ("DE", "IT")])
        store_routes(store, list(found))


def report(settings: Settings, run_id: str, now: float = NOW, *, scheduled: bool = True, **parameters: Any) -> Morning:
    """A morning report that succeeded, filed as a run is."""
    found = morning.run(settings, MorningParameters(**parameters), run_id=run_id, now=now)
    folder = settings.reports_dir / "morning" / run_id
    folder.mkdir(parents=True)
    found.write(folder)
    if scheduled:
        (folder / SCHEDULED).touch()
    with open_store(settings) as store:
        store.put_run(Run(run_id=run_id, report="morning", status="succeeded", started_at=now))
    return found


def page(found: Morning) -> str:
    parts = (view.headline, view.new, view.gone, view.moved, view.top, view.waterfalls, view.data, view.about)
    return "".join(part(found)._repr_html_() for part in parts)


def test_the_first_report_has_nothing_to_compare_with_and_says_so(settings: Settings) -> None:
    store_has(settings, opportunity(A))
    found = report(settings, "r1")
    assert found.counts() == {"products": 4, "total": 1, "new": None, "gone": None, "moved": None}
    assert "first report" in page(found)
    assert "compares with the last scheduled one" in page(found)


def test_a_morning_without_an_opportunity_says_how_many_routes_were_priced(settings: Settings) -> None:
    store_has(settings)
    before = page(report(settings, "r1"))
    assert "No opportunity is stored: <code>arbkit detect</code> prices every route" in before
    with open_store(settings) as store:
        summary = {"unknown": {"no price where it is sold": 25}, "routes": 548}
        store.put_run(Run(run_id="d1", report="detect", status="succeeded", started_at=NOW, summary=summary))
    after = page(report(settings, "r2"))
    assert "None of 548 routes is profitable" in after
    assert "profile unknown" not in before + after


def test_new_gone_and_moved(settings: Settings) -> None:
    store_has(settings, opportunity(A, profit=10.0), opportunity(B, profit=1_234.5), opportunity(C, profit=8.0))
    report(settings, "r1")
    store_has(settings, opportunity(A, profit=12.5), opportunity(C, profit=8.5), opportunity(D, profit=30.0))
    found = report(settings, "r2", NOW + 86_400)
    assert found.before is not None
    assert found.before.run_id == "r1"
    assert [o.asin for o in found.new] == [D]
    assert [(g.asin, g.profit) for g in found.gone] == [(B, 1_234.5)]
    # 0.50 EUR is less than the least change that counts.
    assert [(m.now.asin, m.profit) for m in found.moved] == [(A, 10.0)]
    text = page(found)
    for words in ("1,234.50 EUR", "+2.50 EUR", "+25.0 %", "was 10.00 EUR", "−1", "run r1"):
        assert words in text
    result: dict[str, Any] = found.to_dict()
    assert (result["new"], result["gone"], result["moved"]) == (1, 1, 1)
    assert result["moved_items"][0]["before"]["profit"] == 10.0


def test_a_price_that_moves_counts_though_the_profit_stays(settings: Settings) -> None:
    store_has(settings, opportunity(A, buy_price=40.0))
    report(settings, "r1")
    store_has(settings, opportunity(A, buy_price=46.0))
    assert [m.buy_price for m in report(settings, "r2").moved] == [40.0]


def test_nothing_that_stays_has_moved_even_if_every_change_counts(settings: Settings) -> None:
    store_has(settings, opportunity(A))
    report(settings, "r1")
    assert report(settings, "r2", min_change=0, min_change_pct=0).counts()["moved"] == 0


def test_why_something_is_gone(settings: Settings) -> None:
    with open_store(settings) as store:
        store.put([Update(offer("B00000000X", "DE"), None)])
    store_has(settings, opportunity(A), opportunity(B), opportunity("B00000000X"))
    report(settings, "r1")
    store_has(settings, asins=(A,), version=9_000_000, price_minor=None, price_basis=None)
    assert {(g.asin, g.why) for g in report(settings, "r2").gone} == {
        (A, "no price on IT, where it is bought"),
        (B, "not profitable at current prices and limits"),
        ("B00000000X", "no longer known on IT"),
    }


def test_other_currencies_profiles_and_tables_are_said_and_never_subtracted(settings: Settings) -> None:
    store_has(settings, opportunity(A, profit=10.0))
    report(settings, "r1")
    store_has(settings, opportunity(A, profit=90.0, currency="GBP", profile="other", tables_version="2027-01-01"))
    found = report(settings, "r2")
    assert found.counts()["moved"] == 0
    assert len(found.comparison.notes if found.comparison else ()) == 3
    assert "are in GBP now" in page(found)


def test_what_came_of_purchases_is_one_line(settings: Settings) -> None:
    store_has(settings, opportunity(A))
    assert "Bought" not in page(report(settings, "r1"))
    nothing = dict.fromkeys(("output_vat_pct", "input_vat_pct", "other_costs"), 0.0)
    fields: dict[str, Any] = {"quantity": 2, "price": 10.0, "price_currency": "EUR", "bought_on": "2026-10-01"}
    fields["forecast"] = {"currency": "EUR", "profit_p50": 5.0, **nothing}
    with open_store(settings) as store:
        store.add_decisions([decision(A, "bought", route="IT:DE", **fields)])
        assert "1 purchase, none with a sale" in page(report(settings, "r2"))
        store.put_sales([sale(asin=A)])
    found = report(settings, "r3")
    assert "1 purchase with sales: expected +5.00 EUR, came +12.00 EUR" in page(found)
    assert found.to_dict()["sales"] == [found.sales.scores[0].model_dump()]


def test_a_snapshot_that_cannot_be_read_is_passed_over(settings: Settings) -> None:
    store_has(settings, opportunity(A))
    report(settings, "r1", NOW)
    report(settings, "r2", NOW + 1)
    (settings.reports_dir / "morning" / "r2" / FILE).write_bytes(b"\x1f\x8b half a file")
    third = report(settings, "r3", NOW + 2)
    assert third.before is not None
    assert third.before.run_id == "r1"
    for run in ("r1", "r3"):
        (settings.reports_dir / "morning" / run / FILE).unlink()
    assert "No earlier report has a readable snapshot" in page(report(settings, "r4", NOW + 3))


def test_a_look_by_hand_takes_no_news_away(settings: Settings) -> None:
    store_has(settings, opportunity(A))
    report(settings, "scheduled", NOW)
    store_has(settings, opportunity(A), opportunity(B))
    for at, run in ((10, "a look"), (20, "another"), (86_400, "next day")):
        found = report(settings, run, NOW + at, scheduled=False)
        assert found.before is not None
        assert (found.before.run_id, [o.asin for o in found.new]) == ("scheduled", [B])


def test_without_a_schedule_the_last_report_of_an_earlier_day_counts(settings: Settings) -> None:
    store_has(settings, opportunity(A))
    report(settings, "d1", NOW, scheduled=False)
    same_day = report(settings, "d1 again", NOW + 60, scheduled=False)
    assert same_day.before is None
    assert "no such report to compare with yet" in page(same_day)
    for at, run in ((86_400, "d2"), (86_460, "d2 again")):
        found = report(settings, run, NOW + at, scheduled=False)
        assert found.before is not None
        assert found.before.run_id == "d1 again"


def test_since_names_an_earlier_run_and_a_wrong_one_is_refused(settings: Settings) -> None:
    store_has(settings, opportunity(A))
    report(settings, "r1", NOW)
    store_has(settings, opportunity(A), opportunity(B))
    report(settings, "r2", NOW + 1)
    assert len(report(settings, "r3", NOW + 2, since="r1").new) == 1
    with pytest.raises(UsageError, match=r"since: is not a run of the morning report.*'nope'"):
        morning.run(settings, MorningParameters(since="nope"), run_id="r4")
    (settings.reports_dir / "morning" / "r1" / FILE).unlink()
    with pytest.raises(UsageError, match="removed by clean"):
        morning.run(settings, MorningParameters(since="r1"), run_id="r4")


def test_an_empty_store_is_a_valid_report(settings: Settings) -> None:
    with open_store(settings):
        pass
    found = report(settings, "r1")
    assert "The store is empty" in page(found)
    assert "NaN" not in page(found)
    assert read_snapshot(settings.reports_dir / "morning" / "r1") is not None


def test_data_and_what_could_not_be_priced(settings: Settings) -> None:
    store_has(settings, opportunity(A), updated_at=int(NOW - 30 * 3600))
    with open_store(settings) as store:
        told = {"unknown": {"no price where it is <bought>": 1_076}, "routes": 4_452}
        store.put_run(Run(run_id="d", report="detect", status="succeeded", started_at=NOW, summary=told))
    found = report(settings, "r1")
    text = page(found)
    assert "100.0 % are stale" in text
    assert "no price where it is &lt;bought&gt;" in text
    assert "1,076" in text
    assert "of 4,452 routes" in text
    assert found.quality.dead_letters == 0
    assert {m.market: m.offers for m in found.quality.markets} == {"DE": 4, "IT": 4, "FR": 0, "ES": 0, "UK": 0}


def test_demo_data_is_said_to_be_demo(settings: Settings) -> None:
    store_has(settings, opportunity(A, demo=True), origin="demo")
    text = page(report(settings, "r1"))
    assert (text.count("DEMO: invented products and prices"), text.count(">DEMO<")) == (1, 0)
    store_has(settings, opportunity("B000000009"), asins=("B000000009",))
    # Beside real products the demo market is hidden, unless it is forced.
    assert "DEMO" not in page(report(settings, "r2"))
    forced = settings.model_copy(update={"demo": True})
    assert "DEMO: 4 of 5 products are invented" in page(report(forced, "r3"))


def test_titles_are_text_wherever_they_stand(settings: Settings) -> None:
    class Elements(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.seen: set[str] = set()

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.seen.add(tag)

    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    store_has(settings, opportunity(A, title=evil), opportunity(B, title=evil), title=evil)
    report(settings, "r1")
    store_has(settings, opportunity(A, title=evil, profit=30.0, source_url="javascript:alert(1)"), title=evil)
    elements = Elements()
    elements.feed(page(report(settings, "r2")))
    assert not elements.seen & {"script", "img"}
    assert "javascript:" not in page(report(settings, "r3"))


def test_a_snapshot_comes_back_as_it_was(settings: Settings, tmp_path: Path) -> None:
    store_has(settings, opportunity(A, profit=1.23), opportunity(B))
    snapshot = morning.run(settings, run_id="r").snapshot
    snapshot.write(tmp_path)
    again = read_snapshot(tmp_path)
    assert again is not None
    assert again.routes.equals(snapshot.routes)
    assert (again.run_id, again.currency, again.profile) == ("r", "EUR", "test")


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (money(1_234.5, "EUR"), "1,234.50 EUR"),
        (signed(-3.1, "GBP"), "−3.10 GBP"),
        (signed(12, "EUR"), "+12.00 EUR"),
        (signed(-0.001, "EUR"), "0.00 EUR"),
        (money(math.nan, "EUR"), "–"),
        (percent(None), "–"),
        (percent(-7.25, sign="+"), "−7.2 %"),
        (count(12_345), "12,345"),
    ],
)
def test_numbers_as_people_read_them(shown: str, text: str) -> None:
    assert shown == text
