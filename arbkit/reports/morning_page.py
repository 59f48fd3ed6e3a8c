"""The morning report as HTML without scripts: what its notebook displays, part by part."""

from __future__ import annotations

from arbkit import __version__
from arbkit.analysis.sales.words import headline_words
from arbkit.analysis.track_record.results import headline_of, recalibration_words
from arbkit.core.marketplaces import MARKETS
from arbkit.display.html import macro
from arbkit.display.notebook_html import NotebookHtml
from arbkit.display.route_tables import reasons_table, routes_table
from arbkit.display.waterfall import waterfall_table
from arbkit.reports.morning import Morning


def headline(report: Morning) -> NotebookHtml:
    """The head figures, whether the data is invented, and what changed since the last report."""
    return _part("headline", report)


def new(report: Morning) -> NotebookHtml:
    """Routes that were not profitable before."""
    return _part("new", report, routes_table(report.new))


def gone(report: Morning) -> NotebookHtml:
    """Routes that are no longer profitable, and why."""
    return _part("gone", report)


def moved(report: Morning) -> NotebookHtml:
    """Opportunities whose profit or price changed materially."""
    return _part("moved", report)


def top(report: Morning) -> NotebookHtml:
    """The best routes: the most expected profit per day of capital first, without a forecast the most profit."""
    best = report.top[: report.parameters.top]
    bought = headline_words(report.sales)
    return _part("top", report, routes_table(best), len(best), routes_table(report.buy_list), bought)


def waterfalls(report: Morning) -> NotebookHtml:
    """Where the money of the best routes goes, line by line."""
    chosen = report.top[: report.parameters.waterfalls]
    return _part("waterfalls", report, [waterfall_table(one) for one in chosen])


def forecasts(report: Morning) -> NotebookHtml:
    """How forecasts that were shown have come out."""
    found = report.forecasts
    learnt = recalibration_words(None if found is None else found.recalibration, is_on=report.is_recalibrated)
    return NotebookHtml(macro("record", found, headline_of(found), learnt, template="track_record.html.j2"))


def data(report: Morning) -> NotebookHtml:
    """The age of the data, how much is known of each marketplace, and which routes could not be priced and why."""
    return _part("data", report, MARKETS, reasons_table(report.quality.unpriced or {}))


def about(report: Morning) -> NotebookHtml:
    """What the report was made from: run, fee tables, version."""
    return _part("about", report, __version__)


def _part(name: str, *values: object) -> NotebookHtml:
    return NotebookHtml(macro(name, *values, template="morning.html.j2", package="arbkit.reports"))
