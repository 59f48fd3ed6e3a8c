"""A line of a settlement as it is kept: what one item of an order, or its refund, brought and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import JsonValue

from arbkit.core.results import JsonObject

SaleKind = Literal["sale", "refund", "other"]
SALE_KINDS: tuple[SaleKind, ...] = get_args(SaleKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleLine:
    """A sale, a refund, or another movement of money (``what`` names it), on a ``day`` (UTC, ``YYYY-MM-DD``).

    Amounts are in ``currency`` with Amazon's signs: what the seller gets is positive, fees are negative, and all of a
    refund is the other way round. ``principal`` is the price of the units; ``vat`` what Amazon reports of it apart and
    pays out, less what it keeps for the tax office; None: it reports none apart, and ``principal`` includes it.
    ``fees`` and ``other`` (shipping, promotions, …) go by Amazon's names. ``units`` is never negative.

    ``source`` is the settlement or file that says so. ``id`` is the same whenever the same line is read again.
    """

    id: str
    kind: SaleKind
    day: str
    currency: str
    source: str
    added_at: float
    sku: str | None = None
    asin: str | None = None
    market: str | None = None
    order: str | None = None
    units: int = 0
    principal: float = 0.0
    vat: float | None = None
    fees: Mapping[str, float] = field(default_factory=dict)
    other: Mapping[str, float] = field(default_factory=dict)
    what: str = ""
    demo: bool = False

    @property
    def fee_total(self) -> float:
        """All fees, negative."""
        return round(sum(self.fees.values()), 2)

    @property
    def total(self) -> float:
        """What Amazon pays out for it."""
        return round(self.principal + (self.vat or 0.0) + sum(self.fees.values()) + sum(self.other.values()), 2)

    def is_same(self, other: SaleLine) -> bool:
        """Whether it says the same, whenever each was added."""
        return {**self.to_dict(), "added_at": 0} == {**other.to_dict(), "added_at": 0}

    def to_dict(self) -> JsonObject:
        """The stored document."""
        made: Any = {name: getattr(self, name) for name in self.__slots__}
        return {**made, "fees": dict(self.fees), "other": dict(self.other)}

    @classmethod
    def from_dict(cls, row: Mapping[str, JsonValue]) -> SaleLine:
        """The line of a stored document, without what another arbkit keeps beside it.

        Raises:
            TypeError: it is none.
        """
        fields: dict[str, Any] = {name: row[name] for name in cls.__slots__ if name in row}
        return cls(**fields)
