"""Random injections over every process of arbkit while data flows, and every promise that must hold after them.

    python -m tests.chaos.campaign --injections 300 --records 20000 --seed 1

Producer, consumer, feeder and scheduler run all the time; imports, detections, replays and reports come and go. Each is
killed, stopped, left without room on the disk or shut out by a lock; the clock of all jumps. See
:mod:`tests.chaos.model` for what must be true. What happens follows from the seed, its moments do not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import orjson

from arbkit.core.errors import ArbkitError
from arbkit.core.files import write_atomically
from arbkit.core.keepa_time import to_minutes
from arbkit.core.settings import Settings, sqlite_path
from arbkit.ops.setup import initialise
from arbkit.sources.demo.market import asins
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, open_stream
from tests.chaos.compare import contents
from tests.chaos.faults import FAULTS, clock_at, family, killed, locked, stopped, without_room
from tests.chaos.market import PaidMarket
from tests.chaos.model import IMPORTED, Difference, Witness, examine
from tests.chaos.records import Deck, number_in
from tests.chaos.runtime import add_runtime_options, runtime, say
from tests.chaos.victims import Job, StuckError, Worker
from tests.helpers.paths import ROOT

__all__ = ["Plan", "Report", "run"]

_WATCHED = 6
_LOOK_S = 0.02
_PATIENCE_S = 240.0
"""How long a process may take to give a sign of life after an injection, on a machine that does other things too."""
_SHARES = {
    "consumer": 0.22, "producer": 0.16, "feeder": 0.08, "scheduler": 0.14, "detection": 0.14, "import": 0.12,
    "replay": 0.08, "report": 0.06,
}  # fmt: skip
_JUMPS_S = (3_600.0, 86_400.0, 60 * 86_400.0, -3_600.0, -7 * 86_400.0)
_CHECK_EVERY = 5
_AGE_MINUTES = 30 * 1_440
"""How old what is imported is: older than the clock of any jump, and young enough to be a price."""


@dataclass(frozen=True, slots=True)
class Plan:
    injections: int
    records: int
    seed: int


@dataclass(slots=True)
class Report:
    """What was done and what differs; ``ended`` counts exit codes by process."""

    seed: int
    injections: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)

    def lines(self) -> list[str]:
        def of(counts: Counter[str]) -> str:
            return ", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "none"

        return [
            f"seed {self.seed}: {self.injections.total()} injections in {self.seconds:.0f} s: {of(self.injections)}",
            f"ended: {of(self.ended)}",
            f"acknowledged: {of(self.acknowledged)}",
            *(f"DIFFERENCE {one}" for one in self.differences),
            "as it must be" if not self.differences else f"{len(self.differences)} differences",
        ]


Say = Callable[[str], None]


def run(plan: Plan, settings: Settings, *, say: Say = lambda _: None) -> Report:
    """One campaign on a log and a store that are still empty.

    Raises:
        StuckError: something stands still that must not.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    watchlist = settings.home / "watched.txt"
    watchlist.write_text("\n".join(asins()[:_WATCHED]))
    seen = Witness(request=_WATCHED)
    with PaidMarket(seen.paid) as market:
        settings = settings.model_copy(
            update={
                "keepa_url": market.url, "watchlist": watchlist, "poll_interval": 5.0, "demo": True,
                "detect_interval": 3.0,
            }
        )  # fmt: skip
        initialise(settings)
        campaign = _Campaign(plan, settings, seen, say)
        campaign.run()
        with open_stream(settings) as stream:
            deck = Deck(plan.seed, plan.records)
            examine(seen, deck.expected(), contents(settings), settings, stream)
    campaign.report.differences = seen.differences
    return campaign.report


