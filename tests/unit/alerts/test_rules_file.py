"""alerts.toml: one mistake in one rule is said in words, and the others are at work."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from arbkit.alerts.rules_file import alerts_path, built_in, load_rules, read_alerts_file
from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"folder": tmp_path})


def write(settings: Settings, text: str) -> Path:
    path = settings.user_folder / "alerts.toml"
    path.write_text(text, "utf-8")
    return path


def test_without_a_file_the_built_in_rule_is_in_force(settings: Settings) -> None:
    found = load_rules(settings)
    assert (found.bad, [rule.name for rule in found.rules]) == ((), ["worth-a-look"])
    (rule,) = found.rules
    assert rule.per_day == 20
    assert rule.clears_below < rule.least_profit
    assert "ended" not in rule.on


def test_every_threshold_of_the_built_in_rule_says_why() -> None:
    lines = built_in().splitlines()
    keys = [n for n, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    assert len(keys) == len(tomllib.loads(built_in())["rule"][0]) + 1
    without = [lines[n] for n in keys if not lines[n - 1].startswith("#")]
    assert without == ['name = "worth-a-look"', "profit_rise_pct = 30"], "the second is said with the one above it"


def test_a_file_with_channels_alone_keeps_the_built_in_rule_and_an_empty_list_has_none(settings: Settings) -> None:
    write(settings, 'timezone = "Europe/Paris"\n[[channel]]\nname = "mail"\n')
    file = read_alerts_file(settings)
    assert (file.zone.key, [one["name"] for one in file.channels]) == ("Europe/Paris", ["mail"])
    assert [rule.name for rule in load_rules(settings).rules] == ["worth-a-look"]
    write(settings, "rule = []\n")
    assert load_rules(settings).rules == ()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("min_profitt = 5", ["min_profitt", "no key of a rule", "Did you mean min_profit?"]),
        ('min_profit = "a lot"', ["min_profit", "not a number", "a lot"]),
        ("min_confidence = 50", ["min_confidence", "must be at most 1", "50"]),
        ('on = ["new_oportunity"]', ["on.0", "no such value", "new_oportunity", "Did you mean new_opportunity?"]),
        ("on = []", ["on"]),
        ('routes = ["ITDE"]', ["routes.0", "not a route", "ITDE", "IT:DE"]),
        ('routes = ["IT:IT"]', ["routes.0", "a route to itself"]),
        ('routes = ["IT:XX"]', ["routes.0", "not a marketplace arbkit knows"]),
        ('asins = ["B1"]', ["asins.0", "an ASIN has 10 characters"]),
        ("target_price = {}", ["target_price names no marketplace"]),
        ("target_price = { IT = -1 }", ["target_price.IT", "must be above 0"]),
        ("fires_at = 5\nclears_at = 6", ["clears_at must not be above"]),
        ('recheck = { max_age_minutes = 5, then = "drop" }', ["recheck.then", "no such value", "drop"]),
        ("muted_until = 5", ["muted_until", "not a time"]),
        ("per_day = 0", ["per_day", "must be at least 1"]),
        ("min_profit = nan", ["min_profit", "not a finite number"]),
    ],
)
def test_one_bad_rule_is_named_with_key_and_value_and_leaves_the_others_at_work(
    settings: Settings, line: str, says: list[str]
) -> None:
    path = write(
        settings, f'[[rule]]\nname = "a"\n[[rule]]\nname = "wrong"\n{line}\n[[rule]]\nname = "b"\nmin_profit = 3\n'
    )
    found = load_rules(settings)
    assert [rule.name for rule in found.rules] == ["a", "b"]
    (bad,) = found.bad
    assert bad.name == "wrong"
    for text in (str(path), "rule wrong", *says):
        assert text in str(bad.error)
    with pytest.raises(ConfigError, match="rule wrong"):
        found.rule("wrong")
    with pytest.raises(ConfigError, match="no such rule"):
        found.rule("nobody")


def test_a_rule_without_a_name_and_one_that_is_there_twice_are_named_by_their_number_and_name(
    settings: Settings,
) -> None:
    write(settings, '[[rule]]\nmin_profit = 1\n[[rule]]\nname = "a"\n[[rule]]\nname = "a"\n')
    found = load_rules(settings)
    assert [rule.name for rule in found.rules] == ["a"]
    assert ["number 1" in str(found.bad[0].error), "is there twice" in str(found.bad[1].error)] == [True, True]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[rule]\n", "cannot be read"),
        ("rules = []\n", "Did you mean rule?"),
        ("rule = 5\n", r"Begin each with \[\[rule\]\]"),
        ('timezone = "Europe/Berlino"\n', "is no time zone"),
        ('timezone = "../Berlin"\n', "is no time zone"),
        ("timezone = 5\n", "is no time zone"),
    ],
)
def test_a_file_that_cannot_be_used_as_a_whole_is_one_error(settings: Settings, text: str, says: str) -> None:
    write(settings, text)
    with pytest.raises(ConfigError, match=says):
        load_rules(settings)


def test_a_file_that_a_setting_names_must_be_there(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ARBKIT_ALERTS"):
        load_rules(settings.model_copy(update={"alerts": tmp_path / "missing.toml"}))


def test_a_file_that_is_no_toml_is_named_itself_and_not_a_setting(settings: Settings) -> None:
    write(settings, "[[rule\n")
    with pytest.raises(ConfigError) as caught:
        load_rules(settings)
    assert str(caught.value).startswith(f"{alerts_path(settings)}: the rules of alerts cannot be read: ")
    assert "ARBKIT_ALERTS" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("muted_until = 2026-12-01", "(got 2026-12-01)"), ("muted_until = 08:00:00", "(got 08:00:00)"),
        ("recheck = { max_age_minutes = -1 }", "(got -1)"), ("min_profit = 1979-05-27", "(got 1979-05-27)"),
        ("min_profit = { a = 2026-12-01 }", "(got a = 2026-12-01)"), ("on = [true]", "(got true)"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_shown_as_it_stands_in_the_file(settings: Settings, line: str, shown: str) -> None:
    write(settings, f'[[rule]]\nname = "a"\n{line}\n')
    (bad,) = load_rules(settings).bad
    assert shown in str(bad.error)
    assert not [word for word in ("datetime.", "{", "Input should") if word in str(bad.error)]


def test_a_time_without_an_offset_is_that_of_the_files_time_zone(settings: Settings) -> None:
    write(settings, 'timezone = "Europe/Paris"\n[[rule]]\nname = "a"\nmuted_until = 2026-12-01T08:00:00\n')
    (rule,) = load_rules(settings).rules
    assert rule.muted_until is not None
    assert rule.muted_until.isoformat() == "2026-12-01T08:00:00+01:00"
