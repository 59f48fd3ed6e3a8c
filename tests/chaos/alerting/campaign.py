"""Opportunities come and go while consumers, detectors and dispatchers are killed; every alert must arrive.

    python -m tests.chaos.alerting.campaign --kills 200 --log kafka --store elasticsearch --seed 1

Prices change on the raw topic, round after round; alerts come to a real webhook and a real mail server. When a round is
priced, its routes are noted, and the oracle says in the end what the rules ask for. Products, prices and victims follow
from the seed, the moments of the kills do not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

import orjson
import requests

from arbkit.core.errors import ArbkitError
from arbkit.core.settings import Settings
from arbkit.ops.setup import initialise
from arbkit.store import OpportunityQuery, open_store
from arbkit.store.iteration import iter_opportunities
from arbkit.store.queries import AlertQuery
from arbkit.stream import (
    ALERTS_TOPIC,
    DETECT_GROUP,
    ENRICH_GROUP,
    ENRICHED_TOPIC,
    RAW_TOPIC,
    Record,
    Stream,
    open_stream,
)
from tests.chaos.agreement import is_priced
from tests.chaos.alerting.oracle import Alert, Arrivals, Round, Route, asked_for, differences, rules_text
from tests.chaos.alerting.prices import MOST_ROUNDS, Prices
from tests.chaos.compare import messages
from tests.chaos.runtime import add_runtime_options, finish, runtime, say
from tests.chaos.victims import StuckError, Worker
from tests.helpers.delivery import webhook
from tests.helpers.receivers import SECRET, Hook, Mail, hook, mail

__all__ = ["Plan", "Report", "run"]

_COMMANDS = {
    "consumer": ["arbkit", "consume"],
    "detector": ["arbkit", "detect", "--follow"],
    "dispatcher": ["arbkit", "alerts", "deliver"],
}
_ON_KAFKA = 2
"""Of each service where several can share the work."""
_IN_ITS_START = 0.35
"""The share of kills that come by the victim's age, whatever it has done; the others while it works."""
_OLDEST_START_S = 2.0
_PATIENCE_S = 3.0
_DRAIN_S = 600.0
_LOOK_S = 0.05
_CALM_LOOK_S = 1.0
"""Between looks at all that is stored and delivered, which take as much of the machine as those that are looked at."""
_CHANNELS = 2
_MAIL_ID = "Alert: "
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    kills: int
    products: int
    rounds: int
    seed: int


@dataclass(slots=True)
class Report:
    """What a campaign did and found. ``differences`` is empty when all is as it must be."""

    plan: Plan
    kills: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    """Processes that ended by themselves and were started again, by kind and exit code."""
    asked: Counter[str] = field(default_factory=Counter)
    """Alerts that the rules ask for, by type."""
    came: Counter[str] = field(default_factory=Counter)
    """Alerts that came, again and again counted, by where."""
    opportunities: int = 0
    seconds: float = 0.0
    differences: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        def of(counts: Counter[str]) -> str:
            return ", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "none"

        again = {where: count - self.asked.total() for where, count in sorted(self.came.items())}
        return [
            f"seed {self.plan.seed}: {self.kills.total()} kills ({of(self.kills)}) in {self.seconds:.0f} s; "
            f"ended by themselves: {of(self.ended)}",
            f"{self.plan.products} products, {self.plan.rounds} rounds: {self.opportunities} times an opportunity came",
            f"alerts asked for: {self.asked.total()} ({of(self.asked)}); "
            f"came again: {', '.join(f'{count} {where}' for where, count in again.items())}",
            *(f"DIFFERENCE {one}" for one in self.differences),
            "as it must be" if not self.differences else f"{len(self.differences)} differences",
        ]


def run(plan: Plan, settings: Settings, *, say: Say = lambda _: None) -> Report:
    """One campaign on a log and a store that are still empty.

    Raises:
        StuckError: something stands still that must not.
    """
    alerts = settings.home.parent / "campaign-alerts.toml"
    settings = settings.model_copy(update={"alerts": alerts})
    # Apprise reads all certificates of the system for each mail, also for one that needs none.
    environment = {"HOOK_SECRET": SECRET, "SSL_CERT_FILE": os.devnull}
    with hook() as receiver, mail() as server, patch.dict(os.environ, environment):
        channels = f'{webhook(receiver.url)}\n[[channel]]\nname = "mail"\nurl = "{server.url}"\n'
        alerts.write_text(f'timezone = "UTC"\n{rules_text()}\n{channels}', "utf-8")
        initialise(settings)
        with open_stream(settings) as stream:
            campaign = _Campaign(plan, settings, stream, receiver, server, say)
            campaign.run()
    return campaign.report