class _Campaign:
    def __init__(self, plan: Plan, settings: Settings, seen: Witness, say: Say) -> None:
        self.report = Report(plan.seed)
        self._plan = plan
        self._settings = settings
        self._seen = seen
        self._say = say
        self._rng = Random(plan.seed)
        self._clock = settings.home / "chaos.clock"
        self._checkpoint, self._allowance = settings.home / "feeder.checkpoint", settings.home / "feeder.allowance"
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._environment = {
            **os.environ, **settings.environment(), "PYTHONPATH": path, "CHAOS_CLOCK": str(self._clock),
        }  # fmt: skip
        # Workers take theirs from this process.
        os.environ["CHAOS_CLOCK"] = str(self._clock)
        urls = (url for url in (settings.log_url, settings.store_url) if url.startswith("sqlite:"))
        self._database = next(map(sqlite_path, urls), None)
        self._importing = (0, 0)
        self._workers: dict[str, Worker] = {}
        self._jobs = {
            "detection": Job("detection", settings, lambda _: self._count("detection")),
            "import": Job("import", settings, self._imported),
            "replay": Job("replay", settings, lambda _: self._count("replay")),
            "report": Job("report", settings, self._reported),
        }
        self._since: dict[str, float] = {}

    def run(self) -> None:
        began = time.monotonic()
        try:
            with self._running():
                for number in range(self._plan.injections):
                    allowed = self._plan.records * (number + 1) // (self._plan.injections + 1)
                    write_atomically(self._allowance, b"%d" % allowed)
                    self._inject(number)
                    if number % _CHECK_EVERY == _CHECK_EVERY - 1:
                        self._seen.look(contents(self._settings).offers)
                clock_at(self._clock, 0)
                write_atomically(self._allowance, b"%d" % self._plan.records)
                self._drain()
        finally:
            self.report.seconds = time.monotonic() - began

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        feed = [
            "tests.chaos.records", f"--seed={self._plan.seed}", f"--records={self._plan.records}",
            f"--checkpoint={self._checkpoint}", f"--allowance={self._allowance}",
        ]  # fmt: skip
        commands = {"consumer": "consume", "producer": "produce", "scheduler": "schedule"}
        try:
            for name, command in commands.items():
                words = ["tests.chaos.clocked", command]
                self._workers[name] = Worker(name, name, words, self._settings, lambda: 0)
            self._workers["feeder"] = Worker("feeder", "feeder", feed, self._settings, lambda: 0)
            yield
        finally:
            for worker in self._workers.values():
                killed(family(worker.pid))
                worker.end()
                self.report.ended.update(f"{worker.kind} with {code}" for code in worker.ended)
            for job in self._jobs.values():
                if job.process is not None:
                    killed(family(job.process.pid))
                    job.process.wait()
            logs = {name: worker.log for name, worker in self._workers.items()}
            logs |= {name: job.log for name, job in self._jobs.items()}
            for name, log in logs.items():
                text = log.read_text(errors="replace") if log.exists() else ""
                if "Traceback" in text:
                    self._seen.note("crash", [f"{name}: {text[text.index('Traceback') :][-1_500:]}"])

    def _inject(self, number: int) -> None:
        victim = self._rng.choices(list(_SHARES), list(_SHARES.values()))[0]
        fault = self._rng.choices(list(FAULTS), list(FAULTS.values()))[0]
        moment = self._rng.uniform(0, 3.0)
        self._require(lambda: self._is_serving(victim), f"{victim} gives no sign of life")
        if victim in self._jobs and self._jobs[victim].process is None:
            self._start(victim)
        self._tend(moment)
        self._say(f"{number + 1}: {fault} on {victim} after {moment:.1f} s")
        self.report.injections[f"{fault} on {victim}" if fault not in ("locked", "clock") else fault] += 1
        self._do(fault, victim)
        if victim in self._workers:
            self._since[victim] = time.time()

    def _do(self, fault: str, victim: str) -> None:
        seconds = self._rng.uniform(0.3, 4.0)
        processes = family(self._pid(victim))
        match fault:
            case "kill":
                self._seen.producer_ends += victim == "producer"
                killed(processes)
            case "stop":
                with stopped(processes):
                    self._tend(seconds)
            case "full" | "read-only":
                with without_room(processes, self._room() if fault == "full" else 0):
                    self._tend(seconds)
            case "locked":
                with contextlib.nullcontext() if self._database is None else locked(self._database):
                    self._tend(seconds)
            case "clock":
                ahead = self._rng.choice(_JUMPS_S)
                self._seen.clock_jumped |= ahead > 0
                clock_at(self._clock, ahead)
                self._tend(seconds)
                clock_at(self._clock, 0)

    def _room(self) -> int:
        """A little more than the largest file that grows: the disk is full in the middle of a write."""
        if self._database is None:
            return 0
        wal = self._database.with_name(f"{self._database.name}-wal")
        return wal.stat().st_size + 20_000 if wal.exists() else 0

    def _pid(self, victim: str) -> int:
        if victim in self._workers:
            return self._workers[victim].pid
        process = self._jobs[victim].process
        return process.pid if process is not None else 0

    def _start(self, name: str) -> None:
        words = {
            "detection": ["detect", "--json"],
            "import": ["import", str(self._file_to_import()), "--json"] if name == "import" else [],
            "replay": ["replay", "--json"],
            "report": ["reports", "run", "morning", "--no-pictures", "--json"],
        }
        self._jobs[name].start(words[name], self._environment)

    def _file_to_import(self) -> Path:
        """Three new products that are worth buying: the next detection has something to announce."""
        number = self._importing[0] + 1
        price = 8_000 + 10 * number
        self._importing = (number, price)
        path, last = self._settings.home / "import.json", to_minutes(time.time()) - _AGE_MINUTES
        products = [
            _product(f"{IMPORTED}{number:03d}{item:03d}", domain, cents, last)
            for item in range(3)
            for domain, cents in ((3, price), (8, 2_000))
        ]
        path.write_bytes(orjson.dumps({"products": products}))
        return path

    def _imported(self, _: bytes) -> None:
        self._count("import")
        number, price = self._importing
        self._seen.imports |= {f"{IMPORTED}{number:03d}{item:03d}": price for item in range(3)}

    def _reported(self, output: bytes) -> None:
        self._count("report")
        self._seen.runs.add(orjson.loads(output)["run_id"])

    def _count(self, what: str) -> None:
        self.report.acknowledged[what] += 1

    def _tend(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self._look_after()
            if time.monotonic() > deadline:
                return
            time.sleep(_LOOK_S)

    def _look_after(self) -> None:
        for worker in self._workers.values():
            worker.tend()
        for name, job in self._jobs.items():
            if (code := job.ended()) is not None:
                self.report.ended[f"{name} with {code}"] += 1

    def _is_serving(self, victim: str) -> bool:
        """Whether it has given a sign of life since it was last disturbed."""
        since = self._since.get(victim)
        beat = self._settings.home / "health" / victim
        if victim == "feeder" or victim not in self._workers or since is None:
            return True
        return beat.exists() and beat.stat().st_mtime > since

    def _require(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not done():
            if time.monotonic() > deadline:
                raise StuckError("\n".join([what, *(worker.tail() for worker in self._workers.values())]))
            self._tend(_LOOK_S)

    def _drain(self) -> None:
        """Let everything come to its end undisturbed; each command must do its work once more."""
        self._require(lambda: all(job.process is None for job in self._jobs.values()), "a command does not end")
        self._require(lambda: number_in(self._checkpoint) == self._plan.records, "the feeder does not come to its end")
        for victim in ("consumer", "producer", "scheduler"):
            self._since[victim] = time.time()
            self._require(lambda victim=victim: self._is_serving(victim), f"{victim} gives no sign of life")  # type: ignore[misc]
        self._stop("producer")
        self._stop("feeder")
        for name in ("import", "replay"):
            self._do_once(name)
        self._require(self._has_no_lag, "the consumer does not come to the end of the log")
        self._stop("scheduler")
        for name in ("detection", "report"):
            self._do_once(name)
        self._require(self._has_no_lag, "the consumer does not come to the end of the log")
        self._stop("consumer")

    def _do_once(self, name: str) -> None:
        before = self.report.acknowledged[name]
        self._start(name)
        job = self._jobs[name]
        self._require(lambda: job.process is None, f"{name} does not end")
        if self.report.acknowledged[name] == before:
            raise StuckError(
                f"{name} fails though nothing disturbs it:\n{job.log.read_text(errors='replace')[-3_000:]}"
            )

    def _stop(self, name: str) -> None:
        if code := self._workers[name].stop():
            self._seen.note("crash", [f"{name} ends with {code} on SIGTERM: {self._workers[name].tail()}"])

    def _has_no_lag(self) -> bool:
        with contextlib.suppress(ArbkitError), open_stream(self._settings) as stream:
            return not any(stream.lag(ENRICH_GROUP, RAW_TOPIC).values())
        return False


def _product(asin: str, domain: int, cents: int, last: int) -> dict[str, object]:
    csv: list[list[int] | None] = [None] * 34
    csv[1] = [last - 10, cents]
    return {
        "asin": asin, "domainId": domain, "title": f"Imported {asin}", "brand": "Chaos", "lastUpdate": last, "csv": csv,
        "categoryTree": [{"catId": 1, "name": "Toys & Games"}], "packageLength": 200, "packageWidth": 100,
        "packageHeight": 50, "packageWeight": 300,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--injections", type=int, default=300)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    add_runtime_options(parser, log="sqlite", store="sqlite")
    asked = parser.parse_args()
    with runtime("campaign", log=asked.log, store=asked.store) as (settings, _):
        try:
            report = run(Plan(asked.injections, asked.records, asked.seed), settings, say=say)
        except StuckError as error:
            say(f"seed {asked.seed}: STUCK: {error}")
            return 1
    say("\n".join(report.lines()))
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
