"""Figures that display in every notebook without a network: by JupyterLab's extension, or by the script they carry.

plotly's default renderer for notebooks relies on the extension alone, so that pages made by nbconvert or Voilà would
stay empty; its other renderers load MathJax from another host, and selecting one takes seconds, because plotly imports
the notebook validator for it.
"""

from __future__ import annotations

import os
from typing import Any

import plotly.graph_objects as go


def showable(figure: go.Figure) -> go.Figure:
    """``figure`` as one that displays without a network; unchanged where ``PLOTLY_RENDERER`` names a renderer."""
    return figure if os.environ.get("PLOTLY_RENDERER") else _Figure(figure)


class _Figure(go.Figure):  # type: ignore[misc]  # plotly is not typed
    # IPython prefers this hook, which would bring plotly's default renderer back.
    _ipython_display_ = None

    def _repr_mimebundle_(self, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
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
    """Decides which output carries plotly's script (5 MB): the first figure of a kernel.

    When that cell runs again its output is replaced, so the new output carries the script again.
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
    """The running cell's id, where the front end sends it (JupyterLab does; else None), and its execution count."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    request = kernel.get_parent("shell") if kernel is not None else {}
    return request.get("metadata", {}).get("cellId"), getattr(shell, "execution_count", None)
