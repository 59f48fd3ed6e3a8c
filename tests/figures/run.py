"""`make figures`: every figure that forecasts have to reach, with its goal, and whether it is reached.

    python -m tests.figures.run --json figures.json

With ARBKIT_REAL_DATA the real histories in the folder `histories` beside it are judged, and simulated markets are drawn
from their blocks, too; without it these lines are left out, which is said.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.figures.extent import SHORT, WHOLE, Extent
from tests.figures.lines import Line
from tests.figures.machine import machine_lines
from tests.figures.price import price_lines
from tests.figures.purchases import profit_lines, real_sales_lines, sales_lines

__all__ = ["all_lines", "main"]


def all_lines(extent: Extent) -> Iterator[Line]:
    """Every figure, one after the other."""
    yield from price_lines(extent)
    yield from sales_lines(extent)
    yield from real_sales_lines()
    yield from profit_lines(extent)
    yield from machine_lines(extent)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the arguments ask for; the exit code, 0 also where a goal is missed."""
    parser = argparse.ArgumentParser(prog="make figures", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--short", action="store_true", help="a little of everything: shows that it runs, no more")
    asked = parser.parse_args(arguments)
    start, found = time.perf_counter(), list[Line]()
    for one in all_lines(SHORT if asked.short else WHOLE):
        found.append(one)
        state = "" if one.state == "no goal" else one.state
        sys.stdout.write(f"{one.name:<96} {one.measured:<40} {one.goal:<18} {state}".rstrip() + "\n")
        sys.stdout.flush()
    counts = Counter(one.state for one in found)
    seconds, load = time.perf_counter() - start, os.getloadavg()[0]
    sys.stdout.write(
        f"{counts['reached']} goals reached, {counts['missed']} missed, {counts['too few products']} with too few "
        f"products to say; {seconds:.0f} s, load {load:.1f}\n"
    )
    if asked.json is not None:
        document = {"seconds": round(seconds), "load": load, "figures": [asdict(one) for one in found]}
        asked.json.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
