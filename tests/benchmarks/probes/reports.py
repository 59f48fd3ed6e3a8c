"""Reports at any commit, by their commands on a filled store: detection and the morning report."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.commands import Home
from tests.benchmarks.measuring import Figures
from tests.benchmarks.probes.base import Probe, command_timer, fill

__all__ = ["PROBE"]

_PRODUCTS = 2_000


def _measure(folder: Path, _: Path) -> Figures:
    figures: dict[str, float] = {}
    home = Home(folder / "home")
    with command_timer(figures, f"detect, {_PRODUCTS:,} products"):
        home.run("detect")
    with command_timer(figures, "morning report, without pictures"):
        home.run("reports", "run", "morning", "--no-pictures")
    return figures


PROBE = Probe(fill, _measure, products=_PRODUCTS)
