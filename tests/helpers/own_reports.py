"""Notebooks as an analyst leaves them in the folder of reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nbformat

from arbkit.core.settings import Settings

__all__ = ["write_notebook"]


def write_notebook(
    settings: Settings,
    name: str,
    *cells: str,
    parameters: str | None = "top: int = 1  # rows",
    texts: Sequence[str] = (),
) -> Path:
    """A notebook of these cells as the report ``name``, with its outputs saved as a careless analyst leaves them."""
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    for cell in code:
        cell.outputs = [nbformat.v4.new_output("stream", text="saved with the file")]
    if parameters is not None:
        code.insert(0, nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    made = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_markdown_cell, texts), *code])
    path = settings.own_reports_dir / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path
