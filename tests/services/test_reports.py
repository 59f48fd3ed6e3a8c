"""Report runs for real: what is filed when all goes well, when a cell fails, when time is up."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import orjson
import pytest

from arbkit.core.errors import ServiceError, UsageError
from arbkit.core.files import file_lock
from arbkit.core.models import Run, Update
from arbkit.core.settings import Settings
from arbkit.reports.catalogue import report as catalogue_report
from arbkit.reports.catalogue.find import SHIPPED, find_report
from arbkit.reports.catalogue.report import Report
from arbkit.reports.parameters import MorningParameters
from arbkit.reports.run_folders import LATEST, LATEST_SUCCESSFUL, SCHEDULED, folder_of
from arbkit.reports.runner import STOPPED, ReportRun, run_report
from arbkit.reports.schedule.run_state import ScheduleState
from arbkit.reports.schedule.schedule_file import load_schedule
from arbkit.reports.schedule.scheduler import run_scheduler
from arbkit.store import open_store
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.processes import arbkit
from tests.helpers.required import missing
from tests.helpers.routes import store_routes

pytestmark = pytest.mark.e2e

ASINS = [f"B00000000{i}" for i in range(3)]


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """A store of three products on two marketplaces, each with one opportunity."""
    with open_store(settings) as store:
        store.put(
            [
                Update(
                    offer(
                        a,
                        code,
                        price_minor=price,
                        price_at=int(time.time()),
                        weight_g=400,
                        length_mm=200,
                        width_mm=100,
                        height_mm=50,
                    ),
                    history(a, code),
                )
                for a in ASINS
                for code, price in (("DE", 9_000), ("IT", 2_000))
            ]
        )
        store_routes(store, [opportunity(a) for a in ASINS])
    return settings


def notebook(folder: Path, name: str, *cells: str) -> Report:
    """A report of a notebook with these cells, of which the last may leave a result."""
    folder.mkdir(exist_ok=True)
    parameters = nbformat.v4.new_code_cell("top = 1\nrun_id = run_dir = None", metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Mine"), parameters, *map(nbformat.v4.new_code_cell, cells)],
        metadata=kernel,
    )
    nbformat.write(made, folder / f"{name}.ipynb")
    return Report(name, MorningParameters, "a test", folder)


def top_of(done: ReportRun) -> str:
    """The first cell of the executed notebook, which must be what the page begins with too."""
    first = nbformat.read(done.folder / "notebook.ipynb", as_version=4).cells[0].source
    body = (done.folder / "report.html").read_text().partition("<main>")[2]
    assert body.index("This run failed") < body.index("Mine")
    assert isinstance(first, str)
    return first


def await_end(pid: int) -> None:
    while Path(f"/proc/{pid}").exists() and "(zombie)" not in Path(f"/proc/{pid}/status").read_text():
        time.sleep(0.05)


class Loads(HTMLParser):
    """Every address that a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [str(named[a]) for a in ("src", "srcset", "data", "poster") if named.get(a)]
        if tag == "link":
            self.found.append(str(named.get("href")))


