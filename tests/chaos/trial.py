"""Random ``kill -9`` over producers, consumers, detectors and the broker while records flow; what is true then.

    python -m tests.chaos.trial --kills 300 --records 100000 --log kafka --store elasticsearch --seed 1

The store must hold what a plain count over the records says and what an undisturbed run stored, the dead letters
every unusable record with its own bytes and nothing else, the same records once more must change nothing, and the
routes that the detectors stored must be those of a sweep.
The records follow from the seed, the moments of the kills do not.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson
from confluent_kafka import Producer

from arbkit.core.errors import ArbkitError, StreamError
from arbkit.core.files import write_atomically
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.pipeline.consumer import consume
from arbkit.pipeline.producer import produce
from arbkit.sources.demo.market import asins
from arbkit.sources.demo.server import DemoServer
from arbkit.stream import DETECT_GROUP, ENRICH_GROUP, ENRICHED_TOPIC, RAW_TOPIC, Stream, open_stream
from tests.chaos.agreement import count_routes, disagreements, is_priced
from tests.chaos.compare import Contents, against_the_count, between, contents, dead_letters, sets_between, told
from tests.chaos.records import Deck, number_in
from tests.chaos.runtime import add_runtime_options, finish, runtime, say
from tests.chaos.victims import Broker, StuckError, Victim, Worker
from tests.servers.launch import Kafka

__all__ = ["Plan", "Report", "run"]

CONSUMERS = 2
"""And as many detectors, of one group each on Kafka; a SQLite file takes one."""
_WATCHED = 12
_POLL_INTERVAL_S = 2.0
_AT_ONCE = 500
_LOOK_S = 0.02
_CALM_LOOK_S = 0.5
"""Between looks at the whole of log and store, which take as much of the machine as those that are looked at."""
_SHARES = {"consumer": 0.4, "detector": 0.3, "feeder": 0.15, "producer": 0.1, "broker": 0.05}
_IN_ITS_START = 0.35
"""The share of kills that come by the victim's age, whatever it has done; the others while it works."""
_OLDEST_START_S = 2.0
_PATIENCE_S = 8.0
_DRAIN_S = 900.0
_FOREIGN = ((None, None), (None, b"somebody else's"))
"""Key and value of what another program put on the topic, past arbkit."""


@dataclass(frozen=True, slots=True)
class Plan:
    kills: int
    records: int
    seed: int


@dataclass(slots=True)
class Report:
    """What a run did and found. ``differences`` is empty when all is as it must be."""

    kills: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    """Processes that ended by themselves and were started again, by kind and exit code."""
    records: int = 0
    duplicates: int = 0
    stored: int = 0
    routes: int = 0
    letters: int = 0
    distinct_letters: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        kills = ", ".join(f"{n} {kind}" for kind, n in sorted(self.kills.items()))
        ended = ", ".join(f"{n} {kind}" for kind, n in sorted(self.ended.items())) or "none"
        return [
            f"kills: {self.kills.total()} ({kills}); ended by themselves: {ended}",
            f"records: {self.records}, and {self.duplicates} delivered again; offers stored: {self.stored}, "
            f"routes: {self.routes}",
            f"dead letters: {self.distinct_letters} distinct, {self.letters} in all; {self.seconds:.0f} s of kills",
            *(f"DIFFERENCE {line}" for line in self.differences),
            "as it must be" if not self.differences else f"{len(self.differences)} differences",
        ]


Say = Callable[[str], None]


def run(plan: Plan, settings: Settings, *, broker: Kafka | None, say: Say = lambda _: None) -> Report:
    """One chaos run under the settings, whose log and store are still empty; ``broker`` is the log's, if Kafka.

    Raises:
        StuckError: something stands still that must not.
    """
    deck = Deck(plan.seed, plan.records)
    settings.home.mkdir(parents=True, exist_ok=True)
    watchlist = settings.home / "watched.txt"
    watchlist.write_text("\n".join(asins()[:_WATCHED]))
    with DemoServer("127.0.0.1", 0, speed=0, rate=1_000_000) as demo:
        more = {"keepa_url": demo.url, "watchlist": watchlist, "poll_interval": _POLL_INTERVAL_S}
        # Forced, as its products go among the deck's, which are called real.
        settings = settings.model_copy(update={**more, "demo": True})
        calm = _undisturbed(deck, settings)
        say(f"an undisturbed run stored {len(calm.offers)} offers of {len(calm.products)} products")
        initialise(settings)
        with open_stream(settings) as stream:
            chaos = _Chaos(plan, settings, stream, broker, say)
            chaos.run()
            _examine(chaos.report, deck, settings, stream, calm, foreign=_FOREIGN if broker else ())
    return chaos.report


