"""Nobody else listens to what the kernel of a report prints."""

from __future__ import annotations

from pathlib import Path

import nbformat

from arbkit.reports.worker import _run_notebook

_CELL = """
from pathlib import Path
from ipykernel.connect import get_connection_info
connection = get_connection_info(unpack=True)
Path("connection.txt").write_text(f"{connection['transport']} {sorted(n for n in connection if n.startswith('curve'))}")
"""


def test_the_sockets_of_a_reports_kernel_are_encrypted(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell(_CELL.replace('"connection.txt"', repr(str(tmp_path / "connection.txt"))))
    notebook = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), notebook)
    assert _run_notebook(notebook, tmp_path / "done.ipynb", {}, start_s=600) is None
    assert (tmp_path / "connection.txt").read_text() == "tcp ['curve_publickey', 'curve_secretkey']"
