"""`papermill --help-notebook` names every parameter of a shipped notebook with its type."""

from __future__ import annotations

import pytest
from papermill import inspect_notebook

from tests.helpers.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_parameter_has_a_type(notebook: object) -> None:
    found = inspect_notebook(str(notebook))
    assert found
    assert [name for name, one in found.items() if one["inferred_type_name"] == "None"] == []
