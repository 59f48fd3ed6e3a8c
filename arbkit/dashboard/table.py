"""A table that asks for one page at a time: 25 rows travel to the browser, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["Table"]

_FOLDER = Path(__file__).parent


class Table(anywidget.AnyWidget):
    """Draws ``view`` and says what the user wants; it decides nothing itself.

    ``view``: ``columns``, ``rows`` (as :func:`arbkit.dashboard.data.row` gives them), ``total``, ``first``
    (number of the first row), ``page``, ``pages``, ``sort``, ``descending``, ``selected`` (a row's id) and
    ``message`` (shown when there are no rows). Wishes: ``{"type": "ready"}`` once drawn, ``"tick"`` while it
    is looked at, ``"sort"`` with ``sort``, ``"page"`` with ``page``, ``"select"`` with ``id``.
    """

    _esm = _FOLDER / "table.js"
    _css = _FOLDER / "table.css"
    view = traitlets.Dict().tag(sync=True)

    def on_wish(self, act: Callable[[Mapping[str, Any]], None]) -> None:
        """Call ``act`` with every wish of the user."""

        def received(_: object, content: Mapping[str, Any], __: object) -> None:
            act(content)

        self.on_msg(received)
