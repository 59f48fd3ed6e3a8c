"""What all dashboards share: a store that may not exist yet, events by type, a refresh from time to time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from arbkit.analysis.detection_inputs import profile_note
from arbkit.core.errors import ArbkitError, ConfigError
from arbkit.core.input.asin import parse_asin
from arbkit.core.service.process import log_faults_to_file
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.editing import add, remove
from arbkit.pipeline.watchlist.reading import load_if_any, place
from arbkit.profit import load_profile
from arbkit.reports.catalogue.own_pages import own_page_labels
from arbkit.store import Stats, Store, open_store
from arbkit.store.lazy import LazyStore
from arbkit.store.mode import known_mode, mode_in_force, store_if_any
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.html import compile_templates, header_html
from arbkit.web.dashboards.page_widget import PageWidget
from arbkit.web.dashboards.part import Part
from arbkit.web.dashboards.seller.form import SellerForm

_REFRESH_S = 30.0
_STATS_LIVE_S = 25.0


class DashboardPage:
    """A page over the store. It reads nothing until a browser has drawn it, for Voilà makes pages long before.

    A page is composed of regions and :attr:`parts`. It has ``open(search)``, called once with the address' query
    string, and ``load()``, which reads everything anew. An event goes to the part of its region, if that part handles
    it; otherwise ``on_<type>(event)`` is called.
    """

    NAME = ""
    TITLE = ""
    REGIONS: Sequence[Region] = ()

    def __init__(self, settings: Settings, parts: Sequence[Part] = (), *, standalone: bool = False) -> None:
        """``standalone``: it is shown in a notebook's cell, not as a page of its own."""
        self.settings = settings
        title = f"{self.TITLE} · arbkit"
        self._seller = SellerForm(settings, on_saved=self.refresh)
        head, *others = self.REGIONS
        regions = (head, self._seller.REGION, *others)
        self.widget = PageWidget(self.NAME, title, regions, self._handle, standalone=standalone)
        self.parts = {part.region: part for part in parts}
        for part in (self._seller, *parts):
            part.attach(self.widget)
        self._store = LazyStore(settings)
        self._stats: Stats | None = None
        self._stats_at = 0.0
        self._loaded_at = 0.0
        self._failed = False
        self.profile_note = ""
        """What is to be said of the seller profile; empty where the stored routes are of it."""

        log_faults_to_file(settings.home / "pages.log")
        # What the first page would wait for is done while it is kept warm.
        compile_templates()

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            StoreError: it does not exist yet, or cannot be read.
        """
        return self._store.get()

    @property
    def known_stats(self) -> Stats | None:
        """The head figures as they were read last; None: the store has never answered."""
        return self._stats

    @property
    def loaded_at(self) -> float:
        """When everything was read last, as Unix seconds."""
        return self._loaded_at

    def stats(self, *, now: float, anew: bool = False) -> Stats:
        """The store's head figures, at most some seconds old, or read ``anew``.

        Raises:
            StoreError: the store does not exist yet, or cannot be read.
        """
        if anew or self._stats is None or now - self._stats_at > _STATS_LIVE_S:
            self._stats, self._stats_at = self.store.stats(), now
        return self._stats

    def take_stats(self, stats: Stats, profile_note: str) -> None:
        """Take head figures and what is to be said of the profile from whoever has read them in the background."""
        self._stats, self._stats_at, self.profile_note = stats, time.time(), profile_note

    def show_header(self) -> None:
        """Show the page's name, the other pages, whether the data is invented, and whose profit it is."""
        path = self.settings.profile_path
        try:
            seller = load_profile(path, self.settings.profile_name).seller_line
        except ConfigError as error:
            seller = f"Seller: {error}"
        demo, own, note = self.in_force.demo_mode, own_page_labels(self.settings), self.profile_note
        named = (self.file_name, self.TITLE, self._stats)
        head = header_html(*named, own=own, demo_mode=demo, seller=seller, path=path, note=note)
        self.widget.show_html("head", head)
        self._seller.load()

    @property
    def file_name(self) -> str:
        """The name of the notebook that it is served from, by which other pages link to it."""
        return self.NAME

    @property
    def in_force(self) -> Settings:
        """The settings, with the mode that the store decides at this moment."""
        return mode_in_force(self.settings, lambda: self.store)

    @property
    def _list_owner(self) -> Settings:
        """The settings whose watchlist is meant; a store that does not answer leaves that open."""
        return known_mode(self.settings, lambda: self.store)

    def open(self, search: str) -> None:
        """Begin with what the address asks for."""

    def load(self) -> None:
        """Read the store and show everything anew.

        Raises:
            ArbkitError: the store cannot be read.
        """

    def show_empty(self) -> None:
        """Show that there is no data: the store has never answered."""

    def is_waiting(self) -> bool:
        """Whether there is no data yet, so that the store is asked more often."""
        return self._stats is None

    def is_stale(self) -> bool:
        """Whether what is shown is not what is stored any more.

        Raises:
            ArbkitError: the store cannot be read.
        """
        return False

    def refresh(self) -> None:
        """Load; if that fails, say why, try again soon, and leave what is shown."""
        self._loaded_at = time.time()
        try:
            self._look_at_profile()
            self.load()
        except ArbkitError as error:
            self._failed = True
            self.show_header()
            if self._stats is None:
                self.show_empty()
            self.widget.notify(f"{str(error).rstrip('.')}. Updates automatically.", "bad")
            return
        if self._failed:
            self._failed = False
            self.widget.notify("The store answers again.", "good")

    def _look_at_profile(self) -> None:
        note = profile_note(self.settings, self.store.swept())
        if note != self.profile_note:
            # Detection has begun, or ended: the figures are others.
            self.profile_note, self._stats_at = note, 0.0

    def watched(self, asin: str) -> bool:
        """Whether a product is on the watchlist; without a watchlist, none is.

        Raises:
            StoreError: the store does not answer, which knows whose list is meant.
        """
        return asin in load_if_any(self._list_owner, store_if_any(lambda: self.store)).asins

    def watch(self, asin: str, *, wanted: bool) -> None:
        """Put a product on the watchlist or remove it, and say so.

        Raises:
            UsageError: it is no ASIN.
            ServiceError: the list cannot be written, or the store does not answer, which knows whose list is meant.
        """
        asin, settings = parse_asin(asin), self._list_owner
        with open_store(settings) as store:
            if wanted:
                add(settings, store, [asin])
            else:
                remove(settings, store, [asin])
        word = "now" if wanted else "no longer"
        self.widget.notify(f"{asin} is {word} on the watchlist, {place(settings)}.", "good")

    def defer(self, handler: Callable[[], None]) -> None:
        """Call ``handler`` once the user has what was asked for: for what is further down the page, or slow."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            handler()
        else:
            loop.call_soon(self.widget.run_guarded, handler)

    def on_visit(self, event: UserEvent) -> None:
        """Show what the address asks for to which Back or Forward has led."""
        self.widget.notify("")
        self.open(str(event.get("search") or ""))
        self.refresh()

    def on_tick(self, _: UserEvent) -> None:
        """The page is being looked at: refresh it where that is due."""
        if self._failed or self.profile_note or self.is_waiting() or time.time() - self._loaded_at >= _REFRESH_S:
            self.refresh()
            return
        try:
            stale = self.is_stale()
        except ArbkitError:
            # Said by the refresh that follows.
            stale = True
        if stale:
            self.refresh()

    def _handle(self, event: UserEvent) -> None:
        kind = event.get("type")
        if kind == "ready":
            self.open(str(event.get("search") or ""))
            self.refresh()
            return
        part = {self._seller.region: self._seller, **self.parts}.get(str(event.get("region")))
        if part is not None and part.handle(event):
            return
        handler: Callable[[UserEvent], None] | None = getattr(self, f"on_{kind}", None)
        if handler is not None:
            handler(event)
