"""The shopping list of a plan as CSV and XLSX, by marketplace to buy on; no title becomes a formula."""

from __future__ import annotations

from pathlib import Path

from arbkit.analysis.portfolio.results import PlanLine, Portfolio
from arbkit.display.export import writing
from arbkit.display.export.columns import SHOPPING_LIST
from arbkit.display.export.rows import FileRow

FILES = ("shopping-list.csv", "shopping-list.xlsx")
"""Their names in the folder of a run."""


def write(folder: str | Path, found: Portfolio) -> None:
    """Write :data:`FILES` into the folder.

    Raises:
        ServiceError: one cannot be written.
    """
    for name in FILES:
        rows = [row(line, found.currency) for line in found.lines]
        writing.write(Path(folder) / name, SHOPPING_LIST, rows, sheet="Shopping list", with_units=True)


def row(line: PlanLine, currency: str) -> FileRow:
    """The cells of :data:`~arbkit.display.export.columns.SHOPPING_LIST`."""
    return [
        line.source, line.asin, line.title, line.brand, line.category, line.units, line.buy_price, line.buy_currency,
        line.target, line.unit_cash, line.cash_out, line.expected_profit, line.profit_p10, line.profit_p50,
        line.profit_p90, currency, line.chance_of_profit_pct, line.all_sold_pct, line.days, line.first_unit_profit,
        line.last_unit_profit, line.weight_kg, line.hazmat, line.why, line.source_url, line.target_url,
    ]  # fmt: skip
