"""The shopping list of a plan as CSV and XLSX, by marketplace to buy on; no title becomes a formula."""

from __future__ import annotations

from pathlib import Path

from arbkit.analysis.portfolio.results import PlanLine, Portfolio
from arbkit.display import spreadsheet

FILES = ("shopping-list.csv", "shopping-list.xlsx")
"""Their names in the folder of a run."""
HEADINGS = (
    "buy_on", "asin", "title", "brand", "category", "units", "buy_price [buy_currency]", "buy_currency", "sell_on",
    "unit_cash [currency]", "cash_out [currency]", "expected_profit [currency]", "profit_p10 [currency]",
    "profit_p50 [currency]", "profit_p90 [currency]", "currency", "chance_of_profit [%]", "all_sold [%]",
    "days_until_money_back", "first_unit_profit [currency]", "last_unit_profit [currency]", "weight [kg]", "hazmat",
    "why", "source_url", "target_url",
)  # fmt: skip
"""Where a unit is the name of a column, that column has the currency."""


def write(folder: str | Path, found: Portfolio) -> None:
    """Write :data:`FILES` into the folder.

    Raises:
        ServiceError: one cannot be written.
    """
    for name in FILES:
        rows = [row(line, found.currency) for line in found.lines]
        spreadsheet.write(Path(folder) / name, HEADINGS, rows, sheet="Shopping list")


def row(line: PlanLine, currency: str) -> spreadsheet.Row:
    """The cells of :data:`HEADINGS`."""
    return [
        line.source, line.asin, line.title, line.brand, line.category, line.units, line.buy_price, line.buy_currency,
        line.target, line.unit_cash, line.cash_out, line.expected_profit, line.profit_p10, line.profit_p50,
        line.profit_p90, currency, line.chance_of_profit_pct, line.all_sold_pct, line.days, line.first_unit_profit,
        line.last_unit_profit, line.weight_kg, line.hazmat, line.why, line.source_url, line.target_url,
    ]  # fmt: skip
