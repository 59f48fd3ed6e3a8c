"""Commands as a shell starts them: what they leave, their exit codes and their errors."""

from __future__ import annotations

import csv
import io
import os
import time
from pathlib import Path

import orjson

from arbkit.core.service.heartbeat import LIMIT_S, record_heartbeat
from arbkit.core.settings import Settings
from arbkit.store import open_store
from tests.helpers.factories import opportunity
from tests.helpers.processes import arbkit
from tests.helpers.routes import store_routes


def test_init_takes_the_files_of_a_folder(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "watchlist.txt").write_text("B000000001\n")
    done = arbkit(settings, "init", "--files", str(folder))
    assert done.returncode == 0, done.stderr
    assert settings.watchlist is not None
    assert settings.watchlist.read_text() == "B000000001\n"


def test_alive_says_it_with_its_exit_code(settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    never = arbkit(settings, "alive", "producer")
    assert (never.returncode, never.stdout) == (4, "")
    assert "producer: has sent no heartbeat" in never.stderr
    record_heartbeat(settings, "producer")
    alive = arbkit(settings, "alive", "producer")
    assert (alive.returncode, alive.stderr) == (0, "")
    past = time.time() - LIMIT_S - 600
    os.utime(settings.home / "health" / "producer", (past, past))
    silent = arbkit(settings, "alive", "producer")
    assert silent.returncode == 4
    assert silent.stderr.count("\n") == 1
    assert "no heartbeat for 12 min" in silent.stderr


def test_export_writes_what_a_view_shows(settings: Settings, tmp_path: Path) -> None:
    with open_store(settings) as store:
        found = [opportunity(f"B0000000{i:02}", profit=float(i)) for i in range(1, 31)]
        store_routes(store, found)
    file = tmp_path / "best.csv"
    done = arbkit(settings, "export", str(file), "--view", "min_profit=29", "--json")
    assert orjson.loads(done.stdout) == {"file": str(file), "rows": 2}
    assert len(file.read_text("utf-8-sig").splitlines()) == 3
    options = ("--view", "columns=roi&min_profit=30", "--columns", "shown", "--notation", "european")
    assert arbkit(settings, "export", str(file), *options).returncode == 0
    headings, row = csv.reader(io.StringIO(file.read_text("utf-8-sig")), delimiter=";")
    assert dict(zip(headings, row, strict=True))["roi_pct"] == "31,5"
    assert "profit" not in headings
    wrong = arbkit(settings, "export", str(file), "--view", "min_proft=29")
    assert wrong.returncode == 2
    assert "did you mean min_profit?" in wrong.stderr
    assert "ignored" not in wrong.stderr
