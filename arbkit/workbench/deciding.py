"""Decisions of the workbench, taken and listed, and what came of purchases."""

from __future__ import annotations

from arbkit.analysis.decisions.listing import listed_decisions
from arbkit.analysis.decisions.taking import decide, user_name
from arbkit.analysis.sales.scoring import sales_report
from arbkit.core.decisions.request import DecisionRequest
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.validation import Value, suggest_arguments, takes_fields_of
from arbkit.display import record_frames
from arbkit.display.frames import DisplayFrame
from arbkit.store import open_store
from arbkit.workbench.figures import Figures


class Deciding(Figures):
    """What was decided about products, routes and brands, and what came of what was bought."""

    @takes_fields_of(DecisionRequest)
    def decide(self, **fields: Value) -> DisplayFrame:
        """Decide about a product, one of its routes, or a brand: what holds of it from now on, one row.

        Raises:
            UsageError: a field or its value is wrong, or somebody has decided since the version that was ``seen``.
        """
        wanted = DecisionRequest.parse(fields, unknown="decide() has no such argument")
        with open_store(self.settings) as store:
            return record_frames.decisions_frame([decide(store, wanted, by=user_name())])

    @suggest_arguments
    def decisions(self, asin: str | None = None) -> DisplayFrame:
        """What holds now of all that was decided, or (``asin``) all that ever was about a product: one row each."""
        return record_frames.decisions_frame(listed_decisions(self._store(), asin))

    @suggest_arguments
    def sales(self, asin: str | None = None) -> DisplayFrame:
        """The sales, refunds and other lines of settlements that were taken in, or those of a product: one row each."""
        return record_frames.sales_frame(self._store().sales(None if asin is None else [parse_asin(asin)]))

    @suggest_arguments
    def purchases(self, asin: str | None = None) -> DisplayFrame:
        """What was forecast of each purchase (or those of a product) against what came of it: one row each."""
        found = sales_report(self._store(), None if asin is None else parse_asin(asin))
        return record_frames.purchases_frame(found.purchases)
