"""Settlements as Amazon writes them, in the notations of its marketplaces."""

from __future__ import annotations

COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "merchant-order-id", "adjustment-id", "shipment-id", "marketplace-name",
    "amount-type", "amount-description", "amount", "fulfillment-id", "posted-date", "posted-date-time",
    "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased",
    "promotion-id",
)  # fmt: skip


def row(**cells: str) -> str:
    """A row of a settlement; columns by their names with underscores."""
    named = {name.replace("_", "-"): text for name, text in cells.items()}
    return "\t".join(named.get(column, "") for column in COLUMNS)


def settlement(*rows: str, total: str = "", number: str = "11", currency: str = "EUR") -> str:
    """A settlement with its head and these rows."""
    head = row(settlement_id=number, deposit_date="16.11.2026", total_amount=total, currency=currency)
    return "\n".join(["\t".join(COLUMNS), *([head] if total else []), *rows, ""])


def item(
    amounts: dict[str, str], *, type_: str = "Order", order: str = "305-1", sku: str = "DE-1", day: str = "02.11.2026",
    quantity: str = "1", market: str = "Amazon.de", number: str = "11", **more: str,
) -> list[str]:  # fmt: skip
    """The rows of one item: amounts by ``type/description``."""
    made = []
    for name, amount in amounts.items():
        kind, _, what = name.partition("/")
        made.append(
            row(
                settlement_id=number, transaction_type=type_, order_id=order, shipment_id="S1", marketplace_name=market,
                amount_type=kind, amount_description=what, amount=amount, fulfillment_id="AFN", posted_date=day,
                order_item_code="77", sku=sku, quantity_purchased=quantity, **more,
            )
        )  # fmt: skip
    return made