@pytest.mark.parametrize("name", ["detect", "morning"])
def test_a_report_files_all_that_it_promises_even_where_nothing_can_be_drawn(
    filled: Settings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/nonexistent")
    ran = arbkit(filled, "reports", "run", name, "-p", "min_profit=1" if name == "detect" else "top=2", "--json")
    assert ran.returncode == 0, ran.stderr
    told = orjson.loads(ran.stdout)
    folder = filled.reports_dir / name / told["run_id"]
    assert {p.name for p in folder.iterdir()} >= {"notebook.ipynb", "report.html", "result.json"}
    for link in (LATEST, LATEST_SUCCESSFUL):
        assert (folder.parent / link).resolve() == folder.resolve()
    # Without a browser the report is whole, and says which picture it lacks and why.
    pictures = orjson.loads((folder / "result.json").read_bytes())["pictures"]
    assert {p["name"] for p in pictures} >= {"best-route"}
    assert all(p["file"] is None and "no Chrome or Chromium" in p["missing"] for p in pictures)
    shown = arbkit(filled, "reports", "show", told["run_id"])
    assert "no Chrome or Chromium" in shown.stdout
    page = (folder / "report.html").read_text()
    loads = Loads()
    loads.feed(page)
    assert [url for url in loads.found if not url.startswith("data:")] == []
    assert "default-src 'none'" in page
    assert "import" not in page.partition("<main>")[2]
    executed = nbformat.read(folder / "notebook.ipynb", as_version=4)
    assert all(c.execution_count for c in executed.cells if c.cell_type == "code")
    with open_store(filled, read_only=True) as store:
        run = store.run(told["run_id"])
    assert run is not None
    assert (run.status, run.summary["total"]) == ("succeeded", 3)
    assert run.finished_at is not None


def test_a_failing_cell_is_on_top_of_notebook_and_page(settings: Settings, tmp_path: Path) -> None:
    lost = settings.reports_dir / "broken" / "20260101T000000Z-aaaaaa"
    lost.with_name(f".{lost.name}").mkdir(parents=True)
    with open_store(settings) as store:
        store.put_run(Run(run_id=lost.name, report="broken", status="running", started_at=1.0, output=str(lost)))
    cells = ("fine = '```'", "raise ValueError(f'<script>alert(1)</script> {fine}')")
    done = run_report(settings, "broken", {}, report=notebook(tmp_path / "n", "broken", *cells))
    assert done.run.status == "failed"
    assert str(done.run.error).startswith("ValueError: <script>")
    top = top_of(done)
    assert "ValueError: <script>alert(1)</script> ```" in top
    assert "raise ValueError" in top
    body = (done.folder / "report.html").read_text().partition("<main>")[2]
    assert "<script" not in body
    assert "fine = " not in body
    assert not (done.folder.parent / LATEST_SUCCESSFUL).exists()
    # One that was killed half-way before is closed, and its remains are gone.
    assert not lost.with_name(f".{lost.name}").exists()
    with open_store(settings, read_only=True) as store:
        runs = {r.run_id: r.status for r in store.runs()}
    assert runs == {lost.name: "failed", done.run.run_id: "failed"}


def test_a_report_that_takes_too_long_ends_with_its_kernel_and_shows_where_it_was(
    settings: Settings, tmp_path: Path
) -> None:
    limited = settings.model_copy(update={"report_time_limit": 12.0})
    cells = (
        "import os, pathlib, threading; pathlib.Path(run_dir, 'pid').write_text(str(os.getpid()))",
        "threading.Event().wait()",
    )
    done = run_report(limited, "slow", {}, report=notebook(tmp_path / "n", "slow", *cells))
    assert done.run.status == "timed_out"
    assert "ARBKIT_REPORT_TIME_LIMIT" in str(done.run.error)
    assert "threading.Event().wait()" in top_of(done)
    await_end(int((done.folder / "pid").read_text()))


def test_a_kernel_that_dies_and_a_result_that_is_missing_are_failures(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = notebook(tmp_path / "n", "killed", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)")
    done = run_report(settings, "killed", {}, report=killed)
    assert done.run.status == "failed"
    assert "enough memory" in str(done.run.error)
    assert "os.kill" in top_of(done)
    own = notebook(tmp_path / "n", "empty", "top")
    empty = run_report(settings, "empty", {}, report=own)
    # Only arbkit's own reports promise one.
    assert (empty.run.status, empty.result) == ("succeeded", None)
    monkeypatch.setattr(catalogue_report, "_SHIPPED", own.folder)
    empty = run_report(settings, "empty", {}, report=replace(own, folder=None))
    assert (empty.run.status, empty.run.error) == ("failed", "the notebook left no result.json")


def test_a_full_disk_is_a_clear_status(settings: Settings, tmp_path: Path) -> None:
    # Whatever is written there finds no space.
    cells = ("open('/dev/full', 'w', buffering=1).write('x\\n')",)
    done = run_report(settings, "full", {}, report=notebook(tmp_path / "n", "full", *cells))
    assert done.run.status == "failed"
    assert "No space left on device" in str(done.run.error)
    assert not list(done.folder.parent.glob(".2*"))


def test_a_run_that_is_stopped_leaves_no_kernel_behind(settings: Settings, tmp_path: Path) -> None:
    stop = threading.Event()
    cells = (
        f"import os, pathlib; pathlib.Path({str(tmp_path)!r}, 'pid').write_text(str(os.getpid()))",
        "while True: pass",
    )
    report = notebook(tmp_path / "n", "stopped", *cells)
    done: list[ReportRun] = []
    thread = threading.Thread(target=lambda: done.append(run_report(settings, "stopped", {}, report=report, stop=stop)))
    thread.start()
    while not (tmp_path / "pid").exists():
        assert thread.is_alive()
        time.sleep(0.05)
    stop.set()
    thread.join()
    assert (done[0].run.status, done[0].run.error) == ("failed", STOPPED)
    await_end(int((tmp_path / "pid").read_text()))


def test_two_runs_of_a_report_are_never_under_way_at_once(settings: Settings) -> None:
    stopped = threading.Event()
    stopped.set()
    with (
        file_lock(settings.reports_dir / "morning" / ".lock", what="a run", wait_s=0),
        pytest.raises(ServiceError, match="a run of report morning is under way already"),
    ):
        run_report(settings, "morning", {}, stop=stopped)
    assert [p.name for p in (settings.reports_dir / "morning").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["tpo=3"], "Did you mean top?"),
        (["top=0"], "must be at least 1"),
        (["top=x"], "not a whole number"),
        (["min_change=nan"], "finite"),
        (["top"], "name=value"),
        (["top=1", "top=2"], "given twice"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_starts(settings: Settings, words: list[str], says: str) -> None:
    report = find_report(settings, "morning")
    with pytest.raises(UsageError) as caught:
        report.check(report.parse(words))
    assert says in str(caught.value)
    with pytest.raises(UsageError, match=r"Did you mean morning\?"):
        run_report(settings, "mornin", {})
    assert not settings.home.exists()


def test_parameters_of_several_values_are_parted_by_commas() -> None:
    report = SHIPPED["detect"]
    assert report.check(report.parse(["sources=de, it", "targets=[UK]", "min_profit=2"])) == {
        "sources": ["DE", "IT"], "targets": ["UK"], "min_profit": 2.0,
    }  # fmt: skip


@pytest.fixture
def damaged(filled: Settings) -> Settings:
    """Runs whose folders are in every state that a folder can be in."""
    runs = {f"2026060{n}T070000Z-00000{n}": n for n in range(1, 6)}
    with open_store(filled) as store:
        for run_id, n in runs.items():
            folder = filled.reports_dir / "morning" / run_id
            store.put_run(
                Run(run_id=run_id, report="morning", status="succeeded", started_at=float(n), output=str(folder))
            )
            if n > 1:
                folder.mkdir(parents=True)
            if n > 2:
                (folder / "notebook.ipynb").write_text("{")
                (folder / "result.json").write_text('{"half": ')
                (folder / "pictures.json").write_text("[3]")
    (filled.reports_dir / "morning" / LATEST).symlink_to("20990101T000000Z-aaaaaa")
    return filled


def test_damaged_folders_break_neither_list_nor_show_nor_clean(damaged: Settings) -> None:
    listed = arbkit(damaged, "reports", "list", "--json")
    states = [run["folder"] for run in orjson.loads(listed.stdout)["runs"]]
    assert states == ["there", "there", "there", "damaged", "gone"]
    assert arbkit(damaged, "reports", "list").returncode == 0
    half = arbkit(damaged, "reports", "show", "20260603T070000Z-000003")
    assert half.returncode == 0
    assert "result.json cannot be read" in half.stdout
    gone = arbkit(damaged, "reports", "show", "20260601T070000Z-000001")
    assert "removed by clean" in gone.stdout
    told: Any = orjson.loads(arbkit(damaged, "reports", "clean", "--keep", "1", "--dry-run", "--json").stdout)
    assert [one["run_id"][:8] for one in told["items"]] == ["20260604", "20260603", "20260602"]
    assert arbkit(damaged, "reports", "clean", "--keep", "1").returncode == 0
    assert [p.name[:8] for p in sorted((damaged.reports_dir / "morning").glob("2*"))] == ["20260605"]
    # Its records stay, and nothing of that stands in the way of the next one.
    assert len(orjson.loads(arbkit(damaged, "reports", "list", "--json").stdout)["runs"]) == 5


def test_show_of_a_report_lists_what_it_takes(settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    shown = arbkit(settings, "reports", "show", "morning")
    assert shown.returncode == 0, shown.stderr
    assert "-p top=10" in shown.stdout
    assert "has not run yet" in shown.stdout
    wrong = arbkit(settings, "reports", "run", "morning", "-p", "tpo=3")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.count("\n") == 1


def test_the_schedule_is_listed_and_a_bad_entry_is_an_exit_code(settings: Settings, tmp_path: Path) -> None:
    settings.home.mkdir(parents=True)
    text = 'timezone = "Europe/Berlin"\n[[entry]]\nname = "ok"\nreport = "morning"\ncron = "0 7 * * *"\n'
    (tmp_path / "schedule.toml").write_text(text)
    good = arbkit(settings, "schedule", "list", "--json")
    assert good.returncode == 0, good.stderr
    assert orjson.loads(good.stdout)["entries"][0]["next_at"] is not None
    times = orjson.loads(arbkit(settings, "schedule", "next", "--count", "3", "--json").stdout)["items"]
    assert [one["name"] for one in times] == ["ok"] * 3
    (tmp_path / "schedule.toml").write_text(text + '[[entry]]\nname = "bad"\nreport = "morning"\ncron = "0 0 30 2 *"\n')
    bad = arbkit(settings, "schedule", "list")
    assert bad.returncode == 3
    assert "entry bad: cron: never comes due" in bad.stdout
    assert "ok" in bad.stdout
    doctor = orjson.loads(arbkit(settings, "doctor", "--json").stdout)
    (check,) = [c for c in doctor["checks"] if c["name"] == "schedule"]
    assert (check["ok"], check["exit_code"]) == (False, 3)
    unknown = arbkit(settings, "schedule", "run", "okk")
    assert unknown.returncode == 3
    assert "Did you mean ok?" in unknown.stderr


def test_a_morning_that_was_missed_is_reported_when_the_scheduler_starts(filled: Settings) -> None:
    (entry,) = load_schedule(filled).entries
    ScheduleState(filled, clock=lambda: time.time() - 3 * 86_400).track([entry])
    stop = threading.Event()
    service = threading.Thread(target=run_scheduler, args=(filled,), kwargs={"stop": stop})
    service.start()
    try:
        while "status" not in ScheduleState(filled).read()[entry.name]:
            assert service.is_alive()
            time.sleep(0.1)
    finally:
        stop.set()
        service.join()
    assert ScheduleState(filled).read()[entry.name]["status"] == "succeeded"
    status = orjson.loads(arbkit(filled, "status", "--json").stdout)
    assert status["schedule"][0]["last_status"] == "succeeded"
    assert status["schedule"][0]["next_in_s"] <= 86_400
    with open_store(filled, read_only=True) as store:
        (run,) = store.runs(report="morning")
    # What the next one is compared with.
    assert (folder_of(filled, run) / SCHEDULED).exists()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_run_before_any_prices_have_come_is_no_failure(settings: Settings, name: str) -> None:
    done = run_report(settings, name, {}, pictures=False)
    assert done.run.status == "succeeded", done.run.error


def test_pictures_are_drawn_where_there_is_a_browser(filled: Settings) -> None:
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        missing("a Chromium browser", "install chromium")
    done = run_report(filled, "morning", {})
    assert done.run.status == "succeeded", done.run.error
    result: Any = done.result
    assert {p["name"] for p in result["pictures"]} == {"best-route", "best-by-route"}
    for picture in result["pictures"]:
        assert picture["missing"] is None
        assert (done.folder / picture["file"]).read_bytes().startswith(b"\x89PNG")
