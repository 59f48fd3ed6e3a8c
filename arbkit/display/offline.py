"""Figures that show in every notebook: in JupyterLab by its extension, anywhere else by the script they carry.

plotly's own choice for a notebook is the extension alone, so that a page made of the notebook by nbconvert, or one of
Voilà, would show nothing; its other renderers load MathJax from another host; and its choosing takes seconds, for it
imports the validator of notebooks. Nothing here loads anything.
"""

from __future__ import annotations

import os
from typing import Any

import plotly.graph_objects as go

__all__ = ["showable"]


def showable(figure: go.Figure) -> go.Figure:
    """The figure as one that shows without a network; where ``PLOTLY_RENDERER`` names a renderer, as it was."""
    return figure if os.environ.get("PLOTLY_RENDERER") else _Figure(figure)


class _Figure(go.Figure):  # type: ignore[misc]  # plotly is not typed
    # IPython would prefer it, and with it plotly's own choice.
    _ipython_display_ = None

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from plotly.io import to_html
        from plotly.io.base_renderers import PlotlyRenderer

        figure = self.to_dict()
        html = to_html(
            figure, include_plotlyjs=_script.is_due(), include_mathjax=False, full_html=False, validate=False
        )
        bundle: dict[str, Any] = PlotlyRenderer().to_mimebundle(figure)
        return {**bundle, "text/html": html}

    def _repr_html_(self) -> str:
        return str(self._repr_mimebundle_()["text/html"])


class _Script:
    """Which output carries plotly's script (5 MB): that of the first figure of a kernel.

    So does it again when its cell runs again, for then the output that carried it is gone.
    """

    def __init__(self) -> None:
        self._carrier: tuple[object, object] | None = None

    def is_due(self) -> bool:
        cell, execution = _running()
        if self._carrier is not None:
            again = cell is not None and cell == self._carrier[0] and execution != self._carrier[1]
            if not again:
                return False
        self._carrier = cell, execution
        return True


_script = _Script()


def _running() -> tuple[object, object]:
    """The cell that runs, where the front end tells it (JupyterLab does; else None), and the number of its run."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    request = kernel.get_parent("shell") if kernel is not None else {}
    return request.get("metadata", {}).get("cellId"), getattr(shell, "execution_count", None)
