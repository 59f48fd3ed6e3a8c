"""Nobody else listens to what the kernel of a report prints."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import nbformat
import pytest

from arbkit.reports.worker import _run_notebook

KEYS = "['curve_publickey', 'curve_secretkey']"
_CELL = """
from pathlib import Path
from ipykernel.connect import get_connection_info
connection = get_connection_info(unpack=True)
keys = sorted(name for name in connection if name.startswith("curve"))
Path("connection.txt").write_text(f"{connection['transport']} {connection['ip']} {keys}")
"""


def test_the_sockets_of_a_reports_kernel_are_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(mkdtemp())
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    transport, place, keys = _sockets(tmp_path)
    assert (transport, Path(place).parent, keys) == ("ipc", folder, KEYS)
    assert list(folder.iterdir()) == []
    assert not list(tmp_path.glob("kernel-*"))


def test_where_no_socket_fits_into_the_folder_they_are_encrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / ("deep" * 20)))
    assert _sockets(tmp_path) == ["tcp", "127.0.0.1", KEYS]


def _sockets(folder: Path) -> list[str]:
    """What the kernel of a report says of its sockets."""
    cell = nbformat.v4.new_code_cell(_CELL.replace('"connection.txt"', repr(str(folder / "connection.txt"))))
    notebook = folder / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), notebook)
    assert _run_notebook(notebook, folder / "done.ipynb", {}, start_s=600) is None
    return (folder / "connection.txt").read_text().split(maxsplit=2)
