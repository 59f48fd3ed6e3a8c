"""The market of a home for whoever asks what if: read when it has changed, priced once for each set of assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from arbkit.analysis.market.assumptions import Assumptions
from arbkit.analysis.market.repricing import PricedMarket, price_market
from arbkit.analysis.market.search import FoundRoutes, Turn, find_routes
from arbkit.analysis.market.segment import live_products
from arbkit.analysis.market.snapshot import Manifest, MarketFiles, OpenSegment
from arbkit.core.decisions.rules import DecisionsInForce
from arbkit.profit import load_tables
from arbkit.profit.fees.arrays import Mask
from arbkit.store.decisions.applying import choice_of
from arbkit.store.queries import OpportunityQuery


@dataclass(frozen=True, slots=True)
class _Asked:
    manifest: Manifest
    assumed: Assumptions
    on: date


class Market:
    """What :class:`~arbkit.analysis.market.snapshot.MarketFiles` hold, under assumptions."""

    def __init__(self, files: MarketFiles) -> None:
        self._files = files
        self._read: tuple[Manifest, list[OpenSegment], list[Mask]] | None = None
        self._asked: _Asked | None = None
        self._priced: Sequence[PricedMarket] = ()

    def manifest(self) -> Manifest | None:
        """Which snapshot there is now; None: none."""
        return self._files.manifest()

    def find(
        self,
        query: OpportunityQuery,
        assumed: Assumptions,
        *,
        on: date,
        turn: Turn = "",
        decided: DecisionsInForce | None = None,
    ) -> tuple[FoundRoutes, Manifest] | None:
        """What a query finds under assumptions, and in which snapshot; None: there is none.

        Raises:
            ServiceError: it cannot be read, or its costs cannot be written.
        """
        if self._read is None or self._read[0] != self._files.manifest():
            read = self._files.read()
            self._read = read and (*read, live_products([one.offers for one in read[1]]))
        if self._read is None:
            return None
        manifest, segments, live = self._read
        asked = _Asked(manifest, assumed, on)
        if asked != self._asked:
            self._priced = ()
            self._priced = price_market(segments, assumed, load_tables().on(on))
            self._asked = asked
        choice = choice_of(query, decided or DecisionsInForce())
        return find_routes(self._priced, live, query, choice=choice, turn=turn), manifest
