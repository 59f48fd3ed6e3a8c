"""Outputs of a notebook's cells."""

from __future__ import annotations

import nbformat

__all__ = ["shown"]


def shown(html: str) -> nbformat.NotebookNode:
    output: nbformat.NotebookNode = nbformat.v4.new_output("display_data", data={"text/html": html})
    return output
