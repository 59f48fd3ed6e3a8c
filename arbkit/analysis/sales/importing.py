"""Sales as they are taken in: each line with the product that its SKU is, nothing twice."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from arbkit.analysis.sales.results import SalesFault, SalesImport, SettlementMismatch
from arbkit.analysis.sales.scoring import matched_sales
from arbkit.core.formatting import counted
from arbkit.core.sales.entry import SaleEntry
from arbkit.core.sales.line import SaleLine
from arbkit.sources.settlements.read import ReadSales
from arbkit.store import Store

_MOST_NAMED = 20
_MEND = "Mend this row and import the file again: what was kept adds nothing"


@dataclass(frozen=True, slots=True)
class TakenSales:
    """Lines that were new, that took the place of others, and that were known; and the SKUs of no known product.

    ``unmatched_units`` of ``unmatched_lines`` fit no purchase.
    """

    new: int
    changed: int
    known: int
    unknown_skus: Mapping[str, int]
    unmatched_units: int
    unmatched_lines: int

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

    @property
    def unmatched_words(self) -> str:
        """What of it belongs to no purchase; empty where all does."""
        if not self.unmatched_lines:
            return ""
        lines, units = counted(self.unmatched_lines, "line"), counted(self.unmatched_units, "unit")
        return f"{lines} ({units}) of no purchase: decide `bought` with the quantity and day of what you bought"


def take_sales(store: Store, lines: Sequence[SaleLine], skus: Mapping[str, str]) -> TakenSales:
    """Keep lines of a file; those without an ASIN have that of their SKU, by ``skus`` or by lines of before.

    Lines that were kept without a product get it, too, where ``skus`` knows it.

    Raises:
        StoreError: not all are kept; it may be tried again.
    """
    plan = _planned(store, lines, skus)
    done = store.put_sales(plan.wanted)
    added = store.put_sales(plan.late)
    return _taken(store, plan, new=done.new, changed=done.changed, late=added.changed)


def preview_sales(store: Store | None, lines: Sequence[SaleLine], skus: Mapping[str, str]) -> TakenSales:
    """What :func:`take_sales` would say of these lines, of which nothing is kept; None: there is no store yet.

    Raises:
        StoreError: the store cannot be read.
    """
    plan = _planned(store, lines, skus)
    there = {line.id: line for line in plan.before}
    new = sum(line.id not in there for line in plan.wanted)
    changed = sum(line.id in there and not there[line.id].is_same(line) for line in plan.wanted)
    return _taken(store, plan, new=new, changed=changed, late=len(plan.late))


def import_result(read: ReadSales, taken: TakenSales, *, preview: bool, most_faults: int | None = None) -> SalesImport:
    """What became of a file, as every door answers; with the first ``most_faults`` (None: all)."""
    return SalesImport(
        preview=preview,
        read=len(read.lines),
        new=taken.new,
        changed=taken.changed,
        known=taken.known,
        left_out=read.left_out,
        no_sales=dict(read.others),
        unknown_skus=dict(taken.unknown_skus),
        unmatched_units=taken.unmatched_units,
        unmatched_lines=taken.unmatched_lines,
        fault_count=len(read.faults),
        faults=[
            SalesFault(number=one.number, why=one.why, remedy=one.remedy or _MEND) for one in read.faults[:most_faults]
        ],
        mismatches=[SettlementMismatch(**one._asdict()) for one in read.mismatches],
    )


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


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a file says, as it would be kept, and lines of ``before`` that only now get their product."""

    before: Sequence[SaleLine]
    wanted: Sequence[SaleLine]
    late: Sequence[SaleLine]


def _planned(store: Store | None, lines: Sequence[SaleLine], skus: Mapping[str, str]) -> _Plan:
    before = [] if store is None else store.sales()
    remembered = {line.sku: line.asin for line in before if line.sku and line.asin}
    known = {**remembered, **skus}
    wanted = [_with_product(line, known) for line in lines]
    given = {line.id for line in wanted}
    late = [_with_product(line, skus) for line in before if line.asin is None and line.id not in given]
    invented = _invented(store, wanted)
    wanted = [replace(line, demo=True) if line.asin in invented else line for line in wanted]
    return _Plan(before, wanted, [line for line in late if line.asin is not None])


def _taken(store: Store | None, plan: _Plan, *, new: int, changed: int, late: int) -> TakenSales:
    given = {line.id for line in plan.wanted}
    wanted = {line.asin for line in plan.wanted if line.asin}
    kept = {line.id: line for line in (*plan.before, *plan.late, *plan.wanted) if line.asin in wanted}
    # People decide less than they sell, and a store is not asked for any number of keys.
    decisions = [] if store is None else [one for one in store.decisions() if one.asin in wanted]
    unmatched = [one for one in matched_sales(decisions, kept.values()).unmatched if one.line.id in given]
    return TakenSales(
        new=new,
        changed=changed + late,
        known=len(plan.wanted) - new - changed,
        unknown_skus=_unknown(plan.wanted),
        unmatched_units=sum(one.units for one in unmatched),
        unmatched_lines=len({one.line.id for one in unmatched}),
    )


def _with_product(line: SaleLine, skus: Mapping[str, str]) -> SaleLine:
    return line if line.asin or line.sku is None or line.sku not in skus else replace(line, asin=skus[line.sku])


def _invented(store: Store | None, lines: Iterable[SaleLine]) -> set[str]:
    """The products of these lines that are of the demo market."""
    if store is None:
        return set()
    asins = {line.asin for line in lines if line.asin}
    return {asin for asin in asins if (product := store.product(asin)) is not None and product.demo}


def _unknown(lines: Iterable[SaleLine]) -> dict[str, int]:
    some = Counter(line.sku for line in lines if line.asin is None and line.sku is not None and line.kind != "other")
    return dict(some.most_common())
