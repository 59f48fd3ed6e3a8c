"""The whole way by commands and HTTP, step by step; compare commits with AGAINST."""

from __future__ import annotations

from tests.benchmarks.against import measured_here
from tests.benchmarks.measuring import Report
from tests.benchmarks.probes.stream import WHOLE

__all__ = ["run"]

_REPEATS = 3


def run(report: Report) -> None:
    """Seconds of each step, and the share it has in the whole."""
    figures = measured_here("stream", _REPEATS)
    for name, seconds in figures.items():
        report(name, f"{seconds:.2f} s ({seconds / figures[WHOLE]:.0%})", "for comparison")
