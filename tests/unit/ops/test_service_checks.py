"""Which services work, by what is seen of them."""

from __future__ import annotations

import pytest

from arbkit.core.service.heartbeat import beat
from arbkit.core.settings import Settings
from arbkit.ops.service_checks import Sign, Signs, judge, read_signs


def judged(*, moved_s: float | None = None, **silences: float | None) -> dict[str, Sign]:
    seen = Signs(
        {"producer": None, "consumer": None, "scheduler": None, **silences},
        {"api": False},
        {"api": "http://127.0.0.1:8000", "demo": None},
    )
    return {one.name: one for one in judge(seen, home="/home", moved_s=moved_s)}


@pytest.mark.parametrize(
    ("silent_s", "standing"), [(0.0, "works"), (29.0, "works"), (60.0, "quiet"), (121.0, "silent"), (None, "unknown")]
)
def test_a_service_is_judged_by_its_last_sign_of_life(silent_s: float | None, standing: str) -> None:
    one = judged(producer=silent_s)["producer"]
    assert one.standing == standing
    assert bool(one.remedy) == (standing != "works")


def test_a_consumer_elsewhere_is_known_by_its_group() -> None:
    assert judged(consumer=None, moved_s=5.0)["consumer"].standing == "works"
    assert judged(consumer=400.0, moved_s=500.0)["consumer"].standing == "silent"


def test_who_has_an_address_is_asked() -> None:
    found = judged()
    assert found["api"].standing == "silent"
    assert "arbkit api" in found["api"].remedy
    assert found["demo"].standing == "unknown"
    assert "ARBKIT_DEMO_PORT" in found["demo"].says
    assert list(found) == ["demo", "producer", "consumer", "scheduler", "api", "dashboards"]


def test_signs_are_read_where_they_are_left(settings: Settings) -> None:
    beat(settings, "consumer")
    seen = read_signs(settings)
    assert seen.silences["producer"] is None
    silent = seen.silences["consumer"]
    assert silent is not None
    assert silent < 30
    # Ports left to chance cannot be asked.
    assert seen.addresses == {"api": None, "demo": None}
