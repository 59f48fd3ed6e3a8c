"""Commands change alerts.toml as its owner would: comments, order and everything else in it stay."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from arbkit.alerts.editing import add_rule, mute_rule
from arbkit.alerts.rules_file import TomlTable, built_in, load_rules
from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.settings import Settings

MINE = """\
# mine
timezone = "Europe/Paris"   # where I live

[[rule]]
name = "b"  # first
min_profit = 3.50   # not less

[[channel]]
name = "phone"
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"folder": tmp_path})


@pytest.fixture
def file(settings: Settings) -> Path:
    return settings.user_folder / "alerts.toml"


def test_a_rule_is_added_and_all_else_stays(settings: Settings, file: Path) -> None:
    file.write_text(MINE, "utf-8")
    fields: TomlTable = {"name": "a", "routes": ["IT:DE"], "target_price": {"IT": 24.9}, "per_day": 5}
    assert add_rule(settings, fields) == file
    text = file.read_text("utf-8")
    for line in MINE.splitlines():
        assert line in text.splitlines()
    assert [rule.name for rule in load_rules(settings).rules] == ["b", "a"]
    assert tomllib.loads(text)["rule"][1] == fields
    assert tomllib.loads(text)["channel"] == [{"name": "phone"}]
    assert '\n\n[[rule]]\nname = "a"\n' in text


def test_the_first_rule_makes_the_file_with_the_built_in_one(settings: Settings, file: Path) -> None:
    add_rule(settings, {"name": "a"})
    assert [rule.name for rule in load_rules(settings).rules] == ["worth-a-look", "a"]
    assert file.read_text("utf-8").startswith(built_in().rstrip())
    assert file.stat().st_mode & 0o077 == 0, "channels hold passwords"


@pytest.mark.parametrize("text", ["", 'timezone = "Europe/Paris"\n[[channel]]\nname = "x"\n'])
def test_a_file_without_rules_keeps_the_built_in_one_that_is_in_force(
    settings: Settings, file: Path, text: str
) -> None:
    file.write_text(text, "utf-8")
    add_rule(settings, {"name": "a"})
    assert [rule.name for rule in load_rules(settings).rules] == ["worth-a-look", "a"]


def test_an_empty_list_of_rules_gets_its_first(settings: Settings, file: Path) -> None:
    file.write_text("rule = []\n", "utf-8")
    add_rule(settings, {"name": "a"})
    assert [rule.name for rule in load_rules(settings).rules] == ["a"]


@pytest.mark.parametrize("fields", [{"name": "a", "min_profit": "x"}, {"name": "../a"}, {"name": "a", "on": ["x"]}])
def test_a_wrong_rule_is_not_added(settings: Settings, file: Path, fields: TomlTable) -> None:
    file.write_text(MINE, "utf-8")
    with pytest.raises(UsageError):
        add_rule(settings, fields)
    assert file.read_text("utf-8") == MINE


@pytest.mark.parametrize("last", ['[[rule]]\nname = "b"\nmin_profit = 3', '[[channel]]\nname = "x"', "# mine"])
def test_a_last_line_without_an_end_is_left_whole(settings: Settings, file: Path, last: str) -> None:
    file.write_text(last, "utf-8")
    add_rule(settings, {"name": "a", "per_day": 5})
    assert last in file.read_text("utf-8")
    assert load_rules(settings).rule("a").per_day == 5
    mute_rule(settings, "a", datetime(2099, 1, 1, tzinfo=UTC))
    assert load_rules(settings).rule("a").muted_until is not None


def test_what_a_name_looks_like_is_said(settings: Settings) -> None:
    with pytest.raises(UsageError, match=r"rule my rule: name: cannot be a name, which has up to 64 letters, digits"):
        add_rule(settings, {"name": "my rule"})


def test_a_name_is_taken_once(settings: Settings, file: Path) -> None:
    file.write_text(MINE, "utf-8")
    with pytest.raises(UsageError, match="there is a rule of that name"):
        add_rule(settings, {"name": "b"})
    assert file.read_text("utf-8") == MINE


def test_a_file_that_is_wrong_is_left_as_it_is(settings: Settings, file: Path) -> None:
    file.write_text("[[rule\n", "utf-8")
    with pytest.raises(ConfigError):
        add_rule(settings, {"name": "a"})
    assert file.read_text("utf-8") == "[[rule\n"


def test_a_rule_is_muted_and_heard_again(settings: Settings, file: Path) -> None:
    file.write_text(MINE, "utf-8")
    until = datetime(2026, 12, 1, 8, tzinfo=UTC)
    mute_rule(settings, "b", until)
    assert load_rules(settings).rule("b").muted_until == until
    mute_rule(settings, "b", until.replace(hour=9))
    assert load_rules(settings).rule("b").muted_until == until.replace(hour=9)
    mute_rule(settings, "b", None)
    assert file.read_text("utf-8") == MINE
    with pytest.raises(ConfigError, match="no such rule"):
        mute_rule(settings, "nobody", until)


def test_the_built_in_rule_can_be_muted(settings: Settings) -> None:
    mute_rule(settings, "worth-a-look", datetime(2099, 1, 1, tzinfo=UTC))
    (rule,) = load_rules(settings).rules
    assert rule.is_muted(0.0)
