"""``arbkit up``: every service as a process of its own, its log prefixed, restarted when it dies.

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
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import IO

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.service.addresses import base_url, dashboard_url, handed_down, listen, url_answers, with_token
from arbkit.core.service.process_tree import end_tree, spawn
from arbkit.core.settings import Settings

logger = logging.getLogger(__name__)

_GRACE_S = 8.0
_STABLE_S = 30.0
_LONGEST_PAUSE_S = 30.0
_FINAL = {UsageError.exit_code, ConfigError.exit_code}
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
    """One process: the arbkit command it runs and, where it has one, its address and the setting of its port."""

    name: str
    arguments: tuple[str, ...]
    address: Address | None = None
    port: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What it alone is given of the settings: the Keepa key, which only the producer needs."""


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
        Service("scheduler", ("schedule",)),
        Service("api", ("api",), Address(f"{api}/docs", f"{api}/health"), "ARBKIT_API_PORT"),
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
    return services


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
    readers: list[threading.Thread] = field(default_factory=list)


class Supervisor:
    """Runs services until ``stop`` is set; what they log goes to ``write``.

    A service's socket is handed to its first process, and closed here: one that is restarted opens its own.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        environment: Mapping[str, str],
        sockets: Sockets,
        stop: threading.Event,
        write: WriteLine,
    ) -> None:
        self._sockets = dict(sockets)
        self._running = [_Running(service) for service in services]
        ours = {"ARBKIT_SUPERVISED": str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        # In whatever case it is spelt.
        inherited = {name: value for name, value in os.environ.items() if name.upper() != "KEEPA_API_KEY"}
        self._environment = {**inherited, **environment, **ours}
        self._stop = stop
        self._write = write

    def run(self) -> None:
        """Start all, restart what dies, end all when stopped."""
        try:
            while not self._stop.is_set():
                for one in self._running:
                    self._tend(one)
                self._stop.wait(0.2)
        finally:
            self._end_all()

    def given_up(self) -> frozenset[str]:
        """Services that ended with an error which a restart cannot mend."""
        return frozenset(r.service.name for r in self._running if r.given_up)

    def _tend(self, one: _Running) -> None:
        now = time.monotonic()
        if one.process is None:
            if not one.given_up and now >= one.next_start_at:
                self._start(one, now)
            return
        code = one.process.poll()
        if code is None:
            if one.failures and now - one.started_at > _STABLE_S:
                one.failures = 0
            return
        one.process = None
        if code in _FINAL:
            one.given_up = True
            logger.error("%s ended with status %d and is not restarted: see its last lines", one.service.name, code)
            return
        pause = min(_LONGEST_PAUSE_S, 2.0**one.failures)
        one.failures += 1
        one.next_start_at = now + pause
        logger.warning("%s ended with status %d; restarting in %.0f s", one.service.name, code, pause)

    def _start(self, one: _Running, now: float) -> None:
        command = [*COMMAND, *one.service.arguments]
        environment = {**self._environment, **one.service.secrets}
        with self._sockets.pop(one.service.port or "", None) or nullcontext() as listening:
            # Windows hands no descriptors down.
            handed = [] if listening is None or os.name == "nt" else [listening.fileno()]
            environment |= {handed_down(one.service.port or ""): str(number) for number in handed}
            output = subprocess.PIPE
            one.process = spawn(command, environment=environment, output=output, descriptors=handed)
        one.started_at = now
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
        for unused in self._sockets.values():
            unused.close()
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