class _Campaign:
    """The processes, and the kills among them. Everything happens in one thread, between two looks."""

    def __init__(self, plan: Plan, settings: Settings, stream: Stream, receiver: Hook, server: Mail, say: Say) -> None:
        self.report = Report(plan)
        self._plan = plan
        self._settings = settings
        self._stream = stream
        self._hook = receiver
        self._mail = server
        self._say = say
        self._rng = Random(plan.seed)
        self._prices = Prices(plan.seed, plan.products)
        self._workers: list[Worker] = []
        self._rounds: list[Round] = []

    def run(self) -> None:
        began = time.monotonic()
        self._publish(self._prices.bought())
        with self._processes():
            for number in range(1, self._plan.rounds + 1):
                self._round(number)
                self._say(
                    f"round {number} of {self._plan.rounds}: {self.report.kills.total()} kills, "
                    f"{len(asked_for(self._rounds))} alerts asked for, {len(self._hook.bodies)} at the webhook, "
                    f"{len(self._mail.messages)} by mail, {time.monotonic() - began:.0f} s"
                )
            asked = asked_for(self._rounds)
            self._require(lambda: self._has_delivered(asked), "not every alert is delivered")
            for worker in self._workers:
                if code := worker.stop():
                    self.report.differences.append(f"{worker.name} ends with {code} on SIGTERM: {worker.tail()}")
        self.report.seconds = time.monotonic() - began
        self._examine()

    def _round(self, number: int) -> None:
        """Publish a round piece by piece, killing after each; note what is stored once all of it is priced."""
        records = self._prices.round(number)
        due = asked_for(self._rounds)
        kills = self._plan.kills * number // self._plan.rounds - self._plan.kills * (number - 1) // self._plan.rounds
        for piece in range(kills + 1):
            part = records[len(records) * piece // (kills + 1) : len(records) * (piece + 1) // (kills + 1)]
            self._publish(part)
            if piece < kills:
                self._kill(len(part))
        self._require(self._is_priced, "a round is not priced")
        self._rounds.append(_stored(self._settings))
        # What waits for ten minutes is judged anew: a backlog of many rounds would hold some back, and rightly.
        self._require(lambda: self._has_delivered(due), "the alerts of the round before are not delivered")

    @contextlib.contextmanager
    def _processes(self) -> Iterator[None]:
        several = _ON_KAFKA if not self._settings.log_url.startswith("sqlite:") else 1
        progress = {
            "consumer": lambda: self._committed(ENRICH_GROUP, RAW_TOPIC),
            "detector": lambda: self._committed(DETECT_GROUP, ENRICHED_TOPIC),
            "dispatcher": lambda: self._hook.tries,
        }
        try:
            for kind, command in _COMMANDS.items():
                for number in range(several):
                    self._workers.append(Worker(kind, f"{kind}-{number}", command, self._settings, progress[kind]))
            yield
        finally:
            for worker in self._workers:
                worker.end()
                self.report.ended.update(f"{worker.kind} with {code}" for code in worker.ended)
                if "Traceback" in (text := worker.log.read_text(errors="replace")):
                    self.report.differences.append(f"{worker.name} crashed: {text[text.index('Traceback') :][-2_000:]}")

    def _publish(self, records: Sequence[Record]) -> None:
        self._stream.publish(RAW_TOPIC, records)

    def _kill(self, published: int) -> None:
        """Kill somebody who has just started, or who has done a random part of what was published."""
        kind = self._rng.choice(list(_COMMANDS))
        victim = self._rng.choice([one for one in self._workers if one.kind == kind])
        if self._rng.random() < _IN_ITS_START:
            age = self._rng.uniform(0, _OLDEST_START_S)
            self._await(lambda: victim.age() >= age, _PATIENCE_S)
        else:
            wanted = victim.progress() + self._rng.randrange(1, max(2, published))
            self._await(lambda: victim.progress() >= wanted, _PATIENCE_S)
        victim.kill()
        self.report.kills[kind] += 1

    def _committed(self, group: str, topic: str) -> int:
        with contextlib.suppress(ArbkitError):
            return sum(self._stream.committed_offsets(group, topic).values())
        return 0

    def _is_priced(self) -> bool:
        with contextlib.suppress(ArbkitError):
            if any(self._stream.lag(ENRICH_GROUP, RAW_TOPIC).values()):
                return False
            return is_priced(self._settings, self._stream)
        return False

    def _has_delivered(self, due: set[Alert]) -> bool:
        """Whether all of these came to the webhook and by mail: one that waits gives way to the next of its kind."""
        hooked = {one["id"]: Alert.of(one) for one in _documents(self._hook)}
        return due <= set(hooked.values()) and due <= {hooked[one] for one in _mailed(self._mail) if one in hooked}

    def _await(self, done: Callable[[], bool], seconds: float, look_s: float = _LOOK_S) -> bool:
        """Start again what has ended until ``done``; False if it takes longer."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            for worker in self._workers:
                worker.tend()
            time.sleep(look_s)
        return True

    def _require(self, done: Callable[[], bool], what: str) -> None:
        if self._await(done, _DRAIN_S, _CALM_LOOK_S):
            return
        came = Arrivals(self._on_log(), _documents(self._hook), _headers(self._hook), _mailed(self._mail))
        found = differences(self._rounds, came)
        raise StuckError("\n".join([what, *found, *(worker.tail() for worker in self._workers)]))

    def _on_log(self) -> list[dict[str, Any]]:
        return [orjson.loads(message.value) for message in messages(self._stream, ALERTS_TOPIC)]

    def _examine(self) -> None:
        came = Arrivals(
            self._on_log(),
            _documents(self._hook),
            _headers(self._hook),
            _mailed(self._mail),
            self._hook.unsigned,
            _unsent(self._settings),
        )
        asked = asked_for(self._rounds)
        self.report.asked = Counter(alert.type for alert in asked)
        self.report.came = Counter(
            {"on the log": len(came.log), "at the webhook": len(came.hook), "by mail": len(came.mail)}
        )
        self.report.opportunities = _comings(self._rounds)
        self.report.differences += differences(self._rounds, came)


def _stored(settings: Settings) -> Round:
    if settings.store_url.startswith("http"):
        # What other processes have just written is searched a second later otherwise.
        requests.post(f"{settings.store_url}/{settings.store_prefix}*/_refresh", timeout=30).raise_for_status()
    with open_store(settings, read_only=True) as store:
        return {
            o.id: Route(
                o.status == "opportunity",
                o.sell_price,
                o.profit if o.profit_low is None else o.profit_low,
                o.roi_pct,
                o.confidence,
            )
            for o in iter_opportunities(store, OpportunityQuery(all_routes=True))
        }


def _comings(rounds: Sequence[Round]) -> int:
    """How often a route is an opportunity that was none in the round before."""
    paying = [{name for name, route in stored.items() if route.pays} for stored in rounds]
    return sum(len(now - before) for before, now in zip([set(), *paying], paying, strict=False))


def _documents(receiver: Hook) -> list[dict[str, Any]]:
    return [alert for body in list(receiver.bodies) for alert in body["alerts"]]


def _headers(receiver: Hook) -> list[str]:
    """For each alert the id in the header of its message; empty where that is made of those of several alerts."""
    pairs = zip(list(receiver.bodies), list(receiver.seen), strict=False)
    return [headers["arbkit-id"] if len(body["alerts"]) == 1 else "" for body, headers in pairs for _ in body["alerts"]]


def _mailed(server: Mail) -> list[str]:
    lines = (line for text in server.texts() for line in text.splitlines())
    return [line.removeprefix(_MAIL_ID) for line in lines if line.startswith(_MAIL_ID)]


def _unsent(settings: Settings) -> dict[str, str]:
    """Alerts that are kept as something else than sent on each of the channels."""
    with open_store(settings, read_only=True) as store:
        found: dict[str, str] = {}
        query: AlertQuery | None = AlertQuery(limit=500)
        while query is not None:
            page = store.alerts(query)
            for one in page.items:
                if [d.status for d in one.deliveries] != ["sent"] * _CHANNELS:
                    found[one.id] = f"{[(d.channel, d.status, d.why) for d in one.deliveries]} {one.why}"
            query = query.model_copy(update={"cursor": page.next}) if page.next else None
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--products", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=20, help=f"at most {MOST_ROUNDS}")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    add_runtime_options(parser, log="sqlite", store="sqlite")
    asked = parser.parse_args()
    plan = Plan(asked.kills, asked.products, min(asked.rounds, MOST_ROUNDS), asked.seed)
    with runtime("alerting", log=asked.log, store=asked.store) as (settings, _):
        return finish(lambda: run(plan, settings, say=say), seed=asked.seed)


if __name__ == "__main__":
    sys.exit(main())
