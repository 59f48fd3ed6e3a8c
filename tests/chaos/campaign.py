"""Random injections over every process of arbkit while data flows, and every promise that must hold after them.

    python -m tests.chaos.campaign --injections 300 --records 20000 --seed 1

Producer, consumer, detector and scheduler run all the time under arbkit's own supervisor, and the feeder beside it;
imports, detections, replays and reports come and go. Each is killed, stopped for seconds or for good, left without room
on the disk or shut out by a lock; the clock of all jumps. See :mod:`tests.chaos.model` for what must be true. What
happens follows from the seed, its moments do not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from arbkit.core.errors import ArbkitError
from arbkit.core.files import write_atomically
from arbkit.core.settings import Settings, sqlite_path
from arbkit.ops.setup import initialise
from arbkit.sources.demo.market import asins
from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, open_stream
from tests.chaos.agreement import is_priced
from tests.chaos.clocked.clock import Clock
from tests.chaos.commands import COMMANDS, Commands
from tests.chaos.compare import contents
from tests.chaos.faults import FAULTS, SmallDisk, family, halted, killed, locked, small_disk, stopped, without_room
from tests.chaos.market import PaidMarket
from tests.chaos.model import Witness, examine
from tests.chaos.records import Deck, number_in
from tests.chaos.report import Report
from tests.chaos.runtime import add_runtime_options, finish, runtime, say
from tests.chaos.services import SERVICES, Services
from tests.chaos.victims import StuckError, Worker, tail_of
from tests.helpers.alerts import EVERYTHING
from tests.helpers.paths import ROOT

__all__ = ["Plan", "Report", "run"]

_WATCHED = 6
_LOOK_S = 0.02
_CALM_LOOK_S = 0.5
"""Between looks at whether all is done, which take as much of the machine as those that are looked at."""
_PATIENCE_S = 900.0
"""How long a process may take to do its work again, on a machine that does other things too."""
_SHARES = {
    "consumer": 0.2, "detector": 0.16, "producer": 0.14, "feeder": 0.06, "scheduler": 0.1, "detection": 0.1,
    "import": 0.12, "replay": 0.07, "report": 0.05,
}  # fmt: skip
_JUMPS_S = (3_600.0, 86_400.0, 60 * 86_400.0, -3_600.0, -7 * 86_400.0)
_LATEST_S = 3.0
"""The longest time between two injections; a strict campaign spreads those on a command over all of its run."""
_CHECK_EVERY = 5
_HANG_RESTS = 25
"""Injections for which a service that hangs is left alone: it is seen after two minutes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do; ``hangs`` of the injections are hangs.

    ``system``: disk and clock by the system's own means where they can be had, a mount and libfaketime; ``strict``:
    who takes longer than promised to serve again breaks a promise.
    """

    injections: int
    records: int
    seed: int
    hangs: int = 1
    system: bool = False
    strict: bool = False

    def hang_at(self, number: int) -> str | None:
        """The service that hangs at this injection, if one does."""
        for index in range(self.hangs):
            if number == (2 * index + 1) * self.injections // (2 * self.hangs + 1):
                return sorted(SERVICES)[(self.seed + index) % len(SERVICES)]
        return None


Say = Callable[[str], None]


def run(plan: Plan, settings: Settings, *, say: Say = lambda _: None) -> Report:
    """One campaign on a log and a store that are still empty.

    Raises:
        StuckError: something stands still that must not.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    watchlist = settings.home.parent / "watched.txt"
    watchlist.write_text("\n".join(asins()[:_WATCHED]))
    alerts = settings.home.parent / "campaign-alerts.toml"
    alerts.write_text(EVERYTHING, "utf-8")
    seen = Witness(request=_WATCHED)
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(small_disk(settings.home)) if plan.system else None
        market = stack.enter_context(PaidMarket(seen.paid))
        settings = settings.model_copy(
            update={
                "keepa_url": market.url, "watchlist": watchlist, "poll_interval": 5.0, "demo": True,
                "detect_interval": 3.0, "alerts": alerts,
            }
        )  # fmt: skip
        initialise(settings)
        whole = plan.system and settings.log_url.startswith("sqlite:")
        clock = Clock(settings.home.parent / "chaos.clock", whole=whole)
        stack.callback(clock.close)
        campaign = _Campaign(plan, settings, seen, clock, disk, say)
        campaign.run()
        with open_stream(settings) as stream:
            deck = Deck(plan.seed, plan.records)
            examine(seen, deck.expected(), contents(settings), settings, stream)
        if plan.strict:
            seen.note("slow", campaign.report.recoveries.late())
    campaign.report.differences = seen.differences
    return campaign.report


