"""What a command ends with whose report failed: a fault of arbkit, or of the log, store or disk under it."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.core.errors import ArbkitError, ServiceError
from arbkit.core.models import Run
from arbkit.core.settings import Settings
from arbkit.reports import runner


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("StoreError: the disk of the store fails or takes no more: disk I/O error", 4),
        ("StreamError: the changes are stored, but what follows from them is not announced yet", 4),
        ("StoreCorruptError: its file is damaged", 4),
        ("OSError: [Errno 28] No space left on device: 'result.json'", 4),
        ("the disk is full: free some space, or move ARBKIT_HOME", 4),
        ("ServiceError: the kernel did not start (Kernel didn't respond in 300 seconds)", 4),
        ("KeyError: 'asin'", 1),
        ("ArbkitError: anything", 1),
        ("errors: no class", 1),
        ("the kernel ended while a cell was at work: was there enough memory?", 1),
        ("FileNotFoundError: [Errno 2] No such file or directory", 1),
    ],
)
def test_the_exit_code_says_whose_fault_it_was(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str, code: int
) -> None:
    run = Run(run_id="r", report="morning", status="failed", started_at=1.0, error=error)
    monkeypatch.setattr(runner, "run_report", lambda *_, **__: runner.ReportRun(run, tmp_path))
    with pytest.raises(ArbkitError, match=f"See {tmp_path}") as caught:
        runner.run_or_raise(settings, "morning", {})
    assert caught.value.exit_code == code
    assert isinstance(caught.value, ServiceError) == (code == 4)
