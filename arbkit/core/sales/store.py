"""The part of a store that keeps realised sales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from arbkit.core.sales.line import SaleLine


class SalesPut(NamedTuple):
    """How many lines were new, and how many took the place of one that said otherwise."""

    new: int
    changed: int


class SaleStore(Protocol):
    """The part of a store that keeps lines of settlements; no sweep, replay or rebuilding changes any of them."""

    def put_sales(self, lines: Sequence[SaleLine]) -> SalesPut:
        """Keep each under its id; one that says the same as the one that is there changes nothing.

        Every later question finds what was put.
        """
        ...

    def sales(self, asins: Sequence[str] | None = None) -> list[SaleLine]:
        """All lines of these products (None: all there are, also those of no product), by day and id."""
        ...

    def remove_sales(self, ids: Sequence[str]) -> int:
        """Forget the lines of these ids; how many there were."""
        ...
