"""VAT on sales that somebody else than the seller owes."""

from __future__ import annotations

from collections.abc import Mapping

from arbkit.profit.fees.tables import EffectiveTables


def collected_vat(day: EffectiveTables, home: str) -> Mapping[str, float]:
    """The stores in which the marketplace owes the VAT on the sales of sellers established in ``home``.

    Each with the highest value of a consignment from abroad, net of VAT, in the store's currency; goods that already
    are in the store's country have no limit.
    """
    stores = day.get("vat_collected").get("stores", {})
    return {code: row["consignment_up_to"] for code, row in stores.items() if code != home}
