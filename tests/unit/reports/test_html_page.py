"""The page of a report is one file that needs nothing else, and says nothing that it was not given."""

from __future__ import annotations

import re

import nbformat

from arbkit.display.notebook_html import style_tag
from arbkit.display.route_tables import paragraph
from arbkit.reports.html_page import page
from tests.helpers.outputs import shown

PLOTLY = "application/vnd.plotly.v1+json"


def made(*outputs: nbformat.NotebookNode, title: str = "A report") -> str:
    cells = [nbformat.v4.new_markdown_cell("# Heading"), nbformat.v4.new_code_cell("secret()", outputs=list(outputs))]
    return page(nbformat.v4.new_notebook(cells=cells), title=title)


def figure() -> nbformat.NotebookNode:
    spec = {"data": [{"type": "bar", "y": [1]}], "layout": {"title": {"text": "</script><b>"}, "height": 321}}
    output: nbformat.NotebookNode = nbformat.v4.new_output("display_data", data={PLOTLY: spec})
    return output


def test_the_theme_is_there_once_however_many_outputs_bring_it() -> None:
    html = made(*(shown(paragraph(f"Sentence {n}")._repr_html_()) for n in range(3)))
    assert html.count("<style>") == 1
    assert html.count("--arb-good:") == style_tag().count("--arb-good:")
    assert all(f"Sentence {n}" in html for n in range(3))
    assert "secret()" not in html


def test_a_page_without_figures_has_no_script_and_one_with_them_runs_only_its_own() -> None:
    assert "<script" not in made()
    html = made(figure())
    [nonce] = re.findall(r"script-src 'nonce-([\w-]+)'", html)
    assert set(re.findall(r"<script nonce=\"([\w-]+)\">", html)) == {nonce}
    assert nonce not in made(figure())


def test_a_figure_is_data_whatever_its_texts_say() -> None:
    html = made(figure())
    assert 'class="arb-figure" style="height:321px"' in html
    assert "\\u003c/script>\\u003cb>" in html


def test_the_title_is_text() -> None:
    assert "<title>&lt;/title&gt;&lt;script&gt;</title>" in made(title="</title><script>")
