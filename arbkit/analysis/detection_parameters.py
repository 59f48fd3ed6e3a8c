"""What a detection can be asked: typed and bounded, and light to import: it is checked before a run starts."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from arbkit.core.filters import OpportunityFilter
from arbkit.core.marketplaces import MARKETS, MarketCode

__all__ = ["DetectParameters"]


class DetectParameters(OpportunityFilter):
    """Which routes a detection keeps: any filter of opportunities, several marketplaces on either side, and the day
    of tables and rates."""

    sources: tuple[MarketCode, ...] = Field((), description="marketplaces to buy on; empty: all")
    targets: tuple[MarketCode, ...] = Field((), description="marketplaces to sell on; empty: all")
    min_profit: float = Field(
        0.01,
        ge=-1_000_000,
        le=1_000_000,
        title="Profit",
        description=OpportunityFilter.model_fields["min_profit"].description,
        json_schema_extra={"unit": "home currency"},
    )
    on: date | None = Field(None, description="day of fee tables, VAT and exchange rates; empty: today")

    def routes(self) -> list[tuple[str, str]] | None:
        """The (source, target) pairs that are asked for; None: all."""
        sources = self.sources or ((self.source,) if self.source else ())
        targets = self.targets or ((self.target,) if self.target else ())
        if not sources and not targets:
            return None
        pairs = [(source, target) for source in sources or MARKETS for target in targets or MARKETS]
        return [(source, target) for source, target in pairs if source != target]
