"""``arbkit alerts``: rules are added, listed, muted and tried from the terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from arbkit.alerts.rules_file import built_in
from arbkit.cli import app
from arbkit.core.errors import UsageError
from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.alert_pages import record
from tests.helpers.factories import offer, opportunity
from tests.helpers.routes import store_routes


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARBKIT_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("ARBKIT_DEMO", "1")
    return tmp_path


def run(*words: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["alerts", *words])
    assert found.exit_code == code, (found.output, found.exception)
    return found.stdout


def document(*words: str, code: int = 0) -> Any:
    return json.loads(run(*words, "--json", code=code))


def test_a_rule_is_added_listed_muted_and_tried(folder: Path) -> None:
    words = (
        "--min-profit",
        "5",
        "--route",
        "it:de",
        "--route",
        "FR:DE",
        "--on",
        "price_drop",
        "--target-price",
        "IT=24.9",
    )
    added = document("add", "cheap", *words)
    assert added["rule"]["target_price"] == {"IT": 24.9}
    listed = document("list")
    assert [rule["name"] for rule in listed["rules"]] == ["worth-a-look", "cheap"]
    assert listed["rules"][1] == {
        "name": "cheap", "min_profit": 5.0, "routes": ["IT:DE", "FR:DE"], "on": ["price_drop"],
        "target_price": {"IT": 24.9},
    }  # fmt: skip
    assert document("mute", "cheap", "--for", "8h")["muted_until"] is not None
    assert "until" in run("list")
    assert document("mute", "cheap", "--off")["muted_until"] is None
    with open_store(Settings.load()) as store:
        store_routes(store, [opportunity(profit=7.0), opportunity(target="FR"), opportunity("B000000002", profit=4.0)])
    tried = document("test", "cheap")
    assert (tried["opportunities"], tried["meeting"], tried["held"]) == (3, 1, 0)
    assert [(a["asin"], a["source"], a["target"]) for a in tried["items"]] == [("B000000001", "IT", "DE")]
    assert "leaves at least 7.00 EUR" in tried["items"][0]["why"]
    assert "1 of 3 stored opportunities meet it" in run("test", "cheap")


def test_a_wrong_rule_is_said_and_the_others_are_listed(folder: Path) -> None:
    (folder / "alerts.toml").write_text('[[rule]]\nname = "a"\n[[rule]]\nname = "b"\nmin_prfit = 3\n', "utf-8")
    listed = document("list", code=3)
    assert [rule["name"] for rule in listed["rules"]] == ["a"]
    assert [wrong["name"] for wrong in listed["wrong"]] == ["b"]
    assert "Did you mean min_profit?" in run("list", code=3)
    for command in ("status", "doctor"):
        said = CliRunner().invoke(app, [command, "--json"])
        assert "Did you mean min_profit?" in said.stdout, command
    (folder / "alerts.toml").write_text("[[rule\n", "utf-8")
    assert "cannot be read" in CliRunner().invoke(app, ["status", "--json"]).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("mute", "worth-a-look", "--for", "soon"), "30m, 8h or 2d"),
        (("mute", "worth-a-look", "--for", "0h"), "30m, 8h or 2d"),
        (("mute", "worth-a-look"), "--off"),
        (("mute", "nobody", "--for", "8h"), "no such rule"),
        (("test", "nobody"), "no such rule"),
        (("add", "x", "--target-price", "24.90"), "IT=24.90"),
        (("add", "x", "--target-price", "IT=cheap"), "IT=24.90"),
        (("add", "x", "--min-confidence", "50"), "must be at most 1"),
        (("add", "x", "--min-chance", "101"), "must be at most 100"),
        (("add", "worth-a-look"), "there is a rule of that name"),
        (("add", "x", "--category", "Toyz"), "no such category (got 'Toyz'). Did you mean toys?"),
        (("add", "x", "--category", "Qqqq"), "no such category (got 'Qqqq'). There is: toys, kitchen, "),
        (("add", "x", "--channel", "phone"), "no such channel (got 'phone'). There is: none"),
        (("history", "--type", "prise_drop"), "no such type of alert (got 'prise_drop'). Did you mean price_drop?"),
        (("history", "--type", "qqqq"), "Use one of: new_opportunity, price_drop, "),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(folder: Path, words: tuple[str, ...], says: str) -> None:
    found = CliRunner().invoke(app, ["alerts", *words])
    assert found.exit_code != 0
    assert says in str(found.exception)
    assert not (folder / "alerts.toml").exists()


@pytest.mark.parametrize("option", [("--route", "IT:XX"), ("--min-chance", "200"), ("--on", "never")])
def test_a_wrong_option_of_a_new_rule_is_wrong_usage_and_no_wrong_configuration(
    folder: Path, option: tuple[str, str]
) -> None:
    with pytest.raises(UsageError, match="rule x: "):
        app(["alerts", "add", "x", *option], standalone_mode=False)


def test_a_rule_that_limits_nothing_says_so_when_it_is_added(folder: Path) -> None:
    said = "every opportunity meets this rule"
    assert document("add", "any", "--per-day", "3")["notes"] == [said]
    assert f"note: {said}" in run("add", "all")
    assert document("add", "some", "--min-chance", "80")["notes"] == []
    assert document("add", "ends", "--on", "ended")["notes"] == []


def test_a_rule_leaves_brands_out(folder: Path) -> None:
    asked = document("add", "others", "--exclude-brand", "lego", "--exclude-brand", "Schleich")
    assert asked["rule"] == {"name": "others", "exclude_brands": ["lego", "Schleich"]}
    assert asked["notes"] == []
    assert "lego, Schleich" in run("list")
    with open_store(Settings.load()) as store:
        store_routes(store, [opportunity(brand="LEGO Duplo"), opportunity("B000000002", brand="Acme")])
    assert [one["asin"] for one in document("test", "others")["items"]] == ["B000000002"]


def test_a_rule_on_the_forecast_is_added_listed_and_tried(folder: Path) -> None:
    asked = document("add", "sure", "--min-chance", "80", "--max-days-to-sell", "30", "--min-p10", "-1")
    assert asked["rule"] == {"name": "sure", "min_chance": 80, "max_days_to_sell": 30, "min_p10": -1}
    listed = run("list")
    assert "chance of profit from 80 %, P10 of profit from −1.00, days to sell up to 30" in " ".join(listed.split())
    with open_store(Settings.load()) as store:
        store_routes(store, [opportunity(), opportunity("B000000002", forecast_unknown="no history")])
    assert document("test", "sure")["unknown"] == {"no forecast was made yet": 1, "no history": 1}
    assert "1 more has all else that it asks for, but no figure: no history" in run("test", "sure")


def test_what_a_rule_names_and_nothing_has_yet_is_said_and_the_rule_is_added(folder: Path) -> None:
    with open_store(Settings.load(_env_file=None)) as store:
        store.put([Update(offer("B000000009", brand="Schleich", category="Angelsport"), None)])
        store_routes(store, [opportunity(brand="Lego")])
    names = ("--brand", "lego", "--brand", "schleich", "--category", "Angelsport", "--category", "Spielzeug")
    assert document("add", "known", *names)["notes"] == []
    assert document("add", "typo", "--brand", "Legoo", "--group", "mine")["notes"] == [
        "no stored product is of the brand Legoo yet: did you mean Lego?",
        "no watched product is in the group mine yet",
    ]
    assert "note: no stored product is of the brand Qqqq yet" in run("add", "other", "--brand", "Qqqq")
    assert [rule["name"] for rule in document("list")["rules"]][1:] == ["known", "typo", "other"]


def test_a_channel_that_is_missing_is_named_with_those_that_there_are(folder: Path) -> None:
    text = '[[channel]]\nname = "phone"\nurl = "json://127.0.0.1:9"\n[[channel]]\nname = "mail"\nurl_env = "NONE"\n'
    (folder / "alerts.toml").write_text(text, "utf-8")
    for name, says in (("phne", "Did you mean phone?"), ("qqqq", "There is: phone, mail")):
        found = CliRunner().invoke(app, ["alerts", "add", "x", "--channel", name])
        assert says in str(found.exception)
    # One whose address is known elsewhere is a channel all the same.
    assert document("add", "x", "--channel", "mail")["rule"]["channels"] == ["mail"]


def test_the_list_breaks_no_word_on_a_narrow_terminal_and_has_the_channels(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rule = '[[rule]]\nname = "garden-and-toys"\ncategories = ["toys", "Garten"]\nchannels = ["telegram", "mail"]\n'
    channels = "".join(f'[[channel]]\nname = "{name}"\nurl = "json://x"\n' for name in ("telegram", "mail"))
    (folder / "alerts.toml").write_text(f"{built_in()}{rule}per_day = 5\n{channels}", "utf-8")
    shown = run("list")
    assert max(map(len, shown.splitlines())) <= 80
    words = set(shown.replace(",", " ").split())
    assert {"garden-and-toys", "worth-a-look", "opportunity", "increase", "confidence", "Garten", "telegram"} <= words
    assert {"anything", "channels", "mail", "5", "20"} <= words


def test_the_history_is_asked_for_by_type(folder: Path) -> None:
    now = time.time()
    with open_store(Settings.load(_env_file=None)) as store:
        store.add_alerts([record(1, at=now), record(2, at=now - 1, type="price_drop")])
    assert [one["id"] for one in document("history", "--type", "price_drop")["items"]] == ["a2"]
    assert document("history", "--type", "ended")["items"] == []


def test_a_rule_for_a_group_is_tried_with_the_groups_of_the_watchlist(folder: Path) -> None:
    with open_store(Settings.load(_env_file=None)) as store:
        store_routes(store, [opportunity()])
    run("add", "mine", "--group", "toys", "--on", "new_opportunity")
    assert document("test", "mine")["meeting"] == 0
    added = CliRunner().invoke(app, ["watch", "add", "B000000001", "--group", "toys"])
    assert added.exit_code == 0, added.output
    assert document("test", "mine")["meeting"] == 1
