"""Golden notebooks, executed once on fixed input, still show to the letter what they did; and a change is seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from arbkit.core.settings import Settings
from tests.helpers.nbval import Outcome, nbval
from tests.notebooks.golden import GOLDEN, fill


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_it_was_executed_from_top_to_bottom(path: Path) -> None:
    """Without stored outputs nothing would be compared."""
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    # All but the parameters in front and the asserts at the end show something.
    assert all(cell["outputs"] for cell in cells[1:-1])
    assert any(line.startswith("assert ") for line in cells[-1]["source"])
    assert {output["output_type"] for cell in cells for output in cell["outputs"]} == {"execute_result"}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All of them and the beginning of one with a changed number, in one run."""
    folder = tmp_path_factory.mktemp("golden")
    [path] = [path for path in GOLDEN if path.stem == "golden_profit"]
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][:2]
    before = "(10.74, 31.5, 18.25)"
    assert notebook["cells"][1]["outputs"][0]["data"]["text/plain"] == [before]
    notebook["cells"][1]["outputs"][0]["data"]["text/plain"] = [before.replace("10.74", "10.75")]
    changed = folder / "changed.ipynb"
    changed.write_text(json.dumps(notebook), "utf-8")
    settings = Settings.load(_env_file=None, home=folder / "var", demo=True)
    fill(settings)
    return nbval(settings, [*GOLDEN, changed], strict=True)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_it_still_shows_what_it_did(path: Path, outcome: Outcome) -> None:
    assert outcome.failures[path.stem] == []
    assert outcome.cells[path.stem] == len(code_cells(path))


def test_a_changed_number_is_seen(outcome: Outcome) -> None:
    [failure] = outcome.failures["changed"]
    assert "10.75, 31.5" in failure
    assert "10.74, 31.5" in failure
