"""nbval as it is used here: golden notebooks to the letter, the shipped ones by their asserts, and both can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest

from arbkit.settings import Settings
from tests.notebooks.golden import GOLDEN, fill

ROOT = Path(__file__).parents[2]


def nbval(settings: Settings, notebooks: Sequence[Path], *, strict: bool) -> subprocess.CompletedProcess[str]:
    """Run notebooks; ``strict`` compares what they show with what is stored in them."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval" if strict else "--nbval-lax",
         *map(str, notebooks)],
        env={**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)},
        cwd=settings.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_a_golden_notebook_was_executed_from_top_to_bottom(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    # All but the parameters in front and the asserts at the end show something.
    assert all(cell.outputs for cell in cells[1:-1])
    assert "assert" in cells[-1].source
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert kinds == {"execute_result"}


def test_golden_notebooks_show_to_the_letter_what_they_did(settings: Settings) -> None:
    assert {path.stem for path in GOLDEN} == {"golden_detect", "golden_profit"}
    fill(settings)
    done = nbval(settings, GOLDEN, strict=True)
    assert done.returncode == 0, done.stdout


def test_a_changed_number_fails_to_the_letter(settings: Settings, tmp_path: Path) -> None:
    settings.home.mkdir()
    [path] = [path for path in GOLDEN if path.stem == "golden_profit"]
    notebook = nbformat.read(path, as_version=4)
    text = nbformat.writes(notebook)
    assert "10.74, 31.5" in text
    nbformat.write(nbformat.reads(text.replace("10.74, 31.5", "10.75, 31.5"), as_version=4), tmp_path / path.name)
    done = nbval(settings, [tmp_path / path.name], strict=True)
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "10.75, 31.5" in done.stdout


def test_a_broken_assert_fails_also_where_nothing_is_compared(settings: Settings, tmp_path: Path) -> None:
    settings.home.mkdir()
    broken = tmp_path / "broken.ipynb"
    sources = ["profit = 10.74", "profit + 1", "assert profit == 10.75, 'the profit is another one'"]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), broken)
    done = nbval(settings, [broken], strict=False)
    assert done.returncode == 1
    assert "1 failed, 2 passed" in done.stdout
    assert "the profit is another one" in done.stdout
