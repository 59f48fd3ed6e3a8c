"""Mutated exports, answers and messages, and an independent reader of the same bytes: ``make mutated``.

    python -m tests.mutated.run --count 20000 --seed 1 --jobs 2
    python -m tests.mutated.run --seed 1 --only 4711

Each case is read, refused by name or dead-lettered; whatever is stored must be what the reader finds in the bytes. A
sample goes through the real command, for its exit codes. Exits with 1 after a difference or a crash.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.mutated.campaign import Outcome, batches, run
from tests.mutated.cases import case
from tests.mutated.command import run_commands

_BATCH = 100
_SHOWN = 40


def tried(seed: int, numbers: Sequence[int]) -> Outcome:
    """What became of the cases with these numbers."""
    logging.getLogger("arbkit").propagate = False
    with tempfile.TemporaryDirectory() as folder:
        return run([case(number, seed) for number in numbers], Path(folder))


def main() -> int:
    """Try them, print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--commands", type=int, default=60, help="cases that also go through the real command")
    parser.add_argument("--only", type=int, metavar="N", help="the case with this number alone; its bytes go to ./N")
    given = parser.parse_args()
    began, whole = time.monotonic(), Outcome()
    if given.only is not None:
        one = case(given.only, given.seed)
        Path(str(given.only)).write_bytes(one.data)
        print(one.kind, one.name, one.market, one.dated, one.headers)
    numbers = range(given.count) if given.only is None else [given.only]
    with ProcessPoolExecutor(given.jobs) as workers:
        for found in workers.map(partial(tried, given.seed), batches(numbers, _BATCH)):
            whole.add(found)
            for line in [*found.differences, *found.crashes]:
                print(line, flush=True)
    if given.only is None:
        whole.add(run_commands(given.seed, given.commands))
    print(f"seed {given.seed}: {len(numbers)} cases in {time.monotonic() - began:.0f} s")
    print(", ".join(f"{count} {name}" for name, count in sorted(whole.counts.items())))
    print(f"{len(whole.differences)} differences, {len(whole.crashes)} tracebacks")
    return 1 if whole.differences or whole.crashes else 0


if __name__ == "__main__":
    sys.exit(main())
