"""Heartbeats and what ``arbkit alive`` makes of them."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable

import pytest

from arbkit.core.errors import ServiceError, UsageError
from arbkit.core.service.heartbeat import LIMIT_S, SERVICES, check_heartbeat, keep_heartbeat, record_heartbeat
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.pipeline.consumer import consume, drain
from arbkit.pipeline.producer import produce
from arbkit.reports.schedule.scheduler import run_scheduler


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_beats_is_alive(settings: Settings, name: str) -> None:
    record_heartbeat(settings, name)
    assert check_heartbeat(settings, name) < LIMIT_S


@pytest.mark.parametrize("ahead_s", [-LIMIT_S * 2, LIMIT_S * 2, 5 * 365 * 86_400])
def test_what_was_left_before_the_clock_was_set_back_is_no_life(settings: Settings, ahead_s: float) -> None:
    record_heartbeat(settings, "consumer")
    at = time.time() + ahead_s
    os.utime(settings.home / "health" / "consumer", (at, at))
    with pytest.raises(ServiceError, match="has sent no heartbeat for"):
        check_heartbeat(settings, "consumer")
    record_heartbeat(settings, "consumer")
    assert check_heartbeat(settings, "consumer") < LIMIT_S


@pytest.mark.parametrize(
    ("name", "remedy"), [("comsumer", "consumer"), ("api", "producer, consumer, detector, dispatcher, scheduler")]
)
def test_an_unknown_service_is_named_with_the_nearest(settings: Settings, name: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=f"got '{name}'.*{remedy}"):
        check_heartbeat(settings, name)


def test_a_long_step_beats_until_it_has_taken_its_time(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbkit.core.service.heartbeat._EVERY_S", 0.01)
    path = settings.home / "health" / "scheduler"
    with keep_heartbeat(settings, "scheduler", at_most_s=60):
        while not path.exists():
            time.sleep(0.01)
    path.unlink()
    with keep_heartbeat(settings, "scheduler", at_most_s=0):
        for thread in threading.enumerate():
            if thread.name == "heartbeat scheduler":
                thread.join()
    assert not path.exists()


@pytest.mark.parametrize("name", ["producer", "consumer", "scheduler"])
def test_a_service_that_waits_goes_on_beating(settings: Settings, name: str) -> None:
    assert settings.watchlist is not None
    settings.watchlist.write_text("B07DVM36PS\n")
    # Nobody answers there: the producer tries, pauses and tries again; the scheduler has nothing to detect on.
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = settings.model_copy(update={"keepa_url": f"http://127.0.0.1:{closed.getsockname()[1]}"})
    stop = threading.Event()
    services: dict[str, Callable[..., object]] = {"producer": produce, "consumer": consume, "scheduler": run_scheduler}
    initialise(nobody)
    thread = threading.Thread(target=services[name], args=(nobody,), kwargs={"stop": stop})
    thread.start()
    path = settings.home / "health" / name
    try:
        for _ in range(3):
            while not path.exists():
                assert thread.is_alive()
                time.sleep(0.01)
            path.unlink()
    finally:
        stop.set()
        thread.join()


def test_a_run_that_ends_is_no_service(settings: Settings) -> None:
    # An import consumes too: with its heartbeats a consumer that hangs would look alive, and never be restarted.
    initialise(settings)
    consume(settings, until_empty=True, stop=threading.Event())
    assert drain(settings, stop=threading.Event())
    assert not (settings.home / "health" / "consumer").exists()


def test_a_home_that_cannot_be_written_is_one_error(settings: Settings) -> None:
    settings.home.write_bytes(b"")
    with pytest.raises(ServiceError, match="Check ARBKIT_HOME"):
        record_heartbeat(settings, "producer")
