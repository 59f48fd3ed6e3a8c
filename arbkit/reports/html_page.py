"""The page of a report: an executed notebook without its code, in one file that needs no other.

It opens offline, years later, on a phone and in the dark. A content security policy keeps it so: nothing is loaded
from anywhere, and no script runs but those written here.
"""

from __future__ import annotations

import secrets
from functools import cache
from html import escape
from importlib import resources
from typing import Any

import nbformat
import orjson
from nbconvert.exporters import HTMLExporter

__all__ = ["page", "warm"]

_PLOTLY = "application/vnd.plotly.v1+json"

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --ground: #fff; --card: #f6f8fa; --line: #d1d9e0;
  --good: #1a7f37; --bad: #cf222e; --blue: #0969da; --warn: #fff3c4; --warn-ink: #5c4400; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --ground: #0d1117; --card: #161b22;
  --line: #3d444d; --good: #3fb950; --bad: #f85149; --blue: #58a6ff; --warn: #3d2f00; --warn-ink: #f2cc60; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; font-size: 15px; }
main { max-width: 1080px; margin: 0 auto; padding: 20px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 34px 0 8px; } h3, h4 { margin: 20px 0 6px; }
a { color: var(--blue); text-decoration: none; } a:hover { text-decoration: underline; }
.anchor-link { display: none; }
p { margin: 6px 0; } small { color: var(--soft); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; padding: 10px 12px; font-size: 13px; overflow-x: auto; }
code { font-size: 0.92em; }
.output_area { overflow-x: auto; }
table { border: 0; border-collapse: collapse; font-size: 14px; max-width: 100%; }
th, td { padding: 5px 10px; text-align: right; border: 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { border-bottom: 2px solid var(--line); text-align: right; color: var(--soft); font-weight: 600; }
.ansi-red-fg, .ansi-red-intense-fg { color: var(--bad); } .ansi-green-fg, .ansi-green-intense-fg { color: var(--good); }
.ansi-blue-intense-fg, .ansi-cyan-fg { color: var(--blue); } .ansi-bold { font-weight: 700; }
.celltag_failed { border: 2px solid var(--bad); border-radius: 8px; padding: 4px 16px 12px; margin-bottom: 24px; }
.celltag_failed h1 { color: var(--bad); margin-top: 10px; }
.celltag_failed-here { border-left: 4px solid var(--bad); padding-left: 12px; }
@media (max-width: 600px) { main { padding: 14px 12px 40px; } h1 { font-size: 22px; } }
@media print { main { max-width: none; } }
"""

_FIGURES = """
const dark = matchMedia("(prefers-color-scheme: dark)");
function paint() {
  const ink = dark.matches ? "#e6edf3" : "#1f2328", line = dark.matches ? "#3d444d" : "#e6eaee";
  for (const figure of document.querySelectorAll(".arbkit-figure")) {
    const change = {paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", "font.color": ink};
    for (const axis of Object.keys(figure._fullLayout || {}).filter((name) => /^[xy]axis[0-9]*$/.test(name))) {
      change[axis + ".gridcolor"] = change[axis + ".linecolor"] = change[axis + ".zerolinecolor"] = line;
    }
    Plotly.relayout(figure, change);
  }
}
const told = [];
for (const holder of document.querySelectorAll(".arbkit-figure")) {
  const figure = JSON.parse(holder.nextElementSibling.textContent);
  told.push(Plotly.newPlot(holder, figure.data, figure.layout, {responsive: true, displaylogo: false}));
}
Promise.all(told).then(() => { paint(); dark.addEventListener("change", paint); });
"""


def page(notebook: nbformat.NotebookNode, *, title: str) -> str:
    """The notebook as a whole HTML document. Tags ``failed`` and ``failed-here`` of cells become classes."""
    nonce = secrets.token_urlsafe(12)
    shown, figures = _with_figures(notebook)
    body, _ = _exporter().from_notebook_node(shown)
    scripts = ""
    if figures:
        plotly = resources.files("plotly").joinpath("package_data/plotly.min.js").read_text("utf-8")
        scripts = f'<script nonce="{nonce}">{plotly}</script>\n<script nonce="{nonce}">{_FIGURES}</script>\n'
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<main>\n{body}\n</main>\n{scripts}</body>\n</html>\n"
    )


def warm() -> None:
    """Compile what the first page needs, half of its time: to be done while a notebook is still at work."""
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


def _with_figures(notebook: nbformat.NotebookNode) -> tuple[nbformat.NotebookNode, int]:
    """The notebook with its plotly figures as HTML, and how many there are; the given one stays as it is."""
    cells, figures = [], 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and any(_PLOTLY in o.get("data", {}) for o in cell.outputs):
            outputs = []
            for output in cell.outputs:
                if _PLOTLY in output.get("data", {}):
                    figures += 1
                    output = nbformat.v4.new_output("display_data", data={"text/html": _figure(output.data[_PLOTLY])})
                outputs.append(output)
            cell = nbformat.from_dict({**cell, "outputs": outputs})
        cells.append(cell)
    return nbformat.from_dict({**notebook, "cells": cells}), figures


def _figure(spec: Any) -> str:
    height = spec.get("layout", {}).get("height", 450)
    # A "<" in a title must not end the script that holds it.
    data = orjson.dumps({"data": spec["data"], "layout": spec.get("layout", {})}).decode().replace("<", "\\u003c")
    holder = f'<div class="arbkit-figure" style="height:{int(height)}px"></div>'
    return f'{holder}<script type="application/json">{data}</script>'
