"""What ``arbkit doctor`` looks at in the data: the clock that it was written by, and with ``--deep`` each byte."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from arbkit.core.errors import ArbkitError, ConfigError, ServiceError
from arbkit.core.formatting import age_words
from arbkit.core.keepa_time import CLOCK_TOLERANCE_S
from arbkit.core.service.heartbeat import SERVICES, heartbeat_path
from arbkit.core.settings import Settings, sqlite_path
from arbkit.core.sqlite import Kind, describe_engine, integrity_faults
from arbkit.ops.checks.finding import Outcome
from arbkit.store.sqlite import integrity as store_integrity
from arbkit.stream import TOPICS, Stream
from arbkit.stream import sqlite_integrity as stream_integrity

_ANY_ZONE = "Europe/Berlin"
_NAMED = 5
"""Damaged rows that a finding names."""


def check_clock(settings: Settings, log: Stream) -> Outcome:
    """How the clock of this machine stands to the newest messages of the log and to heartbeats, and its time zones.

    Raises:
        StreamError: the log cannot be read.
    """
    newest = _newest(log)
    wrong: list[ArbkitError] = []
    for what, at in {**newest, **_heartbeats(settings)}.items():
        if (ahead := at - time.time()) > CLOCK_TOLERANCE_S:
            remedy = (
                "The clock of this machine was ahead, or is behind now: set it right (NTP). Messages from then are "
                "kept for longer, and nothing is removed by its age for a day after the jump"
            )
            wrong.append(ServiceError(f"{what} is from {age_words(ahead)} in the future", remedy=remedy))
    try:
        ZoneInfo(_ANY_ZONE)
    except ZoneInfoNotFoundError:
        remedy = "`pip install tzdata` brings it: schedules and quiet hours need it"
        wrong.append(ConfigError("there is no time zone data", remedy=remedy))
    if wrong:
        return wrong
    if not newest:
        return "the log holds nothing to compare it with"
    age = max(0.0, time.time() - max(newest.values()))
    return f"in step with the log, whose newest message is {age_words(age)} old"


def _newest(log: Stream) -> dict[str, float]:
    """By what it is called, the time (Unix seconds) of the newest message of each topic that has one."""
    times = {
        f"the newest message of {topic.name}": [
            message.timestamp
            for at, (oldest, end) in log.watermarks(topic.name).items()
            if end > oldest
            for message in log.read(topic.name, partition=at.partition, offset=end - 1, max_records=1)
        ]
        for topic in TOPICS
    }
    return {what: max(found) for what, found in times.items() if found}


def _heartbeats(settings: Settings) -> dict[str, float]:
    found = {}
    for name in SERVICES:
        with suppress(OSError):
            found[f"the heartbeat of the {name}"] = heartbeat_path(settings, name).stat().st_mtime
    return found


def check_sqlite(settings: Settings) -> str:
    """Which SQLite keeps log and store, and what keeps them from the bug of older ones."""
    embedded = any(url.startswith("sqlite:") for url in (settings.log_url, settings.store_url))
    return describe_engine() if embedded else "not used: neither log nor store is a file"


def check_integrity(settings: Settings) -> str:
    """What SQLite says of the structure of its files; it reads all of them.

    Raises:
        ServiceError: one is damaged.
    """
    files = dict(_embedded(settings))
    for path, kind in files.items():
        if faults := integrity_faults(path, kind):
            raise ServiceError(
                f"{path} is damaged: {'; '.join(faults[:_NAMED])}",
                remedy="Stop arbkit and put a backup in its place; `sqlite3 FILE .recover` rescues what is left",
            )
    return f"{', '.join(map(str, files))}: ok" if files else "Kafka and Elasticsearch check their own files"


def check_digests(settings: Settings) -> str:
    """Whether each message, offer and history is what was written; it reads all of them.

    Raises:
        ServiceError: some are not.
    """
    checks = {"log": stream_integrity.check_digests, "store": store_integrity.check_digests}
    found = [checks[kind](path) for path, kind in _embedded(settings)]
    damaged = [name for one in found for name in one.damaged]
    if damaged:
        more = f", and {len(damaged) - _NAMED} more" if len(damaged) > _NAMED else ""
        raise ServiceError(
            f"{len(damaged)} records are not what was written: {', '.join(damaged[:_NAMED])}{more}",
            remedy="They are left out of every price. `arbkit replay` makes offers and histories anew from the log; a "
            "damaged message becomes a dead letter. Check the disk, and keep a backup",
        )
    unmarked = sum(one.unmarked for one in found)
    of_before = f"; {unmarked} are of before there were digests" if unmarked else ""
    return f"{sum(one.checked for one in found)} records are what was written{of_before}"


def _embedded(settings: Settings) -> Iterator[tuple[Path, Kind]]:
    kinds: tuple[tuple[str, Kind], ...] = ((settings.log_url, "log"), (settings.store_url, "store"))
    for url, kind in kinds:
        if url.startswith("sqlite:") and (path := sqlite_path(url)).exists():
            yield path, kind
