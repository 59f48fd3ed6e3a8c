"""The process that runs a report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import papermill
import pytest

from arbkit.reports.worker import _run_notebook

_PROGRAM = """
import sys
from pathlib import Path
from arbkit.reports import worker
from arbkit.reports.run_folders import Job

seen = []
def warm():
    module = sys.modules.get("jupyter_client.manager")
    seen.append(module is not None and not module.__spec__._initializing)
worker._warm = warm
worker._run_notebook = lambda *_, **__: None
job = Job(notebook=Path("a.ipynb"), title="A", parameters={}, limit_s=60, figures=False)
worker.execute(Path("."), job)
print(seen)
"""


def test_what_two_threads_import_is_whole_before_there_are_two(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[True]", 0), done.stderr


@pytest.mark.parametrize("why", ["Kernel didn't respond in 300 seconds", "Kernel died before replying to kernel_info"])
def test_a_kernel_that_does_not_start_is_no_fault_of_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(why)

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    error = _run_notebook(tmp_path / "a.ipynb", tmp_path / "done.ipynb", {}, start_s=1.0)
    assert error is not None
    assert error.startswith(f"ServiceError: the kernel did not start ({why})")
