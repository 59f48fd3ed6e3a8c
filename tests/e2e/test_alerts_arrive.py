"""Twenty kills while 2,000 opportunities come and go; the full form is `python -m tests.chaos.alerting.campaign`."""

from __future__ import annotations

import time

import pytest

from arbkit.core.settings import Settings
from tests.chaos.alerting.campaign import Plan, run

pytestmark = pytest.mark.e2e


def test_every_alert_arrives_by_webhook_and_by_mail_whoever_is_killed(settings: Settings) -> None:
    # Other moments each time; a failure prints the seed.
    plan = Plan(kills=20, products=1_000, rounds=5, seed=int(time.time()))
    report = run(plan, settings, say=print)
    print("\n".join(report.lines()))
    assert report.differences == [], f"seed {plan.seed}"
    assert report.kills.total() == 20
    assert report.opportunities >= 2_000
    assert set(report.asked) == {"new_opportunity", "ended"}
