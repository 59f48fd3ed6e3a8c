"""The plan of looks on the pipeline page: what comes next, why, and what stands in the way."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.parts import LookPlan, Page
from arbkit.sources.keepa_api.token_budget import Tokens, write_tokens
from arbkit.store import open_store
from tests.helpers.factories import offer
from tests.helpers.pages import Seen, shipped_page

PACE = ("refill_per_minute", "tokens_per_day", "value_per_day", "age_p50_s", "age_p90_s", "oldest_s")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def seen(settings: Settings) -> Seen:
    return Seen(shipped_page("pipeline", settings))


def call(asin: str = "B000000001", **changes: Any) -> dict[str, Any]:
    first = {"asin": asin, "age_s": 7_200.0, "moved_pct": 21.0, "stake": 5.0, "value": 1.05}
    first.update(changes.pop("first", {}))
    return {
        "at": time.time() + 90, "market": "DE", "asins": [asin, "B000000009"], "tokens": 6, "buy_box": True,
        "value": 1.5, "value_per_token": 0.25, "why": "", "for_age": False, "first": [first], **changes,
    }  # fmt: skip


def leave(settings: Settings, *calls: dict[str, Any], state: str = "", age_s: float = 40.0) -> None:
    """A plan as a producer leaves it."""
    watched = {
        "products": 300, "markets": 5, "round_tokens": {"with_buy_box": 4_500, "without": 1_500},
        "refill_per_minute": 20, "tokens_per_day": 28_800.0, "value_per_day": 60.0,
        "age_p50_s": 1_800.0, "age_p90_s": 9_000.0, "oldest_s": 604_800.0,
    }  # fmt: skip
    plan = {
        "at": time.time() - age_s, "state": state, "tokens": {"left": 5, "refill_per_minute": 20},
        "next": list(calls), "watchlist": watched, "with_double": {**dict.fromkeys(PACE), "value_ratio": None},
    }  # fmt: skip
    settings.home.mkdir(exist_ok=True)
    (settings.home / "plan.json").write_bytes(orjson.dumps(plan))


def tokens(settings: Settings, **changes: Any) -> None:
    known = Tokens(left=50, refill_rate=20, refill_in_s=30.0, at=time.time(), consumed=3, origin="demo")
    settings.home.mkdir(exist_ok=True)
    write_tokens(settings, replace(known, **changes))


def test_without_a_plan_the_page_says_how_to_get_one(seen: Seen) -> None:
    seen.begin()
    assert "No producer has left a plan yet" in seen.html("plan")
    assert "<code>arbkit plan</code> makes one" in seen.html("plan")


def test_what_comes_next_is_told_with_its_reason_tokens_and_ages(seen: Seen, settings: Settings) -> None:
    tokens(settings)
    leave(
        settings,
        call(),
        call("B000000002", for_age=True, market="IT", at=time.time() - 5),
        call("B000000003", first={"age_s": None}, asins=["B000000003"], buy_box=False),
    )
    with open_store(settings) as store:
        store.put([Update(offer("B000000001", "DE", title="A lamp", origin="demo"), None)])
    seen.begin()
    first, second, third = seen.html("plan").partition("<tbody>")[2].split("<tr>")[1:]
    assert 'href="product.ipynb?asin=B000000001">A lamp</a>' in first
    assert "B000000001 and 1 more" in first
    assert re.search(r"in \d+ s", first)
    assert "6 with buy box" in first
    assert "5.00 EUR at stake" in first
    assert "21.0 % chance that it moved, last look 2 h ago" in first
    assert "waits longest" in second
    assert ">now<" in second
    assert "never looked at" in third
    assert "with buy box" not in third
    head = seen.html("plan").partition("<tbody>")[0]
    assert "+20 a minute" in head
    assert "4,500 tokens" in head
    assert "1,500 without the buy box" in head
    assert "half under 30 min" in head
    assert "9 of 10 under 2 h" in head
    assert "None gets older than" in head
    assert re.search(r"[4-9]\d s ago", head)


def test_debts_are_told_as_a_wait_and_never_as_a_negative_number(seen: Seen, settings: Settings) -> None:
    tokens(settings, left=-45)
    leave(settings, call())
    seen.begin()
    for region in ("plan", "tokens"):
        assert "0, next in 2 min" in seen.html(region)
    assert "next in 2 min, +20 a minute" in seen.html("figures")
    for region in ("plan", "tokens", "figures"):
        assert "45" not in seen.html(region).replace("4,500", "")
    tokens(settings, left=-45, refill_rate=0)
    seen.emit("tick")
    assert "0, and none come in" in seen.html("tokens")


def test_what_stands_in_the_way_is_told_with_its_remedy(seen: Seen, settings: Settings) -> None:
    tokens(settings, refill_rate=0)
    leave(settings, call(), state="no tokens come in")
    seen.begin()
    assert "no tokens come in, so only the 50 that are left are spent" in seen.html("plan")
    assert "renew it at Keepa" in seen.html("plan")


def test_nothing_foreign_is_markup(seen: Seen, settings: Settings) -> None:
    leave(settings, call(HOSTILE), call(), state=HOSTILE)
    with open_store(settings) as store:
        store.put([Update(offer("B000000001", "DE", title=f"{HOSTILE}\u202e", origin="demo"), None)])
    seen.begin()
    html = seen.html("plan")
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert "asin=%3Cimg%20src%3Dx" in html
    assert r"\u202e" in html


def test_money_is_in_the_sellers_currency(settings: Settings, tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text('name = "own"\nhome = "UK"\nvat_status = "unregistered"\n')
    given = settings.model_copy(update={"profile": profile})
    leave(given, call())
    page = Seen(Page(LookPlan(given), settings=given)).begin()
    assert "5.00 GBP at stake" in page.html("plan")


def test_where_nothing_is_polled_no_plan_is_missed(settings: Settings) -> None:
    given = settings.model_copy(update={"demo": False})
    with open_store(given) as store:
        store.put([Update(offer(code="DE"), None)])
    leave(given, call())
    seen = Seen(shipped_page("pipeline", given)).begin()
    assert "Nothing is polled, so no looks are planned" in seen.html("plan")


def test_a_newer_plan_replaces_the_one_that_is_shown(
    seen: Seen, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(settings, call())
    seen.begin()
    leave(settings, call("B000000005"))
    monkeypatch.setattr("arbkit.web.dashboards.pipeline.state._PLAN_EVERY_S", 0.0)
    seen.emit("tick")
    assert "B000000005" in seen.html("plan")
    leave(settings)
    seen.emit("tick")
    assert "Nothing is to be looked at within the hour." in seen.html("plan")
