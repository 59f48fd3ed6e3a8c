"""The reports by name, and what is wrong with the user's own."""

from __future__ import annotations

from collections.abc import Mapping

from arbkit.analysis.backtest.parameters import BacktestParameters
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.portfolio.parameters import PortfolioParameters
from arbkit.core.errors import UsageError, did_you_mean
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.own_reports import OwnReports, read_own
from arbkit.reports.catalogue.report import Report
from arbkit.reports.parameters import MorningParameters

SHIPPED: Mapping[str, Report] = {
    r.name: r
    for r in (
        Report("detect", DetectParameters, "price every route and store the profitable ones"),
        Report("backtest", BacktestParameters, "how good forecasts would have been at past days of the store"),
        Report("portfolio", PortfolioParameters, "what to buy with a budget, and why"),
        Report(
            "morning", MorningParameters, "what changed since the last scheduled one, the best routes, data quality"
        ),
    )
}
"""Those that come with arbkit."""


def own_reports(settings: Settings) -> OwnReports:
    """The user's own reports, and their notebooks that cannot be any."""
    return read_own(settings.own_reports_dir, taken=SHIPPED, is_asked_for=settings.reports is not None)


def find_report(settings: Settings, name: str) -> Report:
    """The report of that name.

    Raises:
        UsageError: there is none; names the nearest.
        ConfigError: its notebook is the user's own, and cannot be a report; says why.
    """
    if (shipped := SHIPPED.get(name)) is not None:
        return shipped
    own = own_reports(settings)
    if (report := own.reports.get(name)) is not None:
        return report
    for bad in own.bad:
        if bad.name == name:
            raise bad.error
    raise UsageError("no such report", field="report", value=name, remedy=did_you_mean(name, [*SHIPPED, *own.reports]))