def _examine(
    report: Report,
    deck: Deck,
    settings: Settings,
    stream: Stream,
    calm: Contents,
    *,
    foreign: Sequence[tuple[None, Any]],
) -> None:
    """Note every way in which log and store are not what they must be, then publish all again."""
    expected = deck.expected()
    expected.poison |= {("", value or b"") for _, value in foreign}
    after = contents(settings)
    letters = dead_letters(stream)
    report.stored, report.letters, report.distinct_letters = len(after.offers), len(letters), len(set(letters))
    demo = sum(o.demo for o in after.offers.values())
    report.duplicates = sum(end for _, end in stream.watermarks(RAW_TOPIC).values()) - deck.count - len(foreign) - demo
    newest = {(o.asin, o.market, o.version) for o in after.offers.values()}
    report.differences += [
        *against_the_count(expected, after),
        *between("an undisturbed run", calm.timeless(), after.timeless()),
        *sets_between("dead letters", expected.poison, set(letters)),
        *sets_between(f"told to nobody on {ENRICHED_TOPIC}", set(), newest - told(stream)),
        *disagreements(settings),
    ]
    report.routes = count_routes(settings)
    _publish(deck, settings)
    produce(settings, once=True, stop=threading.Event())
    consume(settings, until_empty=True, stop=threading.Event())
    report.differences += [
        *between("before all was published again", after, contents(settings)),
        *sets_between("dead letters of all again", expected.poison, set(dead_letters(stream))),
    ]


def _undisturbed(deck: Deck, settings: Settings) -> Contents:
    """What a store of the same kind holds when nothing is killed; its log is a file."""
    home = settings.home / "undisturbed"
    more = {"home": home, "log": f"sqlite:///{home / 'log.db'}", "store_prefix": f"calm-{settings.store_prefix}"}
    if settings.store_url.startswith("sqlite:"):
        more["store"] = f"sqlite:///{home / 'store.db'}"
    calm = settings.model_copy(update=more)
    initialise(calm)
    _publish(deck, calm)
    produce(calm, once=True, stop=threading.Event())
    consume(calm, until_empty=True, stop=threading.Event())
    return contents(calm)


def _publish(deck: Deck, settings: Settings) -> None:
    with open_stream(settings) as stream:
        for start in range(0, deck.count, _AT_ONCE):
            stream.publish(RAW_TOPIC, deck.records(start, min(start + _AT_ONCE, deck.count)))


