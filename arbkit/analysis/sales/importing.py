"""Sales as they are taken in: each line with the product that its SKU is, nothing twice."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from arbkit.core.formatting import counted
from arbkit.core.sales.entry import SaleEntry
from arbkit.core.sales.line import SaleLine
from arbkit.store import Store

_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class TakenSales:
    """Lines that were new, that took the place of others, and that were known; and the SKUs of no known product."""

    new: int
    changed: int
    known: int
    unknown_skus: Mapping[str, int]

    @property
    def unknown_words(self) -> str:
        """Which SKUs are not known, and what to do about it; empty where all are."""
        if not self.unknown_skus:
            return ""
        named = ", ".join([*self.unknown_skus][:_MOST_NAMED])
        more = f" and {len(self.unknown_skus) - _MOST_NAMED} more" if len(self.unknown_skus) > _MOST_NAMED else ""
        lines = counted(sum(self.unknown_skus.values()), "line")
        return (
            f"{lines} of SKUs whose product is not known: {named}{more}. Give a file with the columns sku and asin "
            "(Amazon's listing report is one) with --skus, and import this one again"
        )


def take_sales(store: Store, lines: Sequence[SaleLine], skus: Mapping[str, str]) -> TakenSales:
    """Keep lines of a file; those without an ASIN have that of their SKU, by ``skus`` or by lines of before.

    Lines that were kept without a product get it, too, where ``skus`` knows it.

    Raises:
        StoreError: not all are kept; it may be tried again.
    """
    before = store.sales()
    remembered = {line.sku: line.asin for line in before if line.sku and line.asin}
    known = {**remembered, **skus}
    wanted = [_with_product(line, known) for line in lines]
    given = {line.id for line in wanted}
    late = [_with_product(line, skus) for line in before if line.asin is None and line.id not in given]
    invented = _invented(store, wanted)
    done = store.put_sales([replace(line, demo=True) if line.asin in invented else line for line in wanted])
    added = store.put_sales([line for line in late if line.asin is not None])
    return TakenSales(done.new, done.changed + added.changed, len(wanted) - done.new - done.changed, _unknown(wanted))


def enter_sale(store: Store, entry: SaleEntry, *, now: float | None = None) -> SaleLine:
    """Keep what somebody wrote down.

    Raises:
        StoreError: it is not kept.
    """
    now = time.time() if now is None else now
    line = entry.line(f"entered:{uuid.uuid4().hex[:20]}", source="entered", added_at=now)
    known = {one.sku: one.asin for one in store.sales() if one.sku and one.asin} if line.asin is None else {}
    line = _with_product(line, known)
    made = replace(line, demo=bool(_invented(store, [line])))
    store.put_sales([made])
    return made


def _with_product(line: SaleLine, skus: Mapping[str, str]) -> SaleLine:
    return line if line.asin or line.sku is None or line.sku not in skus else replace(line, asin=skus[line.sku])


def _invented(store: Store, lines: Iterable[SaleLine]) -> set[str]:
    """The products of these lines that are of the demo market."""
    asins = {line.asin for line in lines if line.asin}
    return {asin for asin in asins if (product := store.product(asin)) is not None and product.demo}


def _unknown(lines: Iterable[SaleLine]) -> dict[str, int]:
    some = Counter(line.sku for line in lines if line.asin is None and line.sku is not None and line.kind != "other")
    return dict(some.most_common())
