"""Which services work, by what is seen of them."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from arbkit.core.errors import StoreError
from arbkit.core.service.heartbeat import Pulse, heartbeat_path, record_heartbeat
from arbkit.core.settings import Settings
from arbkit.ops.service_checks import ServiceHealth, ServiceObservations, assess, observe_services
from arbkit.web.dashboards.pipeline.html import services_html


def assessed(*, progress_age_s: float | None = None, **heartbeat_ages: float | None) -> dict[str, ServiceHealth]:
    seen = ServiceObservations(
        {"producer": None, "consumer": None, "scheduler": None, **heartbeat_ages},
        {"api": False},
        {"api": "http://127.0.0.1:8000", "demo": None},
    )
    return {one.name: one for one in assess(seen, home="/home", progress_age_s=progress_age_s)}


@pytest.mark.parametrize(
    ("age_s", "state"), [(0.0, "running"), (29.0, "running"), (60.0, "late"), (121.0, "down"), (None, "unknown")]
)
def test_a_service_is_assessed_by_its_last_heartbeat(age_s: float | None, state: str) -> None:
    one = assessed(producer=age_s)["producer"]
    assert one.state == state
    assert bool(one.remedy) == (state != "running")


def test_the_page_shows_a_service_that_only_fails_with_the_reason(settings: Settings) -> None:
    record_heartbeat(settings, "consumer")
    Pulse(settings, "consumer").failed(StoreError("the disk is full", remedy="Free some space"))
    os.utime(heartbeat_path(settings, "consumer"))
    seen = observe_services(settings)
    assert seen.faults["consumer"].why == "the disk is full"
    long_ago = replace(seen, faults={"consumer": replace(seen.faults["consumer"], since=time.time() - 300)})
    shown = str(services_html(assess(long_ago, home="/home", progress_age_s=1.0)))
    assert "failing" in shown
    assert "nothing done for 5 min: the disk is full" in shown
    assert "Free some space." in shown
    ended = replace(long_ago, heartbeat_ages={"consumer": 200.0})
    assert "each try before had failed: the disk is full" in str(
        services_html(assess(ended, home="/", progress_age_s=None))
    )


def test_a_consumer_elsewhere_is_known_by_its_group() -> None:
    assert assessed(consumer=None, progress_age_s=5.0)["consumer"].state == "running"
    assert assessed(consumer=400.0, progress_age_s=500.0)["consumer"].state == "down"


def test_who_has_an_address_is_asked() -> None:
    found = assessed()
    assert found["api"].state == "down"
    assert "arbkit api" in found["api"].remedy
    assert found["demo"].state == "unknown"
    assert "ARBKIT_DEMO_PORT" in found["demo"].detail
    assert list(found) == ["demo", "producer", "consumer", "scheduler", "api", "dashboards"]


def test_heartbeats_are_read_where_they_are_left(settings: Settings) -> None:
    record_heartbeat(settings, "consumer")
    seen = observe_services(settings)
    assert seen.heartbeat_ages["producer"] is None
    age_s = seen.heartbeat_ages["consumer"]
    assert age_s is not None
    assert age_s < 30
    # Ports left to chance cannot be asked.
    assert seen.addresses == {"api": None, "demo": None}
