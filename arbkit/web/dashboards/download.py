"""Downloads of every opportunity that passes the filters; the page stays usable meanwhile."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arbkit.core.errors import ArbkitError
from arbkit.core.formatting import count
from arbkit.display.spreadsheet import HEADINGS, opportunity_rows, write
from arbkit.store import OpportunityQuery, Store
from arbkit.web.dashboards.page_widget import PageWidget

MIME = {".csv": "text/csv", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
_CHUNK = 1 << 20
_NOTIFY_EVERY = 2_000
"""Rows after which the user is told of the progress."""


class Download:
    """At most one at a time, written to a temporary file and sent in pieces, so that memory does not grow with it."""

    def __init__(self, widget: PageWidget) -> None:
        self._widget = widget
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether one is being made."""
        return self._task is not None

    def start(
        self, ending: str, store: Store, query: OpportunityQuery, total: int, *, then: Callable[[], None]
    ) -> None:
        """Begin, unless one is running; ``then`` is called when it has ended, well or not."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(ending, store, query, total, then))

    async def _run(
        self, ending: str, store: Store, query: OpportunityQuery, total: int, then: Callable[[], None]
    ) -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"opportunities{ending}"
                rows = await asyncio.to_thread(write, path, HEADINGS, self._rows(store, query, total))
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        self._widget.chunk(chunk)
                        await asyncio.sleep(0)
            stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H%M")
            self._widget.save(f"arbkit-opportunities-{stamp}{ending}", MIME[ending])
            self._widget.notify(f"{count(rows)} opportunities were downloaded.", "good")
        except ArbkitError as error:
            self._widget.notify(f"The download failed: {error}", "bad")
        finally:
            self._task = None
            then()

    def _rows(self, store: Store, query: OpportunityQuery, total: int) -> Iterator[list[Any]]:
        for number, row in enumerate(opportunity_rows(store, query)):
            if number % _NOTIFY_EVERY == 0:
                self._widget.notify(f"Preparing the download: {count(number)} of {count(total)} …")
            yield row
