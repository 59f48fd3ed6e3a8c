"""What the rules make of a route: buy, watch or pass, the facts that decide, and what would change it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arbkit.analysis.verdict.rules import BUILT_IN, load_verdict_rules, verdict_path, write_verdict_rules
from arbkit.analysis.verdict.verdict import Verdict, judge
from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.settings import Settings
from tests.helpers.factories import FORECAST, opportunity

_GOOD: dict[str, Any] = {
    **FORECAST, "profit_low": 8.0, "profit_chance_pct": 92.0, "days_to_sell_p50": 6.0, "confidence": 0.9,
    "buy_price": 20.0, "max_buy": 25.0, "amazon_share90_pct": 12.0, "match": {"verdict": "same", "reasons": []},
}  # fmt: skip


def found(settings: Settings, units: int | None = 4, **changed: Any) -> Verdict:
    one = opportunity(**{**_GOOD, **changed})
    return judge(one, units, load_verdict_rules(settings), now=one.data_at + 3_600)


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a folder without a verdict.toml."""
    return settings.model_copy(update={"folder": tmp_path})


def test_a_route_that_meets_every_rule_is_bought_up_to_its_max_cost(own: Settings) -> None:
    verdict = found(own)
    assert (verdict.verdict, verdict.units) == ("buy", 4)
    assert verdict.sentence == (
        "Buy 4 units at up to 25.00 EUR: chance of a profit 92 %; buying price 20 % below max cost; days to sell 6."
    )
    assert verdict.change == (
        "No longer a buy with a buying price above 25.00 EUR or chance of a profit below 80 % or days to sell above 30."
    )
    assert {one.says for one in verdict.rules} == {"buy"}


@pytest.mark.parametrize(
    ("changed", "word", "said", "wanted"),
    [
        ({"profit_low": -2.0}, "pass", "low end of the profit −2.00 EUR (wanted: at least 0.01 EUR)", "at least 0.01"),
        ({"profit_chance_pct": 30.0}, "pass", "chance of a profit 30 %", "chance of a profit at least 80 %"),
        ({"profit_chance_pct": 70.0}, "watch", "chance of a profit 70 % (wanted: at least 80 %)", "at least 80 %"),
        (
            {"buy_price": 30.0},
            "watch",
            "20 % above max cost (wanted: at most max cost)",
            "a buying price of 25.00 EUR or less",
        ),
        (
            {"amazon_share90_pct": 89.4},
            "watch",
            "Amazon's share of 90 days 89 % (wanted: at most 50 %)",
            "Amazon's share of 90 days at most 50 %",
        ),
        ({"days_to_sell_p50": 45.0}, "watch", "days to sell 45 (wanted: at most 30)", "days to sell at most 30"),
        (
            {"match": {"verdict": "different", "reasons": []}},
            "pass",
            "listings match no (wanted: yes or doubtful)",
            "Would be a buy with listings match yes",
        ),
    ],
)
def test_a_rule_that_is_not_met_decides_and_says_what_would_change_it(
    own: Settings, changed: dict[str, Any], word: str, said: str, wanted: str
) -> None:
    verdict = found(own, **changed)
    assert verdict.verdict == word
    assert said in verdict.sentence
    assert wanted in verdict.change


@pytest.mark.parametrize("name", ["profit_chance_pct", "days_to_sell_p50", "max_buy", "match", "amazon_share90_pct"])
def test_what_is_unknown_is_watched_and_named_never_taken_for_good(own: Settings, name: str) -> None:
    verdict = found(own, **{name: None})
    assert verdict.verdict == "watch"
    assert "unknown" in verdict.sentence
    assert "known to be" in verdict.change or name == "match"


def test_units_that_are_unknown_are_not_bought(own: Settings) -> None:
    assert found(own, units=None).verdict == "watch"
    assert found(own, units=0).verdict == "watch"


def test_the_most_severe_rules_explain_it_first_and_at_most_three(own: Settings) -> None:
    verdict = found(own, profit_low=-1.0, profit_chance_pct=20.0, days_to_sell_p50=80.0, confidence=0.1)
    assert [one.says for one in verdict.facts] == ["pass", "pass", "watch"]


def test_the_users_own_rules_hold_where_there_are_any(own: Settings) -> None:
    assert load_verdict_rules(own).where == BUILT_IN
    path = verdict_path(own)
    write_verdict_rules(path)
    text = path.read_text("utf-8")
    path.write_text(text.replace("at_least = 80", "at_least = 95"), "utf-8")
    assert load_verdict_rules(own).where == str(path)
    assert found(own).verdict == "watch"
    with pytest.raises(UsageError, match="exists already"):
        write_verdict_rules(path)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('fact = "room_pct"', 'fact = "luck"', "luck"),
        ("at_most = 24", "at_most = 24\nat_least = 1", "one bound"),
        ('otherwise = "pass"', 'otherwise = "run"', "run"),
        ("horizon_days = 30", "horizon_days = 0", "horizon_days"),
        ("explained_by = [", 'explained_by = ["profit_p10", ', "profit_p10"),
        ("[units]", "[units", "TOML"),
    ],
)
def test_a_bad_rule_is_named_with_its_file(own: Settings, before: str, after: str, said: str) -> None:
    path = verdict_path(own)
    write_verdict_rules(path)
    path.write_text(path.read_text("utf-8").replace(before, after, 1), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_verdict_rules(own)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_rules_file_that_is_named_and_not_there_is_a_fault(own: Settings, tmp_path: Path) -> None:
    gone = own.model_copy(update={"verdict": tmp_path / "gone.toml"})
    with pytest.raises(ConfigError, match=r"gone\.toml"):
        load_verdict_rules(gone)


def test_old_data_is_watched(own: Settings) -> None:
    one = opportunity(**_GOOD)
    assert judge(replace(one), 4, load_verdict_rules(own), now=one.data_at + 90_000).verdict == "watch"
