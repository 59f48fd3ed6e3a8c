"""The whole way by commands and HTTP, step by step; compare commits with AGAINST."""

from __future__ import annotations

from tests.benchmarks.against import measured_here
from tests.benchmarks.measuring import Report, processor_time

__all__ = ["run"]

_REPEATS = 3


def run(report: Report) -> None:
    """Seconds of each step and of all."""
    figures = measured_here("stream", _REPEATS)
    beside = {processor_time(name) for name in figures}
    for name, seconds in figures.items():
        if name not in beside:
            processor = figures.get(processor_time(name))
            known = "" if processor is None else f" ({processor:.2f} s of processor time)"
            report(name, f"{seconds:.2f} s{known}", "for comparison")
