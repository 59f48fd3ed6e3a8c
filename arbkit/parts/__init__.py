"""The parts of the dashboards, for notebooks and for pages of one's own.

A part is displayed by naming it in a cell, and a page is made of several, which show one view::

    from arbkit.parts import FilterForm, Groups, OpportunityTable, Page, Waterfall

    Page(FilterForm(), Groups(by="brand"), OpportunityTable(), Waterfall())

Plotly figures are parts too, and so are functions that draw one of the opportunities that pass the filters.
"""

from __future__ import annotations

from arbkit.web.dashboards.adding.form import AddProducts
from arbkit.web.dashboards.alerts.parts import AddRule, AlertChannels, AlertFilter, AlertHistory, AlertRules
from arbkit.web.dashboards.composed.chart import Chart
from arbkit.web.dashboards.composed.details import RouteDetails
from arbkit.web.dashboards.composed.groups import Groups
from arbkit.web.dashboards.composed.layout import Beside, Section
from arbkit.web.dashboards.composed.page import Page
from arbkit.web.dashboards.download import Downloads
from arbkit.web.dashboards.opportunities.decision import DecisionHistory, DecisionPanel
from arbkit.web.dashboards.opportunities.forecast import ForecastPanel
from arbkit.web.dashboards.opportunities.parts import ColumnsForm, FilterForm, OpportunityTable, RouteMap
from arbkit.web.dashboards.opportunities.verdict import VerdictPanel
from arbkit.web.dashboards.opportunities.what_if.parts import WhatIfForm, WhatIfOutcome, WhatIfQuote
from arbkit.web.dashboards.part import Components, Figures, Form, Part, PriceHistory, Waterfall
from arbkit.web.dashboards.pipeline.dead_letter_panel import DeadLetters
from arbkit.web.dashboards.pipeline.parts import (
    KeepaTokens,
    LogLag,
    LogThroughput,
    OfferAges,
    PastForecasts,
    ReportRuns,
    Services,
)
from arbkit.web.dashboards.product.history_chart import ProductHistory
from arbkit.web.dashboards.product.parts import (
    FindProduct,
    ListingMatch,
    ListingWarning,
    ProductAbout,
    ProductDemand,
    ProductFees,
    ProductOffers,
    RoutesTable,
    RouteSummary,
    SeriesForm,
)
from arbkit.web.dashboards.product.purchases import PurchasesTable
from arbkit.web.dashboards.product.sales_form import SalesForm
from arbkit.web.dashboards.product.size_form import SizeForm
from arbkit.web.dashboards.saved_views import SavedViewsForm

__all__ = [
    "AddProducts",
    "AddRule",
    "AlertChannels",
    "AlertFilter",
    "AlertHistory",
    "AlertRules",
    "Beside",
    "Chart",
    "ColumnsForm",
    "Components",
    "DeadLetters",
    "DecisionHistory",
    "DecisionPanel",
    "Downloads",
    "Figures",
    "FilterForm",
    "FindProduct",
    "ForecastPanel",
    "Form",
    "Groups",
    "KeepaTokens",
    "ListingMatch",
    "ListingWarning",
    "LogLag",
    "LogThroughput",
    "OfferAges",
    "OpportunityTable",
    "Page",
    "Part",
    "PastForecasts",
    "PriceHistory",
    "ProductAbout",
    "ProductDemand",
    "ProductFees",
    "ProductHistory",
    "ProductOffers",
    "PurchasesTable",
    "ReportRuns",
    "RouteDetails",
    "RouteMap",
    "RouteSummary",
    "RoutesTable",
    "SalesForm",
    "SavedViewsForm",
    "Section",
    "SeriesForm",
    "Services",
    "SizeForm",
    "VerdictPanel",
    "Waterfall",
    "WhatIfForm",
    "WhatIfOutcome",
    "WhatIfQuote",
]
