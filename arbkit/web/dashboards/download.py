"""Downloads of every opportunity that passes the filters; the page stays usable meanwhile."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast, get_args

from arbkit.analysis.verdict.judging import Judge
from arbkit.core.errors import ArbkitError
from arbkit.core.formatting import count
from arbkit.core.settings import Settings
from arbkit.display.export.csv_file import NOTATIONS, NotationName
from arbkit.display.export.opportunities import RowsOf, write_opportunities
from arbkit.display.export.rows import FileRow
from arbkit.profit.seller.profile_file import load_profile
from arbkit.store import OpportunityQuery, Store
from arbkit.web.dashboards.content import Field, Option, Region, UserEvent, choice
from arbkit.web.dashboards.opportunities.columns import chosen_columns
from arbkit.web.dashboards.opportunities.found import FoundOpportunities
from arbkit.web.dashboards.page_widget import PageWidget
from arbkit.web.dashboards.part import StorePart

MIME = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
}
_NAMES = {".parquet": "Parquet"}
_COLUMNS = (Option(value="shown", label="as in the table"), Option(value="all", label="all, with every fee and tax"))
_CHUNK = 1 << 20
_NOTIFY_EVERY = 2_000
"""Rows after which the user is told of the progress."""


class Download:
    """At most one at a time, written to a temporary file and sent in pieces, so that memory does not grow with it."""

    def __init__(self, widget: PageWidget, settings: Settings) -> None:
        self._widget = widget
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._has_all_columns = False
        self._notation: NotationName = "english"

    @property
    def running(self) -> bool:
        """Whether one is being made."""
        return self._task is not None

    def fields(self, total: int) -> list[Field]:
        """What can be chosen of a file of this many opportunities, and a button for each kind."""
        notations = [Option(value=name, label=one.label) for name, one in NOTATIONS.items()]
        buttons = [
            Field(
                name=f"export{ending}", label=f"Download as {_NAMES.get(ending, ending[1:].upper())}", kind="button",
                hint=f"All {count(total)} of these opportunities", disabled=not total or self.running,
            )
            for ending in MIME
        ]  # fmt: skip
        chosen = _COLUMNS[self._has_all_columns]["value"]
        return [
            choice("file_columns", "Columns of files", _COLUMNS, value=chosen),
            choice("notation", "Numbers in CSV", notations, value=self._notation),
            *buttons,
        ]

    def choose(self, values: Mapping[str, str | bool]) -> None:
        """Take the values of :meth:`fields`."""
        self._has_all_columns = values.get("file_columns") == _COLUMNS[True]["value"]
        if (named := values.get("notation")) in get_args(NotationName):
            self._notation = cast("NotationName", named)

    def start(
        self,
        ending: str,
        store: Store,
        query: OpportunityQuery,
        total: int,
        columns: Collection[str],
        *,
        then: Callable[[], None],
        assumed: RowsOf | None = None,
    ) -> None:
        """Begin, unless one is running; ``columns`` are the table's, ``then`` is called when it has ended anyhow.

        ``assumed`` makes rows in place of what is stored, see
        :func:`~arbkit.display.export.opportunities.write_opportunities`.
        """
        if self._task is None:
            seller = load_profile(self._settings.profile_path, self._settings.profile_name)
            shown = None if self._has_all_columns else columns
            name = "opportunities" if assumed is None else "what-if"
            write = partial(
                write_opportunities, store=store, query=query, seller=seller, judge=Judge(self._settings),
                page_columns=shown, notation=self._notation, assumed=assumed,
                seen=lambda rows: self._counted(rows, total),
            )  # fmt: skip
            self._task = asyncio.get_running_loop().create_task(self._run(name, ending, write, then))

    async def _run(self, name: str, ending: str, write: Callable[[Path], int], then: Callable[[], None]) -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"{name}{ending}"
                rows = await asyncio.to_thread(write, path)
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        self._widget.chunk(chunk)
                        await asyncio.sleep(0)
            stamp = datetime.now(UTC).strftime("%Y-%m-%d-%H%M")
            self._widget.save(f"arbkit-{name}-{stamp}{ending}", MIME[ending])
            self._widget.notify(f"{count(rows)} opportunities were downloaded.", "good")
        except ArbkitError as error:
            self._widget.notify(f"The download failed: {error}", "bad")
        finally:
            self._task = None
            then()

    def _counted(self, rows: Iterator[FileRow], total: int) -> Iterator[FileRow]:
        for number, row in enumerate(rows):
            if number % _NOTIFY_EVERY == 0:
                self._widget.notify(f"Preparing the download: {count(number)} of {count(total)} …")
            yield row


class Downloads(StorePart):
    """Buttons that give all opportunities of the view as a file."""

    REGION = Region("tools", "form")
    SUBJECT = FoundOpportunities

    _download: Download | None = None

    @property
    def download(self) -> Download:
        """What makes the files."""
        self._download = self._download or Download(self.widget, self.settings)
        return self._download

    def follow(self, shown: FoundOpportunities) -> None:
        """Show what can be chosen of a file of what the page finds."""
        self.widget.show_form(self.region, self.download.fields(shown.sums.count))

    def handle(self, event: UserEvent) -> bool:
        """Take what a file is to be like, or begin one."""
        if self.page is None:
            return False
        name = event.get("name", "")
        if event["type"] == "form":
            self.download.choose(event["values"])
        elif event["type"] == "action" and (ending := name.removeprefix("export")) != name and ending in MIME:
            found, now = self.page.subject(FoundOpportunities), time.time()
            columns, rows = chosen_columns(found.view.columns, what_if=False), found.assumed_rows(now=now)
            query, total = found.view.query(now=now), found.rows.total
            self.download.start(ending, self.store, query, total, columns, assumed=rows, then=self.page.refresh)
        else:
            return False
        self.page.refresh()
        return True
