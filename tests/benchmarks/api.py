"""The REST API under load, against an empty route of FastAPI in the same run."""

from __future__ import annotations

from tests.benchmarks.against import measured_here
from tests.benchmarks.measuring import Report
from tests.benchmarks.probes.api import EMPTY, MEAN, P99

__all__ = ["run"]

_REPEATS = 3


def run(report: Report) -> None:
    """Requests per second and the 99th percentile of each path."""
    figures = measured_here("api", _REPEATS)
    empty = figures[f"{EMPTY}, {MEAN}"]
    for figure, mean in figures.items():
        name, _, kind = figure.rpartition(", ")
        if kind == MEAN and name != EMPTY:
            p99 = 1_000 * figures[f"{name}, {P99}"]
            shown = f"{empty / mean:.2f} × ({1 / mean:,.0f} requests/s, p99 {p99:.1f} ms)"
            report(f"{name} / {EMPTY}", shown, "for comparison")
