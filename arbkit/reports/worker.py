"""The process a report runs in: ``python -m arbkit.reports.worker FOLDER``, with its job in ``FOLDER/job.json``.

Executes the report's notebook with papermill and files notebook, page and pictures; where a cell failed, that cell
is at the top of notebook and page. Ends with status 1 and the error as its last line if the notebook failed.
A job that says what to explain only makes the page of a notebook whose process was killed.
"""

from __future__ import annotations

import math
import re
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import JsonValue

from arbkit.core.errors import ServiceError
from arbkit.core.service.process import die_with_parent, skip_iri_grammar
from arbkit.reports.figures import FIGURES, draw, keep_displayed
from arbkit.reports.kernel import output_limit
from arbkit.reports.kernel.sockets import private_sockets
from arbkit.reports.run_folders import PLOTLY, Job, Picture, append_field

if TYPE_CHECKING:
    from nbformat import NotebookNode

_KERNEL_DIED = "the kernel ended while a cell was at work: was there enough memory?"
_KERNEL_START_S = 300.0
"""How long a kernel may take to start, on a machine that does other things too: it takes seconds."""
_START_S = 2.0
"""How much later than the clock of whoever started us ours may begin."""
_BOUNDED = f"--IPKernelApp.extra_extensions={output_limit.NAME}"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def execute(folder: Path, job: Job) -> str | None:
    """Execute ``job``'s notebook into ``folder``; what went wrong in one line, or None.

    Raises:
        OSError: notebook, page or pictures cannot be written.
    """
    # Before there are threads: two of them that import jupyter_client at once can meet it half made.
    import papermill  # noqa: F401

    done = threading.Event()
    until = time.monotonic() + job.limit_s - _START_S
    with ThreadPoolExecutor() as beside:
        # Both while the kernel, another process, works.
        warmed = beside.submit(_warm)
        drawing = beside.submit(draw, folder, done=done, wanted=job.figures)
        try:
            start_s = min(job.limit_s, _KERNEL_START_S)
            error = _run_notebook(job.notebook, folder / "notebook.ipynb", job.parameters, start_s=start_s)
            if error == _KERNEL_DIED and time.monotonic() > until:
                error = job.too_long
            if job.is_own:
                keep_displayed(folder, _displayed(folder / "notebook.ipynb"))
        finally:
            done.set()
        warmed.result()
        _file(folder, job.title, error)
        _note(folder, drawing.result())
    return " ".join(error.split()) if error else None


def _warm() -> None:
    from arbkit.reports.html_page import warm

    warm()


def _run_notebook(notebook: Path, executed: Path, parameters: dict[str, JsonValue], *, start_s: float) -> str | None:
    """Run the notebook; what went wrong, or None. ``start_s``: how long its kernel may take to start."""
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    quiet = {"progress_bar": False, "log_output": False}
    # Over plain TCP every user of the machine could listen to what the notebook prints.
    private = Config({"KernelManager": {**private_sockets(), "transport_encryption": "auto"}})
    try:
        papermill.execute_notebook(
            notebook, executed, parameters=parameters, kernel_name="python3", language="python", cwd=Path.cwd(),
            config=private, start_timeout=math.ceil(start_s), extra_arguments=[_BOUNDED], **quiet,
        )  # fmt: skip
    except PapermillExecutionError as error:
        return f"{error.ename}: {_ANSI.sub('', error.evalue)}"
    except DeadKernelError:
        return _KERNEL_DIED
    except RuntimeError as error:
        # No cell's fault: jupyter_client says so of a kernel that never answered, or ended before it did.
        why = f"the kernel did not start ({error}): is the machine very busy, or its memory or disk full?"
        return f"{ServiceError.__name__}: {why}"
    return None


def _displayed(executed: Path) -> list[dict[str, Any]]:
    """The plotly figures that the executed notebook shows."""
    import nbformat

    if not executed.exists():
        return []
    cells = nbformat.read(executed, as_version=4).cells
    data = (output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
    return [dict(figure) for one in data if isinstance(figure := one.get(PLOTLY), dict)]


def _note(folder: Path, pictures: list[Picture]) -> None:
    if pictures and (folder / "result.json").exists():
        append_field(folder / "result.json", "pictures", pictures)
    (folder / "pictures.json").write_bytes(orjson.dumps(pictures))
    shutil.rmtree(folder / FIGURES, ignore_errors=True)


def _file(folder: Path, title: str, error: str | None) -> None:
    """Put what went wrong on top of the executed notebook, before the cell that failed, and write its page."""
    import nbformat

    from arbkit.reports.html_page import page

    executed = folder / "notebook.ipynb"
    if not executed.exists():
        return
    notebook = nbformat.read(executed, as_version=4)
    if error is not None:
        notebook.cells = _explained(notebook.cells, error)
        nbformat.write(notebook, executed)
    (folder / "report.html").write_text(page(notebook, title=title), "utf-8")


def _explained(cells: list[NotebookNode], error: str) -> list[NotebookNode]:
    """The cells with one on top that tells the error and shows the failing cell, and a mark before that one."""
    from papermill.execute import ERROR_MARKER_TAG

    cells = [cell for cell in cells if ERROR_MARKER_TAG not in cell.metadata.get("tags", [])]
    # papermill marks a cell that was never answered as completed: then it is the last one that was begun.
    at = next((i for i, cell in enumerate(cells) if _failed(cell)), None)
    if at is None:
        at = max((i for i, cell in enumerate(cells) if _state(cell).get("start_time")), default=None)
    text = f"# This run failed\n\n{_fenced(error)}"
    if at is not None:
        text += f"\n\nIn [this cell](#failed-cell):\n\n{_fenced(cells[at].source, 'python')}"
        cells.insert(at, _marker('<a id="failed-cell"></a>**This is where it failed:**', "failed-here"))
    return [_marker(text, "failed"), *cells]


def _failed(cell: NotebookNode) -> bool:
    state = _state(cell)
    return (
        state.get("exception") is True
        or state.get("status") in ("running", "failed")
        or any(output.output_type == "error" for output in cell.get("outputs", []))
    )


def _state(cell: NotebookNode) -> dict[str, Any]:
    state: dict[str, Any] = cell.metadata.get("papermill", {}) if cell.cell_type == "code" else {}
    return state


def _marker(text: str, kind: str) -> NotebookNode:
    import nbformat
    from papermill.execute import ERROR_MARKER_TAG

    # Under papermill's own tag, so that it takes them away when the notebook is run again.
    cell: NotebookNode = nbformat.v4.new_markdown_cell(text, metadata={"tags": [ERROR_MARKER_TAG, kind]})
    return cell


def _fenced(text: str, language: str = "") -> str:
    """A block of code, whatever is in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def main(arguments: Sequence[str]) -> int:
    """Do the job in the folder named first; the exit status of the process.

    Raises:
        OSError: its files cannot be read or written.
    """
    die_with_parent()
    folder = Path(arguments[0])
    job = Job.model_validate_json((folder / "job.json").read_bytes())
    skip_iri_grammar()
    if job.explain is not None:
        _file(folder, job.title, job.explain)
        return 0
    error = execute(folder, job)
    if error is not None:
        sys.stderr.write(f"{error}\n")
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
