"""What all pages share: one store that may come late, wishes by their kind, a look again from time to time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from arbkit.core.asin import parse_asin
from arbkit.core.errors import ArbkitError, ConfigError
from arbkit.core.settings import Settings
from arbkit.sources import watchlist
from arbkit.store import Stats, Store
from arbkit.store.lazy import LazyStore
from arbkit.web.dashboards.html_parts import head_html
from arbkit.web.dashboards.page_widget import Page, Region, Wish

__all__ = ["Board"]

_REFRESH_S = 30.0
_STATS_LIVE_S = 25.0


class Board:
    """A page over the store. It loads nothing until a browser has drawn it, for Voilà makes pages long before.

    A page has ``open(search)``, which is called once with the address' query string, and ``load()``, which reads
    everything anew; a wish of another kind calls ``on_<kind>(wish)``.
    """

    NAME = ""
    TITLE = ""
    REGIONS: Sequence[Region] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.page = Page(self.NAME, f"{self.TITLE} · arbkit", self.REGIONS, self._act)
        self._late = LazyStore(settings)
        self._stats: Stats | None = None
        self._stats_at = 0.0
        self._loaded_at = 0.0
        self._failed = False

    @property
    def widget(self) -> Page:
        """What a notebook displays."""
        return self.page

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            StoreError: it is not there yet, or cannot be read.
        """
        return self._late.get()

    def stats(self, *, now: float) -> Stats:
        """The store's head figures, at most some seconds old."""
        if self._stats is None or now - self._stats_at > _STATS_LIVE_S:
            self._stats, self._stats_at = self.store.stats(), now
        return self._stats

    def show_head(self, note: str = "") -> None:
        html = head_html(self.NAME, self._stats, demo_mode=self.settings.demo_mode, note=note)
        self.page.show("head", {"html": html})

    def open(self, search: str) -> None:
        """Begin with what the address asks for."""

    def load(self) -> None:
        """Read the store and show everything anew."""

    def nothing_yet(self) -> None:
        """Show that there is nothing to show: the store has not answered once."""

    def waits(self) -> bool:
        """Whether there is nothing to see yet, so that it is looked for more often."""
        return self._stats is None

    def again(self) -> None:
        """Load; if that fails, say why, look again soon, and leave what is shown."""
        self._loaded_at = time.time()
        try:
            self.load()
        except ArbkitError as error:
            self._failed = True
            self.show_head()
            if self._stats is None:
                self.nothing_yet()
            self.page.say(f"{str(error).rstrip('.')}. This page looks again by itself.", "bad")
            return
        if self._failed:
            self._failed = False
            self.page.say("The store answers again.", "good")

    def watched(self, asin: str) -> bool:
        """Whether a product is on the watchlist; where there is none yet, nothing is."""
        try:
            return asin in watchlist.load(self.settings).asins
        except ConfigError:
            return False

    def watch(self, asin: str, *, wanted: bool) -> None:
        """Put a product on the watchlist or take it off, and say so.

        Raises:
            UsageError: it is no ASIN.
            ServiceError: the list cannot be written.
        """
        asin, path = parse_asin(asin), watchlist.locate(self.settings)
        if wanted:
            watchlist.add(path, [asin])
        else:
            watchlist.remove(path, asin)
        self.page.say(f"{asin} is {'now' if wanted else 'no longer'} on the watchlist, {path}.", "good")

    def afterwards(self, act: Callable[[], object]) -> None:
        """Do it once the user has what was asked for: for what is seen further down, or takes long."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            act()
        else:
            loop.call_soon(self.page.guard, act)

    def on_tick(self, _: Wish) -> None:
        if self._failed or self.waits() or time.time() - self._loaded_at >= _REFRESH_S:
            self.again()

    def _act(self, wish: Wish) -> None:
        kind = wish.get("type")
        if kind == "ready":
            self.open(str(wish.get("search") or ""))
            self.again()
            return
        act: Any = getattr(self, f"on_{kind}", None)
        if act is not None:
            act(wish)
