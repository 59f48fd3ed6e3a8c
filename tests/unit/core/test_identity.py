"""Whether the process that made something has ended: said only where it is sure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from arbkit.core.service import identity
from arbkit.core.service.identity import has_ended, this_process
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it")

SAY = """
import sys, orjson
from arbkit.core.service.identity import this_process
print(orjson.dumps(this_process()).decode(), flush=True)
sys.stdin.read()
"""


def test_a_process_runs_until_it_has_ended() -> None:
    command = [sys.executable, "-c", SAY]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        other = orjson.loads(process.stdout.readline())
        assert has_ended(other) is False
        process.kill()
    assert has_ended(other) is True
    assert has_ended(this_process()) is False


def test_another_process_of_the_same_number_is_another() -> None:
    assert has_ended({**this_process(), "started": "1"}) is True


@pytest.mark.parametrize("unknown", [{}, {"pid": None}, {"space": "another machine"}, {"space": ""}])
def test_what_cannot_be_known_is_not_said(unknown: dict[str, str | None]) -> None:
    assert has_ended({**this_process(), **unknown} if unknown else {}) is None


def test_where_other_processes_are_hidden_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = this_process()
    monkeypatch.setattr(identity, "_started", lambda _: "")
    assert has_ended(mine) is None
    monkeypatch.setattr(identity, "_PROC", tmp_path)
    assert has_ended(mine) is None
