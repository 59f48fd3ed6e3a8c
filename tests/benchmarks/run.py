"""`make bench`: all benchmarks of this tree as ratios of one run, one group of them, or a group against a commit.

What a benchmark needs and this machine lacks (real Keepa files in ARBKIT_REAL_DATA, Java, Chromium) is named, and the
benchmark left out.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from tests.benchmarks import against
from tests.benchmarks.measuring import print_row
from tests.benchmarks.probes.base import PROBES
from tests.benchmarks.signals import end_on_signals
from tests.benchmarks.worktree import TreeError

__all__ = ["GROUPS", "main"]

GROUPS = (
    "ingest",
    "money",
    "reports",
    "log",
    "scale",
    "stream",
    "detector",
    "alerts",
    "api",
    "listing",
    "dashboard",
    "what_if",
    "sale_price",
    "forecast",
    "sales_forecast",
    "profit_forecast",
    "portfolio",
    "planner",
    "faulty_day",
)
"""Each is a module here with a function ``run``, in this order."""
_REPEATS = 5


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--bench", metavar="GROUP", choices=GROUPS, help=f"one group: {', '.join(GROUPS)}")
    parser.add_argument("--against", metavar="COMMIT", help="measure that commit too, in the same run")
    parser.add_argument("--repeats", type=_count, default=_REPEATS, help="pairs of repeats against a commit")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for; the exit code."""
    parser = _arguments()
    asked = parser.parse_args(arguments)
    if asked.against is None:
        for group in GROUPS if asked.bench is None else (asked.bench,):
            importlib.import_module(f"tests.benchmarks.{group}").run(print_row)
        return 0
    if asked.bench is not None and asked.bench not in PROBES:
        parser.error(f"{asked.bench} cannot be measured at another commit; these can: {', '.join(PROBES)}")
    try:
        against.compare(PROBES if asked.bench is None else (asked.bench,), asked.against, asked.repeats)
    except (TreeError, against.ProbeError) as error:
        sys.stderr.write(f"make bench: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    end_on_signals()
    sys.exit(main())
