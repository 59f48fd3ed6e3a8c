"""The scheduler: a sweep of all products as soon as profile or tables change, and reports when their time has come.

The sweep runs in the loop that sends heartbeats; each report runs in a thread of its own, so that neither waits
for the other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Annotated, NamedTuple

from pydantic import Field, JsonValue, PlainSerializer

from arbkit.analysis.detection_inputs import fingerprint, today
from arbkit.core.errors import ArbkitError, ServiceError, StoreError, StreamError
from arbkit.core.results import Result
from arbkit.core.service.heartbeat import Pulse, WorkFaults, keep_heartbeat
from arbkit.core.settings import Settings
from arbkit.display.labels import run_figures
from arbkit.pipeline.outbox import send_notices
from arbkit.reports.catalogue.notebook_file import SUFFIX
from arbkit.reports.run_folders import clean, iso_time
from arbkit.reports.runner import ReportRun, is_running, run_report
from arbkit.reports.schedule.forecast_scores import score_forecasts_daily
from arbkit.reports.schedule.run_state import EntryState, ScheduleState
from arbkit.reports.schedule.schedule_file import Entry, Schedule, load_schedule
from arbkit.store import open_store
from arbkit.store.lazy import LazyStore
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, open_stream

logger = logging.getLogger(__name__)

_TICK_S = 0.5
_POLL_S = 5.0
_LONGEST_FIRST_WAIT_S = 60.0
_CLEAN_EVERY_S = 60.0
_SWEEP_AT_LEAST_EVERY_S = 3_600.0
_LOOKED_AT = 1_000
"""Products that are watched for being left without a price."""


def run_scheduler(settings: Settings, *, stop: threading.Event) -> None:
    """Run ``detect`` when every product has to be priced, and reports by their schedule, until ``stop`` is set.

    That is where profile, tables or day are others than those of the last sweep, where products wait for longer than
    the interval because no detector prices them, and once an hour, for ages move on. The first sweep waits until the
    consumer has caught up once (at most a minute after the first offer), so that the first table is whole. A failed
    run is logged and tried again at its next time.

    Raises:
        ServiceError: $ARBKIT_HOME cannot be written, or the log cannot be read.
    """
    beside = [
        threading.Thread(target=CronRunner(settings, stop=stop).run, name="cron runner"),
        threading.Thread(target=_clean_old_folders, args=(settings, stop), name="clean reports"),
        threading.Thread(target=score_forecasts_daily, args=(settings, stop), name="score forecasts"),
    ]
    for thread in beside:
        thread.start()
    try:
        _sweep_when_due(settings, stop)
    finally:
        stop.set()
        for thread in beside:
            thread.join()


def _clean_old_folders(settings: Settings, stop: threading.Event) -> None:
    """Keep the folders of runs few. In a thread of its own: 50,000 take minutes, in which detection must go on."""
    while settings.report_keep and not stop.is_set():
        try:
            days = settings.report_keep_days or None
            clean(settings.reports_dir, keep=settings.report_keep, older_than_days=days, stop=stop)
        except ArbkitError as error:
            logger.error("old reports could not be removed: %s", error)
        stop.wait(_CLEAN_EVERY_S)


def _sweep_when_due(settings: Settings, stop: threading.Event) -> None:
    look_at = due_at = 0.0
    tried: str | None = None
    first_offer_at: float | None = None
    waiting, swept_at = _Waiting(settings.detect_interval), time.monotonic()
    with Pulse(settings, "scheduler") as pulse, closing(LazyStore(settings)) as store:
        faults = WorkFaults(pulse)
        while not stop.wait(_TICK_S):
            pulse.beat()
            now = time.monotonic()
            if now < look_at:
                continue
            seen = _look(settings, store, faults)
            # Nothing is asked of the store before it could matter.
            look_at = now + (_TICK_S if seen is None else _POLL_S)
            if seen is None:
                continue
            overdue = waiting.note(seen, now)
            if overdue and seen.unsent is not None:
                _announce(settings, faults)
            first_offer_at = first_offer_at or now
            if seen.swept is None and tried is None and _is_filling(settings, now - first_offer_at):
                look_at = now
                continue
            # Prices come in all the time; a profile is changed by somebody who waits for what it does.
            is_changed = seen.inputs != seen.swept
            if not (is_changed or overdue or now - swept_at > _SWEEP_AT_LEAST_EVERY_S):
                continue
            if is_changed and tried == seen.inputs and now < due_at:
                continue
            tried, due_at, swept_at = seen.inputs, now + settings.detect_interval, now
            waiting = _Waiting(settings.detect_interval)
            with keep_heartbeat(settings, "scheduler", at_most_s=settings.report_time_limit):
                # All day: nobody looks at all their pictures.
                done = _run(settings, "detect", {}, stop, pictures=False)
            if done is None or not done.stopped:
                faults.note("detection", _fault_of(done))


class _Seen(NamedTuple):
    """What would be swept with now, and was; the first products that are not priced, and the first notice unsent."""

    inputs: str
    swept: str | None
    unpriced: frozenset[str]
    unsent: str | None


class _Waiting:
    """Watches for what no detector takes up for ``limit_s`` seconds: there is none, or it is far behind."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._left: frozenset[str] = frozenset()
        self._since = 0.0

    def note(self, seen: _Seen, now: float) -> bool:
        """Whether anything that is left to do now has been so for too long."""
        there = seen.unpriced | ({seen.unsent} if seen.unsent is not None else set())
        if not self._left & there:
            self._left, self._since = there, now
        else:
            self._left &= there
        return bool(self._left) and now - self._since >= self._limit_s


