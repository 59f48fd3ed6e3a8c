"""What a report run costs beside executing its bare notebook with nbclient."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.find import SHIPPED
from arbkit.reports.runner import run_report
from arbkit.store import open_store
from tests.benchmarks.measuring import Report
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.routes import store_routes

__all__ = ["run"]

_REPEATS = 5
_PRODUCTS = 2_000

_BARE = """
import sys, time
import nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
begin = time.perf_counter()
nbclient.NotebookClient(notebook, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
print(time.perf_counter() - begin)
"""


def run(report: Report) -> None:
    """Each shipped report on a store of 2,000 products, in turn with its bare notebook."""
    for name in ("detect", "morning"):
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings.load(_env_file=None, home=Path(folder) / "var")
            _fill(settings)
            rounds = [_round(settings, name, Path(folder)) for _ in range(_REPEATS)]
        process, execution, plain, drawn = (median(column) for column in zip(*rounds, strict=True))
        report(
            f"report {name} / a process that runs nbclient",
            f"{plain / process:.2f} × ({plain:.1f} s / {process:.1f} s)",
            "at most 1.2 ×",
        )
        report("… with its pictures drawn in a browser", f"{drawn / process:.2f} × ({drawn:.1f} s)", "at most 1.2 ×")
        report(
            "… / nbclient's execute() alone, all loaded before", f"{plain / execution:.2f} × ({execution:.1f} s)", ""
        )


def _round(settings: Settings, name: str, folder: Path) -> tuple[float, float, float, float]:
    begin = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _BARE, str(SHIPPED[name].notebook), str(folder / "bare.ipynb")],
        env={**os.environ, **settings.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    process = perf_counter() - begin
    return process, float(done.stdout), _ours(settings, name, pictures=False), _ours(settings, name, pictures=True)


def _ours(settings: Settings, name: str, *, pictures: bool) -> float:
    begin = perf_counter()
    done = run_report(settings, name, {}, pictures=pictures)
    taken = perf_counter() - begin
    assert done.run.status == "succeeded", done.run.error
    return taken


def _fill(settings: Settings) -> None:
    asins = [f"B0{number:08}" for number in range(_PRODUCTS)]
    with open_store(settings) as store:
        store.put(
            [
                Update(offer(asin, code, price_minor=2_000 + 37 * (place % 90) * (code == "DE")), history(asin, code))
                for place, asin in enumerate(asins)
                for code in ("DE", "FR", "IT", "ES", "UK")
            ]
        )
        store_routes(store, [opportunity(asin) for asin in asins])
