"""nbval as the tests use it: notebooks in a process of their own, under given settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from arbkit.core.settings import Settings
from tests.helpers.paths import ROOT

__all__ = ["Outcome", "nbval"]

_SANITIZE = ROOT / "tests" / "notebooks" / "sanitize.cfg"
"""Leaves the style sheet out, which is tested where it is used."""


@dataclass(frozen=True)
class Outcome:
    """What became of each notebook, by its stem: how many cells ran, and what the failing ones said."""

    cells: dict[str, int]
    failures: dict[str, list[str]]


def nbval(settings: Settings, notebooks: Sequence[Path], *, strict: bool) -> Outcome:
    """Run notebooks; ``strict`` compares what they show with what is stored in them."""
    settings.home.mkdir(parents=True, exist_ok=True)
    report = settings.home / "nbval.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "nbval.plugin",
         "-p", "tests.helpers.private_kernels", "-c", os.devnull,
         "--rootdir=/", f"--junitxml={report}", f"--nbval-sanitize-with={_SANITIZE}",
         "--nbval" if strict else "--nbval-lax", *map(str, notebooks)],
        env={**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=settings.home,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout
    cells = dict.fromkeys((path.stem for path in notebooks), 0)
    failures: dict[str, list[str]] = {path.stem: [] for path in notebooks}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest has just written it
        [stem] = [stem for stem in cells if f"{stem}.ipynb" in f"{case.get('classname')}::{case.get('name')}"]
        cells[stem] += 1
        failures[stem] += ["".join(one.itertext()) for one in case if one.tag in ("failure", "error")]
    assert sum(map(len, failures.values())) == 0 or done.returncode == 1
    return Outcome(cells, failures)
