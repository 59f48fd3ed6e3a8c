"""Reports: notebooks run by papermill in a process of their own, filed when complete.

A run lives in ``$ARBKIT_HOME/reports/<report>/<run>/`` as ``notebook.ipynb``, ``report.html`` (without code),
``result.json`` and a PNG of each main figure. It is made in a hidden folder beside it and moved into place at the
end, so a folder that can be seen is whole. ``latest`` and ``latest-successful`` point at the newest ones. No two
runs of the same report are under way at once, in whatever processes.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from arbkit.core import errors
from arbkit.core.errors import ArbkitError, ServiceError
from arbkit.core.files import file_lock, is_locked, sync_folder, sync_tree
from arbkit.core.models import Run, RunStatus
from arbkit.core.results import Json
from arbkit.core.service.process_tree import end_tree, kill_tree, spawn
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.find import find_report
from arbkit.reports.catalogue.report import Report
from arbkit.reports.run_folders import LATEST, LATEST_SUCCESSFUL, SCHEDULED, Job, new_run_id, point_to, read_json, sweep
from arbkit.store import Store, open_store

logger = logging.getLogger(__name__)

_GRACE_S = 6.0
_EXPLAIN_S = 60.0
_POLL_S = 0.1
_FULL_BELOW = 1 << 20
STOPPED = "stopped, because arbkit was"
_DISK_FULL = "the disk is full: free some space, or move ARBKIT_HOME"


@dataclass(frozen=True, slots=True)
class ReportRun:
    """A finished run and the folder it is filed in."""

    run: Run
    folder: Path

    @property
    def result(self) -> dict[str, JsonValue] | None:
        """The object of its ``result.json``, read anew, or None where it left none."""
        result, _ = read_json(self.folder / "result.json")
        return result if isinstance(result, dict) else None

    @property
    def stopped(self) -> bool:
        """Whether it was ended because arbkit was, and not of its own accord."""
        return self.run.error == STOPPED


def is_running(settings: Settings, name: str) -> bool:
    """Whether a run of this report is under way in some process."""
    return is_locked(_lock(settings, name))


def run_report(
    settings: Settings,
    name: str,
    given: Mapping[str, Json],
    *,
    pictures: bool = True,
    stop: threading.Event | None = None,
    report: Report | None = None,
    scheduled: bool = False,
) -> ReportRun:
    """Run a report to its end, whatever the end is; ``run.status`` tells. Waits for another run of it to end.

    ``scheduled``: it was started by a schedule, and so is what the next one is compared with.

    Raises:
        UsageError: no such report, or a parameter is wrong; nothing was started.
        ConfigError: it is the user's own, and its notebook cannot be used; nothing was started.
        ServiceError: the run cannot be made or recorded, or another one would not end.
    """
    report = report or find_report(settings, name)
    parameters = report.check(given)
    lock, what = _lock(settings, report.name), f"a run of report {report.name}"
    if is_locked(lock):
        logger.info("another run of %s is under way: waiting for it", report.name)
    with open_store(settings) as store, file_lock(lock, what=what, wait_s=settings.report_time_limit, stop=stop):
        sweep(lock.parent)
        _close_abandoned(store, report.name, lock.parent)
        return _run(
            settings, store, report, parameters, pictures=pictures, stop=stop or threading.Event(), scheduled=scheduled
        )


def _lock(settings: Settings, name: str) -> Path:
    return settings.reports_dir / name / ".lock"


def _close_abandoned(store: Store, name: str, folder: Path) -> None:
    """Close the records of runs whose process vanished: the lock is ours, so nobody works on them."""
    for run in store.runs(report=name, limit=20):
        if run.status == "running" and run.output == str(folder / run.run_id):
            store.put_run(replace(run, status="failed", error="its process ended without a word"))


def _run(
    settings: Settings,
    store: Store,
    report: Report,
    parameters: Mapping[str, Json],
    *,
    pictures: bool,
    stop: threading.Event,
    scheduled: bool,
) -> ReportRun:
    started = time.time()
    run_id = new_run_id(started)
    folder = settings.reports_dir / report.name / run_id
    run = Run(
        run_id=run_id, report=report.name, status="running", started_at=started, parameters=parameters,
        output=str(folder),
    )  # fmt: skip
    store.put_run(run)
    making = folder.with_name(f".{run_id}")
    try:
        making.mkdir(parents=True)
        job = Job(
            notebook=report.notebook,
            parameters={**parameters, "run_id": run_id, "run_dir": str(making.resolve())},
            title=f"{report.name} {run_id}",
            limit_s=settings.report_time_limit,
            figures=pictures,
            is_own=report.is_own,
        )
        status, error = _execute(settings, making, job, stop)
        (making / "job.json").unlink()
        if scheduled:
            (making / SCHEDULED).touch()
        summary, _ = read_json(making / "summary.json")
        if isinstance(summary, dict):
            run = replace(run, summary=summary)
        run = replace(run, status=status, error=error, finished_at=time.time())
        sync_tree(making)
        making.replace(folder)
        sync_folder(folder.parent)
        point_to(folder.parent / LATEST, folder.name)
        if run.status == "succeeded":
            point_to(folder.parent / LATEST_SUCCESSFUL, folder.name)
    except OSError as failure:
        where = failure.filename or "the run's folder"
        why = f"{where}: cannot be written: {failure.strerror}. Free some space, or move ARBKIT_HOME"
        run = replace(run, status="failed", error=why, finished_at=time.time())
    except BaseException:
        with suppress(ArbkitError):
            store.put_run(replace(run, status="failed", error=STOPPED, finished_at=time.time()))
        raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    store.put_run(run)
    return ReportRun(run, folder)


def _execute(settings: Settings, folder: Path, job: Job, stop: threading.Event) -> tuple[RunStatus, str | None]:
    """Run the notebook in a process of its own, which goes with all that it started when time is up."""
    deadline = time.monotonic() + job.limit_s
    process = _start(settings, folder, job)
    try:
        while process.poll() is None and not stop.is_set() and time.monotonic() < deadline:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_S)
        code = process.poll()
    finally:
        # Asked to end, it ends its kernel and shows which cell was at work.
        end_tree([process], grace_s=_GRACE_S)
    if code == 0:
        is_there = job.is_own or (folder / "result.json").exists()
        return ("succeeded", None) if is_there else ("failed", "the notebook left no result.json")
    status, error = _failure(folder, job, code, stopped=stop.is_set())
    if not (folder / "report.html").exists() and error != STOPPED:
        _explain(settings, folder, job.model_copy(update={"explain": error}))
    _drop_half_written(folder)
    return status, error


def _failure(folder: Path, job: Job, code: int | None, *, stopped: bool) -> tuple[RunStatus, str]:
    """Why a process that ended with ``code`` (None: it had to be ended) did not succeed."""
    if code is not None:
        return "failed", _last_words(folder, code)
    return ("failed", STOPPED) if stopped else ("timed_out", job.too_long)


def _start(settings: Settings, folder: Path, job: Job) -> subprocess.Popen[bytes]:
    (folder / "job.json").write_text(job.model_dump_json(), "utf-8")
    with (folder / "output.log").open("ab") as output:
        return spawn(
            [sys.executable, "-m", "arbkit.reports.worker", str(folder)],
            output=output,
            environment={
                **settings.without_key().child_environment(os.environ),
                # The executed notebook holds each figure as data; its page brings plotly.js once.
                "PLOTLY_RENDERER": "plotly_mimetype",
                "ARBKIT_SUPERVISED": str(os.getpid()),
            },
        )


def _explain(settings: Settings, folder: Path, job: Job) -> None:
    """Have what a killed process left shown, with the cell that was at work on top."""
    process = _start(settings, folder, job)
    try:
        process.wait(_EXPLAIN_S)
    except subprocess.TimeoutExpired:
        logger.warning("%s could not be shown within %g s", folder, _EXPLAIN_S)
    finally:
        kill_tree(process)


def _last_words(folder: Path, code: int) -> str:
    """Why a notebook's process ended with ``code``, as far as is known."""
    if shutil.disk_usage(folder).free < _FULL_BELOW:
        return _DISK_FULL
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}: was there enough memory?"
    tail = (folder / "output.log").read_text("utf-8", "replace").strip().splitlines()
    return tail[-1] if tail else f"the notebook's process ended with status {code}"


