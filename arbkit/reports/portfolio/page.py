"""The report of a portfolio as HTML without scripts: what its notebook displays, part by part."""

from __future__ import annotations

from arbkit import __version__
from arbkit.analysis.portfolio.results import PlanLine, Portfolio
from arbkit.analysis.portfolio.run import PortfolioReport
from arbkit.core.formatting import count, money, number, percent
from arbkit.display.html import macro
from arbkit.display.notebook_html import NotebookHtml


def headline(report: PortfolioReport) -> NotebookHtml:
    """What the plan costs and earns, or why there is none."""
    return _part("headline", report)


def shopping_list(found: Portfolio) -> NotebookHtml:
    """What to buy, a table per marketplace, and why each line is in."""
    orders = [(one, [_cells(line) for line in found.lines if line.source == one.source]) for one in found.orders]
    return _part("shopping_list", found, orders)


def more(found: Portfolio) -> NotebookHtml:
    """What would come next, and what could not be planned with."""
    rows = [
        (one.title or one.asin, one.asin, f"{one.source} → {one.target}", count(one.unit), number(one.unit_cash),
         number(one.expected_profit), one.kept_out_by)
        for one in found.next_best
    ]  # fmt: skip
    return _part("more", found, rows)


def about(report: PortfolioReport) -> NotebookHtml:
    """What the plan takes for granted, and the version that made it."""
    return _part("about", report, __version__)


def _cells(line: PlanLine) -> tuple[str, ...]:
    spread = f"{number(line.profit_p10)} / {number(line.profit_p50)} / {number(line.profit_p90)}"
    return (
        line.title or line.asin, line.asin, line.target, count(line.units), money(line.buy_price, line.buy_currency),
        number(line.cash_out), number(line.expected_profit), spread, percent(line.all_sold_pct, 0),
    )  # fmt: skip


def _part(name: str, *values: object) -> NotebookHtml:
    return NotebookHtml(macro(name, *values, template="portfolio.html.j2", package="arbkit.reports"))
