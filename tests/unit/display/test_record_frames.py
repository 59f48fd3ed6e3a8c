"""In a notebook a route that is no opportunity can be told from one."""

from __future__ import annotations

from arbkit.display.record_frames import opportunities_frame
from tests.helpers.factories import opportunity


def test_what_is_no_opportunity_says_why_and_what_its_packages_leave() -> None:
    sized, open_size = opportunity(), opportunity("B000000002", status="needs_size", profit_low=-4.0, profit_high=3.0)
    frame = opportunities_frame([sized, open_size])
    assert list(frame["status"]) == ["opportunity", "needs_size"]
    assert (frame["profit_low"][1], frame["profit_high"][1]) == (-4.0, 3.0)
    assert "status" not in opportunities_frame([sized])
