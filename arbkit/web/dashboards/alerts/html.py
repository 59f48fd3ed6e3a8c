"""What the alerts page shows as markup."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from arbkit.alerts.trial import Trial
from arbkit.web.dashboards.alerts.channels import ChannelRow
from arbkit.web.dashboards.alerts.rules import RuleRow
from arbkit.web.dashboards.cells import printable
from arbkit.web.dashboards.html import page_html

SPANS = {"8h": "8 hours", "1d": "1 day", "7d": "7 days"}
"""How long a rule may be muted by one click."""


def rules_html(rows: Sequence[RuleRow], *, path: Path, intro: str, fault: str, uncounted: int | None) -> Markup:
    """Every rule, with buttons that mute it.

    Args:
        rows: the rules.
        path: the file of rules, whether it is there or not.
        intro: what is to be said above them; empty: nothing.
        fault: why the file as a whole cannot be used; empty: it can.
        uncounted: opportunities that are too many to be put to the rules unasked; None: they are put to them.
    """
    return page_html(
        "alerts_rules.html.j2", rows=rows, path=path, intro=intro, fault=fault, uncounted=uncounted, spans=SPANS
    )


def channels_html(rows: Sequence[ChannelRow], *, path: Path, testing: str, notice: str) -> Markup:
    """Every channel, with a button that sends a test; ``testing`` names the one that is tested just now."""
    return page_html("alerts_channels.html.j2", rows=rows, path=path, testing=testing, notice=notice)


def trial_html(trial: Trial) -> Markup:
    """What a rule that was typed in finds, the best first."""
    return page_html("alerts_trial.html.j2", trial=trial, printable=printable)
