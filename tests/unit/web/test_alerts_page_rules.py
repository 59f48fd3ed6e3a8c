"""The rules on the alerts page: how each stands, and what muting, trying and adding one does."""

from __future__ import annotations

import time

import pytest

from arbkit.alerts.rules_file import load_rules
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.alert_pages import HOSTILE, TOYS, begin, keep, record, row
from tests.helpers.delivery import write_plan
from tests.helpers.factories import opportunity
from tests.helpers.routes import store_routes


def test_a_rule_says_what_it_asks_for_and_what_it_made_today_and_would_make(planned: Settings) -> None:
    write_plan(planned, TOYS)
    keep(planned, record(1, rule="toys"), record(2, rule="toys", at=time.time() - 3 * 86_400), record(3))
    with open_store(planned) as store:
        store_routes(store, [opportunity(f"B{n:09d}", profit=float(10 + n), roi_pct=40.0) for n in range(6)])
    seen = begin(planned)
    shown = row(seen.html("rules"), "toys")
    limit = "each channel sends at most 5 a day"
    for words in ("profit from 12.00 EUR at its low end", "ROI from 25 %", "only IT → DE", limit, "works"):
        assert words.casefold() in shown.casefold()
    assert '"Made today"><span>1<' in shown
    assert '"Met now"><span>4<' in shown
    assert "of 6" in shown


def test_a_mistake_is_named_with_its_file_and_the_other_rules_work(planned: Settings) -> None:
    write_plan(planned, TOYS + f'[[rule]]\nname = "bad"\nmin_profit = "much"\n[[rule]]\nname = "{HOSTILE}"\n')
    keep(planned)
    seen = begin(planned)
    html = seen.html("rules")
    assert "alerts.toml" in html
    assert "min_profit" in html
    assert "much" in html
    assert "<img" not in html
    assert "works" in row(html, "toys")
    assert "2 with a mistake" in seen.html("figures")


def test_a_rule_is_muted_and_unmuted_and_the_comments_survive(planned: Settings) -> None:
    write_plan(planned, TOYS)
    keep(planned)
    seen = begin(planned)
    seen.click("mute-8h", id="toys")
    assert planned.alerts is not None
    text = planned.alerts.read_text()
    assert "# mine" in text
    assert "# the children's" in text
    (rule,) = load_rules(planned).rules
    assert rule.is_muted(time.time() + 7 * 3600)
    assert not rule.is_muted(time.time() + 9 * 3600)
    assert "muted until" in row(seen.html("rules"), "toys")
    assert "1 muted" in seen.html("figures")
    seen.click("unmute", id="toys")
    assert planned.alerts.read_text() == TOYS
    assert "works" in row(seen.html("rules"), "toys")


def test_what_a_rule_names_and_there_is_not_is_said_beside_it(planned: Settings) -> None:
    write_plan(planned, TOYS + 'categories = ["Toyz"]\nchannels = ["phne"]\n')
    keep(planned)
    assert "works, but there is no channel phne and no category Toyz" in row(begin(planned).html("rules"), "toys")


def test_a_rule_leaves_out_the_brands_that_were_typed(planned: Settings) -> None:
    write_plan(planned, TOYS)
    keep(planned)
    seen = begin(planned)
    seen.fill("add", name="others", exclude_brands="Lego , Schleich,")
    seen.click("add")
    assert load_rules(planned).rule("others").exclude_brands == ("Lego", "Schleich")
    assert "ithout brand Lego or Schleich" in row(seen.html("rules"), "others")


def test_a_rule_of_a_brand_that_nothing_has_is_added_and_said(planned: Settings) -> None:
    write_plan(planned, TOYS)
    keep(planned)
    seen = begin(planned)
    seen.fill("add", name="bricks", brand="Qqqq")
    seen.click("add")
    assert "Rule bricks is added" in seen.notices[-1]
    assert "Note: no stored product is of the brand Qqqq yet." in seen.notices[-1]


def test_muting_a_rule_that_is_gone_says_so(planned: Settings) -> None:
    write_plan(planned, TOYS)
    keep(planned)
    seen = begin(planned)
    seen.click("mute-1d", id="books")
    assert "no such rule" in seen.notices[-1]
    assert planned.alerts is not None
    assert planned.alerts.read_text() == TOYS


