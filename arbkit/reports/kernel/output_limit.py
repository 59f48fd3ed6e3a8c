"""An IPython extension that bounds what a notebook puts out, where it is put out: in its kernel.

All of it would fill the memory of kernel and run, the notebook's file and its page.
Printed text and what is displayed are counted separately over the whole run. What is too much is left out, and a note
says so, once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

NAME = __name__
"""What a kernel is told to load."""
MOST_PRINTED = 1 << 20
"""Characters: some hundred pages, more than anybody reads in a report."""
MOST_DISPLAYED = 64 << 20
"""Characters of tables, figures and pictures: more than a browser on a phone opens."""
_DISPLAYED = {"display_data", "execute_result", "update_display_data"}


class _Limit:
    """Counts down from ``most`` characters."""

    def __init__(self, most: int, note: str) -> None:
        self._left, self._note = most, note

    def fits(self, size: int) -> bool:
        """Whether so much fits; then it is counted. The first time that it does not, nothing fits any more."""
        self._left = self._left - size if size <= self._left else 0
        return self._left > 0

    @property
    def left(self) -> int:
        """How much fits still."""
        return self._left

    def note(self) -> str:
        """What to say of what is left out, at the first time; afterwards nothing."""
        note, self._note = self._note, ""
        return note


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Bound what this kernel puts out from now on."""
    printed = _Limit(MOST_PRINTED, f"\n… cut here: a report keeps {MOST_PRINTED >> 20} MiB of printed text.\n")
    for stream in (sys.stdout, sys.stderr):
        stream.write = _printing(stream.write, printed)  # type: ignore[method-assign]
    session = shell.kernel.session  # type: ignore[attr-defined]
    session.send = _displaying(session.send)


def _printing(write: Callable[[str], int], limit: _Limit) -> Callable[[str], int]:
    def bounded(text: str) -> int:
        kept = text[: limit.left]
        write(text if limit.fits(len(text)) else kept + limit.note())
        return len(text)

    return bounded


def _displaying(send: Callable[..., Any]) -> Callable[..., Any]:
    limit = _Limit(MOST_DISPLAYED, f"… left out: a report keeps {MOST_DISPLAYED >> 20} MiB of tables and figures.")

    def bounded(stream: Any, message: Any, *arguments: Any, **named: Any) -> Any:
        is_displayed = isinstance(message, dict) and message["msg_type"] in _DISPLAYED
        if is_displayed and not limit.fits(_size(message["content"])):
            note = limit.note()
            if not note:
                return None
            message = {**message, "content": {**message["content"], "data": {"text/plain": note}}}
        return send(stream, message, *arguments, **named)

    return bounded


def _size(content: Any) -> int:
    """Characters of all texts in a message's content, about."""
    if isinstance(content, str):
        return len(content)
    if isinstance(content, dict):
        return sum(map(_size, content.values()))
    if isinstance(content, list | tuple):
        return sum(map(_size, content))
    return 8
