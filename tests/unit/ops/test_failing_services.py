"""A service that runs and gets nothing done is not called healthy, and says with what each try fails."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from typer.testing import CliRunner

from arbkit.alerts.delivery.service import deliver
from arbkit.analysis.detector.service import follow
from arbkit.cli import app
from arbkit.core.errors import ServiceError, StoreError, StreamError
from arbkit.core.service.heartbeat import Pulse, heartbeat_path, read_fault, record_heartbeat
from arbkit.core.settings import Settings
from arbkit.ops import service_checks
from arbkit.ops.checks.running import check_services
from arbkit.ops.service_checks import ServiceHealth, heartbeat_health
from arbkit.ops.setup import initialise
from arbkit.pipeline import producer
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.polling import publishing
from arbkit.pipeline.producer import produce
from arbkit.reports.schedule import scheduler
from arbkit.reports.schedule.scheduler import run_scheduler
from arbkit.store.lazy import LazyStore
from arbkit.store.sqlite.store import SqliteStore
from arbkit.stream import ENRICHED_TOPIC, RAW_TOPIC, Record, open_stream
from arbkit.stream.sqlite import SqliteStream
from arbkit.web.api import create_app
from tests.helpers.delivery import alert
from tests.helpers.delivery import publish as publish_alerts
from tests.helpers.keepa_stub import stub
from tests.helpers.streams import good
from tests.helpers.waiting import eventually

_PATIENCE_S = 60
FULL, REMEDY = "the disk is full", "Free some space"


class Failing(NamedTuple):
    """A service, what of it is made to fail, and what gives it something to do."""

    run: Callable[..., object]
    owner: type[SqliteStore | SqliteStream | LazyStore]
    method: str
    error: ServiceError
    feed: Callable[[Settings], None] = lambda _: None


def publish(topic: str, *records: Record) -> Callable[[Settings], None]:
    def feed(settings: Settings) -> None:
        with open_stream(settings) as log:
            log.publish(topic, records)

    return feed


def announce(settings: Settings) -> None:
    publish_alerts(settings, [alert(1)])


_STORE, _LOG = StoreError(FULL, remedy=REMEDY), StreamError(FULL, remedy=REMEDY)
SERVICES = {
    "producer": Failing(produce, SqliteStream, "prove_writable", _LOG),
    "consumer": Failing(consume, SqliteStore, "put", _STORE, publish(RAW_TOPIC, *good(3))),
    "detector": Failing(follow, SqliteStore, "states", _STORE, publish(ENRICHED_TOPIC, Record("B000000001", b"{}"))),
    "dispatcher": Failing(deliver, SqliteStore, "add_alerts", _STORE, announce),
    "scheduler": Failing(run_scheduler, LazyStore, "get", _STORE),
}


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """With a key and a service that answers, so that nothing but what a test breaks is out of order."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(service_checks, "_PASSES_S", 0.0)
    monkeypatch.setattr(producer, "_FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(publishing, "_LONGEST_PAUSE_S", 0.2)
    monkeypatch.setattr(scheduler, "_POLL_S", 0.1)
    assert settings.watchlist is not None
    settings.watchlist.write_text("B000000001\n")
    with stub() as keepa:
        given = settings.model_copy(update={"keepa_url": keepa.url, "keepa_api_key": SecretStr("k" * 64)})
        initialise(given)
        yield given


@contextmanager
def running(settings: Settings, run: Callable[..., object]) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(settings,), kwargs={"stop": stop})
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()


def health_of(settings: Settings, name: str) -> ServiceHealth:
    return next(one for one in heartbeat_health(settings) if one.name == name)


@pytest.mark.parametrize("name", SERVICES)
def test_one_that_fails_at_each_try_is_named_with_the_reason_until_it_works_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run, owner, method, error, feed = SERVICES[name]
    feed(settings)

    original, broken = getattr(owner, method), threading.Event()

    def may_fail(*given: object, **named: object) -> object:
        if broken.is_set():
            raise error
        return original(*given, **named)

    broken.set()
    monkeypatch.setattr(owner, method, may_fail)
    with running(settings, run) as thread:
        eventually(lambda: health_of(settings, name).state == "failing")
        # It goes on living: who starts again what hangs has no reason to.
        before = heartbeat_path(settings, name).stat().st_mtime_ns
        eventually(lambda: heartbeat_path(settings, name).stat().st_mtime_ns != before)
        assert thread.is_alive()
        found = health_of(settings, name)
        assert (found.why, found.remedy) == (FULL, REMEDY)
        [fault] = [one for one in check_services(settings) if not isinstance(one, str)]
        assert f"{name}: runs, but has got nothing done for" in str(fault)
        assert f"{FULL}. {REMEDY}" in str(fault)
        broken.clear()
        eventually(lambda: health_of(settings, name).state == "running")
    assert read_fault(settings, name) is None


@pytest.mark.parametrize(("host", "shows"), [("127.0.0.1", True), ("192.0.2.1", False)])
def test_the_api_says_what_keeps_a_service_from_its_work(settings: Settings, host: str, *, shows: bool) -> None:
    with SqliteStore(settings.database):
        pass
    pulse = Pulse(settings, "dispatcher")
    given = settings.model_copy(update={"host": host, "token": SecretStr("secret")})
    with TestClient(create_app(given), base_url=f"http://{host}") as client:
        pulse.beat()
        pulse.failed(StoreError("http://10.0.0.7:9200 is away", remedy=REMEDY))
        body = client.get("/health").json()
    found = body["services"]["dispatcher"]
    assert (body["status"], found["status"]) == ("degraded", "degraded")
    assert re.search(r"runs, but has got nothing done for \d+ s", found["detail"]), found["detail"]
    assert ("10.0.0.7" in found["detail"]) == shows
    assert ("log says why" in found["detail"]) != shows


def test_one_that_ends_on_each_start_is_failing_too_until_something_is_done(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(settings)
    for _ in range(2):
        with monkeypatch.context() as broken:
            broken.setattr(SqliteStore, "add_alerts", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                deliver(settings, stop=threading.Event())
        found = health_of(settings, "dispatcher")
        assert found.state == "failing"
        assert "ZeroDivisionError" in found.why
    first = read_fault(settings, "dispatcher")
    assert first is not None
    assert time.time() - 60 < first.since <= time.time()
    with running(settings, deliver):
        eventually(lambda: health_of(settings, "dispatcher").state == "running")


def test_a_disk_that_takes_not_even_the_reason_still_shows_that_something_is_wrong(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse = Pulse(settings, "consumer")
    pulse.beat()

    def none_left(path: Path, _: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", none_left)
    pulse.failed(_STORE)
    found = health_of(settings, "consumer")
    assert (found.state, found.why) == ("failing", "its log says with what")


def test_what_fails_for_a_moment_only_is_no_news(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_checks, "_PASSES_S", 3_600.0)
    pulse = Pulse(settings, "detector")
    pulse.beat()
    pulse.failed(_STORE)
    assert health_of(settings, "detector").state == "running"


def test_alive_says_so_and_is_no_failure_that_a_new_start_would_mend(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARBKIT_HOME", str(settings.home))
    record_heartbeat(settings, "detector")
    Pulse(settings, "detector").failed(_STORE)
    done = CliRunner().invoke(app, ["alive", "detector"])
    assert done.exit_code == 0
    assert re.search(r"nothing has got done for \d+ s: the disk is full", done.output)
