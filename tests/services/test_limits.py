"""The measuring of memory limits: what exceeds one is seen, in a control group and where there is none."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.limits import MIB, Limit, Measured, Watched, limiting
from tests.helpers.required import missing

_HOLD = "import sys, time; held = bytearray(int(sys.argv[1]) << 20); print('held', flush=True); time.sleep(600)"


def held(limit: Limit, mib: int) -> subprocess.Popen[str]:
    """A process that holds so much memory; it may be dead."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(mib)], stdout=subprocess.PIPE, text=True, preexec_fn=limit.enter
    )
    limit.pid = process.pid
    assert process.stdout is not None
    process.stdout.readline()
    return process


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.fixture(autouse=True)
def _on_linux() -> None:
    if sys.platform != "linux":
        missing("Linux", "run this test there")


def test_what_a_process_holds_and_leaves_in_its_tmp_is_counted(tmp_path: Path) -> None:
    limit = Watched("one", 200 * MIB, tmp_path)
    process = held(limit, 60)
    try:
        limit.sample()
        alone = limit.measured().peak
        (tmp_path / "file").write_bytes(b"x" * (10 * MIB))
        limit.sample()
        assert 60 * MIB < alone < 120 * MIB
        assert limit.measured().peak >= alone + 9 * MIB
        assert limit.measured().passed
    finally:
        ended(process)


def test_who_takes_more_than_four_fifths_does_not_pass() -> None:
    assert Measured("one", 100, 80, 0, "").passed
    assert not Measured("one", 100, 81, 0, "").passed
    assert not Measured("one", 100, 50, 1, "").passed


def test_who_exceeds_its_limit_is_named_with_it(tmp_path: Path) -> None:
    with limiting() as limits:
        limit = limits.set("hungry", 100 * MIB, tmp_path)
        process = held(limit, 300)
        try:
            for _ in range(100):
                if not limit.measured().passed:
                    break
                time.sleep(0.1)
            found = limit.measured()
            assert not found.passed
            assert "hungry" in str(found)
            assert "of 100 MiB" in str(found)
        finally:
            ended(process)
