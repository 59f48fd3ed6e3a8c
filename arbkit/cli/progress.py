"""How far long work is: a bar on a terminal, elsewhere a line of the log from time to time."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from arbkit.cli.shared import console, state
from arbkit.core.results import Progress

logger = logging.getLogger(__name__)

_LINE_EVERY_S = 10.0


@contextmanager
def progress(what: str, *, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """A function that takes how much of ``what`` is done, and of how much; the latter is 0 where nobody knows."""
    if state.json_log or not sys.stderr.isatty():
        yield _lines(what, clock)
    else:
        with _bar(what) as shown:
            yield shown


def _lines(what: str, clock: Callable[[], float]) -> Progress:
    due_at = clock() + _LINE_EVERY_S

    def show(done: int, total: int) -> None:
        nonlocal due_at
        if (now := clock()) >= due_at:
            due_at = now + _LINE_EVERY_S
            logger.info("%s: %s", what, _amount(done, total))

    return show


def _amount(done: int, total: int) -> str:
    return f"{done:,} of {total:,}" if total else f"{done:,}"


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"), TimeElapsedColumn())
    handlers = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    before = [(handler, handler.level, handler.stream) for handler in handlers]
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, amount="")
        for handler in handlers:
            # Lines go above the bar, and those that only say how far it is are what the bar is for.
            handler.setStream(sys.stderr)
            handler.setLevel(logging.DEBUG if state.verbose else logging.WARNING)
        try:
            yield lambda done, total: bar.update(task, completed=done, total=total or None, amount=_amount(done, total))
        finally:
            for handler, level, stream in before:
                handler.setStream(stream)
                handler.setLevel(level)