def _fault_of(done: ReportRun | None) -> ServiceError | None:
    if done is None:
        return ServiceError("the detection of all products cannot be run", remedy="The scheduler's log says why")
    if done.run.status == "succeeded":
        return None
    why = f"the detection of all products {done.run.status.replace('_', ' ')}: {done.run.error}"
    return ServiceError(why, remedy=f"See {done.folder}")


def _is_filling(settings: Settings, waited_s: float) -> bool:
    """Whether the first table would not be whole yet, and is to be waited for."""
    return waited_s < _LONGEST_FIRST_WAIT_S and _lag(settings) > 0


def _look(settings: Settings, store: LazyStore, faults: WorkFaults) -> _Seen | None:
    """None where there is nothing to price yet."""
    try:
        opened = store.get()
        there = opened.asins(limit=1)
        faults.note("store", None)
        if not there:
            return None
        inputs = fingerprint(settings, today())
        unsent = next((notice.id for notice in opened.unsent(1)), None)
        return _Seen(inputs, opened.swept(), frozenset(opened.unpriced(_LOOKED_AT)), unsent)
    except StoreError as error:
        faults.note("store", None if error.kind == "empty" else error)
        return None


def _announce(settings: Settings, faults: WorkFaults) -> None:
    """Send what a detection that was killed, or had no log to write to, has left in the outbox."""
    try:
        with open_store(settings) as writable, open_stream(settings) as log:
            logger.info("%d notices of an earlier detection are sent", send_notices(writable, log))
        faults.note("outbox", None)
    except (StoreError, StreamError) as error:
        logger.warning("the outbox waits: %s", error)
        faults.note("outbox", error)


def _lag(settings: Settings) -> int:
    with open_stream(settings) as log:
        return sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())


def _run(
    settings: Settings,
    report: str,
    parameters: Mapping[str, JsonValue],
    stop: threading.Event,
    *,
    pictures: bool = True,
    scheduled: bool = False,
) -> ReportRun | None:
    """Run a report and say how it went; None if it could not be started."""
    try:
        done = run_report(settings, report, parameters, pictures=pictures, stop=stop, scheduled=scheduled)
    except ArbkitError as error:
        logger.error("%s could not be run: %s", report, error)
        return None
    if done.run.status == "succeeded":
        logger.info("%s: %s", report, ", ".join(run_figures(done.run.summary)))
    elif done.stopped:
        # Whoever ended arbkit has done so on purpose.
        logger.info("%s: %s", report, done.run.error)
    else:
        logger.error("%s %s: %s; see %s", report, done.run.status.replace("_", " "), done.run.error, done.folder)
    return done


