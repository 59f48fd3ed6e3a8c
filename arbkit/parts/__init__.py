"""The parts of the dashboards, for notebooks and for pages of one's own.

A part is displayed by naming it in a cell, and a page is made of several, which show one view::

    from arbkit.parts import FilterForm, Groups, OpportunityTable, Page, Waterfall

    Page(FilterForm(), Groups(by="brand"), OpportunityTable(), Waterfall())

Plotly figures are parts too, and so are functions that draw one of the opportunities that pass the filters.
"""

from __future__ import annotations

from arbkit.web.dashboards.composed.chart import Chart
from arbkit.web.dashboards.composed.details import Components, RouteDetails
from arbkit.web.dashboards.composed.groups import Groups
from arbkit.web.dashboards.composed.page import Page
from arbkit.web.dashboards.opportunities.parts import FilterForm, OpportunityTable, RouteMap
from arbkit.web.dashboards.opportunities.verdict import VerdictPanel
from arbkit.web.dashboards.part import Figures, Form, Part, PriceHistory, Waterfall

__all__ = [
    "Chart",
    "Components",
    "Figures",
    "FilterForm",
    "Form",
    "Groups",
    "OpportunityTable",
    "Page",
    "Part",
    "PriceHistory",
    "RouteDetails",
    "RouteMap",
    "VerdictPanel",
    "Waterfall",
]
