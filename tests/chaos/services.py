"""The services of a campaign under arbkit's own supervisor, which starts what has ended again, and what hangs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from subprocess import TimeoutExpired

from arbkit.core.service.heartbeat import heartbeat_path
from arbkit.core.settings import Settings
from arbkit.ops.supervisor import Service, Supervisor, _Running
from tests.chaos.victims import StuckError, await_listening, tail_of

__all__ = ["SERVICES", "Services"]

SERVICES = {
    "consumer": ("consume",), "detector": ("detect", "--follow"), "producer": ("produce",), "scheduler": ("schedule",),
}  # fmt: skip
_END_S = 300.0


class Services(Supervisor):
    """Producer, consumer, detector and scheduler; those with an address are none of a campaign's.

    ``ended`` are the exit codes, by service, of what ended while nobody had asked it to.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str], logs: Path) -> None:
        self._logs = logs
        self._halt = threading.Event()
        services = [
            Service(name, command, heartbeat=heartbeat_path(settings, name)) for name, command in SERVICES.items()
        ]
        super().__init__(services, environment=environment, sockets={}, stop=self._halt, write=self._keep)
        self.ended: list[tuple[str, int]] = []
        self._between_looks = threading.Lock()
        self._retired: set[str] = set()
        self._thread = threading.Thread(target=self.run, name="supervisor")
        self._thread.start()

    def _keep(self, name: str, line: str) -> None:
        with self.log(name).open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def log(self, name: str) -> Path:
        """What a service has written."""
        return self._logs / f"{name}.log"

    def tail(self) -> str:
        """What all have written last."""
        return "\n".join(tail_of(one.service.name, self.log(one.service.name)) for one in self._running)

    def pid(self, name: str) -> int | None:
        """Of the process that runs now, if one does."""
        process = self._of(name).process
        return None if process is None else process.pid

    def retire(self, name: str) -> int:
        """Ask a service to end, as an operator would, and start it no more; its exit code.

        Raises:
            StuckError: it does not end.
        """
        with self._between_looks:
            self._retired.add(name)
            process = self._of(name).process
        if process is None:
            raise StuckError(f"{name} does not run: {tail_of(name, self.log(name))}")
        await_listening(process)
        process.terminate()
        try:
            return process.wait(_END_S)
        except TimeoutExpired:
            raise StuckError(f"{name} does not end on SIGTERM: {tail_of(name, self.log(name))}") from None

    def close(self) -> None:
        """End all."""
        self._halt.set()
        self._thread.join()

    def _of(self, name: str) -> _Running:
        return next(one for one in self._running if one.service.name == name)

    def _tend(self, one: _Running) -> None:
        with self._between_looks:
            if one.service.name not in self._retired:
                super()._tend(one)

    def _plan_restart(self, one: _Running, now: float, what: str, *, for_the_user: bool = False) -> None:
        if one.process is not None:
            self.ended.append((one.service.name, one.process.returncode))
        self._keep(one.service.name, f"--- {what}")
        super()._plan_restart(one, now, what, for_the_user=for_the_user)