class _Campaign:
    _services: Services
    _feeder: Worker

    def __init__(
        self, plan: Plan, settings: Settings, seen: Witness, clock: Clock, disk: SmallDisk | None, say: Say
    ) -> None:
        self.report = Report(plan.seed)
        self.report.means = (
            f"clock: {'the whole process' if clock.whole else 'time.time of Python'}; "
            f"disk: {'its own file system' if disk else 'the largest size of files'}"
        )
        self._plan = plan
        self._settings = settings
        self._seen = seen
        self._clock = clock
        self._disk = disk
        self._say = say
        self._rng = Random(plan.seed)
        folder = settings.home.parent
        self._checkpoint, self._allowance = folder / "feeder.checkpoint", folder / "feeder.allowance"
        path = os.pathsep.join(filter(None, (*clock.python_path, str(ROOT), os.environ.get("PYTHONPATH"))))
        self._environment = {**os.environ, **settings.environment(), "PYTHONPATH": path, **clock.environment}
        urls = (url for url in (settings.log_url, settings.store_url) if url.startswith("sqlite:"))
        self._database = next(map(sqlite_path, urls), None)
        self._commands = Commands(folder, self._environment, seen)
        self._killed: set[str] = set()
        self._gone: dict[str, int | None] = {}
        self._rests_until: dict[str, int] = {}

    def run(self) -> None:
        self._began = time.monotonic()
        try:
            with self._running():
                for number in range(self._plan.injections):
                    allowed = self._plan.records * (number + 1) // (self._plan.injections + 1)
                    write_atomically(self._allowance, b"%d" % allowed)
                    self._inject(number)
                    if number % _CHECK_EVERY == _CHECK_EVERY - 1:
                        self._seen.look(contents(self._settings).offers)
                write_atomically(self._allowance, b"%d" % self._plan.records)
                self._drain()
        finally:
            self.report.acknowledged = self._commands.acknowledged
            self.report.seconds = time.monotonic() - self._began

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        folder = self._settings.home.parent
        feed = [
            "tests.chaos.records", f"--seed={self._plan.seed}", f"--records={self._plan.records}",
            f"--checkpoint={self._checkpoint}", f"--allowance={self._allowance}",
        ]  # fmt: skip
        self._feeder = Worker("feeder", "feeder", feed, self._settings, lambda: 0)
        self._services = Services(self._settings, self._environment, folder)
        try:
            yield
        finally:
            self._services.close()
            killed(family(self._feeder.pid))
            self._feeder.end()
            self._commands.close()
            self.report.ended.update(f"feeder with {code}" for code in self._feeder.ended)
            logs = [("feeder", self._feeder.log), *self._commands.logs()]
            self._seen.read_logs([*logs, *((name, self._services.log(name)) for name in SERVICES)])

    def _inject(self, number: int) -> None:
        resting = {name for name, until in self._rests_until.items() if number < until}
        shares = {name: share for name, share in _SHARES.items() if name not in resting}
        victim = self._rng.choices(list(shares), list(shares.values()))[0]
        fault = self._rng.choices(list(FAULTS), list(FAULTS.values()))[0]
        moment = self._rng.uniform(0, _LATEST_S)
        if (hanging := self._plan.hang_at(number)) is not None:
            victim, fault = hanging, "hang"
            self._rests_until[victim] = number + 1 + _HANG_RESTS
        self._await_victim(victim, moment)
        self._say(f"{time.monotonic() - self._began:.0f} s, {number + 1}: {fault} on {victim} after {moment:.1f} s")
        self.report.injections[f"{fault} on {victim}" if fault not in ("locked", "clock") else fault] += 1
        self._do(fault, victim)
        # The feeder is none of arbkit's.
        if victim != "feeder":
            self.report.recoveries.disturbed(victim, fault, time.time())
        if victim in COMMANDS:
            self._commands.is_owed.add(victim)

    def _await_victim(self, victim: str, moment: float) -> None:
        """Wait until it has recovered and runs for a while; a command may be disturbed again before that."""
        if victim not in COMMANDS:
            recovered = self.report.recoveries.since
            self._require(lambda: recovered(victim) is None, f"{victim} does not do its work again")
            self._tend(moment)
            self._require(lambda: self._pid(victim) is not None, f"{victim} does not run")
            return
        takes_s = self._commands.usually_takes_s(victim)
        wait_s = moment / _LATEST_S * (takes_s if self._plan.strict else min(takes_s, _LATEST_S))
        while True:
            if self._pid(victim) is None:
                self._commands.run(victim)
            self._tend(wait_s)
            if self._pid(victim) is not None:
                return
            wait_s /= 2

    def _do(self, fault: str, victim: str) -> None:
        seconds = self._rng.uniform(0.3, 4.0)
        pid = self._pid(victim)
        processes = family(pid or 0)
        if fault in ("kill", "hang"):
            self._gone[victim] = pid
        if victim in ("consumer", "import") or fault in ("locked", "full", "read-only"):
            self._seen.repeats += 1
        match fault:
            case "kill":
                self._seen.producer_ends += victim == "producer"
                self._killed.add(victim)
                killed(processes)
            case "hang":
                self._seen.producer_ends += victim == "producer"
                self._killed.add(victim)
                halted(processes)
            case "stop":
                with stopped(processes):
                    self._tend(seconds)
            case "full" | "read-only":
                with self._without_room(fault, victim):
                    self._tend(seconds)
            case "locked":
                with contextlib.nullcontext() if self._database is None else locked(self._database):
                    self._tend(seconds)
            case "clock":
                ahead = self._rng.choice(_JUMPS_S)
                self._seen.clock_jumps += 1
                self._clock.ahead(ahead)
                self._tend(seconds)
                self._clock.ahead(0)

    def _without_room(self, fault: str, victim: str) -> contextlib.AbstractContextManager[None]:
        if self._disk is not None:
            return self._disk.full() if fault == "full" else self._disk.read_only()
        return without_room(family(self._pid(victim) or 0), self._room() if fault == "full" else 0)

    def _room(self) -> int:
        """A little more than the largest file that grows: the disk is full in the middle of a write."""
        if self._database is None:
            return 0
        wal = self._database.with_name(f"{self._database.name}-wal")
        return wal.stat().st_size + 20_000 if wal.exists() else 0

    def _pid(self, victim: str) -> int | None:
        if victim in SERVICES:
            return self._services.pid(victim)
        return self._feeder.pid if victim == "feeder" else self._commands.pid(victim)

    def _tend(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self._look_after()
            if time.monotonic() > deadline:
                return
            time.sleep(_LOOK_S)

    def _look_after(self) -> None:
        self._feeder.tend()
        self._commands.tend()
        for ended in (self._services.ended, self._commands.ended):
            while ended:
                self._note_end(*ended.pop(0))
        for victim in _SHARES:
            since = self.report.recoveries.since(victim)
            if since is not None and self._is_serving(victim, since):
                self.report.recoveries.serves(victim, time.time())

    def _note_end(self, name: str, code: int) -> None:
        self.report.ended[f"{name} with {code}"] += 1
        self._seen.repeats += name in ("consumer", "import") and code != 0
        is_command = name in COMMANDS
        log = dict(self._commands.logs())[name] if is_command else self._services.log(name)
        said = tail_of(name, log)
        self._seen.note_end(name, code, was_killed=name in self._killed, is_command=is_command, said=said)
        self._killed.discard(name)

    def _is_serving(self, victim: str, since: float) -> bool:
        """Whether it has done work since then: a command its own, a service that is not the killed one a round."""
        if victim in COMMANDS:
            return victim not in self._commands.is_owed
        beat = self._settings.home / "health" / victim
        return self._pid(victim) != self._gone.get(victim) and beat.exists() and beat.stat().st_mtime > since

    def _require(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not done():
            if time.monotonic() > deadline:
                raise StuckError("\n".join([what, self._services.tail(), self._feeder.tail(), self._commands.tail()]))
            self._tend(_CALM_LOOK_S)

    def _drain(self) -> None:
        """Let everything come to its end undisturbed; each command must do its work once more."""
        self._require(lambda: not self._commands.is_owed, "a command does not do its work again")
        self._require(lambda: number_in(self._checkpoint) == self._plan.records, "the feeder does not come to its end")
        # A hang is over when the supervisor has seen it.
        served = self.report.recoveries.since
        self._require(lambda: all(served(one) is None for one in SERVICES), "a service does not do its work again")
        self._retire("producer")
        if code := self._feeder.stop():
            self._seen.note("codes", [f"feeder ends with {code} on SIGTERM"])
        for name in ("import", "replay"):
            self._do_once(name)
        self._require(self._has_no_lag, "the consumer does not come to the end of the log")
        self._retire("scheduler")
        for name in ("detection", "report"):
            self._do_once(name)
        self._require(self._has_no_lag, "the consumer does not come to the end of the log")
        self._retire("consumer")
        self._require(self._is_priced, "the detector does not come to the end of the log")
        self._retire("detector")

    def _is_priced(self) -> bool:
        with contextlib.suppress(ArbkitError), open_stream(self._settings) as stream:
            return is_priced(self._settings, stream)
        return False

    def _do_once(self, name: str) -> None:
        self._require(lambda: self._pid(name) is None, f"{name} does not end")
        before = self._commands.acknowledged[name]
        self._commands.run(name)
        self._require(lambda: self._pid(name) is None, f"{name} does not end")
        if self._commands.acknowledged[name] == before:
            raise StuckError(f"{name} fails though nothing disturbs it:\n{self._commands.tail()}")

    def _retire(self, name: str) -> None:
        if code := self._services.retire(name):
            self._seen.note("codes", [f"{name} ends with {code} on SIGTERM: {self._services.tail()[-1_500:]}"])

    def _has_no_lag(self) -> bool:
        with contextlib.suppress(ArbkitError), open_stream(self._settings) as stream:
            return not any(stream.lag(ENRICH_GROUP, RAW_TOPIC).values())
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--injections", type=int, default=300)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--hangs", type=int, default=6, help="how many of the injections are hangs")
    parser.add_argument(
        "--system", action="store_true", help="disk by a mount and clock by libfaketime, where possible"
    )
    parser.add_argument("--strict", action="store_true", help="serving again within 60 s, 180 s after a hang")
    add_runtime_options(parser, log="sqlite", store="sqlite")
    asked = parser.parse_args()
    plan = Plan(
        asked.injections, asked.records, asked.seed, hangs=asked.hangs, system=asked.system,
        strict=asked.strict,
    )  # fmt: skip
    with runtime("campaign", log=asked.log, store=asked.store) as (settings, _):
        return finish(lambda: run(plan, settings, say=say), seed=asked.seed)


if __name__ == "__main__":
    sys.exit(main())
