"""The commands of a campaign: imports, detections, replays and reports, each until it has done its work."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import orjson

from arbkit.core.keepa_time import to_minutes
from tests.chaos.faults import family, killed
from tests.chaos.model import IMPORTED, Witness
from tests.chaos.victims import Job, tail_of

__all__ = ["COMMANDS", "Commands"]

COMMANDS = {
    "detection": ("detect", "--json"), "import": ("import", "import.json", "--json"), "replay": ("replay", "--json"),
    "report": ("reports", "run", "morning", "--no-pictures", "--json"),
}  # fmt: skip
_AGAIN_S = 1.0
"""How long a user waits before a command that has failed is run again."""
_AGE_MINUTES = 30 * 1_440
"""How old what is imported is: older than the clock of any jump, and young enough to be a price."""
_FIRST_TAKE_S = 3.0


class Commands:
    """What runs, and what has to be run again because it was disturbed.

    ``acknowledged`` counts runs that ended with 0; ``ended`` are names and exit codes that nobody has looked at yet.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], seen: Witness) -> None:
        self.acknowledged: Counter[str] = Counter()
        self.ended: list[tuple[str, int]] = []
        self.is_owed: set[str] = set()
        self._folder = folder
        self._environment = environment
        self._seen = seen
        self._imported = 0
        self._again_at: dict[str, float] = {}
        self._began_at: dict[str, float] = {}
        self._took_s: dict[str, float] = {}
        self._jobs = {name: Job(name, folder / f"{name}.log", self._done(name)) for name in COMMANDS}

    def pid(self, name: str) -> int | None:
        """Of the run that is under way, if one is."""
        process = self._jobs[name].process
        return None if process is None else process.pid

    def run(self, name: str) -> None:
        """Start a run; an import has a file of its own, unless it is to do again what it did not do."""
        if name == "import" and name not in self.is_owed:
            self._write_import()
        self._began_at[name] = time.monotonic()
        self._jobs[name].start(COMMANDS[name], self._environment)

    def run_until_done(self, name: str) -> None:
        """Run it now, and again after a while until it has ended with 0."""
        self.run(name)
        self.is_owed.add(name)

    def usually_takes_s(self, name: str) -> float:
        """Seconds of the last undisturbed run."""
        return self._took_s.get(name, _FIRST_TAKE_S)

    def tend(self) -> None:
        """Notice what has ended, and run again what is owed."""
        now = time.monotonic()
        for name, job in self._jobs.items():
            if (code := job.ended()) is not None:
                self.ended.append((name, code))
                self._again_at[name] = now + _AGAIN_S
            if name in self.is_owed and job.process is None and now >= self._again_at.get(name, 0.0):
                self.run(name)

    def close(self) -> None:
        """End what runs."""
        for name in COMMANDS:
            if (pid := self.pid(name)) is not None:
                killed(family(pid))
                self._jobs[name].ended()

    def logs(self) -> Iterable[tuple[str, Path]]:
        """What each has written, by name."""
        return [(name, job.log) for name, job in self._jobs.items()]

    def tail(self) -> str:
        """What all have written last."""
        return "\n".join(tail_of(name, log) for name, log in self.logs())

    def _done(self, name: str) -> Callable[[bytes], None]:
        def note(output: bytes) -> None:
            self.acknowledged[name] += 1
            self.is_owed.discard(name)
            self._took_s[name] = time.monotonic() - self._began_at[name]
            if name == "import":
                self._seen.imports |= dict.fromkeys(_asins(self._imported), _price(self._imported))
            elif name == "report":
                self._seen.runs.add(orjson.loads(output)["run_id"])

        return note

    def _write_import(self) -> None:
        """Three new products that are worth buying: the next detection has something to announce."""
        self._imported += 1
        last = to_minutes(time.time()) - _AGE_MINUTES
        products = [
            _product(asin, domain, cents, last)
            for asin in _asins(self._imported)
            for domain, cents in ((3, _price(self._imported)), (8, 2_000))
        ]
        (self._folder / "import.json").write_bytes(orjson.dumps({"products": products}))


def _asins(number: int) -> list[str]:
    return [f"{IMPORTED}{number:03d}{item:03d}" for item in range(3)]


def _price(number: int) -> int:
    return 8_000 + 10 * number


def _product(asin: str, domain: int, cents: int, last: int) -> dict[str, object]:
    csv: list[list[int] | None] = [None] * 34
    csv[1] = [last - 10, cents]
    return {
        "asin": asin, "domainId": domain, "title": f"Imported {asin}", "brand": "Chaos", "lastUpdate": last, "csv": csv,
        "categoryTree": [{"catId": 1, "name": "Toys & Games"}], "packageLength": 200, "packageWidth": 100,
        "packageHeight": 50, "packageWeight": 300,
    }  # fmt: skip
