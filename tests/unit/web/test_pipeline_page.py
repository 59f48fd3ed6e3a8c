"""The pipeline page without a browser: what it shows of log, store and home, and what it does with bad ones."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from arbkit.core.errors import StreamError
from arbkit.core.models import Run, Update
from arbkit.core.service.heartbeat import record_heartbeat
from arbkit.core.settings import Settings
from arbkit.ops.service_checks import ServiceHealth
from arbkit.ops.stream_state import Throughput
from arbkit.sources.keepa_api.token_budget import Tokens, write_tokens
from arbkit.store import open_store
from arbkit.stream import RAW_TOPIC, Record, Stream, dead_letter_topic, open_stream
from arbkit.web.dashboards.cells import printable
from arbkit.web.dashboards.pipeline.dead_letters import parse_dead_letter_id
from arbkit.web.dashboards.pipeline.html import Known, pipeline_figures
from arbkit.web.dashboards.report_files import report_file
from tests.helpers.factories import offer
from tests.helpers.own_reports import write_notebook
from tests.helpers.pages import Seen, shipped_page

HOSTILE = "<img src=x onerror=alert(1)>"
HEADERS = {"topic": RAW_TOPIC, "partition": "2", "offset": "17", "attempts": "1", "time": "2026-08-01T10:00:00+00:00"}


def letters(settings: Settings, *records: Record) -> None:
    with open_stream(settings) as log:
        log.publish(dead_letter_topic(RAW_TOPIC), records)


def letter(value: bytes = b"{}", *, key: str = "B0TESTTEST", **headers: str) -> Record:
    return Record(key, value, {**HEADERS, "error": "not JSON", **headers})


@pytest.fixture
def seen(settings: Settings) -> Seen:
    return Seen(shipped_page("pipeline", settings))


def texts(seen: Seen, label: str) -> list[str]:
    return seen.column(label, region="letters")


def test_nothing_is_read_before_a_browser_has_drawn_the_page(seen: Seen) -> None:
    assert seen.regions == {}


def test_an_empty_home_says_what_to_do(seen: Seen) -> None:
    seen.begin()
    assert "arbkit up" in seen.html("lag")
    assert "No producer has run yet" in seen.html("tokens")
    assert "nothing is stored yet" in seen.html("ages")
    assert "nothing is stored yet" in seen.html("runs")
    assert "No dead letters" in seen.html("dead")
    assert "no heartbeat yet" in seen.html("services")
    assert not seen.shown("pacechart")
    assert not seen.shown("letters")
    assert "nothing is stored yet" in seen.notices[-1]


def test_a_store_that_comes_late_is_shown_by_itself(seen: Seen, settings: Settings) -> None:
    seen.begin()
    with open_store(settings) as store:
        store.put([Update(offer(code=code), None) for code in ("DE", "UK")])
    seen.emit("tick")
    assert seen.notices[-1] == "The store answers again."
    assert "No report has run yet" in seen.html("runs")
    # The offers of the factory are old.
    ages = seen.regions["agechart"]["figure"]["data"]
    assert [bar["name"] for bar in ages][-1] == "over 7 days"
    assert seen.html("ages").index(">DE<") < seen.html("ages").index(">UK<")


def test_lag_is_told_by_partition_and_throughput_from_the_second_look_on(
    seen: Seen, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_stream(settings) as log:
        log.publish(RAW_TOPIC, [Record(f"K{i}", b"x") for i in range(1_200)])
        monkeypatch.setattr("arbkit.web.dashboards.pipeline.state.time.time", lambda: 1_000.0)
        seen.begin()
        assert "1,200 in queue" in seen.html("lag")
        assert "available after the next refresh" in seen.html("figures")
        log.publish(RAW_TOPIC, [Record("K", b"x") for i in range(100)])
        monkeypatch.setattr("arbkit.web.dashboards.pipeline.state.time.time", lambda: 1_030.0)
        seen.emit("tick")
    assert "200 records per minute are published and 0 enriched; observed for 30 s" in seen.html("pace")
    assert seen.shown("pacechart")


def test_tokens_are_told_with_their_age_and_forecast(seen: Seen, settings: Settings) -> None:
    write_tokens(settings, Tokens(left=-5, refill_rate=5, refill_in_s=30.0, at=1_000.0, consumed=60, origin="keepa"))
    seen.begin("?tokens=900")
    assert "cost 60" in seen.html("tokens")
    assert "300" in seen.html("tokens")
    assert "never" in seen.html("tokens")
    assert "holds 300 at most" in seen.html("tokens")
    seen.fill("need", tokens="many")
    assert "not a whole number" in seen.field("need", "tokens")["wrong"]
    assert seen.field("need", "tokens")["value"] == "many"
    seen.fill("need", tokens="200")
    assert seen.address == "tokens=200"
    assert not seen.field("need", "tokens")["wrong"]
    assert "holds" not in seen.html("tokens")


@pytest.mark.parametrize(
    ("services", "says"),
    [(["producer", "consumer"], "no producer has run yet"), (["consumer"], "none needed: nothing is polled")],
)
def test_no_tokens_are_missed_where_nothing_is_polled(services: list[str], says: str) -> None:
    known = Known(services=[ServiceHealth(name, "running", "") for name in services])
    assert says in [figure[2] for figure in pipeline_figures(known, Throughput(), now=0.0)]


def test_services_are_told_in_words(seen: Seen, settings: Settings) -> None:
    record_heartbeat(settings, "producer")
    seen.begin()
    rows = seen.html("services").split("<tr>")
    assert "running" in next(r for r in rows if ">producer<" in r)
    assert "unknown" in next(r for r in rows if ">scheduler<" in r)
    assert "arbkit schedule" in next(r for r in rows if ">scheduler<" in r)


def test_dead_letters_are_listed_the_latest_first(seen: Seen, settings: Settings) -> None:
    later = {"time": "2026-08-02T10:00:00+00:00", "attempts": "3", "error": "no price"}
    letters(settings, letter(), letter(b"12345", **later), letter(time="nonsense"))
    seen.begin()
    # One without a usable time died when it was written.
    assert texts(seen, "Position") == ["0 / 2", "0 / 1", "0 / 0"]
    assert texts(seen, "Error") == ["not JSON", "no price", "not JSON"]
    assert texts(seen, "Attempts")[1] == "3"
    assert texts(seen, "Bytes")[1] == "5"
    assert "3 kept" in seen.html("dead")


def test_of_many_dead_letters_the_latest_are_read(seen: Seen, settings: Settings) -> None:
    letters(settings, *(letter() for _ in range(130)))
    seen.begin()
    assert len(texts(seen, "Position")) == 50
    assert texts(seen, "Position")[0] == "0 / 129"
    assert "latest 50 of 130" in seen.html("dead")


def test_one_is_shown_whole_and_none_of_it_is_markup(seen: Seen, settings: Settings) -> None:
    body = f"{HOSTILE}\u202e\x00\n</pre><script>alert(2)</script>".encode()
    letters(settings, letter(body, key=HOSTILE, error=HOSTILE, file=HOSTILE))
    seen.begin()
    seen.click("letter", id=f"{RAW_TOPIC}/0/0")
    html = seen.html("letter")
    assert "<img" not in html
    assert "<script" not in html
    assert "&lt;img src=x" in html
    assert r"\u202e\x00" in html
    assert f"its {len(body)} bytes as text" in html
    assert seen.address == f"letter={RAW_TOPIC}/0/0"
    seen.click("hex", id=f"{RAW_TOPIC}/0/0")
    assert body[:16].hex(" ") in seen.html("letter")
    seen.click("close", id=f"{RAW_TOPIC}/0/0")
    assert not seen.shown("letter")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (bytes(range(256)), "in hexadecimal (they are not text)"),
        (b"", "its 0 bytes as text"),
        (b"a" * 100_000, "the first 65,536 of its 100,000 bytes as text"),
        # A sign of two bytes lies across the end of what is shown.
        (b"a" + "é".encode() * 50_000, "of its 100,001 bytes as text"),
        (b"\xff" * 100_000, "the first 4,096 of its 100,000 bytes in hexadecimal"),
    ],
)
def test_bytes_are_shown_as_text_where_they_are_text(seen: Seen, settings: Settings, value: bytes, says: str) -> None:
    letters(settings, letter(value))
    seen.begin(f"?letter={RAW_TOPIC}/0/0")
    assert says in seen.html("letter")
    assert len(seen.html("letter")) < 80_000


@pytest.mark.parametrize("place", ["", "x/0/0", f"{RAW_TOPIC}/0", f"{RAW_TOPIC}/0/-1", f"{RAW_TOPIC}/0/{'9' * 30}"])
def test_a_place_that_is_none_is_refused(seen: Seen, settings: Settings, place: str) -> None:
    letters(settings, letter())
    assert parse_dead_letter_id(place) is None
    seen.begin()
    for name in ("letter", "replay", "download", "replay-all", "nonsense"):
        seen.click(name, id=place)
    assert not seen.shown("letter")
    assert len(texts(seen, "Position")) == 1


def test_one_that_is_gone_is_named(seen: Seen, settings: Settings) -> None:
    letters(settings, letter())
    seen.begin(f"?letter={RAW_TOPIC}/0/99")
    assert any("there is no dead letter there (got 99)" in text for text in seen.notices)
    assert "there is no dead letter there" in seen.html("dead")


def test_a_replay_gives_the_original_bytes_back_and_says_so(seen: Seen, settings: Settings) -> None:
    letters(settings, letter(b"one"), letter(b"two"), letter(b"three"))
    seen.begin()
    seen.click("replay", id=f"{RAW_TOPIC}/0/1")
    assert f"Dead letter {RAW_TOPIC}/0/1 is back on {RAW_TOPIC}." in seen.html("dead")
    assert "1 in queue" in seen.html("lag")
    seen.click("replay-all", id=RAW_TOPIC)
    assert f"3 dead letters are back on {RAW_TOPIC}." in seen.html("dead")
    with open_stream(settings) as log:
        assert sorted(m.value for some in log.scan(RAW_TOPIC) for m in some) == [b"one", b"three", b"two", b"two"]
    assert "data-press" not in seen.html("dead")
    seen.emit("action", region="dead", name="replay-all", id=RAW_TOPIC)
    assert "was left to replay" in seen.notices[-1]


def test_the_bytes_can_be_downloaded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 8_192
    letters(settings, letter(data))
    page = shipped_page("pipeline", settings)
    seen = Seen(page)
    pieces: list[bytes] = []
    names: list[tuple[str, str]] = []
    monkeypatch.setattr(page.widget, "chunk", pieces.append)
    monkeypatch.setattr(page.widget, "save", lambda name, mime: names.append((name, mime)))
    seen.begin()
    seen.emit("action", region="letter", name="download", id=f"{RAW_TOPIC}/0/0")
    assert b"".join(pieces) == data
    assert names == [(f"dead-letter-{RAW_TOPIC}-0-0.bin", "application/octet-stream")]


def filed(settings: Settings, run_id: str, **fields: Any) -> None:
    folder = settings.reports_dir / "detect" / run_id
    run = Run(**{
        "run_id": run_id, "report": "detect", "status": "succeeded", "started_at": 1_000.0, "finished_at": 1_004.5,
        "output": str(folder), **fields,
    })  # fmt: skip
    with open_store(settings) as store:
        store.put_run(run)


def test_a_notebook_that_cannot_be_a_report_is_named_below_the_runs(settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"folder": tmp_path})
    filed(settings, "r1")
    write_notebook(settings, "good")
    write_notebook(settings, "<img onerror=x>")
    seen = Seen(shipped_page("pipeline", settings)).begin()
    said = seen.html("runs").partition("</table>")[2]
    assert "cannot be the name of a report" in said
    assert "&lt;img" in said
    assert "<img" not in said
    assert "good.ipynb" not in said


def test_runs_are_told_with_their_page(seen: Seen, settings: Settings) -> None:
    filed(settings, "r1", summary={"products": 300, "total": 17, "other": [HOSTILE]})
    filed(settings, "r2", status="failed", error=HOSTILE, started_at=2_000.0, finished_at=2_100.0)
    filed(settings, "r3", status="running", started_at=3_000.0, finished_at=None)
    (settings.reports_dir / "detect" / "r1").mkdir(parents=True)
    (settings.reports_dir / "detect" / "r1" / "report.html").write_text("x")
    seen.begin()
    third, second, first = seen.html("runs").split("<tr>")[2:]
    assert "4.5 s" in first
    assert "300 products, 17 opportunities" in first
    assert 'href="../../reports/detect/r1/report.html"' in first
    assert str(settings.reports_dir) in first
    assert "failed" in second
    assert "&lt;img" in second
    assert "<img" not in second
    assert "href" not in second
    assert "it was killed" in third


def test_only_what_lies_among_the_reports_is_a_report(settings: Settings, tmp_path: Path) -> None:
    inside = settings.reports_dir / "detect" / "r1"
    inside.mkdir(parents=True)
    (inside / "report.html").write_text("x")
    (settings.reports_dir / "detect" / "latest").symlink_to("r1")
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "report.html").write_text("secret")
    (settings.reports_dir / "detect" / "r2").symlink_to(outside)
    assert report_file(settings, "detect", "r1") == report_file(settings, "detect", "latest")
    assert report_file(settings, "detect", "r1") is not None
    for report, run in (("detect", "r2"), ("detect", "../../../elsewhere"), ("..", "elsewhere"), ("detect", "none")):
        assert report_file(settings, report, run) is None


class Stuck:
    """A log that answers when it is let, or fails."""

    def __init__(self, log: Stream) -> None:
        self._log = log
        self.let = threading.Event()
        self.let.set()
        self.broken = ""

    def __getattr__(self, name: str) -> Any:
        self.let.wait()
        if self.broken:
            raise StreamError(self.broken, remedy="Check that it runs")
        return getattr(self._log, name)


@pytest.fixture
def stuck(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    with open_stream(settings) as log:
        log.publish(RAW_TOPIC, [Record("K", b"x")])
        one = Stuck(log)
        monkeypatch.setattr("arbkit.web.dashboards.pipeline.state.open_stream", lambda _: one)
        yield one


def test_a_slow_log_does_not_hold_the_page_up(seen: Seen, stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    page = seen.page

    async def visit() -> None:
        stuck.let.clear()
        seen.begin()
        monkeypatch.setattr("arbkit.web.dashboards.pipeline.state._SLOW_S", -1.0)
        seen.emit("tick")
        assert any("The log has not answered for" in text for text in seen.notices)
        # What does not hang on the log is shown meanwhile.
        while not seen.shown("services"):
            await asyncio.sleep(0)
        assert "lag" not in seen.regions
        stuck.let.set()
        await page.settled()
        assert "1 in queue" in seen.html("lag")

    asyncio.run(visit())


def test_a_log_that_is_away_is_told_once_and_comes_back(seen: Seen, stuck: Stuck, settings: Settings) -> None:
    with open_store(settings):
        pass
    stuck.broken = "the log cannot be reached"
    seen.begin()
    assert "the log cannot be reached" in seen.html("lag")
    seen.emit("tick")
    assert sum("the log cannot be reached" in text for text in seen.notices) == 1
    stuck.broken = ""
    seen.emit("tick")
    assert seen.notices[-1] == "The log answers again."
    assert "1 in queue" in seen.html("lag")
    stuck.broken = "the log cannot be reached"
    seen.emit("tick")
    # What was known stays.
    assert "1 in queue" in seen.html("lag")


def test_what_cannot_be_seen_is_spelt() -> None:
    assert printable("a\u202eb\tc") == r"a\u202eb\tc"
    assert printable("x" * 500, 10) == "xxxxxxxxx…"
