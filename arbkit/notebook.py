"""The process a report runs in: ``python -m arbkit.notebook NOTEBOOK PARAMETERS.json FOLDER``.

Executes the notebook with papermill into ``FOLDER/notebook.ipynb`` and writes ``FOLDER/report.html`` from
it, without code, also when a cell failed, for then the report shows where. Ends with status 1 and the
error as its last line if a cell failed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import orjson
import papermill
from nbconvert.exporters import HTMLExporter
from papermill.exceptions import PapermillExecutionError

__all__ = ["main"]


def execute(notebook: Path, parameters: dict[str, object], folder: Path) -> str | None:
    """Run the notebook; the failing cell's error in one line, or None."""
    executed = folder / "notebook.ipynb"
    try:
        papermill.execute_notebook(
            notebook,
            executed,
            parameters=parameters,
            kernel_name="python3",
            cwd=Path.cwd(),
            progress_bar=False,
            log_output=False,
        )
    except PapermillExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    finally:
        if executed.exists():
            html, _ = HTMLExporter(exclude_input=True, embed_images=True).from_notebook_node(
                nbformat.read(executed, as_version=4)
            )
            (folder / "report.html").write_text(html, "utf-8")
    return None


def main(arguments: list[str]) -> int:
    notebook, parameters, folder = map(Path, arguments)
    error = execute(notebook, orjson.loads(parameters.read_bytes()), folder)
    if error is not None:
        sys.stderr.write(f"{error}\n")
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
