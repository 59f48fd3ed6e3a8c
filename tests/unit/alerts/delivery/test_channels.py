"""Channels of alerts.toml: one mistake names itself, leaves the others alone, and shows no secret."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from arbkit.alerts.channels.channel_tables import AppriseAddress, Channel, WebhookAddress, parse_channels
from arbkit.alerts.channels.quiet_hours import QuietHours, start_of_day
from arbkit.alerts.channels.senders import open_sender
from arbkit.alerts.delivery.intake import record_of
from arbkit.alerts.delivery.plan import alert_faults, load_plan
from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.queries import AlertQuery
from tests.helpers.delivery import alert

ENVIRONMENT = {"HOOK_SECRET": "secret-of-the-hook", "TELEGRAM": "tgram://123456789:abcdefg_hijklmnopqrstuvwxyz123456/1"}
HOOK = 'webhook = { url = "http://127.0.0.1:1/path-secret", secret_env = "HOOK_SECRET" }'
BERLIN = ZoneInfo("Europe/Berlin")


def parsed(text: str) -> tuple[list[Channel], list[str]]:
    good, bad = parse_channels(tomllib.loads(text)["channel"], "alerts.toml", ENVIRONMENT)
    return good, [str(one.error) for one in bad]


def test_each_kind_of_address_is_taken_as_it_is_written() -> None:
    good, bad = parsed(f"""
        [[channel]]
        name = "my hook"
        {HOOK}
        quiet = "22:00-07:00"
        [[channel]]
        name = "phone"
        url_env = "TELEGRAM"
        per_hour = 6
        [[channel]]
        name = "mail"
        url = "mailtos://me:pass@example.org"
        digest_minutes = 30
    """)
    assert bad == []
    hook, phone, mail = good
    assert isinstance(hook.address, WebhookAddress)
    assert hook.address.url.get_secret_value() == "http://127.0.0.1:1/path-secret"
    assert hook.address.secret.get_secret_value() == ENVIRONMENT["HOOK_SECRET"]
    assert isinstance(phone.address, AppriseAddress)
    assert (phone.address.url.get_secret_value(), phone.per_hour) == (ENVIRONMENT["TELEGRAM"], 6)
    assert mail.digest_s == 1800
    for secret in ("path-secret", "pass", "secret-of-the-hook"):
        assert secret not in repr(good).replace("secret=", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('url = "a://secret-xyz"\nulr = 1', "alerts.toml: channel one: ulr: is unknown. Did you mean url?"),
        ("", "alerts.toml: channel one: has no address, or several. Give one of url"),
        (f'{HOOK}\nurl = "a://secret-xyz"', "alerts.toml: channel one: has no address, or several"),
        ('url_env = "NOWHERE"', "channel one: url_env: no such variable, or an empty one (got 'NOWHERE')"),
        ('webhook = { url = "ftp://secret-xyz", secret_env = "HOOK_SECRET" }', "webhook.url: is no http or https"),
        ('webhook = { url = "http://[secret-xyz", secret_env = "HOOK_SECRET" }', "webhook.url: is no http or https"),
        ('webhook = { url = "http://secret-xyz" }', "channel one: webhook.secret_env: is missing"),
        ('webhook = { url = "http://a", secret = "secret-xyz" }', "webhook.secret: is unknown"),
        ('webhook = "secret-xyz"', "channel one: webhook: "),
        ('url = ["secret-xyz"]', "channel one: url: "),
        (f'{HOOK}\nquiet = "night"', "channel one: quiet: is no time of day to another (got 'night'). Write it as"),
        (f'{HOOK}\nquiet = "25:00-07:00"', "channel one: quiet: hour must be in 0..23"),
        (f"{HOOK}\ndigest_minutes = 0", "channel one: digest_minutes: "),
        (f"{HOOK}\nper_hour = 1.5", "channel one: per_hour: "),
    ],
)
def test_a_mistake_is_named_and_leaves_the_others_at_work(text: str, said: str) -> None:
    good, bad = parsed(f'[[channel]]\nname = "one"\n{text}\n[[channel]]\nname = "two"\n{HOOK}')
    assert [channel.name for channel in good] == ["two"]
    (error,) = bad
    assert said in error
    assert "secret-xyz" not in error


def test_a_name_that_is_there_twice_gets_each_alert_once(settings: Settings, tmp_path: Path) -> None:
    here = settings.model_copy(update={"alerts": tmp_path / "alerts.toml"})
    entry = '[[channel]]\nname = "one"\nurl = "json://127.0.0.1:9"\n'
    (tmp_path / "alerts.toml").write_text(f'{entry}{entry}quiet = "night"\n')
    plan = load_plan(here)
    with open_store(here) as store:
        store.add_alerts([record_of(alert(1), plan, now=0.0)])
        (kept,) = store.alerts(AlertQuery()).items
    assert [one.channel for one in kept.deliveries] == ["one"]


def test_a_name_is_there_once() -> None:
    good, bad = parsed(f'[[channel]]\nname = "one"\n{HOOK}\n[[channel]]\nname = "one"\n{HOOK}\n[[channel]]\n{HOOK}')
    assert [channel.name for channel in good] == ["one"]
    assert "is there twice" in bad[0]
    assert "channel number 3: name: is missing" in bad[1]


def test_an_address_that_apprise_does_not_know_is_a_mistake_without_the_address() -> None:
    good, _ = parsed('[[channel]]\nname = "one"\nurl = "nonsense://secret-xyz"')
    with pytest.raises(ConfigError, match="channel one: its address is none that apprise knows") as error:
        open_sender(good[0])
    assert "secret-xyz" not in str(error.value)


@pytest.mark.parametrize(
    ("hours", "at", "quiet"),
    [
        ("22:00-07:00", "2026-11-26 21:59", False), ("22:00-07:00", "2026-11-26 22:00", True),
        ("22:00-07:00", "2026-11-27 06:59", True), ("22:00-07:00", "2026-11-27 07:00", False),
        ("1:00-05:30", "2026-11-27 05:29", True), ("1:00-05:30", "2026-11-27 00:59", False),
        # The nights in which the clock is put forward and back.
        ("22:00-07:00", "2026-03-29 03:00", True), ("22:00-07:00", "2026-10-25 02:30", True),
    ],
)  # fmt: skip
def test_quiet_hours_are_those_of_the_clock_on_the_wall(hours: str, at: str, quiet: bool) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=BERLIN).timestamp()
    assert QuietHours.parse(hours).contains(moment, BERLIN) is quiet


def test_a_day_begins_at_midnight_on_the_wall() -> None:
    noon = datetime(2026, 10, 25, 12, tzinfo=BERLIN).timestamp()
    assert start_of_day(noon, BERLIN) == datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()


def test_variables_of_the_env_file_are_taken_where_the_environment_lacks_them(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = settings.model_copy(update={"alerts": tmp_path / "alerts.toml"})
    (tmp_path / "alerts.toml").write_text(f'[[channel]]\nname = "one"\n{HOOK}\n')
    assert [one.name for one in load_plan(here).bad] == ["one"]
    assert "no such variable" in alert_faults(here)[0]
    # In Compose the dispatcher alone has it.
    assert alert_faults(here.model_copy(update={"shared": tmp_path})) == []
    (tmp_path / ".env").write_text("HOOK_SECRET=from$the{file}\n")
    address = load_plan(here).channels["one"].address
    assert isinstance(address, WebhookAddress)
    assert address.secret.get_secret_value() == "from$the{file}"
    assert alert_faults(here) == []
    (tmp_path / "alerts.toml").write_text(f'[[channel]]\nname = "one"\n{HOOK}\nquiet = "x"\n')
    assert "channel one: quiet" in alert_faults(here)[0]
    assert alert_faults(here.model_copy(update={"shared": tmp_path})) == alert_faults(here)
    (tmp_path / "alerts.toml").write_text("[[")
    assert len(alert_faults(here)) == 1
