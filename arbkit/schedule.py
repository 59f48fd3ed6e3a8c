"""The scheduler: detection as soon as the first data is in, then at intervals while data changes."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing

from arbkit.errors import ArbkitError, StoreError
from arbkit.health import beat, beating
from arbkit.log import ENRICH_GROUP, RAW_TOPIC, open_log
from arbkit.reports import TIME_LIMIT_S, run_report, sweep
from arbkit.settings import Settings
from arbkit.store.late import LateStore

__all__ = ["schedule"]

logger = logging.getLogger(__name__)

_TICK_S = 0.5
_LOOK_S = 5.0
_LONGEST_FIRST_WAIT_S = 60.0


def schedule(settings: Settings, *, stop: threading.Event) -> None:
    """Run ``detect`` when there is something new to detect on, until ``stop`` is set.

    The first run waits until the consumer has caught up once (at most a minute after the first offer), so
    that the first table is whole. A failed run is logged and tried again at the next interval.
    """
    sweep(settings)
    seen: int | None = None
    due_at = 0.0
    first_offer_at: float | None = None
    with closing(LateStore(settings)) as store:
        while not stop.wait(_TICK_S):
            beat(settings, "scheduler")
            # Nothing is asked of the store before it could matter.
            if time.monotonic() < due_at:
                continue
            newest = _newest(store)
            if newest in (None, seen):
                due_at = time.monotonic() + (_TICK_S if seen is None else _LOOK_S)
                continue
            first_offer_at = first_offer_at or time.monotonic()
            if seen is None and _lag(settings) and time.monotonic() - first_offer_at < _LONGEST_FIRST_WAIT_S:
                continue
            due_at = time.monotonic() + settings.detect_interval
            seen = newest
            _run(settings)


def _newest(store: LateStore) -> int | None:
    try:
        return store.get().stats().newest_at
    except StoreError:
        return None


def _lag(settings: Settings) -> int:
    with open_log(settings) as log:
        return sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())


def _run(settings: Settings) -> None:
    try:
        with beating(settings, "scheduler", at_most_s=TIME_LIMIT_S):
            done = run_report(settings, "detect", {})
    except ArbkitError as error:
        logger.error("detect could not be run: %s", error)
        return
    if done.run.status == "succeeded" and done.result is not None:
        logger.info("detect: %d opportunities, %d new", done.result["total"], len(done.result["new"]))
    else:
        logger.error("detect %s: %s; see %s", done.run.status, done.run.error, done.folder)
