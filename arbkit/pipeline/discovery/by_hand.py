"""What a person decides about candidates: it holds until they decide otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterable

from arbkit.core.input.asin import parse_asin
from arbkit.core.settings import Settings
from arbkit.pipeline.discovery.candidates import Discovered, State
from arbkit.pipeline.discovery.kept import Discovery, change_discovery
from arbkit.pipeline.watchlist.editing import add, remove
from arbkit.store.base import Store

GROUP = "discovered"
"""The group of the watchlist into which promoted products are put."""


def promote(settings: Settings, store: Store, asins: Iterable[str]) -> list[str]:
    """Put products on the watchlist, found in a list or not; no rule takes them off again. Which were not on it.

    Raises:
        UsageError: one is no ASIN.
        ConfigError: ``discovery.json`` is damaged.
        ServiceError: the watchlist or the file cannot be written.
    """
    wanted = list(dict.fromkeys(map(parse_asin, asins)))
    _decide(settings, wanted, "promoted")
    return add(settings, store, wanted, groups=[GROUP])


def demote(settings: Settings, store: Store, asins: Iterable[str]) -> list[str]:
    """Give products up for good and take them off the watchlist; which of them were on it.

    Raises:
        UsageError: one is no ASIN.
        ConfigError: ``discovery.json`` is damaged.
        ServiceError: the watchlist or the file cannot be written.
    """
    wanted = list(dict.fromkeys(map(parse_asin, asins)))
    _decide(settings, wanted, "demoted")
    return remove(settings, store, wanted)


def _decide(settings: Settings, asins: Iterable[str], state: State) -> None:
    now = time.time()

    def change(before: Discovery) -> Discovery:
        after, products = before, dict(before.products)
        for asin in asins:
            known = products.get(asin) or Discovered(asin=asin, since=now, why="")
            if state == "promoted" and known.state != "promoted" and known.origins:
                after = after.counted(known.origins[0], promoted=1)
            said = {"state": state, "by": "person", "since": now, "why": f"{state} by hand"}
            products[asin] = known.model_copy(update=said)
        return after.model_copy(update={"products": products})

    change_discovery(settings, change)
