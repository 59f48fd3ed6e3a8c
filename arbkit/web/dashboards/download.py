"""Downloads of all that the filters find; the page goes on meanwhile."""

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
from arbkit.web.dashboards.page_widget import Page

__all__ = ["MIME", "Download"]

MIME = {".csv": "text/csv", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
_CHUNK = 1 << 20
_TOLD_EVERY = 2_000
"""Rows after which the user is told how far it is."""


class Download:
    """At most one at a time, made in a file of its own and sent in pieces: memory does not grow with it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None

    def start(
        self, ending: str, store: Store, query: OpportunityQuery, total: int, *, then: Callable[[], object]
    ) -> None:
        """Begin, unless one is under way; ``then`` is called when it is done, well or not."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(ending, store, query, total, then))

    async def _run(
        self, ending: str, store: Store, query: OpportunityQuery, total: int, then: Callable[[], object]
    ) -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"opportunities{ending}"
                rows = await asyncio.to_thread(write, path, HEADINGS, self._told(store, query, total))
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        self._page.chunk(chunk)
                        await asyncio.sleep(0)
            stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H%M")
            self._page.save(f"arbkit-opportunities-{stamp}{ending}", MIME[ending])
            self._page.say(f"{count(rows)} opportunities were downloaded.", "good")
        except ArbkitError as error:
            self._page.say(f"The download failed: {error}", "bad")
        finally:
            self._task = None
            then()

    def _told(self, store: Store, query: OpportunityQuery, total: int) -> Iterator[list[Any]]:
        for number, one in enumerate(opportunity_rows(store, query)):
            if number % _TOLD_EVERY == 0:
                self._page.say(f"Preparing the download: {count(number)} of {count(total)} …")
            yield one
