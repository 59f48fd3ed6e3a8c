"""The scheduler: detection as soon as there is new data, and reports when their time has come.

Detection runs in the loop that sends heartbeats; each report runs in a thread of its own, so that neither waits
for the other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from arbkit.core.errors import ArbkitError, ConfigError, StoreError
from arbkit.core.service.heartbeat import keep_heartbeat, record_heartbeat
from arbkit.core.settings import Settings
from arbkit.reports.run_folders import clean
from arbkit.reports.runner import ReportRun, is_running, run_report
from arbkit.reports.schedule.run_state import ScheduleState
from arbkit.reports.schedule.schedule_file import Entry, Schedule, load_schedule
from arbkit.store.lazy import LazyStore
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, open_stream

__all__ = ["CronRunner", "run_scheduler", "schedule_status"]

logger = logging.getLogger(__name__)

_TICK_S = 0.5
_LOOK_S = 5.0
_LONGEST_FIRST_WAIT_S = 60.0


def run_scheduler(settings: Settings, *, stop: threading.Event) -> None:
    """Run ``detect`` when there is something new, and reports by their schedule, until ``stop`` is set.

    The first detection waits until the consumer has caught up once (at most a minute after the first offer), so
    that the first table is whole. A failed run is logged and tried again at its next time.
    """
    cron_runner = threading.Thread(target=CronRunner(settings, stop=stop).run, name="cron_runner")
    cron_runner.start()
    try:
        _detect_on_change(settings, stop)
    finally:
        stop.set()
        cron_runner.join()


def _detect_on_change(settings: Settings, stop: threading.Event) -> None:
    seen: int | None = None
    due_at = 0.0
    first_offer_at: float | None = None
    with closing(LazyStore(settings)) as store:
        while not stop.wait(_TICK_S):
            record_heartbeat(settings, "scheduler")
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
            with keep_heartbeat(settings, "scheduler", at_most_s=settings.report_time_limit):
                # Every few minutes, all day: nobody looks at so many pictures.
                _run(settings, "detect", {}, stop, pictures=False)


def _newest(store: LazyStore) -> int | None:
    try:
        return store.get().stats().newest_at
    except StoreError:
        return None


def _lag(settings: Settings) -> int:
    with open_stream(settings) as log:
        return sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())


def _run(
    settings: Settings, report: str, parameters: Mapping[str, Any], stop: threading.Event, *, pictures: bool = True
) -> ReportRun | None:
    """Run a report, say how it went, and clean up behind it; None if it could not be started."""
    try:
        done = run_report(settings, report, parameters, pictures=pictures, stop=stop)
        if settings.report_keep:
            clean(settings.reports_dir, keep=settings.report_keep)
    except ArbkitError as error:
        logger.error("%s could not be run: %s", report, error)
        return None
    if done.run.status == "succeeded":
        figures = ", ".join(f"{n} {name}" for name, n in done.run.summary.items() if isinstance(n, int))
        logger.info("%s: %s", report, figures)
    else:
        logger.error("%s %s: %s; see %s", report, done.run.status.replace("_", " "), done.run.error, done.folder)
    return done


class CronRunner:
    """Starts each entry of the schedule when it is due; reads the schedule anew when its file changes.

    ``run`` carries an entry out and answers how it went, None if it could not be started.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        stop: threading.Event,
        memory: ScheduleState | None = None,
        run: Callable[[Entry], ReportRun | None] | None = None,
    ) -> None:
        self._settings = settings
        self._run = run or (lambda entry: _run(settings, entry.report, entry.parameters, stop))
        self._stop = stop
        self._memory = memory or ScheduleState(settings)
        self._schedule: Schedule | None = None
        self._read_from: object = None
        self._running: dict[str, threading.Thread] = {}
        self._said: str | None = None

    def run(self) -> None:
        """Look every half a second until stopped, then wait for what still runs."""
        self.look(again=True)
        while not self._stop.wait(_TICK_S):
            self.look()
        self.join()

    def join(self) -> None:
        """Wait until everything that was started has ended."""
        for thread in self._running.values():
            thread.join()

    def look(self, *, again: bool = False) -> None:
        """Start what is due now; with ``again`` also what the last scheduler left unfinished. Never raises."""
        try:
            self._reload()
            fired = self._memory.recall()
            if self._schedule and any(self._memory.is_ahead(was) for was in fired.values()):
                self._memory.begin(self._schedule.entries)
            for entry in self._schedule.entries if self._schedule else ():
                was = fired.get(entry.name)
                if not entry.enabled or was is None or self._is_running(entry):
                    continue
                left = again and was.get("unfinished", False) and not is_running(self._settings, entry.report)
                if (left or self._memory.due_at(entry, was) is not None) and self._memory.claim(entry, again=left):
                    self._start(entry)
            self._said = None
        except ArbkitError as error:
            # Looked at again twice a second: said once.
            if str(error) != self._said:
                logger.error("the schedule does not run: %s", error)
            self._said = str(error)

    def _reload(self) -> None:
        source = _state_of(self._settings.schedule_path)
        if self._schedule is not None and source == self._read_from:
            return
        schedule = load_schedule(self._settings)
        for wrong in schedule.bad:
            logger.error("%s; it does not run until that is mended", wrong.error)
        self._memory.begin(schedule.entries)
        self._schedule, self._read_from = schedule, source

    def _is_running(self, entry: Entry) -> bool:
        thread = self._running.get(entry.name)
        return thread is not None and thread.is_alive()

    def _start(self, entry: Entry) -> None:
        thread = threading.Thread(target=self._carry_out, args=(entry,), name=f"report {entry.name}")
        self._running[entry.name] = thread
        thread.start()

    def _carry_out(self, entry: Entry) -> None:
        logger.info("%s: its time has come", entry.name)
        done = self._run(entry)
        if self._stop.is_set() and (done is None or done.stopped):
            return
        try:
            run_id, status = (done.run.run_id, done.run.status) if done else (None, "failed")
            self._memory.finish(entry, run_id=run_id, status=status)
        except ArbkitError as error:
            logger.error("%s: its end could not be remembered: %s", entry.name, error)


def _state_of(path: Path | None) -> object:
    """Something that is another once the file has changed."""
    try:
        return (path, path and path.stat().st_mtime_ns, path and path.stat().st_size)
    except OSError:
        return (path, None)


def schedule_status(settings: Settings, *, now: float | None = None) -> list[dict[str, Any]]:
    """Every entry of the schedule with its last and its next run, and what is wrong with it; times in Unix seconds.

    Raises:
        ConfigError: the schedule as a whole cannot be read.
    """
    now = time.time() if now is None else now
    schedule = load_schedule(settings)
    fired = ScheduleState(settings).recall()
    shown: list[dict[str, Any]] = []
    for entry in schedule.entries:
        was = fired.get(entry.name, {})
        shown.append(
            {
                "name": entry.name,
                "report": entry.report,
                "cron": entry.cron.line,
                "timezone": entry.cron.zone.key,
                "enabled": entry.enabled,
                "parameters": dict(entry.parameters),
                "last_at": was.get("last_at"),
                "last_run": was.get("run_id"),
                "last_status": was.get("status"),
                "next_at": entry.cron.next_after(now) if entry.enabled else None,
                "error": None,
            }
        )
    return shown + [_wrong(bad.name, bad.error) for bad in schedule.bad]


def _wrong(name: str, error: ConfigError) -> dict[str, Any]:
    unknown = dict.fromkeys(("report", "cron", "timezone", "last_at", "last_run", "last_status", "next_at"))
    return {"name": name, **unknown, "enabled": False, "parameters": {}, "error": str(error)}
