"""Which services work, by what is seen of them."""

from __future__ import annotations

import pytest

from arbkit.core.service.heartbeat import record_heartbeat
from arbkit.core.settings import Settings
from arbkit.ops.service_checks import ServiceHealth, ServiceObservations, assess, observe_services


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
