"""What every benchmark shares: seconds of an act, medians, paired ratios, and how a row is printed. Knows no arbkit."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

__all__ = [
    "Figures",
    "Report",
    "Taken",
    "figures_of",
    "medians",
    "paired_ratio",
    "print_row",
    "processor_time",
    "real_file",
    "run_alone",
    "seconds",
    "skip",
    "spread",
    "taken",
]

Report = Callable[[str, str, str], None]
"""Takes what was measured, the result, and the limit it is held against (or an empty text)."""
Found = TypeVar("Found")
Figures = Mapping[str, float]
"""What one repeat took: name of the figure → seconds, so that less is always better."""


def print_row(name: str, measured: str, limit: str) -> None:
    sys.stdout.write(f"{name:<62} {measured:<40} {limit}".rstrip() + "\n")
    sys.stdout.flush()


def run_alone(measure: Callable[[Report], Found], about: str | None, *, as_json: Callable[[Found], object]) -> None:
    """Measure what a module is ``about`` at a terminal, and write what was found as JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", type=Path, help="write what was measured there too")
    asked = parser.parse_args()
    found = measure(print_row)
    if asked.json is not None:
        asked.json.write_text(json.dumps(as_json(found), indent=2) + "\n", "utf-8")


def skip(name: str, why: str) -> None:
    """Say that a benchmark is left out because something it needs is missing."""
    sys.stdout.write(f"{name}: left out, {why}\n")
    sys.stdout.flush()


def seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


class Taken(NamedTuple):
    """What an act took: seconds on the clock, and of this process' processor time."""

    clock: float
    processor: float

    def __add__(self, other: Taken) -> Taken:  # type: ignore[override]
        return Taken(self.clock + other.clock, self.processor + other.processor)


def taken(act: Callable[[], object]) -> Taken:
    clock, processor = time.perf_counter(), time.process_time()
    act()
    return Taken(time.perf_counter() - clock, time.process_time() - processor)


def figures_of(name: str, acts: Sequence[Taken]) -> Figures:
    """The medians of some acts as two figures: what the user waits for, and what a busy machine changes less."""
    return {name: median(one.clock for one in acts), processor_time(name): median(one.processor for one in acts)}


def processor_time(name: str) -> str:
    """The name of the figure beside ``name`` that leaves out all waiting."""
    return f"{name}: processor time"


def medians(repeats: Sequence[Figures]) -> dict[str, float]:
    """The median of each figure over all repeats.

    Raises:
        ValueError: two repeats have different figures.
    """
    names = list(repeats[0])
    if any(list(one) != names for one in repeats):
        raise ValueError(f"repeats with different figures: {sorted({name for one in repeats for name in one})}")
    return {name: median(one[name] for one in repeats) for name in names}


def paired_ratio(here: Sequence[float], there: Sequence[float]) -> float:
    """The speed of ``here`` in units of the speed of ``there``: the median of there / here over the pairs.

    A pair is measured one right after the other, so that what else the machine does strikes both alike.

    Raises:
        ValueError: they do not pair up.
    """
    return median(_ratios(here, there))


def spread(here: Sequence[float], there: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest of the paired ratios."""
    ratios = _ratios(here, there)
    return min(ratios), max(ratios)


def _ratios(here: Sequence[float], there: Sequence[float]) -> list[float]:
    return [theirs / ours for ours, theirs in zip(here, there, strict=True)]


def real_file(pattern: str) -> Path | None:
    """The first file of that pattern among the real Keepa files of ARBKIT_REAL_DATA, if there is one."""
    folder = os.environ.get("ARBKIT_REAL_DATA", "")
    return next(iter(sorted(Path(folder).glob(pattern))), None) if folder else None
