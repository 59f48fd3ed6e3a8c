"""Which purchase the units of each sale came from: first in, first out. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from arbkit.core.decisions.event import Decision
from arbkit.core.sales.line import SaleLine

_CENT = 0.01


@dataclass(frozen=True, slots=True)
class MatchedUnits:
    """Units of a line; ``share`` is their part of its money."""

    line: SaleLine
    units: int
    share: float


@dataclass(slots=True)
class PurchaseSales:
    """A purchase with the units of it that were sold and refunded, in the order of their days."""

    purchase: Decision
    sold: list[MatchedUnits] = field(default_factory=list)
    refunded: list[MatchedUnits] = field(default_factory=list)
    charged: list[SaleLine] = field(default_factory=list)
    """lines of its orders without units: fees that were charged or paid back later"""

    @property
    def bought(self) -> int:
        """Units."""
        return self.purchase.quantity or 0

    @property
    def units_sold(self) -> int:
        """Units, whether they came back or not."""
        return sum(one.units for one in self.sold)

    @property
    def units_refunded(self) -> int:
        """Units that were paid back; whether they can be sold again no settlement says."""
        return sum(one.units for one in self.refunded)

    @property
    def left(self) -> int:
        """Units that were not sold; those that came back are not among them."""
        return self.bought - self.units_sold


@dataclass(frozen=True, slots=True)
class SalesMatch:
    """Purchases in the order in which they were made, and what fits none of them.

    ``unmatched`` has units that no purchase had left, and charges (no units) of orders in which none was sold;
    ``unknown`` the lines whose product is not known.
    """

    purchases: tuple[PurchaseSales, ...]
    unmatched: tuple[MatchedUnits, ...]
    unknown: tuple[SaleLine, ...]


def match_sales(purchases: Iterable[Decision], lines: Iterable[SaleLine]) -> SalesMatch:
    """The units of each sale taken from the oldest purchase of the product that has some left and was made by then.

    Those bought for the marketplace of the sale go first. Of a line whose units come from several purchases each has
    its share of the money. A refund belongs to the purchases of its order's sale; without an order that is known, to
    the last sold units of the product there.
    """
    found = [PurchaseSales(one) for one in sorted(purchases, key=_made)]
    by_asin: dict[str, list[PurchaseSales]] = {}
    for one in found:
        by_asin.setdefault(one.purchase.key, []).append(one)
    unmatched, unknown = [], []
    # What an order is charged without units may be posted before its sale.
    for line in sorted(lines, key=lambda line: (_is_charge(line), line.day, line.kind != "sale", line.id)):
        if line.kind == "other":
            continue
        if line.asin is None:
            unknown.append(line)
            continue
        of_product = by_asin.get(line.asin, [])
        counted = _with_units(line, of_product)
        if not counted.units:
            if not _charge(line, of_product):
                unmatched.append(MatchedUnits(line, 0, 1.0))
            continue
        take = _sell if line.kind == "sale" else _refund
        if left := take(counted, of_product):
            unmatched.append(MatchedUnits(counted, left, left / counted.units))
    return SalesMatch(tuple(found), tuple(unmatched), tuple(unknown))


def _made(purchase: Decision) -> tuple[str, str, int]:
    return purchase.bought_on or "", purchase.key, purchase.version


def _sell(line: SaleLine, of_product: Sequence[PurchaseSales]) -> int:
    """Take the units of a sale from the purchases; how many none had left."""
    left = line.units
    for one in sorted(of_product, key=lambda one: one.purchase.target != line.market):
        units = min(left, one.left)
        if units > 0 and (one.purchase.bought_on or "") <= line.day:
            one.sold.append(MatchedUnits(line, units, units / line.units))
            left -= units
    return left


def _refund(line: SaleLine, of_product: Sequence[PurchaseSales]) -> int:
    """Give the units of a refund to the purchases that they came from; how many came from none."""
    left = line.units
    in_order = [(one, sum(m.units for m in one.sold if _same_order(m.line, line))) for one in of_product]
    if any(sold for _, sold in in_order):
        room = [(one, sold - sum(m.units for m in one.refunded if _same_order(m.line, line))) for one, sold in in_order]
    else:
        there = [(one, [m for m in one.sold if m.line.market == line.market]) for one in reversed(of_product)]
        room = [(one, sum(m.units for m in sold) - one.units_refunded) for one, sold in there]
    for one, most in room:
        units = min(left, most)
        if units > 0:
            one.refunded.append(MatchedUnits(line, units, units / line.units))
            left -= units
    return left


def _with_units(line: SaleLine, of_product: Sequence[PurchaseSales]) -> SaleLine:
    """A refund that does not say its units with as many as its price is of its order's sale, if that is a whole number.

    Amazon pays back parts of a price, too: those are no unit that came back.
    """
    if line.kind != "refund" or line.units:
        return line
    sold = next((m.line for one in of_product for m in one.sold if _same_order(m.line, line)), None)
    if sold is None or sold.principal <= 0:
        return line
    price = sold.principal / sold.units
    units = round(-line.principal / price)
    return replace(line, units=units) if abs(units * price + line.principal) < _CENT * max(units, 1) else line


def _is_charge(line: SaleLine) -> bool:
    return line.kind == "sale" and not line.units


def _charge(line: SaleLine, of_product: Sequence[PurchaseSales]) -> bool:
    """Give a line without units to the first purchase that its order's units came from; whether there is one."""
    for one in of_product:
        if any(_same_order(m.line, line) for m in one.sold):
            one.charged.append(line)
            return True
    return False


def _same_order(one: SaleLine, other: SaleLine) -> bool:
    return one.order is not None and (one.order, one.sku) == (other.order, other.sku)
