"""How figures show in notebooks: in JupyterLab by its extension, anywhere else by the script they carry.

plotly's own choice for a notebook is the extension alone, so that a page made of the notebook by nbconvert, or one of
Voilà, would show nothing; and its other renderers load MathJax from another host. Nothing here loads anything.
"""

from __future__ import annotations

from typing import Any

import plotly.io as pio
from plotly.io.base_renderers import MimetypeRenderer, PlotlyRenderer
from plotly.offline import get_plotlyjs

__all__ = ["show_offline"]

_NAME = "arbkit"
_DEFAULTS = ("plotly_mimetype", "plotly_mimetype+notebook")
"""What plotly chooses by itself in a kernel: another choice is the user's, and stays."""


def show_offline() -> None:
    """Let every figure of this kernel show without a network; a renderer that the user chose stays."""
    if pio.renderers.default in _DEFAULTS:
        pio.renderers[_NAME] = _Offline()
        pio.renderers.default = _NAME


class _Offline(MimetypeRenderer):  # type: ignore[misc]  # plotly is not typed
    """A figure as JupyterLab's extension draws it and as HTML beside it. The first carries plotly's script (5 MB).

    So does it again when its cell runs again, for then the output that carried it is gone.
    """

    def __init__(self) -> None:
        self._carrier: dict[str, object] = {}

    def to_mimebundle(self, figure: dict[str, Any]) -> dict[str, Any]:
        cell, execution = _running()
        again = cell is not None and cell == self._carrier.get("cell") and execution != self._carrier["execution"]
        carries = not self._carrier or again
        if carries:
            # plotly copies the renderer for each figure: what is to be remembered is changed in place.
            self._carrier.update(cell=cell, execution=execution)
        script = f"<script>{get_plotlyjs()}</script>" if carries else ""
        html = pio.to_html(figure, include_plotlyjs=False, include_mathjax=False, full_html=False, validate=False)
        bundle: dict[str, Any] = PlotlyRenderer().to_mimebundle(figure)
        return {**bundle, "text/html": script + html}


def _running() -> tuple[object, object]:
    """The cell that runs, where the front end tells it (JupyterLab does; else None), and the number of its run."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    header = getattr(shell, "parent_header", None) or {}
    return header.get("metadata", {}).get("cellId"), getattr(shell, "execution_count", None)
