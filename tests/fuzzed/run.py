"""Random and mutated requests to a running `arbkit api`: whatever is asked, none may be answered with 500.

    python -m tests.fuzzed.run --count 100000 --seed 17
    python -m tests.fuzzed.run --count 20000 --seed 17 --store elasticsearch
    python -m tests.fuzzed.run --seed 17 --only 4711

Every path, method, parameter (also by its other names, twice, misspelt), cursor, header and body, over several
connections at once. Exits with 1 after a fault, each of which is printed with the number of its case.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from arbkit.core.settings import Settings
from tests.fuzzed.campaign import Outcome
from tests.fuzzed.served import fuzz
from tests.servers.launch import Elasticsearch


@contextlib.contextmanager
def _store(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with Elasticsearch() as server:
        yield server.url


def main() -> int:
    """Send them, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--store", choices=("sqlite", "elasticsearch"), default="sqlite")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--only", type=int, metavar="N", help="the case with this number alone; it is printed")
    given = parser.parse_args()
    numbers = range(given.count) if given.only is None else [given.only]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, _store(given.store) as store:
        settings = Settings.load(
            _env_file=None, home=Path(folder) / "var", watchlist=Path(folder) / "watchlist.txt", store=store,
            api_port=0, demo=True,
        )  # fmt: skip
        outcome = fuzz(settings, numbers, seed=given.seed, connections=given.connections, show=given.only is not None)
    _print(outcome)
    taken = time.monotonic() - began
    print(f"{given.store}, seed {given.seed}: {len(numbers)} requests in {taken:.0f} s, {len(outcome.faults)} faults")
    return 1 if outcome.faults else 0


def _print(outcome: Outcome) -> None:
    for line in outcome.faults:
        print(line)
    print(", ".join(f"{count} × {status or 'no answer'}" for status, count in sorted(outcome.statuses.items())))


if __name__ == "__main__":
    sys.exit(main())
