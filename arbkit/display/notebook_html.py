"""HTML that a notebook cell displays: markup of the templates with the theme it needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from markupsafe import Markup

from arbkit.display.html import theme


@dataclass(frozen=True, slots=True)
class NotebookHtml:
    """``markup`` as the output of a cell, in the shared theme and in the colours of its notebook or report."""

    markup: Markup

    def _repr_html_(self) -> str:
        return f'{style_tag()}<div class="arb">{self.markup}</div>'


@cache
def style_tag() -> str:
    """The theme as the ``<style>`` that each output carries, so that any cell displays on its own."""
    return f"<style>{theme()}</style>"