def _drop_half_written(folder: Path) -> None:
    """Take away what a full disk or a killed process has left of a file."""
    for path in folder.iterdir():
        if path.suffix in (".ipynb", ".json") and read_json(path)[1] is not None:
            path.unlink()


def run_or_raise(settings: Settings, name: str, given: Mapping[str, Json], *, pictures: bool = True) -> ReportRun:
    """As :func:`run_report`, but a run that did not succeed is an error.

    Raises:
        ArbkitError: the run failed; names the run's folder.
        ServiceError: it could not be written, or log, store or disk failed it.
    """
    done = run_report(settings, name, given, pictures=pictures)
    if done.run.status != "succeeded":
        why = f"report {name} {done.run.status.replace('_', ' ')}: {done.run.error}"
        if not done.folder.exists():
            raise ServiceError(why)
        kind = ServiceError if _is_of_a_service(done.run.error or "") else ArbkitError
        raise kind(why, remedy=f"See {done.folder}")
    return done


def _is_of_a_service(error: str) -> bool:
    """Whether what a notebook ended with is no fault of its own: log, store or disk failed it."""
    name = error.partition(":")[0]
    kind = getattr(errors, name, None)
    # A plain OSError is the disk's: what is not there, or not allowed, has an error of its own name.
    return error == _DISK_FULL or name == "OSError" or (isinstance(kind, type) and issubclass(kind, ServiceError))
