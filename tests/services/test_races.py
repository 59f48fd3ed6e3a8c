"""Several processes change the same file of a user at once: every change that was acknowledged is there afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from arbkit.cli import app
from arbkit.core.files import shipped_folder
from arbkit.core.settings import Settings
from arbkit.ops.setup import adopt_user_files
from arbkit.sources import watchlist
from arbkit.store import open_store
from arbkit.web.dashboards.voila_server import own_notebooks
from tests.helpers.paths import ROOT

PROCESSES, CHANGES = 4, 25

BEGIN = """
import os, sys, time
from pathlib import Path
from arbkit.core.settings import Settings
me, count = int(sys.argv[1]), int(sys.argv[2])
settings = Settings.load(_env_file=None, home=Path(sys.argv[3]), folder=Path(sys.argv[3]).parent, demo=False)
"""
AWAIT = """
print("ready", flush=True)
sys.stdin.readline()
"""
WATCH = """
from arbkit.sources import watchlist
""" + AWAIT + """
for number in range(count):
    watchlist.add(settings.watchlist_path, [f"B{me}{number:08d}"])
    if number % 5 == 4:
        watchlist.remove(settings.watchlist_path, [f"B{me}{number:08d}"])
"""  # fmt: skip
VIEWS = """
from arbkit.web.dashboards.saved_views import SavedViews
""" + AWAIT + """
for number in range(count):
    SavedViews(settings).save(f"{me} {number:08d}", "?a")
    if number % 5 == 4:
        SavedViews(settings).delete(f"{me} {number:08d}")
"""  # fmt: skip
FACTS = """
from arbkit.core.offers.facts import Fact
from arbkit.store import open_store
from arbkit.store.kept_facts import set_fact, unset_fact
store = open_store(settings)
""" + AWAIT + """
for number in range(count):
    set_fact(settings, store, Fact.of(f"B{me}{number:08d}", "package", {"weight_g": 900}, at=1.0))
    if number % 5 == 4:
        unset_fact(settings, store, f"B{me}{number:08d}", "", "package")
"""  # fmt: skip


def expected() -> set[str]:
    return {f"{me}{number:08d}" for me in range(PROCESSES) for number in range(CHANGES) if number % 5 != 4}


def race(settings: Settings, code: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BEGIN + code, str(me), str(CHANGES), str(settings.home)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for me in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    # All at once, when all have been started.
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=300)
    assert [process.returncode for process in processes] == [0] * PROCESSES


@pytest.mark.parametrize("linked", [False, True], ids=["", "through a symbolic link"])
def test_no_change_of_the_watchlist_is_lost(settings: Settings, tmp_path: Path, linked: bool) -> None:
    settings.home.mkdir(parents=True)
    path = tmp_path / "watchlist.txt"
    if linked:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "mine.txt").write_text("# mine\n")
        path.symlink_to(tmp_path / "elsewhere" / "mine.txt")
    race(settings, WATCH)
    assert {asin.removeprefix("B") for asin in watchlist.parse(path.read_bytes()).asins} == expected()


def test_no_saved_view_is_lost(settings: Settings) -> None:
    race(settings, VIEWS)
    views = orjson.loads((settings.home / "views.json").read_bytes())
    assert {name.replace(" ", "") for name in views} == expected()


def test_no_fact_is_lost_neither_in_the_store_nor_in_the_file_beside_it(settings: Settings) -> None:
    open_store(settings).close()
    race(settings, FACTS)
    with open_store(settings) as store:
        assert {fact.asin.removeprefix("B") for fact in store.facts()} == expected()
    rows = orjson.loads((settings.home / "facts.json").read_bytes())
    assert {row["asin"].removeprefix("B") for row in rows} == expected()


def make_profile(settings: Settings) -> Path:
    path = settings.folder / "profile.toml"
    answers = ["--home", "DE", "--vat-number", "DE", "--reclaims"]
    assert CliRunner().invoke(app, ["profile", "init", str(path), *answers]).exit_code != 0
    return path


def make_notebooks(settings: Settings) -> Path:
    first = next(shipped_folder("notebooks").glob("*.ipynb"))
    return own_notebooks(settings) / first.name


def make_watchlist(settings: Settings) -> Path:
    return watchlist.locate(settings.model_copy(update={"demo": True, "watchlist": None}))


def take_watchlist(settings: Settings) -> Path:
    given = settings.folder / "given"
    given.mkdir()
    (given / "watchlist.txt").write_text("B000000002\n")
    mine = settings.folder / "mine.txt"
    (kept,) = adopt_user_files(settings.model_copy(update={"watchlist": mine}), given)
    assert str(mine) in kept
    return mine


@pytest.mark.parametrize("make", [make_profile, make_notebooks, make_watchlist, take_watchlist])
def test_what_others_make_between_looking_and_writing_is_theirs(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, make: Callable[[Settings], Path]
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings.model_copy(update={"folder": tmp_path})
    written: list[Path] = []
    sync = os.fsync

    def rival(handle: int) -> None:
        # The new content lies beside its target by now, and is about to take its place.
        sync(handle)
        for fresh in tmp_path.rglob(".*.tmp"):
            target = fresh.with_name(fresh.name[1:].rsplit(".", 2)[0])
            if target.name != "taken.json" and not target.exists():
                target.write_bytes(b"theirs")
                written.append(target)

    monkeypatch.setattr("os.fsync", rival)
    path = make(settings)
    assert path in written
    assert path.read_bytes() == b"theirs"
