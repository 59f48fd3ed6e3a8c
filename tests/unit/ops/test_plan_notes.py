"""What stands in the way of the plan of looks, as status and doctor say it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from arbkit.cli.ops import _plan_rows
from arbkit.core.service.heartbeat import Fault, record_heartbeat
from arbkit.core.settings import Settings
from arbkit.ops.checks.plan import check_plan
from arbkit.ops.status import plan_figures
from arbkit.pipeline.polling.plan_file import PlanDocument
from arbkit.pipeline.polling.plan_notes import PlanFacts, plan_notes, read_plan_notes
from arbkit.sources.keepa_api.token_budget import Tokens, write_tokens

NOW = 1_785_000_000.0
DAY = 86_400.0
PACE = dict.fromkeys(
    ("refill_per_minute", "tokens_per_day", "value_per_day", "age_p50_s", "age_p90_s", "oldest_s"), None
)


def left(**changes: Any) -> dict[str, Any]:
    """What a producer leaves: one call to come, and why."""
    first = {"asin": "B000000001", "age_s": 7_200.0, "moved_pct": 20.0, "stake": 5.0, "value": 1.0}
    call = {
        "at": NOW + 30, "market": "DE", "asins": ["B000000001"], "tokens": 3, "value": 1.0, "value_per_token": 0.3,
        "why": "B000000001: last looked at 2 h ago", "for_age": False, "buy_box": True, "first": [first],
    }  # fmt: skip
    return {
        "at": NOW - 40, "state": "", "tokens": {"left": 50, "refill_per_minute": 20}, "next": [call],
        "watchlist": {
            "products": 10, "markets": 5, "round_tokens": {"with_buy_box": 150, "without": 50}, **PACE,
        },
        "with_double": {**PACE, "value_ratio": None}, **changes,
    }  # fmt: skip


def plan(**changes: Any) -> PlanDocument:
    return PlanDocument(**left(**changes))


TOKENS = Tokens(left=50, refill_rate=20, refill_in_s=30.0, at=NOW - 20, consumed=3, origin="keepa")
WELL = PlanFacts(
    products=10, markets=5, call_tokens=300, interval_s=300, tokens=TOKENS, plan=plan(), looked_at=NOW - 60,
    producer_runs=True,
)  # fmt: skip


def said(**changes: Any) -> list[str]:
    """What is said where something of a plan without faults is another one."""
    return [f"{note.what}. {note.remedy}" for note in plan_notes(replace(WELL, **changes), NOW)]


def test_nothing_is_said_where_all_is_well() -> None:
    assert said() == []


def test_an_empty_watchlist_names_the_command() -> None:
    [empty] = said(products=0, plan=plan(next=[], watchlist={**left()["watchlist"], "products": 0}))
    assert "the watchlist is empty" in empty
    assert "`arbkit watch add`" in empty


def test_tokens_that_nobody_has_asked_for_are_unknown() -> None:
    [unknown] = said(tokens=None, plan=None)
    assert "how many tokens there are is not known" in unknown
    assert "`arbkit produce`" in unknown


def test_a_refill_of_none_says_what_is_left_and_never_a_negative_number() -> None:
    [ended] = said(tokens=replace(TOKENS, refill_rate=0, left=-4))
    assert "no tokens come in, so only the 0 that are left are spent" in ended
    assert "renew it at Keepa" in ended


def test_looks_that_fail_for_a_day_say_with_what() -> None:
    fault = Fault(NOW - 1.5 * DAY, "Keepa does not answer", "Check the network")
    [failing] = said(looked_at=NOW - 3 * DAY, fault=fault)
    assert failing == (
        "for 3 days no look has succeeded, although there are tokens: Keepa does not answer. Check the network"
    )
    [idle] = said(looked_at=NOW - 3 * DAY, producer_runs=False)
    assert "no producer runs. Start one: `arbkit up`" in idle
    # Without tokens nobody looks, and within a day there may be reasons to wait.
    assert said(looked_at=NOW - 3 * DAY, tokens=replace(TOKENS, left=-9_000)) == []
    assert said(looked_at=NOW - 0.9 * DAY, fault=fault) == []
    assert said(looked_at=NOW - 3 * DAY, interval_s=2 * DAY, fault=fault) == []


def test_an_old_plan_is_a_fault_only_while_a_producer_runs() -> None:
    [old] = said(plan=plan(at=NOW - 1_800))
    assert "a producer runs, but its plan is 30 min old" in old
    assert "`arbkit plan`" in old
    assert said(plan=plan(at=NOW - 1_800), producer_runs=False) == []


def test_values_that_are_not_known_or_guessed_are_said() -> None:
    why = "what looks are worth is not known, so the oldest come first: profile.toml: no such field"
    [unknown] = said(plan=plan(state=why))
    assert why in unknown
    [call] = left()["next"]
    [unpriced] = said(plan=plan(next=[{**call, "value": 0.0}]))
    assert "no route of what comes next has prices in the store" in unpriced
    assert "a consumer must run" in unpriced
    [guessed] = said(plan=plan(next=[{**call, "first": [{**call["first"][0], "age_s": None}]}]))
    assert "guessed" in guessed


@pytest.mark.parametrize(
    "changes",
    [{"tokens": replace(TOKENS, at=NOW + DAY)}, {"plan": plan(at=NOW + DAY)}, {"looked_at": NOW + DAY}],
    ids=["tokens", "plan", "looks"],
)
def test_a_clock_that_was_set_back_is_named(changes: dict[str, Any]) -> None:
    [back] = said(**changes)
    assert "from 24 h in the future: the clock was set back" in back
    assert "NTP" in back


def test_a_subscription_below_one_call_makes_smaller_calls() -> None:
    small = replace(TOKENS, left=0, refill_rate=1)
    [smaller] = said(tokens=small, products=100)
    assert (
        "the bucket holds 60 tokens, less than a call for 100 products costs (300): calls are made smaller" in smaller
    )
    # A list that fits into such calls asks for no larger ones.
    assert said(tokens=small, products=20) == []


def test_a_list_that_is_too_long_for_its_tokens_says_how_many_would_do() -> None:
    [long] = said(products=100_000)
    assert "one cheap look at all 500,000 offers takes 17 days, longer than the 7 days" in long
    assert "some wait 69 days" in long
    assert "take 50 tokens a minute" in long
    assert said(products=100_000, tokens=replace(TOKENS, refill_rate=50)) == []


def test_files_and_store_are_read(settings: Settings) -> None:
    now = time.time()
    settings.home.mkdir()
    assert settings.watchlist is not None
    given = settings.model_copy(update={"demo": False, "keepa_api_key": SecretStr("k" * 64)})
    codes = [note.code for note in read_plan_notes(given, now)]
    assert codes == ["no_products", "tokens_unknown"]
    settings.watchlist.write_text("B000000001\n")
    write_tokens(settings, Tokens(left=60, refill_rate=20, refill_in_s=30.0, at=now, consumed=3, origin="keepa"))
    looks = settings.home / "producer.json"
    looks.write_bytes(b"{}")
    os.utime(looks, (now - 3 * DAY, now - 3 * DAY))
    record_heartbeat(settings, "producer")
    (settings.home / "plan.json").write_bytes(orjson.dumps(left(at=now - 1_800)))
    assert [note.code for note in read_plan_notes(given, now)] == ["looks_fail", "old_plan"]
    for damaged in (b"", b"[]", b'{"at": 1}', b"\x00"):
        (settings.home / "plan.json").write_bytes(damaged)
        assert [note.code for note in read_plan_notes(given, now)] == ["looks_fail"]


def test_the_doctor_says_it_and_fails_for_none_of_it(settings: Settings) -> None:
    settings.home.mkdir()
    found = check_plan(settings)
    assert not isinstance(found, str)
    assert [one.exit_code for one in found] == [0] * len(found)
    assert "a producer has asked" in found[0].what
    assert found[0].remedy
    imported = settings.model_copy(update={"demo": False})
    assert check_plan(imported) == "none is needed: nothing is polled"


def test_the_status_says_what_comes_next_and_what_stands_in_the_way() -> None:
    notes = plan_notes(replace(WELL, products=100_000), NOW)
    figures = plan_figures(plan(), notes, NOW)
    assert figures.age_s == 40
    assert figures.next is not None
    assert (figures.next.in_s, figures.next.market, figures.next.products) == (30.0, "DE", 1)
    assert [note.code for note in figures.notes] == ["long_round"]
    *_, (_, coming) = _plan_rows(figures)
    assert coming == "next in 30 s: 1 product on DE for 3 tokens, as of 40 s ago; `arbkit plan` says why"
    [(_, none)] = _plan_rows(plan_figures(None, [], NOW))
    assert "`arbkit plan` makes one" in none
    [(_, nothing)] = _plan_rows(plan_figures(plan(next=[]), [], NOW))
    assert "nothing is to come" in nothing
