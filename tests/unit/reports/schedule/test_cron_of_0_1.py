"""Every cron line means what it meant in arbkit 0.1: runs frozen from that version, which used another library.

``nights`` are all runs in the nine hours around each change of the clocks, ``years`` all runs of 2026 and 2027;
where there are many, their number and a digest.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from arbkit.core.errors import ConfigError
from arbkit.reports.schedule.cron import parse_cron

FROZEN: dict[str, Any] = orjson.loads(Path(__file__).with_name("cron_of_0_1.json").read_bytes())
NIGHT_S = 9 * 3600


def runs(line: str, zone: ZoneInfo, begin: float, end: float) -> list[str]:
    cron = parse_cron(line, zone, field="cron")
    found = []
    at = begin
    while (at := cron.next_after(at)) < end:
        found.append(datetime.fromtimestamp(at, zone).isoformat(timespec="minutes"))
    return found


def digest(found: list[str]) -> dict[str, Any]:
    return {"runs": len(found), "sha256": hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]}


@pytest.mark.parametrize("case", FROZEN["cases"], ids=lambda case: f"{case['line']} {case['zone']}")
def test_a_line_runs_when_it_ran(case: dict[str, Any]) -> None:
    zone = ZoneInfo(case["zone"])
    for evening, expected in case["nights"].items():
        begin = datetime.fromisoformat(evening).replace(tzinfo=zone).timestamp()
        found = runs(case["line"], zone, begin, begin + NIGHT_S)
        assert (found if isinstance(expected, list) else digest(found)) == expected
    if years := case.get("years"):
        begin, end = (datetime(year, 1, 1, tzinfo=zone).timestamp() for year in (2026, 2028))
        found = runs(case["line"], zone, begin - 1, end)
        assert {**digest(found), "first": found[:2]} == years


@pytest.mark.parametrize(("line", "why"), FROZEN["refused"], ids=lambda text: str(text))
def test_a_line_that_was_refused_is_refused(line: str, why: str) -> None:
    says = {"never": "never comes due", "wrong": r"is no cron line|fields, not five"}[why]
    with pytest.raises(ConfigError, match=says):
        parse_cron(line, ZoneInfo("Europe/Berlin"), field="cron")
