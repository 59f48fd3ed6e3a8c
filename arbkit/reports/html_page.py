"""The page of a report: an executed notebook without its code, as one self-contained file.

It opens offline, years later, on a phone and in the dark. A content security policy keeps it that way: nothing is
loaded from anywhere, and no script runs but those of the templates and plotly's.
"""

from __future__ import annotations

import secrets
from functools import cache
from importlib import resources

import nbformat
import orjson
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter

from arbkit.display.html import render, theme
from arbkit.display.notebook_html import style_tag
from arbkit.reports.run_folders import PLOTLY

_PACKAGE = "arbkit.reports"
_HEIGHT = 450
"""Pixels of a figure that says none: plotly's own."""


def page(notebook: nbformat.NotebookNode, *, title: str) -> str:
    """The notebook as a whole HTML document; cells tagged ``failed`` and ``failed-here`` have these as classes."""
    nonce = secrets.token_urlsafe(12)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    has_figures = any(PLOTLY in output.get("data", {}) for output in outputs)
    body, _ = _exporter().from_notebook_node(_with_figures(notebook) if has_figures else notebook)
    document = render(
        "page.html.j2",
        package=_PACKAGE,
        title=title,
        nonce=nonce,
        style=_trusted(theme() + _template("page.css")),
        # Each output brings the theme along, for notebooks; the page has it once.
        body=_trusted(body.replace(style_tag(), "")),
        scripts=[_plotly_script(), _trusted(_template("figures.js"))] if has_figures else [],
    )
    return str(document)


def warm() -> None:
    """Compile what the first page needs, half of its time: to be called while a notebook is still running."""
    output = nbformat.v4.new_output("display_data", data={"text/html": ""})
    cells = [nbformat.v4.new_markdown_cell("#"), nbformat.v4.new_code_cell(outputs=[output])]
    page(nbformat.v4.new_notebook(cells=cells), title="")


@cache
def _exporter() -> HTMLExporter:
    return HTMLExporter(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        embed_images=True,
    )


def _template(name: str) -> str:
    return resources.files(_PACKAGE).joinpath("templates", name).read_text("utf-8")


def _plotly_script() -> Markup:
    return _trusted(resources.files("plotly").joinpath("package_data/plotly.min.js").read_text("utf-8"))


def _trusted(text: str) -> Markup:
    """Text of the packages, or of the exporter, which has escaped what is not HTML; the policy stops its scripts."""
    return Markup(text)  # noqa: S704


def _with_figures(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of the notebook with its plotly figures as HTML."""
    cells = [
        {**cell, "outputs": list(map(_drawn, cell.outputs))} if cell.cell_type == "code" else cell
        for cell in notebook.cells
    ]
    copied: nbformat.NotebookNode = nbformat.from_dict({**notebook, "cells": cells})
    return copied


def _drawn(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    spec = output.get("data", {}).get(PLOTLY)
    if not isinstance(spec, dict):
        return output
    layout = spec.get("layout", {})
    # A "<" in a title must not end the script that holds it.
    data = orjson.dumps({"data": spec.get("data", []), "layout": layout}).decode().replace("<", "\\u003c")
    # What a notebook of the user's says can be anything.
    height = said if isinstance(said := layout.get("height"), int | float) else _HEIGHT
    html = str(render("figure.html.j2", package=_PACKAGE, height=round(height), data=_trusted(data)))
    drawn: nbformat.NotebookNode = nbformat.v4.new_output("display_data", data={"text/html": html})
    return drawn
