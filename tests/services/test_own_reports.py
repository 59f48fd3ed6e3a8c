"""An analyst's own notebooks as reports, run for real: what is filed, whatever the notebook does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import orjson
import psutil
import pytest
from fastapi.testclient import TestClient

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.reports.kernel.output_limit import MOST_PRINTED
from arbkit.reports.runner import ReportRun, run_report
from arbkit.store import open_store
from arbkit.web.api import create_app
from tests.helpers.factories import history, offer, opportunity
from tests.helpers.own_reports import write_notebook
from tests.helpers.paths import ROOT
from tests.helpers.processes import arbkit
from tests.helpers.routes import store_routes

pytestmark = pytest.mark.e2e

HOSTILE = "<script>document.title = 'owned'</script>"
DISPLAYED = "from IPython.display import HTML, display"


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a store with one product, on which one opportunity stands."""
    settings = settings.model_copy(update={"folder": tmp_path / "mine"})
    with open_store(settings) as store:
        found = opportunity("B000000001", title=HOSTILE, brand="Acme", profit=20.0)
        store.put([Update(offer(found.asin, "DE", title=HOSTILE), history(found.asin, "DE"))])
        store_routes(store, [found])
    return settings


def body(done: ReportRun) -> str:
    return (done.folder / "report.html").read_text("utf-8").partition("<main>")[2].partition("</main>")[0]


def ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_the_example_of_the_guide_runs_as_it_stands_there(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/nonexistent")
    guide = (ROOT / "docs" / "guide" / "reports.md").read_text("utf-8")
    parameters, *cells = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    write_notebook(own, "brands", *cells, parameters=parameters)
    ran = arbkit(own, "reports", "run", "brands", "-p", "top=2", "-p", "targets=DE,FR,IT,ES,UK", "--json")
    assert ran.returncode == 0, ran.stderr
    run_id = orjson.loads(ran.stdout)["run_id"]
    with TestClient(create_app(own), base_url="http://127.0.0.1") as client:
        listed = client.get("/reports", params={"report": "brands"}).json()["items"]
        shown = client.get(f"/reports/{run_id}").json()
    assert [(one["run_id"], one["status"], one["summary"]) for one in listed] == [(run_id, "succeeded", {"brands": 1})]
    assert shown["parameters"] == {"top": 2, "targets": ["DE", "FR", "IT", "ES", "UK"]}
    assert shown["result"]["pictures"] == [
        {"name": "figure-01", "file": None, "missing": "there is no Chrome or Chromium on this machine"}
    ]
    page = (own.reports_dir / "brands" / run_id / "report.html").read_text("utf-8")
    assert "Acme" in page
    assert 'class="arb-figure"' in page
    wrong = arbkit(own, "reports", "run", "brands", "-p", "tpo=2")
    assert (wrong.returncode, "Did you mean top?" in wrong.stderr) == (2, True)


def test_a_new_report_runs_and_a_bad_one_beside_it_is_only_named(own: Settings) -> None:
    assert arbkit(own, "reports", "new", "fresh").returncode == 0
    (own.own_reports_dir / "bad.ipynb").write_text("not JSON")
    done = arbkit(own, "reports", "run", "fresh", "-p", "min_profit=1", "--no-pictures")
    assert done.returncode == 0, done.stderr
    listed = arbkit(own, "reports", "list")
    assert listed.returncode == 0
    assert "fresh: The opportunities of each brand. (your own)" in listed.stdout
    assert "bad.ipynb: is no notebook" in listed.stdout
    refused = arbkit(own, "reports", "run", "bad")
    assert (refused.returncode, refused.stderr.count("\n")) == (3, 1)


def test_titles_and_html_execute_nothing_and_saved_outputs_are_not_shown(own: Settings) -> None:
    cells = (
        "import arbkit; arbkit.open().opportunities()[['title']]",
        f"{DISPLAYED}; display(HTML('<b id=own>my own</b>{HOSTILE.replace(chr(39), chr(34))}'))",
    )
    write_notebook(own, "html", *cells, texts=[f"# Mine\n\n{HOSTILE}"])
    done = run_report(own, "html", {}, pictures=False)
    assert done.run.status == "succeeded", done.run.error
    page = (done.folder / "report.html").read_text("utf-8")
    assert "script-src 'nonce-" in page
    assert '<b id="own">my own</b>' in page
    assert "&lt;script&gt;document.title" in page
    # The policy stops these; what a product's title brings along is not even one.
    assert body(done).count("<script") == 2
    assert "saved with the file" not in page
    assert "saved with the file" not in (done.folder / "notebook.ipynb").read_text("utf-8")


def test_a_notebook_that_prints_a_gigabyte_is_cut_with_a_note_and_its_memory_is_bounded(own: Settings) -> None:
    cells = (
        "for _ in range(1 << 20): print('x' * 1023)",
        "import sys; sys.stdout.write('y' * (1 << 28)); print('never shown')",
        f"{DISPLAYED}\nfor _ in range(5): display(HTML('z' * (30 << 20)))",
    )
    write_notebook(own, "loud", *cells)
    most = [0]
    ended = threading.Event()
    watching = threading.Thread(target=_watch_memory, args=(most, ended))
    watching.start()
    try:
        done = run_report(own, "loud", {}, pictures=False)
    finally:
        ended.set()
        watching.join()
    assert done.run.status == "succeeded", done.run.error
    outputs = [cell.outputs for cell in nbformat.read(done.folder / "notebook.ipynb", as_version=4).cells[2:]]
    printed = "".join(one.text for one in outputs[0])
    assert len(printed) < MOST_PRINTED + 200
    assert printed.endswith("printed text.\n")
    assert outputs[1] == []
    assert [len(one.data.get("text/html", "")) >> 20 for one in outputs[2]] == [30, 30, 0]
    assert "left out" in body(done)
    # Of the run's own process: the kernel is the notebook's, and may make what it likes.
    assert most[0] < 1 << 30, f"{most[0] >> 20} MiB"


def _watch_memory(most: list[int], ended: threading.Event) -> None:
    while not ended.wait(0.05):
        for child in psutil.Process().children():
            try:
                most[0] = max(most[0], child.memory_info().rss)
            except psutil.Error:
                continue


def test_a_notebook_that_never_ends_is_killed_with_its_kernel_and_one_that_raises_says_where(own: Settings) -> None:
    cells = (
        "import os, pathlib; pathlib.Path(run_dir, 'pid').write_text(str(os.getpid()))",
        "import signal\nfor s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
    )
    write_notebook(own, "endless", *cells)
    # However long this machine takes until the kernel has started.
    for limit_s in (40.0, 160.0, 640.0):
        limited = own.model_copy(update={"report_time_limit": limit_s})
        done = run_report(limited, "endless", {}, pictures=False)
        assert done.run.status == "timed_out"
        if (done.folder / "pid").exists():
            break
    kernel = int((done.folder / "pid").read_text())
    while not ended(kernel):
        time.sleep(0.05)
    assert "while True" in re.sub(r"<[^>]+>", "", body(done))
    write_notebook(own, "raising", "1", f"raise ValueError({HOSTILE!r})", "never()")
    failed = run_report(own, "raising", {}, pictures=False)
    assert (failed.run.status, failed.run.error) == ("failed", f"ValueError: {HOSTILE}")
    assert "This run failed" in body(failed)
    assert "<script" not in body(failed)


@pytest.fixture
def plain(own: Settings, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who knows nothing of arbkit's settings: they stand in a file above the notebooks."""
    text = f"ARBKIT_HOME={own.home}\nARBKIT_DEMO=1\n"
    own.folder.mkdir()
    (own.folder / ".env").write_text(text)
    mine = write_notebook(
        own, "mine", "from arbkit.reports.kernel.inputs import stored_settings", "print(stored_settings().home, top)"
    )
    # As JupyterLab saves it: papermill itself asks for the name of a kernel.
    notebook = nbformat.read(mine, as_version=4)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, mine)
    return {**os.environ, "PYTHONPATH": str(ROOT), "PLOTLY_RENDERER": "plotly_mimetype"}


def run_plain(words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_plain_tools_run_every_report_and_find_the_home_upwards(
    own: Settings, plain: dict[str, str], tmp_path: Path
) -> None:
    copies = own.own_reports_dir
    for shipped in (ROOT / "notebooks").glob("m*.ipynb"):
        (copies / f"shipped-{shipped.name}").write_bytes(shipped.read_bytes())
    for words in (
        ["jupyter", "nbconvert", "--execute", "--to", "html", "--stdout", "mine.ipynb"],
        ["jupyter", "nbconvert", "--execute", "--to", "html", "--stdout", "shipped-morning.ipynb"],
        ["papermill", "mine.ipynb", str(tmp_path / "done.ipynb"), "-p", "top", "7"],
    ):
        done = run_plain(words, copies, plain)
        assert done.returncode == 0, done.stderr
    executed = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == f"{own.home} 7\n"
    assert not (copies / "var").exists()


def test_plain_tools_say_that_a_store_is_empty(own: Settings, plain: dict[str, str], tmp_path: Path) -> None:
    for file in own.home.glob("arbkit.db*"):
        file.unlink()
    (own.own_reports_dir / "shipped.ipynb").write_bytes((ROOT / "notebooks" / "detect.ipynb").read_bytes())
    shipped = run_plain(["papermill", "shipped.ipynb", "done.ipynb"], own.own_reports_dir, plain)
    assert f"StoreError: nothing is stored yet in {own.home / 'arbkit.db'}" in shipped.stderr
    (tmp_path / "elsewhere").mkdir()
    for folder in (own.own_reports_dir, tmp_path / "elsewhere"):
        copy = folder / "again.ipynb"
        copy.write_bytes((own.own_reports_dir / "mine.ipynb").read_bytes())
        done = run_plain(["papermill", "again.ipynb", "done.ipynb"], folder, plain)
        assert done.returncode != 0
        home = own.home if folder == own.own_reports_dir else folder / "var"
        assert f"StoreError: nothing is stored yet in {home / 'arbkit.db'}" in done.stderr
