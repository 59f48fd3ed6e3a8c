"""Lines of settlements as tests make them."""

from __future__ import annotations

from typing import Any

from arbkit.core.sales.line import SaleLine


def sale(number: int = 1, *, day: str = "2026-11-02", units: int = 1, **fields: Any) -> SaleLine:
    """Units of a product sold on amazon.de at 30.00 EUR each, of which Amazon keeps 8.00."""
    made: dict[str, Any] = {
        "id": f"s1:{number}", "kind": "sale", "day": day, "currency": "EUR", "source": "settlement s1", "added_at": 9.0,
        "sku": "SKU-1", "asin": "B000000001", "market": "DE", "order": f"o-{number}", "units": units,
        "principal": 30.0 * units, "fees": {"Commission": -4.5 * units, "FBAPerUnitFulfillmentFee": -3.5 * units},
    }  # fmt: skip
    return SaleLine(**{**made, **fields})


def refund(number: int = 90, *, day: str = "2026-11-20", units: int = 1, **fields: Any) -> SaleLine:
    """Units that were paid back: the price goes, the commission comes back."""
    made = {"kind": "refund", "principal": -30.0 * units, "fees": {"Commission": 4.5 * units}}
    return sale(number, day=day, units=units, **{**made, **fields})
