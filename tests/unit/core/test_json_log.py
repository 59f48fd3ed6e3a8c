"""Log lines as JSON: one document a line, whatever is logged."""

from __future__ import annotations

import logging
import sys

import orjson
import pytest

from arbkit.core.service.json_log import JsonFormatter, of_service


def record(message: str, *arguments: object, error: bool = False) -> logging.LogRecord:
    info = sys.exc_info() if error else None
    return logging.LogRecord("arbkit.x", logging.WARNING, "x.py", 1, message, arguments, info)


@pytest.mark.parametrize("title", ['a "quoted" one', "two\nlines", "\x1b[2Jgone", "\ud800", "ü – 你"])
def test_a_message_is_one_line_of_json(title: str) -> None:
    line = JsonFormatter().format(record("product %s", title))
    assert "\n" not in line
    assert "\x1b" not in line
    found = orjson.loads(line)
    assert (found["level"], found["logger"]) == ("WARNING", "arbkit.x")
    assert found["message"] == f"product {title}".replace("\ud800", "?")
    assert found["at"].endswith("+00:00")


def test_an_error_has_its_traceback() -> None:
    try:
        raise ValueError("this")
    except ValueError:
        found = orjson.loads(JsonFormatter().format(record("failed", error=True)))
    assert "ValueError: this" in found["error"]


def test_a_line_of_a_service_has_its_name_whatever_it_is() -> None:
    formatted = JsonFormatter().format(record("stored"))
    assert orjson.loads(of_service("consumer", formatted, now=0.0)) == {
        "service": "consumer", **orjson.loads(formatted)
    }  # fmt: skip
    for line in ("plain", "[1]", '"text"', "{broken"):
        assert orjson.loads(of_service("kafka", line, now=0.0)) == {
            "service": "kafka", "at": "1970-01-01T00:00:00.000+00:00", "level": "INFO", "message": line
        }  # fmt: skip
