"""The plan of looks: whether there is one, and what stands in its way."""

from __future__ import annotations

import time

from arbkit.core.formatting import age_words
from arbkit.core.settings import Settings
from arbkit.ops.checks.finding import NoticeError, Outcome


def check_plan(settings: Settings) -> Outcome:
    """What keeps looks from being planned, made, or worth their tokens."""
    from arbkit.pipeline.polling.plan_file import read_plan
    from arbkit.pipeline.polling.plan_notes import read_plan_notes

    if settings.mode == "imported":
        return "none is needed: nothing is polled"
    now = time.time()
    if notes := read_plan_notes(settings, now):
        return [NoticeError(note.what, remedy=note.remedy) for note in notes]
    if (plan := read_plan(settings)) is None:
        return "no producer has left one yet; `arbkit plan` makes one"
    return f"left by a producer {age_words(now - plan.at)} ago; `arbkit plan` shows it"
