"""The Keepa key is in the environment of the producer alone: not of a service, a kernel or a report."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import SecretStr

from arbkit.core.settings import Settings
from arbkit.reports.runner import run_report
from arbkit.web.dashboards.voila_server import lab
from tests.helpers.required import missing
from tests.helpers.running import Up, running

KEY = "a-very-secret-key-0123456789"
_PATIENCE_S = 300
_SERVICES = ("demo", "produce", "consume", "schedule", "api", "dashboards")


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Up]:
    """One that was given a key, in both spellings, over the demo market, and detects all the time."""
    if sys.platform != "linux":
        missing("Linux", "run this test there")
    monkeypatch.setenv("keepa_api_key", KEY)
    with running(tmp_path / "var", keepa_api_key=KEY, demo=True, detect_interval=1.0, poll_interval=5.0) as one:
        yield one


def role_of(words: list[str]) -> str:
    """What a process is, by its command line; empty: something else, such as a browser that draws a report."""
    line = " ".join(words)
    if "ipykernel" in line:
        return "kernel"
    if "arbkit.reports.worker" in line:
        return "report"
    return next((name for name in _SERVICES if words[-1:] == [name]), "")


@pytest.mark.e2e
def test_under_up_the_producer_alone_is_given_the_key(up: Up) -> None:
    """Looked at until each kind of process was there: reports come and go."""
    supervisor = psutil.Process(up.process.pid).cmdline()
    holders: set[str] = set()
    seen: set[str] = set()
    until = time.monotonic() + _PATIENCE_S
    while not {*_SERVICES, "kernel", "report"} <= seen:
        assert time.monotonic() < until, f"only {seen} were there"
        for process in psutil.Process(up.process.pid).children(recursive=True):
            try:
                words, environment = process.cmdline(), process.environ()
            except psutil.Error:
                continue
            # One that was forked a moment ago is its parent until it runs its own program.
            if words in ([], supervisor):
                continue
            assert KEY not in " ".join(words)
            role = role_of(words)
            seen.add(role)
            if KEY in environment.values():
                holders.add(role or " ".join(words))
        time.sleep(0.05)
    assert holders == {"produce"}


@pytest.fixture
def keyed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a command that was given the key by its environment, in the other spelling too."""
    monkeypatch.setenv("KEEPA_API_KEY", KEY)
    monkeypatch.setenv("keepa_api_key", KEY)
    return settings.model_copy(update={"keepa_api_key": SecretStr(KEY)})


def test_a_report_that_is_run_by_hand_is_not_given_the_key(keyed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, str]] = []

    def spawn(*_: object, environment: dict[str, str], output: Any) -> subprocess.Popen[bytes]:
        given.append(environment)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"], stdout=output, stderr=output)

    monkeypatch.setattr("arbkit.reports.runner.spawn", spawn)
    run_report(keyed, "detect", {})
    assert given
    assert not [one for one in given if KEY in one.values()]


def test_jupyterlab_is_not_given_the_key(keyed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Mapping[str, str]] = []

    def spawn(command: list[str], *, environment: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
        given.append(environment)
        return subprocess.Popen([sys.executable, "-c", ""], stdout=output, stderr=output)

    monkeypatch.setattr("arbkit.web.dashboards.voila_server.spawn", spawn)
    assert lab(keyed, browser=False, stop=threading.Event()) == 0
    assert KEY not in given[0].values()
    assert given[0]["ARBKIT_KEY_ELSEWHERE"] == "1"
