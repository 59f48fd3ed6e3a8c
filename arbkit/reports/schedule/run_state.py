"""What ran when: the durable state of the scheduler, ``$ARBKIT_HOME/schedule.json``.

An entry is due when its line came due since it was last handled, however often: what was missed while the machine
was off is caught up once. Handling it is one step under a lock, so that of several schedulers only one does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TypedDict, TypeGuard

import orjson

from arbkit.core.files import file_lock, read_if_there, write_atomically
from arbkit.core.settings import Settings
from arbkit.reports.schedule.schedule_file import Entry

logger = logging.getLogger(__name__)

_LOCK_WAIT_S = 30.0
_CLOCK_STEP_S = 60.0


class EntryState(TypedDict, total=False):
    """What is remembered of an entry. Times in Unix seconds.

    ``unfinished`` is set while a run is under way, but not while an unfinished one is repeated: that happens once.
    """

    key: str
    handled_at: float
    unfinished: bool
    last_at: float
    run_id: str | None
    status: str


class ScheduleState:
    """Reads and writes the file; ``clock`` answers Unix seconds."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._path = settings.home / "schedule.json"
        self._clock = clock

    def read(self) -> dict[str, EntryState]:
        """The state of each entry by name; empty if the file is damaged.

        Raises:
            ServiceError: the file is there and cannot be read.
        """
        data = read_if_there(self._path)
        try:
            document = orjson.loads(data) if data else {}
            return {str(name): state for name, state in document.items() if _is_valid(state)}
        except (ValueError, AttributeError):
            logger.warning("%s is damaged: missed runs are not known, schedules begin anew", self._path)
            return {}

    def track(self, entries: Iterable[Entry]) -> None:
        """Start to track entries that are new or have another time; forget those that are gone or disabled.

        Raises:
            ServiceError: the file cannot be read or written.
        """
        now = self._clock()
        with self._locked():
            known = self.read()
            wanted = {entry.name: entry for entry in entries if entry.enabled}
            kept: dict[str, EntryState] = {
                name: {"key": entry.key, "handled_at": now}
                if (state := known.get(name)) is None or state["key"] != entry.key or self.is_ahead(state)
                else state
                for name, entry in wanted.items()
            }
            if kept != known:
                self._write(kept)

    def due_at(self, entry: Entry, state: EntryState | None) -> float | None:
        """The first time (Unix seconds) at which it came due since it was last handled, or None."""
        if state is None or state["key"] != entry.key:
            return None
        at = entry.cron.next_after(state["handled_at"])
        return at if at <= self._clock() else None

    def is_ahead(self, state: EntryState) -> bool:
        """Whether the clock was ahead when it was handled: then it would not run until that time."""
        return state["handled_at"] > self._clock() + _CLOCK_STEP_S

    def claim(self, entry: Entry, *, resume: bool = False) -> bool:
        """Take on what is due now, once; with ``resume`` also a run that was begun and not finished.

        Returns:
            Whether the caller has to run it.

        Raises:
            ServiceError: the file cannot be read or written.
        """
        with self._locked():
            known = self.read()
            state = known.get(entry.name)
            unfinished = resume and state is not None and state.get("unfinished", False)
            if state is None or (self.due_at(entry, state) is None and not unfinished):
                return False
            known[entry.name] = {**state, "handled_at": self._clock(), "unfinished": not unfinished}
            self._write(known)
            return True

    def finish(self, entry: Entry, *, run_id: str | None, status: str) -> None:
        """Remember how its run ended.

        Raises:
            ServiceError: the file cannot be read or written.
        """
        with self._locked():
            known = self.read()
            state = known.get(entry.name)
            if state is not None:
                known[entry.name] = {
                    **state, "unfinished": False, "last_at": self._clock(), "run_id": run_id, "status": status,
                }  # fmt: skip
                self._write(known)

    def _locked(self) -> AbstractContextManager[None]:
        lock = self._path.with_name(".schedule.lock")
        return file_lock(lock, what="another change of the schedule's state", wait_s=_LOCK_WAIT_S)

    def _write(self, known: dict[str, EntryState]) -> None:
        write_atomically(self._path, orjson.dumps(known, option=orjson.OPT_INDENT_2))


def _is_valid(state: object) -> TypeGuard[EntryState]:
    return isinstance(state, dict) and isinstance(state.get("key"), str) and isinstance(state.get("handled_at"), float)
