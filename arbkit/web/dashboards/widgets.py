"""The parts of the dashboards as widgets for any notebook: each is displayed by naming it in a cell.

::

    from arbkit.web.dashboards.widgets import FilterForm, OpportunityTable

    table = OpportunityTable()
    form = FilterForm(on_change=table.filter)
"""

from __future__ import annotations

from arbkit.web.dashboards.opportunities.parts import FilterForm, OpportunityTable, RouteMap
from arbkit.web.dashboards.part import Figures, Form, Part, PriceHistory, Waterfall

__all__ = ["Figures", "FilterForm", "Form", "OpportunityTable", "Part", "PriceHistory", "RouteMap", "Waterfall"]
