"""``arbkit up``: every service as a process of its own, its log prefixed, restarted when it dies or hangs.

Whatever ends is started again after a pause that grows; what only its user can mend after longer ones. A service hangs
that gives no sign of life, a heartbeat or an answer of any kind, for as long as `arbkit alive` waits for one. Time in
which the supervisor itself did not run, as while the machine slept, counts against nobody.

Each service is started apart, so that Ctrl-C reaches only the supervisor, which then ends them all: each is asked
to, and after a grace period what is left of it is killed with all that it started.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.formatting import age_words
from arbkit.core.service.addresses import (
    base_url,
    dashboard_url,
    handed_down,
    listen,
    responds,
    url_answers,
    with_token,
)
from arbkit.core.service.heartbeat import LIMIT_S, SERVICES, heartbeat_path
from arbkit.core.service.process import without_keepa_key
from arbkit.core.service.process_tree import end_tree, kill_tree, spawn
from arbkit.core.settings import Settings

logger = logging.getLogger(__name__)

_GRACE_S = 8.0
_STABLE_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_FIRST_LONG_PAUSE_S, _LONGEST_LONG_PAUSE_S = 60.0, 3600.0
"""After an error that a user mends: a key that is paid again, or a file that is repaired, is noticed."""
_FOR_THE_USER = {UsageError.exit_code, ConfigError.exit_code}
_AWAY_S = 10.0
"""Seconds between two looks from which on the supervisor itself was away: it looks five times a second."""
_ASK_EVERY_S = 10.0
_ASK_TIMEOUT_S = 10.0
COMMAND = (sys.executable, "-m", "arbkit")
"""What runs a service's arguments."""
WriteLine = Callable[[str, str], None]
"""Takes a service's name and one line of its log."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service answers: ``url`` for people, ``probe`` answers below 400 once it is up."""

    url: str
    probe: str


