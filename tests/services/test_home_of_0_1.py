"""A home that arbkit 0.1 left opens, has lost nothing, and still means what it meant.

``tests/homes/0.1.tar.xz`` and ``tests/homes/0.1.expected.json`` were written by 0.1 and are never made again: where
a test here fails, the change is at fault, or its line in the CHANGELOG says why the meaning is another.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.homes.looks import LOOKS, dead_letters, offers, store
from tests.homes.stored import EXPECTED, Home, differences, unpack

pytestmark = pytest.mark.e2e

_PATIENCE_S = 180
_RAW, _ENRICHED = "raw.keepa_updates", "products.enriched"
_MEANT = {
    # Imported without duty up to 135 GBP: gov.uk, VAT and overseas goods sold to customers in the UK.
    "profits.in force.alternatives.efn",
    "profits.in force.alternatives.fbm",
    # The cent left of rounding goes to the largest component that is no tax.
    "profits.pan-eu.components.sale_price",
    "profits.pan-eu.components.digital_services_fee",
    "profits.mittelwerte.components.sale_price",
    "profits.mittelwerte.components.digital_services_fee",
    # What a profile leaves out is as the built-in one has it, where it was unknown.
    "profiles.Händler 0.1.customs.duty_pct",
    # Those of every topic are counted, where it was the raw topic alone.
    "status.log.dead_letters",
    # A category is found under its names on every marketplace, where it was the one that had been typed.
    "views.Kategorie.routes",
    # There are more reports to run.
    "reports.reports",
    # A line that cannot be used is named with what to do about it, too.
    "watchlists.demo.bad[0]",
    "watchlists.keepa.bad[0]",
    "watchlists.keepa.bad[2]",
    "watchlists.keepa.bad[3]",
}
"""What is shown otherwise than 0.1 did because it was wrong there, or less: each has its line in the CHANGELOG."""
_WRITTEN_BY_HAND = (
    ".env", "profile.toml", "schedule.toml", "watchlist.txt", "var/demo-watchlist.txt", "var/views.json",
)  # fmt: skip


@pytest.fixture(scope="module")
def expected() -> Any:
    return json.loads(EXPECTED.read_text("utf-8"))


@pytest.fixture(scope="module", autouse=True)
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Any]]]:
    """Area → what this arbkit shows of a home that nothing has been done to; each in a copy of its own.

    It is looked at beside the other tests, so those that ask for it come last.
    """
    folder = tmp_path_factory.mktemp("fresh")

    def look(area: str) -> Any:
        home = unpack(folder / area)
        if area == "profits":
            state_what_is_inherited(home)
        return LOOKS[area](home)

    pool = ThreadPoolExecutor(1)
    try:
        yield {area: pool.submit(look, area) for area in LOOKS}
    finally:
        pool.shutdown(cancel_futures=True)


def state_what_is_inherited(home: Home) -> None:
    """Write what 0.1 took for left out into the profile: what is left out now is as the built-in profile has it."""
    profile = home.folder / "profile.toml"
    stated = "return_outbound_lost = false\n"
    profile.write_text(stated + profile.read_text("utf-8"), "utf-8")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return unpack(tmp_path / "seller")


def test_doctor_finds_no_fault_in_it(home: Home) -> None:
    done = subprocess.run(
        [home.python, "-m", "arbkit", "doctor", "--json"],
        env=home.environment(),
        cwd=home.folder,
        capture_output=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    # The others depend on the machine: its disk, its browser.
    of_the_home = [checks[name] for name in ("mode", "watchlist", "profile", "schedule", "log", "store")]
    assert [check for check in of_the_home if not check["ok"]] == []


def test_what_its_profiles_leave_out_is_listed_and_was_all_that_moved_their_profit(home: Home) -> None:
    said = home.run("profile", "check").stdout
    assert said.count("left out, so taken as: return_outbound_lost = True") == 6
    assert "left out, so taken as: customs.duty_pct = 3" in said


def test_without_a_word_on_the_mode_it_opens_too(home: Home, expected: Any) -> None:
    # 0.1 would have shown the demo market among what was bought and imported: now it is hidden, and can be removed.
    found, then = home.json("status", settings={"ARBKIT_DEMO": ""}), expected["status"]
    assert found["mode"] == "imported"
    assert unmeant(then["log"], found["log"], "status.log") == []
    assert unmeant(then["store"]["runs"], found["store"]["runs"], "status.store.runs") == []
    invented = then["store"]["demo_products"]
    assert found["store"]["hidden_products"] == invented > 0
    assert found["store"]["products"] == then["store"]["products"] - invented > 0
    removed = home.json("demo", "remove", "--yes", settings={"ARBKIT_DEMO": ""})
    assert removed["products"] == invented
    left = home.json("status")["store"]
    assert (left["products"], left["demo_products"]) == (then["store"]["products"] - invented, 0)


def unmeant(then: Any, now: Any, area: str) -> list[str]:
    """How they differ, but for what 0.1 showed wrongly."""
    return [difference for difference in differences(then, now, area) if difference.split(":")[0] not in _MEANT]


def without(log: Any, topic: str) -> Any:
    """What is said of a log, but of this topic."""
    parts = {name: part for name, part in log.items() if name not in ("ends", "kept")}
    return parts | {name: {t: n for t, n in log[name].items() if t != topic} for name in ("ends", "kept")}


def test_unread_messages_are_consumed_once_and_a_replay_of_the_log_loses_nothing(home: Home, expected: Any) -> None:
    before, then = home.log(), expected["read_on"]
    with home.api() as url:
        home.run("consume", "--until-empty")
        after = home.log()
        # A message on that topic is a whole product now, where it was an offer: of that there are fewer.
        assert differences(without(then["log"], _ENRICHED), without(after, _ENRICHED)) == []
        assert after["groups"]["arbkit-enrich"][_RAW] == {p: end for p, (_, end) in after["ends"][_RAW].items()}
        assert 0 < after["kept"][_ENRICHED] - before["kept"][_ENRICHED] <= 19
        for group in ("my-sheet", "arbkit-alerts", "arbkit-dlq"):
            assert after["groups"][group] == before["groups"][group]
        assert offers(url).keys() == then["offers"].keys()
        assert differences(then["offers"], offers(url)) == []
        home.run("consume", "--until-empty")
        assert home.log() == after
        rebuilt = home.json("replay")
        assert home.log() == after
        found = store(url)
    assert found["offers"].keys() == then["offers"].keys()
    assert differences(then["offers"], found["offers"]) == []
    for collection in ("opportunities", "runs"):
        assert differences(expected["store"][collection], found[collection], collection) == []
    assert rebuilt["read"] == sum(end - oldest for oldest, end in after["ends"][_RAW].values())


def test_dead_letters_can_be_replayed_and_one_whose_cause_is_gone_is_stored(home: Home, expected: Any) -> None:
    home.run("consume", "--until-empty")
    *old, new = there = dead_letters(home)["items"]
    assert differences(expected["dead_letters"]["items"], old) == []
    assert (new["key"], new["attempts"]) == ("B0DEMO0008", 1)
    assert new["from"] == expected["read_on"]["dead_letters"]["items"][-1]["from"]
    assert "JSON" in new["error"]
    assert "5 records" in home.run("dlq", "replay").stdout, "two of the seven have been replayed by 0.1"
    home.run("consume", "--until-empty")
    now = dead_letters(home)["items"]
    assert now[: len(there)] == there
    assert sorted((one["key"], one["attempts"]) for one in now[len(there) :]) == [
        ("B0DEMO0001", 3), ("B0DEMO0002", 2), ("B0DEMO0008", 2), ("NOASIN", 3),
    ]  # fmt: skip
    with home.api() as url:
        found = offers(url)
    assert (found["B00MADEUP9:DE"]["title"], found["B00MADEUP9:DE"]["price"]) == ("Erfundene Dose", 44.9)
    assert found.keys() - expected["read_on"]["offers"].keys() == {"B00MADEUP9:DE"}


def test_the_morning_goes_on_from_the_last_one_and_leaves_alone_what_is_there(home: Home, expected: Any) -> None:
    kept = {name: (home.folder / name).read_bytes() for name in _WRITTEN_BY_HAND}
    filed = {path: path.read_bytes() for path in _filed(home)}
    assert len(filed) > 20
    run = home.json("reports", "run", "morning", "--no-pictures")
    result = json.loads((home.folder / run["folder"] / "result.json").read_text("utf-8"))
    last = next(r for r in expected["reports"]["runs"] if r["report"] == "morning" and r["status"] == "succeeded")
    assert result["compared_with"]["run_id"] == last["run_id"]
    assert {name: (home.folder / name).read_bytes() for name in _WRITTEN_BY_HAND} == kept
    assert {path: path.read_bytes() for path in filed} == filed
    assert (home.var / "reports" / "morning" / "latest").resolve().name == run["run_id"]


def _filed(home: Home) -> list[Path]:
    """The files of the runs that 0.1 filed."""
    return [p for p in (home.var / "reports").glob("*/2*/*") if not p.parent.is_symlink()]


def test_the_scheduler_makes_up_once_for_the_run_that_was_broken_off(home: Home, expected: Any) -> None:
    # All but one line have run just now, wherever the clock stands while this test runs.
    memory = home.var / "schedule.json"
    known = json.loads(memory.read_text("utf-8"))
    assert known["long-weekend"]["unfinished"] is True
    for entry in known.values():
        entry["handled_at"] = time.time()
    memory.write_text(json.dumps(known), "utf-8")
    filed = set(_runs(home))
    with _scheduler(home):
        _until(lambda: set(_runs(home)) - filed)
        _until(lambda: _entries(home)["long-weekend"]["last_status"])
    made_up = _entries(home)["long-weekend"]
    assert made_up["last_status"] == "succeeded"
    result = json.loads((_runs(home)[made_up["last_run"]] / "result.json").read_text("utf-8"))
    assert result["total"] > 0
    assert not set(result["new"]) & expected["store"]["opportunities"].keys(), "what was known is no news"
    with _scheduler(home):
        pass
    after = _entries(home)
    assert after["long-weekend"] == made_up
    shown = ("last_at", "last_run", "last_status")
    before = expected["schedule"]["every-other-workday"]
    assert [after["every-other-workday"][name] for name in shown] == [before[name] for name in shown]
    runs = {run["run_id"]: run["status"] for run in home.json("reports", "list", "--limit", "100")["runs"]}
    broken_off = next(run for run in expected["reports"]["runs"] if run["status"] == "running")
    assert runs[broken_off["run_id"]] == "failed"


def _runs(home: Home) -> dict[str, Path]:
    return {p.name: p for p in (home.var / "reports" / "detect").glob("2*")}


@contextmanager
def _scheduler(home: Home) -> Iterator[None]:
    """A scheduler that has been at work for some rounds, ended as by its user."""
    started = time.time()
    with (home.folder / "scheduler.log").open("ab") as log:
        process = subprocess.Popen(
            [home.python, "-m", "arbkit", "schedule"],
            # A report needs no browser.
            env=home.environment({"BROWSER_PATH": str(home.folder / "no-browser")}),
            cwd=home.folder,
            stderr=log,
        )
    try:
        _until(lambda: (home.var / "health" / "scheduler").stat().st_mtime > started + 3)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(_PATIENCE_S) == 0


def _entries(home: Home) -> dict[str, Any]:
    entries = home.json("schedule", "list")["entries"]
    return {one["name"]: {k: v for k, v in one.items() if k != "next_at"} for one in entries}


def _until(ask: Callable[[], Any]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not ask():
        assert time.monotonic() < deadline
        time.sleep(0.2)


_MONDAY, _WEDNESDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 2, 4, 5, 6


@dataclass(frozen=True)
class Meaning:
    """The days on which a line of the schedule comes due, and the times of such a day in its zone."""

    on: Callable[[date], bool]
    at: tuple[tuple[int, int], ...]
    zone: str = "Europe/Berlin"

    def times(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """All from after ``begin`` to ``end``; none of them lies in the hours that a change of the clock touches."""
        zone = ZoneInfo(self.zone)
        day = begin.astimezone(zone).date()
        while day <= end.astimezone(zone).date():
            if self.on(day):
                moments = (datetime(day.year, day.month, day.day, h, m, tzinfo=zone) for h, m in self.at)
                yield from (at.astimezone(UTC) for at in moments if begin < at <= end)
            day += timedelta(days=1)


MEANINGS: Mapping[str, Meaning] = {
    "workdays": Meaning(lambda d: d.weekday() not in (_SATURDAY, _SUNDAY), ((7, 30),)),
    "mornings.half-hourly": Meaning(lambda d: True, ((8, 0), (8, 30), (9, 0), (9, 30))),
    "sunday-as-0": Meaning(lambda d: d.weekday() == _SUNDAY, ((18, 0),)),
    "sunday-as-7": Meaning(lambda d: d.weekday() == _SUNDAY, ((18, 5),)),
    "quarter": Meaning(lambda d: d.day == 1 and d.month in (1, 4, 7, 10), ((9, 15),)),
    "either-day": Meaning(lambda d: d.day in (1, 15) or d.weekday() == _FRIDAY, ((6, 45),)),
    "long-weekend": Meaning(lambda d: d.weekday() in (_FRIDAY, _SATURDAY, _SUNDAY, _MONDAY), ((10, 20),)),
    "every-other-workday": Meaning(lambda d: d.weekday() in (_MONDAY, _WEDNESDAY, _FRIDAY), ((12, 0),)),
    "hourly-on-the-first": Meaning(lambda d: d.day == 1, tuple((hour, 17) for hour in range(24))),
    "third-days": Meaning(lambda d: d.day % 3 == 1, ((23, 40),)),
    "leap-day": Meaning(lambda d: (d.month, d.day) == (2, 29), ((12, 0),)),
    "summer-in-london": Meaning(lambda d: d.month in (6, 7, 8), ((4, 10), (16, 10)), "Europe/London"),
}
"""The lines of ``schedule.toml`` as a person reads them; the one that is switched off never comes due."""


def test_the_lines_of_the_schedule_come_due_when_they_did(home: Home) -> None:
    before = datetime.now(UTC)
    items = home.json("schedule", "next", "--count", "700")["items"]
    upcoming = {(datetime.fromisoformat(one["at"]), one["name"]) for one in items}
    after = datetime.now(UTC)
    # Of several that come due together at the end, some are cut off.
    end = max(at for at, _ in upcoming) - timedelta(seconds=1)
    assert end - before > timedelta(days=50)
    due = {(at, name) for name, meaning in MEANINGS.items() for at in meaning.times(before, end)}
    shown = {one for one in upcoming if one[0] <= end}
    assert shown <= due
    # What came due while the command ran may be missing.
    assert {one for one in due - shown if one[0] > after} == set()


def test_the_rare_lines_too(home: Home) -> None:
    before = datetime.now(UTC)
    entries = {one["name"]: one for one in home.json("schedule", "list")["entries"]}
    after = datetime.now(UTC)
    assert entries.pop("switched-off")["next_at"] is None
    assert entries.keys() == MEANINGS.keys()
    for name, meaning in MEANINGS.items():
        soonest = {next(meaning.times(begin, begin + timedelta(days=9 * 366))) for begin in (before, after)}
        assert datetime.fromisoformat(entries[name]["next_at"]) in soonest, name


@pytest.mark.parametrize("area", LOOKS)
def test_everything_is_shown_as_0_1_showed_it(area: str, seen: Mapping[str, Future[Any]], expected: Any) -> None:
    found = unmeant(expected[area], seen[area].result(), area)
    assert found == [], "\n".join(found)


def test_nothing_is_there_that_was_not(seen: Mapping[str, Future[Any]], expected: Any) -> None:
    now, then = seen["store"].result(), expected["store"]
    for collection in ("products", "offers", "opportunities", "runs"):
        assert now[collection].keys() == then[collection].keys()
    assert seen["views"].result().keys() == expected["views"].keys()
    assert seen["profiles"].result().keys() == expected["profiles"].keys()
    assert seen["schedule"].result().keys() == expected["schedule"].keys()
