"""Thirty random injections over every process; the full form is `python -m tests.chaos.campaign`."""

from __future__ import annotations

import time

import pytest

from arbkit.core.settings import Settings
from tests.chaos.campaign import Plan, run

pytestmark = pytest.mark.e2e


def test_thirty_injections_break_no_promise(settings: Settings) -> None:
    # Another one each time; a failure prints it.
    plan = Plan(injections=30, records=2_000, seed=int(time.time()))
    report = run(plan, settings, say=print)
    print("\n".join(report.lines()))
    assert report.injections.total() == 30
    assert set(report.acknowledged) >= {"detection", "import", "replay", "report"}
    assert [str(one) for one in report.differences] == [], f"seed {plan.seed}"
