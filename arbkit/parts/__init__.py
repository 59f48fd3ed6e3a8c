"""The parts of the dashboards, for notebooks and for pages of one's own.

A part is displayed by naming it in a cell, and a page is made of several, which show one view::

    from arbkit.parts import FilterForm, Groups, OpportunityTable, Page, Waterfall

    Page(FilterForm(), Groups(by="brand"), OpportunityTable(), Waterfall())

Plotly figures are parts too, and so are functions that draw one of the opportunities that pass the filters.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arbkit.web.dashboards.adding.form import AddProducts as AddProducts
    from arbkit.web.dashboards.alerts.parts import AddRule as AddRule
    from arbkit.web.dashboards.alerts.parts import AlertChannels as AlertChannels
    from arbkit.web.dashboards.alerts.parts import AlertFilter as AlertFilter
    from arbkit.web.dashboards.alerts.parts import AlertHistory as AlertHistory
    from arbkit.web.dashboards.alerts.parts import AlertRules as AlertRules
    from arbkit.web.dashboards.composed.chart import Chart as Chart
    from arbkit.web.dashboards.composed.details import RouteDetails as RouteDetails
    from arbkit.web.dashboards.composed.groups import Groups as Groups
    from arbkit.web.dashboards.composed.layout import Beside as Beside
    from arbkit.web.dashboards.composed.layout import Section as Section
    from arbkit.web.dashboards.composed.page import Page as Page
    from arbkit.web.dashboards.download import Downloads as Downloads
    from arbkit.web.dashboards.opportunities.decision import DecisionHistory as DecisionHistory
    from arbkit.web.dashboards.opportunities.decision import DecisionPanel as DecisionPanel
    from arbkit.web.dashboards.opportunities.forecast import ForecastPanel as ForecastPanel
    from arbkit.web.dashboards.opportunities.parts import ColumnsForm as ColumnsForm
    from arbkit.web.dashboards.opportunities.parts import FilterForm as FilterForm
    from arbkit.web.dashboards.opportunities.parts import OpportunityTable as OpportunityTable
    from arbkit.web.dashboards.opportunities.parts import RouteMap as RouteMap
    from arbkit.web.dashboards.opportunities.verdict import VerdictPanel as VerdictPanel
    from arbkit.web.dashboards.opportunities.what_if.parts import WhatIfForm as WhatIfForm
    from arbkit.web.dashboards.opportunities.what_if.parts import WhatIfOutcome as WhatIfOutcome
    from arbkit.web.dashboards.opportunities.what_if.parts import WhatIfQuote as WhatIfQuote
    from arbkit.web.dashboards.part import Components as Components
    from arbkit.web.dashboards.part import Figures as Figures
    from arbkit.web.dashboards.part import Form as Form
    from arbkit.web.dashboards.part import Part as Part
    from arbkit.web.dashboards.part import PriceHistory as PriceHistory
    from arbkit.web.dashboards.part import Waterfall as Waterfall
    from arbkit.web.dashboards.pipeline.dead_letter_panel import DeadLetters as DeadLetters
    from arbkit.web.dashboards.pipeline.parts import KeepaTokens as KeepaTokens
    from arbkit.web.dashboards.pipeline.parts import LogLag as LogLag
    from arbkit.web.dashboards.pipeline.parts import LogThroughput as LogThroughput
    from arbkit.web.dashboards.pipeline.parts import LookPlan as LookPlan
    from arbkit.web.dashboards.pipeline.parts import OfferAges as OfferAges
    from arbkit.web.dashboards.pipeline.parts import PastForecasts as PastForecasts
    from arbkit.web.dashboards.pipeline.parts import ReportRuns as ReportRuns
    from arbkit.web.dashboards.pipeline.parts import Services as Services
    from arbkit.web.dashboards.product.history_chart import ProductHistory as ProductHistory
    from arbkit.web.dashboards.product.parts import FindProduct as FindProduct
    from arbkit.web.dashboards.product.parts import ListingMatch as ListingMatch
    from arbkit.web.dashboards.product.parts import ListingWarning as ListingWarning
    from arbkit.web.dashboards.product.parts import ProductAbout as ProductAbout
    from arbkit.web.dashboards.product.parts import ProductDemand as ProductDemand
    from arbkit.web.dashboards.product.parts import ProductFees as ProductFees
    from arbkit.web.dashboards.product.parts import ProductOffers as ProductOffers
    from arbkit.web.dashboards.product.parts import RoutesTable as RoutesTable
    from arbkit.web.dashboards.product.parts import RouteSummary as RouteSummary
    from arbkit.web.dashboards.product.parts import SeriesForm as SeriesForm
    from arbkit.web.dashboards.product.purchases import PurchasesTable as PurchasesTable
    from arbkit.web.dashboards.product.sales_form import SalesForm as SalesForm
    from arbkit.web.dashboards.product.size_form import SizeForm as SizeForm
    from arbkit.web.dashboards.saved_views import SavedViewsForm as SavedViewsForm

_ROOM = "arbkit.web.dashboards"
_PARTS = {
    "adding.form": ("AddProducts",),
    "alerts.parts": ("AddRule", "AlertChannels", "AlertFilter", "AlertHistory", "AlertRules"),
    "composed.chart": ("Chart",),
    "composed.details": ("RouteDetails",),
    "composed.groups": ("Groups",),
    "composed.layout": ("Beside", "Section"),
    "composed.page": ("Page",),
    "download": ("Downloads",),
    "opportunities.decision": ("DecisionHistory", "DecisionPanel"),
    "opportunities.forecast": ("ForecastPanel",),
    "opportunities.parts": ("ColumnsForm", "FilterForm", "OpportunityTable", "RouteMap"),
    "opportunities.verdict": ("VerdictPanel",),
    "opportunities.what_if.parts": ("WhatIfForm", "WhatIfOutcome", "WhatIfQuote"),
    "part": ("Components", "Figures", "Form", "Part", "PriceHistory", "Waterfall"),
    "pipeline.dead_letter_panel": ("DeadLetters",),
    "pipeline.parts": (
        "KeepaTokens", "LogLag", "LogThroughput", "LookPlan", "OfferAges", "PastForecasts", "ReportRuns", "Services",
    ),
    "product.history_chart": ("ProductHistory",),
    "product.parts": (
        "FindProduct", "ListingMatch", "ListingWarning", "ProductAbout", "ProductDemand", "ProductFees",
        "ProductOffers", "RoutesTable", "RouteSummary", "SeriesForm",
    ),
    "product.purchases": ("PurchasesTable",),
    "product.sales_form": ("SalesForm",),
    "product.size_form": ("SizeForm",),
    "saved_views": ("SavedViewsForm",),
}  # fmt: skip
"""Module → the parts that are in it."""
_HOMES = {name: module for module, names in _PARTS.items() for name in names}
__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    """A part, imported when it is first asked for: a page holds in memory what it consists of, and no other page."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{_ROOM}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
