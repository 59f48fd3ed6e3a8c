"""Log lines as JSON, one document a line, for whoever collects logs."""

from __future__ import annotations

import logging

import orjson
from pydantic import JsonValue

from arbkit.core.formatting import iso_time
from arbkit.core.results import JsonObject


class JsonFormatter(logging.Formatter):
    """``{"at", "level", "logger", "process", "message"}``, with ``error`` (the traceback) where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        about: JsonObject = {
            "at": iso_time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": _text(record.getMessage()),
        }
        if record.exc_info:
            about["error"] = _text(self.formatException(record.exc_info))
        return _line(about)


def of_service(name: str, line: str, *, now: float, level: str = "INFO") -> str:
    """A line that a service wrote, as JSON with the service's name.

    ``now`` (Unix seconds) and ``level`` are those of a line that is no JSON.
    """
    try:
        about: JsonValue = orjson.loads(line)
    except orjson.JSONDecodeError:
        about = None
    if not isinstance(about, dict):
        about = {"at": iso_time(now), "level": level, "message": _text(line)}
    return _line({"service": name, **about})


def _text(foreign: str) -> str:
    # Half a character, which no JSON can hold.
    return foreign.encode("utf-8", "replace").decode()


def _line(about: JsonObject) -> str:
    return orjson.dumps(about).decode()
