"""A sample of the mutated files through the real command: its exit code says what its JSON does."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from arbkit.core.settings import Settings
from tests.helpers.processes import arbkit
from tests.mutated.campaign import FAULTS, Outcome
from tests.mutated.cases import Case, case


def run_commands(seed: int, most: int) -> Outcome:
    """Import the first files among the cases, one a command."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(_env_file=None, home=Path(folder) / "var", watchlist=Path(folder) / "watchlist.txt")
        for one in islice(_files(seed), most):
            _run(one, settings, Path(folder), outcome)
    return outcome


def _files(seed: int) -> Iterator[Case]:
    return (one for number in count() if (one := case(number, seed)).kind in ("export", "saved"))


def _run(one: Case, settings: Settings, folder: Path, outcome: Outcome) -> None:
    path = folder / one.name
    path.write_bytes(one.data)
    options = ["--market", one.market] if one.market else []
    options += ["--dated", one.dated.isoformat()] if one.dated else []
    done = arbkit(settings, "import", str(path), *options, "--json")
    outcome.counts[f"commands ended with {done.returncode}"] += 1
    if any(fault in done.stderr + done.stdout for fault in FAULTS):
        outcome.crashes.append(f"{one.name}: {done.stderr[-1_500:]}")
        return
    (file,) = json.loads(done.stdout)["files"]
    right = 5 if not file["products"] else 6 if file["dead_lettered"] or file["refused"] else 0
    if done.returncode != right:
        outcome.differences.append(f"{one.name}: exit code {done.returncode}, not {right}: {file}")
