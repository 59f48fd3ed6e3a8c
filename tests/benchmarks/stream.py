"""The whole way by commands and HTTP, step by step; compare commits with AGAINST."""

from __future__ import annotations

from tests.benchmarks.against import measured_here
from tests.benchmarks.measuring import Report, processor_time

__all__ = ["run"]

_REPEATS = 3


def run(report: Report) -> None:
    """Seconds of each step and of all."""
    figures = measured_here("stream", _REPEATS)
    for name, seconds in figures.items():
        if processor_time(name) in figures:
            shown = f"{seconds:.2f} s ({figures[processor_time(name)]:.2f} s of processor time)"
        else:
            shown = f"{seconds:.2f} s"
        report(name, shown, "for comparison")
