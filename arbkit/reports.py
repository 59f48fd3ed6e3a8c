"""Reports: notebooks run by papermill in a process of their own, filed when complete.

A run lives in ``$ARBKIT_HOME/reports/<report>/<run>/`` as ``notebook.ipynb``, ``report.html`` (without code)
and ``result.json``. It is made in a hidden folder beside it and moved into place at the end, so a folder
that can be seen is whole. ``latest`` and ``latest-successful`` point at the newest ones.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from arbkit.detect import DetectParameters
from arbkit.errors import ArbkitError, UsageError
from arbkit.models import Run, RunStatus
from arbkit.settings import Settings
from arbkit.shipped import shipped
from arbkit.store import Store, open_store

__all__ = ["REPORTS", "Report", "ReportRun", "run_report"]

TIME_LIMIT_S = 1800.0


@dataclass(frozen=True, slots=True)
class Report:
    """A notebook that can be run: its name, what it takes, what it is for."""

    name: str
    parameters: type[BaseModel]
    purpose: str

    @property
    def notebook(self) -> Path:
        return shipped("notebooks") / f"{self.name}.ipynb"

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as the notebook gets them: only those given, typed.

        Raises:
            UsageError: an unknown name (with the nearest right one), or a value of the wrong type.
        """
        known = self.parameters.model_fields
        for name in given:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                raise UsageError(
                    f"report {self.name} has no such parameter",
                    field="parameter",
                    value=name,
                    remedy=f"Did you mean {near[0]}?" if near else f"It takes: {', '.join(known)}",
                )
        try:
            parsed = self.parameters.model_validate(dict(given))
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(
                first["msg"].removeprefix("Value error, "),
                field=".".join(str(part) for part in first["loc"]),
                value=first.get("input"),
            ) from None
        return parsed.model_dump(mode="json", exclude_unset=True)


REPORTS: Mapping[str, Report] = {
    r.name: r for r in (Report("detect", DetectParameters, "price every route and store what leaves money"),)
}


@dataclass(frozen=True, slots=True)
class ReportRun:
    """A finished run and, where it got that far, its ``result.json``."""

    run: Run
    folder: Path
    result: dict[str, Any] | None


def run_report(
    settings: Settings, name: str, given: Mapping[str, Any], *, time_limit_s: float = TIME_LIMIT_S
) -> ReportRun:
    """Run a report to its end, whatever the end is; ``run.status`` tells.

    Raises:
        UsageError: no such report, or a parameter is wrong; nothing was started.
        StoreError: the run cannot be recorded.
    """
    report = REPORTS.get(name)
    if report is None:
        raise UsageError("no such report", field="report", value=name, remedy=f"There is: {', '.join(REPORTS)}")
    parameters = report.check(given)
    started = time.time()
    run_id = f"{datetime.fromtimestamp(started, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    folder = settings.reports_dir / name / run_id
    making = folder.with_name(f".{run_id}")
    making.mkdir(parents=True)
    run = Run(
        run_id=run_id,
        report=name,
        status="running",
        started_at=started,
        parameters=parameters,
        output=str(folder),
    )
    with open_store(settings) as store:
        store.put_run(run)
        status, error = _execute(settings, report, parameters, making, run_id=run_id, time_limit_s=time_limit_s)
        return _file(store, replace(run, status=status, error=error, finished_at=time.time()), making, folder)


def _execute(
    settings: Settings,
    report: Report,
    parameters: Mapping[str, Any],
    folder: Path,
    *,
    run_id: str,
    time_limit_s: float,
) -> tuple[RunStatus, str | None]:
    """Run the notebook in a process group of its own, which goes whole when time is up."""
    job = folder / "job.json"
    job.write_bytes(orjson.dumps({**parameters, "run_id": run_id, "run_dir": str(folder.resolve())}))
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "arbkit.notebook", str(report.notebook), str(job), str(folder)],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **settings.environment()},
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=time_limit_s)
        except subprocess.TimeoutExpired:
            return "timed_out", f"stopped after {time_limit_s:g} s"
        finally:
            _end(process)
    job.unlink()
    if code == 0:
        return "succeeded", None
    tail = (folder / "output.log").read_text("utf-8", "replace").strip().splitlines()
    return "failed", tail[-1] if tail else f"the notebook's process ended with status {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the process group: the kernel must not outlive its run."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait()


def _file(store: Store, run: Run, making: Path, folder: Path) -> ReportRun:
    """Move a run into place, point ``latest`` at it and record it."""
    result_file = making / "result.json"
    result = orjson.loads(result_file.read_bytes()) if result_file.exists() else None
    if run.status == "succeeded" and result is None:
        run = replace(run, status="failed", error="the notebook left no result.json")
    if result is not None:
        counts = {k: result[k] for k in ("products", "routes", "total") if k in result}
        run = replace(run, summary=counts)
    making.replace(folder)
    _point(folder.parent / "latest", folder.name)
    if run.status == "succeeded":
        _point(folder.parent / "latest-successful", folder.name)
    store.put_run(run)
    return ReportRun(run, folder, result)


def _point(link: Path, name: str) -> None:
    """Make ``link`` a symbolic link to ``name``, in one step."""
    fresh = link.with_name(f".{link.name}-{secrets.token_hex(3)}")
    fresh.symlink_to(name)
    fresh.replace(link)


def run_or_raise(settings: Settings, name: str, given: Mapping[str, Any]) -> ReportRun:
    """As :func:`run_report`, but a run that did not succeed is an error.

    Raises:
        ArbkitError: the run failed; names the run's folder.
    """
    done = run_report(settings, name, given)
    if done.run.status != "succeeded":
        raise ArbkitError(
            f"report {name} {done.run.status.replace('_', ' ')}: {done.run.error}",
            remedy=f"See {done.folder}",
        )
    return done


def sweep(settings: Settings) -> None:
    """Remove what runs left behind that were killed half-way, once they are older than any run may be."""
    for folder in settings.reports_dir.glob("*/.2*"):
        if folder.is_dir() and time.time() - folder.stat().st_mtime > TIME_LIMIT_S:
            shutil.rmtree(folder)
