"""What a look at a product costs (``token_costs.toml``)."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel

from arbkit.core.files import shipped_table


class _Costs(BaseModel):
    checked_on: date
    source: str
    product: int
    buybox: int


_COSTS = shipped_table(_Costs, "arbkit.sources.keepa_api", "token_costs.toml")


def tokens_of_look(*, buybox: bool) -> int:
    """The tokens of one product on one marketplace, with or without its buy box."""
    return _COSTS.product + (_COSTS.buybox if buybox else 0)