class _Chaos:
    """The processes, and the kills among them. Everything happens in one thread, between two looks."""

    def __init__(self, plan: Plan, settings: Settings, stream: Stream, server: Kafka | None, say: Say) -> None:
        self.report = Report(records=plan.records)
        self._plan = plan
        self._settings = settings
        self._stream = stream
        self._say = say
        self._rng = Random(plan.seed)
        self._checkpoint = settings.home / "feeder.checkpoint"
        self._allowance = settings.home / "feeder.allowance"
        self._looks = settings.home / "producer.json"
        self._committed = 0
        self._server = server
        self._broker: Broker | None = None
        self._consumers: list[Worker] = []
        self._detectors: list[Worker] = []
        self._priced = 0
        self._producers: list[Worker] = []

    def run(self) -> None:
        began = time.monotonic()
        if self._server is not None:
            _publish_foreign(self._server)
        with self._processes():
            for number, kind in enumerate(self._order()):
                # Each kill lets a share of the records out, so that they flow from the first to the last.
                allowed = self._plan.records * (number + 1) // (self._plan.kills + 1)
                write_atomically(self._allowance, b"%d" % allowed)
                victim = self._rng.choice([v for v in self._victims() if v.kind == kind])
                self._await_moment(victim)
                victim.kill()
                self.report.kills[kind] += 1
                if (number + 1) % max(1, self._plan.kills // 10) == 0:
                    self._tell(number + 1, began)
            write_atomically(self._allowance, b"%d" % self._plan.records)
            self._drain()
        self.report.seconds = time.monotonic() - began

    @contextlib.contextmanager
    def _processes(self) -> Iterator[None]:
        deck = [f"--seed={self._plan.seed}", f"--records={self._plan.records}"]
        files = [f"--checkpoint={self._checkpoint}", f"--allowance={self._allowance}"]
        feed = ["tests.chaos.records", *deck, *files]
        if self._server is not None:
            self._broker = Broker(self._server, self._progress)
        try:
            for number in range(CONSUMERS if self._broker is not None else 1):
                name = f"consumer-{number}"
                self._consumers.append(Worker("consumer", name, ["arbkit", "consume"], self._settings, self._progress))
                detect, name = ["arbkit", "detect", "--follow"], f"detector-{number}"
                self._detectors.append(Worker("detector", name, detect, self._settings, self._detected))
            feeder = Worker("feeder", "feeder", feed, self._settings, lambda: number_in(self._checkpoint))
            producer = Worker("producer", "producer", ["arbkit", "produce"], self._settings, self._looked_at)
            self._producers += [feeder, producer]
            yield
        finally:
            for worker in (*self._producers, *self._consumers, *self._detectors):
                worker.end()
                self.report.ended.update(f"{worker.kind} with {code}" for code in worker.ended)
                if "Traceback" in (text := worker.log.read_text(errors="replace")):
                    self.report.differences.append(f"{worker.name} crashed: {text[text.index('Traceback') :][-2_000:]}")

    def _order(self) -> list[str]:
        """Whom the kills meet: each kind its share, at least one broker, in a random order."""
        shares = {kind: share for kind, share in _SHARES.items() if kind != "broker" or self._broker is not None}
        counts = {kind: max(1, round(self._plan.kills * share)) for kind, share in shares.items()}
        counts["consumer"] = max(1, self._plan.kills - sum(counts.values()) + counts["consumer"])
        order = [kind for kind, count in counts.items() for _ in range(count)][: self._plan.kills]
        self._rng.shuffle(order)
        return order

    def _victims(self) -> list[Victim]:
        broker = [self._broker] if self._broker is not None else []
        return [*self._consumers, *self._detectors, *self._producers, *broker]

    def _await_moment(self, victim: Victim) -> None:
        """Wait until the victim has just started, or has done a random part of what is to be done."""
        if self._rng.random() < _IN_ITS_START:
            age = self._rng.uniform(0, _OLDEST_START_S)
            self._await(lambda: victim.age() >= age, _PATIENCE_S)
            return
        begun = victim.progress()
        part = self._rng.randrange(1, max(2, self._plan.records // (self._plan.kills + 1)))
        part = part if victim.kind != "producer" else 1
        self._await(lambda: victim.progress() >= begun + part, _PATIENCE_S)

    def _await(self, done: Callable[[], bool], seconds: float, look_s: float = _LOOK_S) -> bool:
        """Tend the processes until ``done``; False if it takes longer."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            for victim in self._victims():
                victim.tend()
            time.sleep(look_s)
        return True

    def _progress(self) -> int:
        """Records of the raw topic that the group has committed; the last known number while the broker is away."""
        if self._broker is None or self._broker.answers:
            with contextlib.suppress(StreamError):
                lag = self._stream.lag(ENRICH_GROUP, RAW_TOPIC)
                self._committed = sum(
                    end - lag[place] for place, (_, end) in self._stream.watermarks(RAW_TOPIC).items()
                )
        return self._committed

    def _detected(self) -> int:
        """Messages of products that the detectors have committed; the last known number while the broker is away."""
        if self._broker is None or self._broker.answers:
            with contextlib.suppress(StreamError):
                self._priced = sum(self._stream.committed_offsets(DETECT_GROUP, ENRICHED_TOPIC).values())
        return self._priced

    def _looked_at(self) -> int:
        """When the producer last noted a look."""
        return self._looks.stat().st_mtime_ns if self._looks.exists() else 0

    def _drain(self) -> None:
        """Let everything be published and consumed, then let the processes end in order."""
        self._require(lambda: self._broker is None or self._broker.answers, "the broker does not answer")
        self._require(lambda: number_in(self._checkpoint) == self._plan.records, "the feeder does not come to its end")
        self._require(self._has_looked_at_all, "the producer has not looked at everything")
        for worker in self._producers:
            self._stop(worker)
        self._require(self._has_no_lag, "the consumers do not come to the end of the log")
        for worker in self._consumers:
            self._stop(worker)
        self._require(self._is_priced, "the detectors do not come to the end of the log")
        for worker in self._detectors:
            self._stop(worker)

    def _is_priced(self) -> bool:
        with contextlib.suppress(ArbkitError):
            return is_priced(self._settings, self._stream)
        return False

    def _stop(self, worker: Worker) -> None:
        if code := worker.stop():
            self.report.differences.append(f"{worker.name} ends with {code} on SIGTERM: {worker.tail()}")

    def _has_looked_at_all(self) -> bool:
        if not self._looks.exists():
            return False
        looks = orjson.loads(self._looks.read_bytes())["looks"]
        return sum(map(len, looks.values())) == _WATCHED * len(self._settings.markets)

    def _has_no_lag(self) -> bool:
        with contextlib.suppress(StreamError):
            return not any(self._stream.lag(ENRICH_GROUP, RAW_TOPIC).values())
        return False

    def _require(self, done: Callable[[], bool], what: str) -> None:
        if not self._await(done, _DRAIN_S, _CALM_LOOK_S):
            with contextlib.suppress(StreamError):
                what += f"; lag {self._stream.lag(ENRICH_GROUP, RAW_TOPIC)}"
            raise StuckError("\n".join([what, *(victim.tail() for victim in self._victims())]))

    def _tell(self, kills: int, began: float) -> None:
        self._say(
            f"{kills} of {self._plan.kills} kills, {number_in(self._checkpoint)} of {self._plan.records} records "
            f"published, {self._progress()} messages done, {time.monotonic() - began:.0f} s"
        )


def _publish_foreign(server: Kafka) -> None:
    producer = Producer({"bootstrap.servers": server.address})
    for key, value in _FOREIGN:
        producer.produce(RAW_TOPIC, value, key)
    producer.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    add_runtime_options(parser, log="kafka", store="elasticsearch")
    asked = parser.parse_args()
    with runtime("chaos", log=asked.log, store=asked.store) as (settings, broker):
        plan = Plan(asked.kills, asked.records, asked.seed)
        return finish(lambda: run(plan, settings, broker=broker, say=say), seed=asked.seed)


if __name__ == "__main__":
    sys.exit(main())
