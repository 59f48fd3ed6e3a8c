"""What has run when: the durable memory of the scheduler, ``$ARBKIT_HOME/schedule.json``.

An entry is due when its line came due since it was last handled, however often: what was missed while the machine
was off is caught up once. To handle it is one step under a lock, so that of several schedulers only one does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypedDict

import orjson

from arbkit.core.files import read_if_there, write_atomically
from arbkit.core.locks import held
from arbkit.core.settings import Settings
from arbkit.reports.schedule.schedule_file import Entry

__all__ = ["EntryState", "ScheduleState"]

logger = logging.getLogger(__name__)

_WAIT_S = 30.0
_CLOCK_STEP_S = 60.0


class EntryState(TypedDict, total=False):
    """What is remembered of an entry. Times in Unix seconds.

    ``unfinished`` is set while a run is under way, but not while one is made up for: that happens once.
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

    @property
    def path(self) -> Path:
        return self._path

    def recall(self) -> dict[str, EntryState]:
        """What is remembered, by entry; nothing, if the file is damaged."""
        data = read_if_there(self._path)
        try:
            document: Any = orjson.loads(data) if data else {}
            return {str(name): fired for name, fired in document.items() if _is_whole(fired)}
        except (ValueError, AttributeError):
            logger.warning("%s is damaged: missed runs are not known, schedules begin anew", self._path)
            return {}

    def begin(self, entries: Iterable[Entry]) -> None:
        """Remember entries from now on that are new or have another time; forget what is not there or off.

        Raises:
            ServiceError: it cannot be written.
        """
        now = self._clock()
        with self._locked():
            known = self.recall()
            wanted = {entry.name: entry for entry in entries if entry.enabled}
            kept = {
                name: fired if (fired := known.get(name)) and self._holds(entry, fired) else _from(entry, now)
                for name, entry in wanted.items()
            }
            if kept != known:
                self._write(kept)

    def _holds(self, entry: Entry, fired: EntryState) -> bool:
        return fired["key"] == entry.key and not self.is_ahead(fired)

    def due_at(self, entry: Entry, fired: EntryState | None) -> float | None:
        """The first time that came due since it was last handled, or None."""
        if fired is None or fired["key"] != entry.key:
            return None
        at = entry.cron.next_after(fired["handled_at"])
        return at if at <= self._clock() else None

    def is_ahead(self, fired: EntryState) -> bool:
        """Whether the clock was ahead when it was handled: then it would not run until that time."""
        return fired["handled_at"] > self._clock() + _CLOCK_STEP_S

    def claim(self, entry: Entry, *, again: bool = False) -> bool:
        """Take on what is due now, once; ``again``: or what was begun and not finished.

        Raises:
            ServiceError: it cannot be written.
        """
        with self._locked():
            known = self.recall()
            fired = known.get(entry.name)
            unfinished = again and fired is not None and fired.get("unfinished", False)
            if fired is None or (self.due_at(entry, fired) is None and not unfinished):
                return False
            known[entry.name] = {**fired, "handled_at": self._clock(), "unfinished": not unfinished}
            self._write(known)
            return True

    def finish(self, entry: Entry, *, run_id: str | None, status: str) -> None:
        """Remember how it ended.

        Raises:
            ServiceError: it cannot be written.
        """
        with self._locked():
            known = self.recall()
            fired = known.get(entry.name)
            if fired is not None:
                known[entry.name] = {
                    **fired, "unfinished": False, "last_at": self._clock(), "run_id": run_id, "status": status,
                }  # fmt: skip
                self._write(known)

    def _locked(self) -> AbstractContextManager[None]:
        lock = self._path.with_name(".schedule.lock")
        return held(lock, what="another change of the schedule's memory", wait_s=_WAIT_S)

    def _write(self, known: dict[str, EntryState]) -> None:
        write_atomically(self._path, orjson.dumps(known, option=orjson.OPT_INDENT_2))


def _from(entry: Entry, now: float) -> EntryState:
    return {"key": entry.key, "handled_at": now}


def _is_whole(fired: Any) -> bool:
    return isinstance(fired, dict) and isinstance(fired.get("key"), str) and isinstance(fired.get("handled_at"), float)
