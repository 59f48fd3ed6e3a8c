"""A page composed of parts: the shipped ones and those of analysts are made the same way."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from arbkit.core.errors import ArbkitError, UsageError, did_you_mean
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.own_pages import SHIPPED_PAGES, page_label
from arbkit.web.address import describe_errors
from arbkit.web.dashboards.composed.layout import Item, placed
from arbkit.web.dashboards.composed.subject import RouteSubject, Subject
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.html import page_html
from arbkit.web.dashboards.opportunities.empty import no_data
from arbkit.web.dashboards.opportunities.found import FoundOpportunities
from arbkit.web.dashboards.page import DashboardPage
from arbkit.web.dashboards.part import Part

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=Subject)

_NO_DATA = "nodata"
_OF_VOILA, _SCRIPT = "VOILA_PREHEAT", "SCRIPT_NAME"
"""What Voilà sets in the environment of every kernel, and the path that a browser asked for."""
_OWN = "own"


class Page(DashboardPage):
    """Parts under each other: ``Page(FilterForm(), OpportunityTable(), Waterfall())`` is a page, as a cell's last line.

    Plotly figures, and functions that draw one of the opportunities shown, are parts too; ``Section`` and ``Beside``
    say where parts stand. What parts are about is read once for all of them, see
    :class:`~arbkit.web.dashboards.composed.subject.Subject`: whatever one changes, all follow, and the address is that
    of what they show.
    """

    def __init__(self, *content: Item, title: str = "", layout: str = _OWN, settings: Settings | None = None) -> None:
        """``title``: empty: as the file is called. ``layout``: that of a shipped page, on a wide window.

        Raises:
            UsageError: parts stand beside no table, or no page has such a layout.
        """
        if layout not in (_OWN, *SHIPPED_PAGES):
            remedy = did_you_mean(layout, SHIPPED_PAGES)
            raise UsageError("no page has such a layout", field="layout", value=layout, remedy=remedy)
        self.NAME = layout
        self.TITLE = title or page_label(self.file_name) or "Own page"
        standalone = _OF_VOILA not in os.environ
        made = list(placed(content))
        for part, region in made:
            part.place(region.id)
        # In the cell of a notebook the document is not the page's.
        head = Region("head", "html", waiting="" if standalone else self.TITLE)
        self.REGIONS = (head, Region(_NO_DATA, "html"), *(region for _, region in made))
        parts = [part for part, _ in made]
        super().__init__(settings or Settings.load(), parts, standalone=standalone)
        self.subjects: list[Subject] = [kind(self) for kind in _kinds(parts)]
        self._subject_of = {part.region: self._subject_for(part) for part in parts}
        for part in parts:
            part.join(self)
            if not standalone:
                # What the first page would wait for is done while it is kept warm.
                part.warm_up()

    def subject(self, kind: type[S]) -> S:
        """What the page's parts of this kind show."""
        return next(one for one in self.subjects if isinstance(one, kind))

    def _subject_for(self, part: Part) -> Subject | None:
        return None if part.SUBJECT is None else self.subject(part.SUBJECT)

    def open(self, search: str) -> None:
        """Show what the address asks for; say what of it is ignored."""
        wrong: dict[str, str] = {}
        for subject, text in self._split(search):
            wrong |= subject.open(text)
        for part in self.parts.values():
            part.forget()
        if wrong:
            self.widget.notify(describe_errors(wrong), "bad")

    def show(self, subject: Subject, search: str) -> None:
        """Show what an address of this subject asks for; what else the page shows stays."""
        others = {one: one.search() for one in self.subjects}
        self.open(self._joined({**others, subject: search}))
        self.refresh()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    @property
    def file_name(self) -> str:
        """The name of the notebook that Voilà serves it from; empty in JupyterLab.

        A shipped page is made before anybody asks for it.
        """
        return PurePosixPath(os.environ.get(_SCRIPT, "")).stem or (self.NAME if self.NAME in SHIPPED_PAGES else "")

    def show_header(self) -> None:
        """The links to the other pages; none in a notebook's cell, which they would leave."""
        if not self.widget.standalone:
            super().show_header()

    def show_empty(self) -> None:
        """Show that there is no data yet, where no part says so."""
        for subject in self.subjects:
            subject.load_without_store()
        said = [part.show_empty() for part in self.parts.values()]
        if not any(said):
            self.widget.show_html(_NO_DATA, page_html("hint.html.j2", text=no_data(self.settings)))

    async def settled(self) -> None:
        """Wait until nothing is done in the background."""
        waited: list[Subject | Part] = [*self.subjects, *self.parts.values()]
        for one in waited:
            await one.settled()

    def is_waiting(self) -> bool:
        """Whether there is no data yet of something that the page shows."""
        return self._stats is None or any(one.is_waiting() for one in self.subjects)

    def is_stale(self) -> bool:
        """Whether something that is shown is not what is stored any more.

        Raises:
            ArbkitError: the store cannot be read.
        """
        return any(one.is_stale() for one in self.subjects)

    def load(self) -> None:
        """Read what the parts are about, and have every part show it.

        Raises:
            ArbkitError: the store cannot be read.
        """
        now = time.time()
        if self._needs_store:
            self.stats(now=now)
        for subject in self.subjects:
            subject.load(now=now)
        self.redraw()

    def refresh(self) -> None:
        """Load; if that fails, say why, try again soon, and leave what is shown."""
        if self._needs_store:
            super().refresh()
        else:
            self.load()

    def on_tick(self, event: UserEvent) -> None:
        """The page is being looked at: refresh it where that is due."""
        for subject in self.subjects:
            subject.tick()
        if self._needs_store:
            super().on_tick(event)

    @property
    def _needs_store(self) -> bool:
        return not self.subjects or any(one.NEEDS_STORE for one in self.subjects)

    def redraw(self, subject: Subject | None = None) -> None:
        """Have every part show what is known: what is waited for at once, and what is further down the page then.

        ``subject``: only the parts about this one, which was read in the background.

        Raises:
            ArbkitError: a part cannot read what is its own; the others show theirs.
        """
        parts = self.parts.values()
        if subject is not None:
            failed = self._follow(part for part in parts if self._subject_of[part.region] is subject)
            if failed is not None:
                raise failed
            return
        if self._stats is None and self._needs_store:
            return
        # Whoever sees a part sees the address that belongs to it.
        self.show_address()
        self.widget.hide(_NO_DATA)
        failed = self._follow(part for part in parts if part.WHEN == "first")
        self.show_header()
        failed = self._follow(part for part in parts if part.WHEN == "next") or failed
        self.defer(self._redraw_rest)
        if failed is not None:
            raise failed

    def show_address(self) -> None:
        """Have the address be that of what is shown."""
        self.widget.address(self._joined({one: one.search() for one in self.subjects}))

    def _redraw_rest(self) -> None:
        parts = self.parts.values()
        failed = self._follow(part for part in parts if part.WHEN == "later")
        self.defer(self._redraw_last)
        if failed is not None:
            raise failed

    def _redraw_last(self) -> None:
        failed = self._follow(part for part in self.parts.values() if part.WHEN == "last")
        if failed is not None:
            raise failed

    def _follow(self, parts: Iterable[Part]) -> ArbkitError | None:
        """Have parts show what they are about; what an analyst's own code raises stands in the place of its part."""
        failed = None
        for part in parts:
            try:
                part.follow(self._subject_of[part.region])
            except ArbkitError as error:
                failed = failed or error
            except Exception as error:  # whatever it is, it is the analyst's to see
                logger.exception("the part %s of a page failed", part.region)
                self.widget.show_fault(part.region, f"{type(error).__name__}: {error}")
        return failed

    def _split(self, search: str) -> Iterable[tuple[Subject, str]]:
        """What an address asks of each subject: fields of the first have no word before them."""
        first, *others = self.subjects or (Subject(self),)
        if not others:
            return [(first, search)]
        pairs = parse_qsl(search.removeprefix("?"), keep_blank_values=True)
        found: dict[Subject, list[tuple[str, str]]] = {first: [], **{one: [] for one in others}}
        for name, text in pairs:
            word, _, rest = name.partition(".")
            subject = next((one for one in others if rest and word == one.NAME), first)
            found[subject].append((name if subject is first else rest, text))
        return [(subject, urlencode(some)) for subject, some in found.items()]

    def _joined(self, searches: Mapping[Subject, str]) -> str:
        first, *others = self.subjects or (Subject(self),)
        named = [(f"{one.NAME}.{name}", text) for one in others for name, text in parse_qsl(searches[one])]
        return "&".join(part for part in (searches.get(first, ""), urlencode(named, safe=":,/")) if part)


def _kinds(parts: Iterable[Part]) -> list[type[Subject]]:
    """What these parts are about, each once; opportunities where a part leaves open of what a route is selected."""
    wanted = [part.SUBJECT for part in parts if part.SUBJECT is not None]
    open_ones = (Subject, RouteSubject)
    known = list(dict.fromkeys(kind for kind in wanted if kind not in open_ones))
    lacking = any(not any(issubclass(one, kind) for one in known) for kind in wanted)
    return [*known, FoundOpportunities] if lacking else known