def test_muting_the_built_in_rule_makes_the_file(bare: Settings) -> None:
    keep(bare)
    seen = begin(bare)
    seen.click("mute-7d", id="worth-a-look")
    assert "muted_until" in (bare.folder / "alerts.toml").read_text()
    assert "built-in rule is in force" not in seen.html("rules")


def test_a_rule_is_added_by_the_form(planned: Settings) -> None:
    write_plan(planned, TOYS)
    keep(planned)
    seen = begin(planned)
    seen.fill("add", name="books", min_profit="7,5", min_roi="20", target="DE", category="Books", per_day="3")
    seen.click("add")
    assert "Rule books is added" in seen.notices[-1]
    rule = load_rules(planned).rule("books")
    assert (rule.min_profit, rule.min_roi, rule.per_day, rule.categories) == (7.5, 20, 3, ("Books",))
    assert set(rule.routes) == {f"{code}:DE" for code in planned.markets if code != "DE"}
    assert planned.alerts is not None
    assert planned.alerts.read_text().startswith(TOYS.rstrip("\n"))
    assert "books" in seen.html("rules")
    assert seen.field("add", "name")["value"] == ""


@pytest.mark.parametrize(
    ("values", "field", "why"),
    [
        ({"name": ""}, "name", "name"),
        ({"name": "toys"}, "name", "there is a rule of that name"),
        ({"name": HOSTILE}, "name", ""),
        ({"name": "a: b"}, "name", ""),
        ({"name": "x", "category": "Toyz"}, "category", "No such category. Did you mean toys?"),
        ({"name": "x", "min_profit": "much"}, "min_profit", "not a number"),
        ({"name": "x", "min_profit": "nan"}, "min_profit", "between"),
        ({"name": "x", "min_confidence": "2"}, "min_confidence", "1"),
        ({"name": "x", "per_day": "0"}, "per_day", "1"),
        ({"name": "x", "per_day": "1.5"}, "per_day", ""),
        ({"name": "x", "source": "DE", "target": "DE"}, "target", "where it is bought"),
    ],
)
def test_what_is_wrong_in_the_form_is_said_beside_it_and_nothing_is_written(
    planned: Settings, values: dict[str, str], field: str, why: str
) -> None:
    write_plan(planned, TOYS)
    keep(planned)
    seen = begin(planned)
    seen.fill("add", **values)
    seen.click("add")
    wrong = seen.field("add", field)["wrong"]
    assert wrong
    assert why in wrong
    assert seen.field("add", "name")["value"] == values["name"]
    assert planned.alerts is not None
    assert planned.alerts.read_text() == TOYS


def test_a_rule_is_tried_before_it_is_added(planned: Settings) -> None:
    write_plan(planned, TOYS)
    routes = [opportunity("B000000001", profit=9.0), opportunity("B000000002", profit=30.0, title=HOSTILE)]
    with open_store(planned) as store:
        store_routes(store, routes)
    seen = begin(planned)
    seen.fill("add", min_profit="20")
    seen.click("try")
    assert "1 of 2 stored opportunities meet it now" in seen.html("tried")
    assert "product.ipynb?asin=B000000002" in seen.html("tried")
    assert "<img" not in seen.html("tried")
    assert planned.alerts is not None
    assert planned.alerts.read_text() == TOYS


def test_many_opportunities_are_counted_only_when_asked(planned: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbkit.web.dashboards.alerts.in_force._MOST_COUNTED", 1)
    write_plan(planned, TOYS)
    with open_store(planned) as store:
        store_routes(store, [opportunity(f"B{n:09d}", profit=40.0, roi_pct=40.0) for n in range(3)])
    seen = begin(planned)
    assert '"Met now"><span>–<' in row(seen.html("rules"), "toys")
    seen.click("count")
    assert '"Met now"><span>3<' in row(seen.html("rules"), "toys")


def test_a_rule_that_names_a_channel_that_is_not_there_says_so(planned: Settings) -> None:
    write_plan(planned, TOYS + 'channels = ["pager"]\n')
    keep(planned)
    assert "there is no channel pager" in row(begin(planned).html("rules"), "toys")