class CronRunner:
    """Starts each entry of the schedule when it is due; reads the schedule anew when its file changes.

    ``run`` runs an entry and answers how it went, None if it could not be started.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        stop: threading.Event,
        state: ScheduleState | None = None,
        run: Callable[[Entry], ReportRun | None] | None = None,
    ) -> None:
        self._settings = settings
        self._run = run or (lambda entry: _run(settings, entry.report, entry.parameters, stop, scheduled=True))
        self._stop = stop
        self._state = state or ScheduleState(settings)
        self._schedule: Schedule | None = None
        self._read_version: tuple[tuple[str, int, int], ...] | None = None
        self._running: dict[str, threading.Thread] = {}
        self._logged: str | None = None

    def run(self) -> None:
        """Check twice a second what is due until stopped, then wait for what still runs."""
        self.start_due(resume=True)
        while not self._stop.wait(_TICK_S):
            self.start_due()
        self.join()

    def join(self) -> None:
        """Wait until everything that was started has ended."""
        for thread in self._running.values():
            thread.join()

    def start_due(self, *, resume: bool = False) -> None:
        """Start what is due now; with ``resume`` also what the last scheduler left unfinished. Never raises."""
        try:
            schedule = self._current_schedule()
            states = self._state.read()
            if any(self._state.is_ahead(state) for state in states.values()):
                self._state.track(schedule.entries)
            for entry in schedule.entries:
                if (state := states.get(entry.name)) is not None and entry.enabled:
                    self._start_if_due(entry, state, resume=resume)
            self._logged = None
        except ArbkitError as error:
            # This runs twice a second: the same error is logged once.
            if str(error) != self._logged:
                logger.error("the schedule does not run: %s", error)
            self._logged = str(error)

    def _current_schedule(self) -> Schedule:
        version = _file_version(self._settings)
        if self._schedule is None or version != self._read_version:
            schedule = load_schedule(self._settings)
            for wrong in schedule.bad:
                logger.error("%s; it does not run until that is mended", wrong.error)
            self._state.track(schedule.entries)
            self._schedule, self._read_version = schedule, version
        return self._schedule

    def _start_if_due(self, entry: Entry, state: EntryState, *, resume: bool) -> None:
        thread = self._running.get(entry.name)
        if thread is not None and thread.is_alive():
            return
        unfinished = resume and state.get("unfinished", False) and not is_running(self._settings, entry.report)
        due = unfinished or self._state.due_at(entry, state) is not None
        if due and self._state.claim(entry, resume=unfinished):
            thread = threading.Thread(target=self._run_entry, args=(entry,), name=f"report {entry.name}")
            self._running[entry.name] = thread
            thread.start()

    def _run_entry(self, entry: Entry) -> None:
        logger.info("%s: its time has come", entry.name)
        done = self._run(entry)
        if self._stop.is_set() and (done is None or done.stopped):
            return
        try:
            run_id, status = (done.run.run_id, done.run.status) if done else (None, "failed")
            self._state.finish(entry, run_id=run_id, status=status)
        except ArbkitError as error:
            logger.error("%s: its end could not be stored: %s", entry.name, error)


def _file_version(settings: Settings) -> tuple[tuple[str, int, int], ...]:
    """Name, time (ns) and size of the schedule's file and the user's own reports: others once one of them changed."""
    paths = [settings.schedule_path] if settings.schedule_path is not None else []
    with suppress(OSError):
        paths += sorted(settings.own_reports_dir.glob(f"*{SUFFIX}"))
    versions: list[tuple[str, int, int]] = []
    for path in paths:
        with suppress(OSError):
            facts = path.stat()
            versions.append((path.name, facts.st_mtime_ns, facts.st_size))
    return tuple(versions)


IsoTime = Annotated[float, PlainSerializer(iso_time, when_used="json")]
"""Unix seconds, in JSON an ISO time."""


class EntryStatus(Result):
    """An entry of the schedule, its last and its next run, and what is wrong with it; times in Unix seconds.

    Of a wrong entry only ``name`` and ``error`` are known, of a schedule that cannot be read only ``error``.
    """

    name: str | None = None
    report: str | None = None
    cron: str | None = None
    timezone: str | None = None
    enabled: bool = False
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    last_at: IsoTime | None = None
    last_run: str | None = None
    last_status: str | None = None
    next_at: IsoTime | None = None
    error: str | None = None


class ScheduleShown(Result):
    """A schedule, by the name of its file, and its entries."""

    schedule: str
    entries: list[EntryStatus]


class ComingRun(Result):
    """A run that an entry of the schedule will start."""

    at: IsoTime
    name: str
    report: str
    timezone: str


class ComingRuns(Result):
    """The next runs, the soonest first."""

    items: list[ComingRun]


def coming_runs(schedule: Schedule, limit: int) -> ComingRuns:
    """The next ``limit`` runs of all entries of ``schedule`` together."""
    runs: list[ComingRun] = []
    for entry in schedule.entries:
        at = time.time()
        for _ in range(limit if entry.enabled else 0):
            at = entry.cron.next_after(at)
            runs.append(ComingRun(at=at, name=entry.name, report=entry.report, timezone=entry.cron.zone.key))
    return ComingRuns(items=sorted(runs, key=lambda run: run.at)[:limit])


def schedule_status(settings: Settings, *, now: float | None = None) -> list[EntryStatus]:
    """The status of every entry of the schedule at ``now`` (Unix seconds), the wrong ones last.

    Raises:
        ConfigError: the schedule as a whole cannot be used.
        ServiceError: the schedule's state cannot be read.
    """
    now = time.time() if now is None else now
    schedule = load_schedule(settings)
    states = ScheduleState(settings).read()
    good = [_status(entry, states.get(entry.name, {}), now) for entry in schedule.entries]
    return good + [EntryStatus(name=bad.name, error=str(bad.error)) for bad in schedule.bad]


def _status(entry: Entry, state: EntryState, now: float) -> EntryStatus:
    return EntryStatus(
        name=entry.name,
        report=entry.report,
        cron=entry.cron.line,
        timezone=entry.cron.zone.key,
        enabled=entry.enabled,
        parameters=entry.parameters,
        last_at=state.get("last_at"),
        last_run=state.get("run_id"),
        last_status=state.get("status"),
        next_at=entry.cron.next_after(now) if entry.enabled else None,
    )
