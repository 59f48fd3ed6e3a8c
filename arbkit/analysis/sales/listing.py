"""The sales that a filter finds."""

from __future__ import annotations

from arbkit.core.sales.filter import SalesFilter
from arbkit.core.sales.line import SaleLine
from arbkit.store import Store


def find_sales(store: Store, wanted: SalesFilter) -> list[SaleLine]:
    """The lines that are asked for, by day and id.

    Raises:
        StoreError: the store cannot be read.
    """
    return [line for line in store.sales(wanted.asins) if wanted.holds(line)]
