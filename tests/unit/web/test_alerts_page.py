"""The alerts page without a browser: channels, history, and what it does with bad input."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import get_args

from arbkit.alerts.alert import AlertType
from arbkit.core.settings import Settings
from arbkit.parts import AlertHistory, OpportunityTable, Page
from arbkit.store import open_store
from arbkit.store.alerts import Delivery, DeliveryStatus
from arbkit.web.dashboards.alerts.channels import channel_facts
from arbkit.web.dashboards.alerts.words import OUTCOMES, TONES, TYPES
from tests.helpers.alert_pages import HOSTILE, TOYS, begin, keep, record, row
from tests.helpers.delivery import webhook, write_plan
from tests.helpers.factories import opportunity
from tests.helpers.pages import Seen, shipped_page
from tests.helpers.receivers import hook


def test_nothing_is_read_before_a_browser_has_drawn_the_page(bare: Settings) -> None:
    assert Seen(shipped_page("alerts", bare)).regions == {}


def test_an_empty_home_shows_the_built_in_rule_and_how_to_add_a_channel(bare: Settings) -> None:
    seen = begin(bare)
    assert "worth-a-look" in seen.html("rules")
    assert "built-in rule is in force" in seen.html("rules")
    assert "[[channel]]" in seen.html("channels")
    assert "Nothing is stored yet" in seen.regions["history"]["message"]
    assert not seen.shown("figures")


def test_a_store_without_alerts_says_what_makes_them(bare: Settings) -> None:
    keep(bare)
    seen = begin(bare)
    assert "No alert yet" in seen.regions["history"]["message"]
    assert seen.shown("figures")


def test_a_file_that_cannot_be_read_is_said_and_the_history_stays(planned: Settings) -> None:
    write_plan(planned, "[[rule")
    keep(planned, record(1))
    seen = begin(planned)
    assert "cannot be read" in seen.html("rules")
    assert not seen.shown("channels")
    assert len(seen.regions["history"]["rows"]) == 1
    write_plan(planned, TOYS)
    seen.emit("tick")
    assert "works" in row(seen.html("rules"), "toys")
    assert seen.shown("channels")


def test_history_says_what_became_of_each_alert_on_each_channel(planned: Settings) -> None:
    now = time.time()
    write_plan(planned, TOYS)
    keep(
        planned,
        record(1, Delivery(channel="phone", status="sent", attempts=1, at=now),
               Delivery(channel="mail", status="failed", attempts=5, at=now, why="answers with 401")),
        record(2, Delivery(channel="phone", attempts=2, why="no answer in time"), at=now - 60),
        record(3, at=now - 120, type="data_problem", why="the same figure in two currencies"),
        replace(record(4, at=now - 180), why="no channel is set up for it in alerts.toml"),
    )  # fmt: skip
    seen = begin(planned)
    assert seen.column("Outcome", region="history") == ["failed", "waiting", "held back", "kept here"]
    sent, waiting, held, alone = seen.column("On each channel", region="history")
    assert "phone: sent" in sent
    assert "mail: failed" in sent
    assert "answers with 401" in sent
    assert "no answer in time" in waiting
    assert "no channel" in alone
    assert seen.column("Why", region="history")[2] == "the same figure in two currencies"
    assert seen.column("Alert", region="history")[2] == "Suspicious data"
    assert held == ""
    product = seen.regions["history"]["rows"][0]["cells"][2]
    assert product["href"] == "product.ipynb?asin=B000000001"


def test_what_working_channels_sent_is_counted_beside_one_that_hangs(planned: Settings) -> None:
    now = time.time()
    channels = "".join(webhook("http://127.0.0.1:9", name) for name in ("phone", "mail"))
    write_plan(planned, TOYS + channels)
    sent = Delivery(channel="phone", status="sent", attempts=1, at=now)
    hangs = Delivery(channel="mail", attempts=3, why="no answer in time")
    keep(planned, *(record(n, sent, hangs) for n in range(1, 4)))
    figures = begin(planned).html("figures")
    assert "phone 3, mail 0" in figures
    assert re.search(r"Sent today.*?>\s*3\s*<", figures, re.DOTALL)


def test_history_is_filtered_by_type_and_outcome_and_the_address_shows_it(planned: Settings) -> None:
    write_plan(planned, TOYS)
    sent = Delivery(channel="phone", status="sent", attempts=1, at=1.0)
    keep(planned, record(1, sent), record(2, sent, type="price_drop"), record(3, Delivery(channel="phone")))
    seen = begin(planned, "?type=price_drop")
    assert seen.column("Alert", region="history") == ["Price drop"]
    seen.fill("filter", type="", outcome="sent")
    assert seen.regions["history"]["total"] == 2
    assert seen.address == "outcome=sent"
    seen.fill("filter", outcome="expired")
    assert seen.regions["history"]["message"] == "No alert of this type and outcome."


def test_pages_of_the_history_are_turned(planned: Settings) -> None:
    write_plan(planned, TOYS)
    now = time.time()
    keep(planned, *(record(n, at=now - n) for n in range(1, 41)))
    seen = begin(planned)
    assert (len(seen.regions["history"]["rows"]), seen.regions["history"]["pages"]) == (25, 2)
    seen.emit("page", region="history", page=2)
    assert len(seen.regions["history"]["rows"]) == 15
    assert seen.address == "page=2"


def test_a_bad_address_is_said_and_ignored(planned: Settings) -> None:
    write_plan(planned, TOYS)
    keep(planned, record(1))
    seen = begin(planned, f"?type={HOSTILE}&outcome=lost&page=0&color=red")
    assert "was ignored" in seen.notices[-1]
    assert len(seen.regions["history"]["rows"]) == 1
    assert seen.address == ""


def test_titles_and_reasons_of_strangers_are_text_and_what_hides_is_spelt(planned: Settings) -> None:
    write_plan(planned, TOYS)
    route = opportunity("B000000001", title=f"{HOSTILE}\u202e", evaluated_at=time.time())
    keep(planned, record(1, route=route, why=f"{HOSTILE}\x1b[2J"))
    cells = begin(planned).regions["history"]["rows"][0]["cells"]
    assert cells[2]["text"] == f"{HOSTILE}\\u202e"
    assert cells[5]["text"] == f"{HOSTILE}\\x1b[2J"


def test_an_alert_in_a_form_of_another_version_is_shown_as_far_as_known(planned: Settings) -> None:
    write_plan(planned, TOYS)
    keep(planned, replace(record(1), document={"v": 9}))
    assert seen_why(begin(planned)) == "another version of arbkit has written it"


def seen_why(seen: Seen) -> str:
    return seen.column("Why", region="history")[0]


def test_what_becomes_of_a_shown_alert_is_shown_at_the_next_look(planned: Settings) -> None:
    write_plan(planned, TOYS)
    keep(planned, record(1, Delivery(channel="phone")))
    seen = begin(planned)
    assert seen.column("Outcome", region="history") == ["waiting"]
    with open_store(planned) as store:
        store.put_alerts([record(1, Delivery(channel="phone", status="sent", attempts=1, at=time.time()))])
    seen.emit("tick")
    assert seen.column("Outcome", region="history") == ["sent"]


def test_channels_say_how_they_stand_and_give_away_no_address(planned: Settings) -> None:
    secret = "mailtos://me:a-password@example.org"
    write_plan(
        planned,
        TOYS + f'[[channel]]\nname = "mail"\nurl = "{secret}"\ndigest_minutes = 60\n'
        '[[channel]]\nname = "phone"\nurl = "tgram://a-token/1"\n'
        '[[channel]]\nname = "lost"\nurl_env = "NOT_THERE"\n'
        '[[channel]]\nname = "wrong"\nurl = "json://a-token"\ndigest_minutes = 0\n',
    )
    now = time.time()
    keep(
        planned,
        record(1, Delivery(channel="mail", status="sent", attempts=1, at=now - 300)),
        record(2, Delivery(channel="phone", attempts=3, why="no answer in time")),
    )
    seen = begin(planned)
    html = seen.html("channels")
    assert "works" in row(html, "mail")
    assert "5 min ago" in row(html, "mail")
    assert "one message in 60 min" in row(html, "mail")
    assert "fails, is tried again" in row(html, "phone")
    assert "no answer in time (after 3 attempts)" in row(html, "phone")
    assert "NOT_THERE" in row(html, "lost")
    assert "digest_minutes" in row(html, "wrong")
    assert 'data-action="test"' not in row(html, "lost")
    everything = str(seen.regions)
    assert not [one for one in ("a-password", "a-token") if one in everything]


def test_where_services_have_environments_of_their_own_a_missing_variable_is_no_mistake(
    planned: Settings, tmp_path: Path
) -> None:
    write_plan(planned, '[[channel]]\nname = "phone"\nurl_env = "NOT_THERE"\n')
    keep(planned)
    seen = begin(planned.model_copy(update={"shared": tmp_path / "shared"}))
    assert "known to the dispatcher alone" in row(seen.html("channels"), "phone")


def test_a_test_is_sent_and_one_that_fails_says_why(planned: Settings) -> None:
    keep(planned)
    with hook() as receiver:
        write_plan(planned, TOYS + webhook(receiver.url) + webhook("http://127.0.0.1:9/", name="dead"))
        seen = begin(planned)
        seen.click("test", id="hook")
        assert [body["test"] for body in receiver.bodies] == [True]
    assert seen.notices[-1] == "hook took a test message."
    assert "hook took a test message." in seen.html("channels")
    seen.click("test", id="dead")
    assert "No test was sent to dead" in seen.notices[-1]
    assert "127.0.0.1:9" not in seen.notices[-1]


def test_the_last_error_of_a_channel_is_the_latest() -> None:
    failed = [
        record(n, Delivery(channel="hook", status="failed", attempts=1, at=float(n), why=f"{n}")) for n in (3, 9, 5)
    ]
    assert channel_facts(failed)["hook"].failed == Delivery(
        channel="hook", status="failed", attempts=1, at=9.0, why="9"
    )


def test_every_type_and_outcome_has_a_name() -> None:
    assert tuple(TYPES) == get_args(AlertType)
    assert set(OUTCOMES) == set(TONES) == set(get_args(DeliveryStatus))


def test_a_part_of_the_page_stands_on_one_of_ones_own(planned: Settings) -> None:
    keep(planned, record(1))
    own = Seen(Page(AlertHistory(), OpportunityTable(), settings=planned)).begin("?page=1&opportunities.min_profit=5")
    assert len(own.regions["history"]["rows"]) == 1
    assert "opportunities.min_profit=5" in own.address
    assert own.notices == []
