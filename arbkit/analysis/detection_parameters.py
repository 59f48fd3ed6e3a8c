"""The parameters of a detection: typed, bounded and light to import, as they are checked before a run starts."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from arbkit.core.input.filters import OpportunityFilter
from arbkit.core.marketplaces import MARKETS, MarketCode


class DetectParameters(OpportunityFilter):
    """The parameters of a detection: they limit what it answers, never what it stores.

    They are those of any filter of opportunities, with several marketplaces on either side, and the date of tables
    and rates.
    """

    sources: tuple[MarketCode, ...] = Field((), description="marketplace to buy on (default: all)")
    targets: tuple[MarketCode, ...] = Field((), description="marketplace to sell on (default: all)")
    min_profit: float = Field(
        0.01,
        ge=-1_000_000,
        le=1_000_000,
        title="Profit",
        description=OpportunityFilter.model_fields["min_profit"].description,
        json_schema_extra={"unit": "home currency"},
    )
    on: date | None = Field(
        None, description="date of fees, VAT and rates, to which ages count too, as 2026-08-01 (default: today)"
    )

    def routes(self) -> list[tuple[str, str]] | None:
        """The (source, target) pairs that are asked for; None: all."""
        sources = self.sources or ((self.source,) if self.source else ())
        targets = self.targets or ((self.target,) if self.target else ())
        if not sources and not targets:
            return None
        pairs = [(source, target) for source in sources or MARKETS for target in targets or MARKETS]
        return [(source, target) for source, target in pairs if source != target]