@dataclass(frozen=True, slots=True)
class Service:
    """One process: the arbkit command it runs and, where it has them, its address, port's setting and heartbeats."""

    name: str
    arguments: tuple[str, ...]
    address: Address | None = None
    port: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What it alone is given of the settings: the Keepa key, which only the producer needs."""
    heartbeat: Path | None = None


Sockets = Mapping[str, socket.socket]
"""The setting of a port → the socket that listens on it."""


def resolve(settings: Settings) -> tuple[Settings, Sockets]:
    """The settings with every port fixed, a token, and the demo's address known to all; and the ports, listening.

    They stay open until their services have them: nobody else can take one in between.

    Raises:
        ConfigError: a port is in use (names the setting that changes it).
    """
    ports = [*(["demo_port"] if own_demo(settings) else []), "api_port", "dashboards_port"]
    with ExitStack() as held:
        # All at once, so that none is given out twice.
        sockets = {
            name: held.enter_context(listen(settings.host, getattr(settings, name), settings.variable(name)))
            for name in ports
        }
        fixed = {name: one.getsockname()[1] for name, one in sockets.items()}
        held.pop_all()
    opened = {settings.variable(name): one for name, one in sockets.items()}
    return with_token(settings).model_copy(update=fixed), opened


def own_demo(settings: Settings) -> bool:
    """Whether prices come from a demo market that this machine is to run itself."""
    return settings.demo_mode and not (settings.keepa_url or settings.demo_url)


def demo_probe(settings: Settings) -> str:
    """The address at which the demo market of these settings answers once it is up."""
    return f"{settings.source_url}/token?key=demo"


def plan_services(settings: Settings, *, token_is_new: bool = False) -> list[Service]:
    """The services of these (resolved) settings, in the order they start.

    The dashboards' address holds the token only if it is a new one: the user's own is a secret that they know.
    """
    api = base_url(settings.host, settings.api_port)
    page = dashboard_url(settings, with_its_token=token_is_new)
    services = [
        *([] if settings.mode == "imported" else [Service("producer", ("produce",), secrets=_key_of(settings))]),
        Service("consumer", ("consume",)),
        Service("detector", ("detect", "--follow")),
        Service("dispatcher", ("alerts", "deliver")),
        Service("scheduler", ("schedule",)),
        Service("api", ("api",), Address(f"{api}/docs", f"{api}/health/live"), "ARBKIT_API_PORT"),
        Service(
            "dashboards",
            ("dashboards",),
            Address(page, f"{page.partition('/voila')[0]}/login"),
            "ARBKIT_DASHBOARDS_PORT",
        ),
    ]
    if own_demo(settings):
        address = Address(settings.source_url, demo_probe(settings))
        services.insert(0, Service("demo", ("demo",), address, "ARBKIT_DEMO_PORT"))
    return [
        replace(one, heartbeat=heartbeat_path(settings, one.name)) if one.name in SERVICES else one for one in services
    ]


def _key_of(settings: Settings) -> Mapping[str, str]:
    names = (settings.variable(name) for name in ("keepa_api_key", "key_elsewhere"))
    whole = settings.environment()
    return {name: whole[name] for name in names}


@dataclass(slots=True)
class _Running:
    service: Service
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    next_start_at: float = 0.0
    given_up: bool = False
    sign_at: float = 0.0
    heartbeat_ns: int = 0
    readers: list[threading.Thread] = field(default_factory=list)


class Supervisor:
    """Runs services until ``stop`` is set; what they log goes to ``write``; ``clock`` answers monotonic seconds.

    A service's socket is handed to each of its processes, and stays open here: no other user of the machine can take
    the port while one is restarted, and get what was meant for it. (Windows hands none down: there it is closed.)
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        environment: Mapping[str, str],
        sockets: Sockets,
        stop: threading.Event,
        write: WriteLine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sockets = dict(sockets)
        self._running = [_Running(service) for service in services]
        ours = {"ARBKIT_SUPERVISED": str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        self._environment = {**without_keepa_key(os.environ), **environment, **ours}
        self._stop = stop
        self._write = write
        self._clock = clock
        self._looked_at = clock()

    def run(self) -> None:
        """Start all, restart what dies or hangs, end all when stopped."""
        threading.Thread(target=self._ask_for_answers, name="signs of life", daemon=True).start()
        try:
            while not self._stop.is_set():
                self._excuse_absence()
                for one in self._running:
                    self._tend(one)
                self._stop.wait(0.2)
        finally:
            self._end_all()

    def given_up(self) -> frozenset[str]:
        """Services that ended with an error which only a user can mend; they are started again after a long pause."""
        return frozenset(r.service.name for r in self._running if r.given_up)

    def _excuse_absence(self) -> None:
        """Give everyone as long again where nobody could be seen: all would be killed at once on waking."""
        now = self._clock()
        if (away_s := now - self._looked_at) > _AWAY_S:
            logger.info("nobody was looked after for %s: the machine slept or was stopped", age_words(away_s))
            for one in self._running:
                one.sign_at = min(now, one.sign_at + away_s)
        self._looked_at = now

    def _tend(self, one: _Running) -> None:
        now = self._clock()
        if one.process is None:
            if now >= one.next_start_at:
                self._start(one, now)
            return
        code = one.process.poll()
        if code is not None:
            self._plan_restart(one, now, f"ended with status {code}", for_the_user=code in _FOR_THE_USER)
        elif self._hangs(one, now):
            kill_tree(one.process)
            self._plan_restart(one, now, f"did not respond for {LIMIT_S:g} s and was killed")
        elif one.failures and now - one.started_at > _STABLE_S:
            one.failures, one.given_up = 0, False

    def _plan_restart(self, one: _Running, now: float, what: str, *, for_the_user: bool = False) -> None:
        first, longest = (
            (_FIRST_LONG_PAUSE_S, _LONGEST_LONG_PAUSE_S) if for_the_user else (_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        )
        # One kind of failure says nothing of how long another takes.
        one.failures = one.failures if one.given_up == for_the_user else 0
        pause = min(longest, first * 2.0 ** min(one.failures, 20))
        one.process, one.given_up = None, for_the_user
        one.failures += 1
        one.next_start_at = now + pause
        level = logging.ERROR if for_the_user else logging.WARNING
        seen = ": see its last lines" if for_the_user else ""
        logger.log(level, "%s %s; restarting in %.0f s%s", one.service.name, what, pause, seen)

    def _hangs(self, one: _Running, now: float) -> bool:
        """Whether it has given no sign of life for too long, by this machine's uptime: clocks may jump."""
        if one.service.heartbeat is None and one.service.address is None:
            return False
        if one.service.heartbeat is not None:
            with suppress(OSError):
                beat_ns = one.service.heartbeat.stat().st_mtime_ns
                if beat_ns != one.heartbeat_ns:
                    one.heartbeat_ns, one.sign_at = beat_ns, now
        return now - one.sign_at > LIMIT_S

    def _ask_for_answers(self) -> None:
        while not self._stop.wait(_ASK_EVERY_S):
            for one in self._running:
                address = one.service.address
                if address is not None and responds(address.probe, timeout_s=_ASK_TIMEOUT_S):
                    one.sign_at = self._clock()

    def _start(self, one: _Running, now: float) -> None:
        command = [*COMMAND, *one.service.arguments]
        environment = {**self._environment, **one.service.secrets}
        port = one.service.port or ""
        if os.name == "nt" and port in self._sockets:
            self._sockets.pop(port).close()
        handed = [self._sockets[port].fileno()] if port in self._sockets else []
        environment |= {handed_down(port): str(number) for number in handed}
        output = subprocess.PIPE
        try:
            one.process = spawn(command, environment=environment, output=output, descriptors=handed)
        except OSError as error:
            # No memory, no descriptors: the others go on, and this one may be started later.
            self._plan_restart(one, now, f"could not be started: {error.strerror or error}")
            return
        one.started_at = one.sign_at = now
        reader = threading.Thread(
            target=self._copy, args=(one.service.name, one.process.stdout), name=f"log {one.service.name}", daemon=True
        )
        reader.start()
        one.readers = [*(r for r in one.readers if r.is_alive()), reader]

    def _copy(self, name: str, lines: IO[bytes] | None) -> None:
        if lines is None:
            return
        with lines:
            for line in lines:
                self._write(name, line.decode("utf-8", "replace").rstrip())

    def _end_all(self) -> None:
        for each in self._sockets.values():
            each.close()
        started = [r.process for r in self._running if r.process is not None]
        for pid in end_tree(started, grace_s=_GRACE_S):
            logger.warning("process %d did not end in time and was killed", pid)
        for one in self._running:
            for reader in one.readers:
                reader.join(1.0)


def await_answers(
    services: Sequence[Service], *, stop: threading.Event, given_up: Callable[[], frozenset[str]]
) -> dict[str, bool]:
    """Wait until every address answers, or its service is given up, or ``stop`` is set; who answers."""
    waiting = {s.name: s.address for s in services if s.address is not None}
    answers = dict.fromkeys(waiting, False)
    while waiting and not stop.is_set():
        for name, address in list(waiting.items()):
            is_lost = name in given_up()
            answers[name] = not is_lost and url_answers(address.probe, timeout_s=5)
            if answers[name] or is_lost:
                del waiting[name]
        if waiting:
            stop.wait(0.2)
    return answers
