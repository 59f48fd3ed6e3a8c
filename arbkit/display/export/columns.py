"""The columns of files, with their names for scripts and for people (``columns.toml``)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from arbkit.core.files import shipped_table
from arbkit.profit.components import COMPONENTS

Kind = Literal["text", "amount", "percent", "number", "whole", "moment", "link", "yes_no"]
_UNIT_OF: Mapping[Kind, str] = {"percent": "%", "moment": "UTC"}
_ALWAYS = "always"


class _About(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: str
    kind: Kind
    unit: str = ""
    page: str = ""
    vat: Literal["included", "excluded"] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: ``name`` for scripts, ``label`` for people.

    ``unit`` of an amount is the name of the column that has its currency. ``page`` is the column of the opportunities
    page that shows it, ``vat`` whether VAT is in the amount (None: neither is meant).
    """

    name: str
    label: str
    kind: Kind
    unit: str = ""
    page: str = ""
    vat: Literal["included", "excluded"] | None = None
    note: str = ""

    @property
    def heading(self) -> str:
        """The name with the unit, as ``profit [currency]``."""
        unit = self.unit or _UNIT_OF.get(self.kind, "")
        return f"{self.name} [{unit}]" if unit else self.name


def _columns(about: Mapping[str, _About]) -> dict[str, Column]:
    return {name: Column(name, **dict(one)) for name, one in about.items()}


_TABLES = shipped_table(dict[str, dict[str, _About]], __package__, "columns.toml")
_BY_NAME = _columns(_TABLES["opportunities"])
FOR_PEOPLE: tuple[Column, ...] = tuple(_BY_NAME.values())
"""Every column of opportunities in the order of a workbook."""
ASSUMED: tuple[Column, ...] = tuple(_columns(_TABLES["assumed"]).values())
"""What stands before these columns under assumptions."""
SHOPPING_LIST: tuple[Column, ...] = tuple(_columns(_TABLES["shopping_list"]).values())
_PLAIN = (
    "asin", "title", "brand", "category", "source", "target", "buy_price", "buy_currency", "sell_price",
    "sell_currency", "profit", "currency", "roi_pct", "margin_pct", "spread_pct", "fees", "fulfilment", "amazon_sells",
    "confidence", "confidence_reasons", "data_at", "evaluated_at", "source_url", "target_url", "demo",
)  # fmt: skip
_LATER = (
    "status", "profit_low", "profit_high", "input_vat_case", "rank", "rank_drops30", "sellers", "max_buy", "match",
    "profit_chance_pct", "profit_p1", "profit_p10", "profit_p50", "profit_p90", "expected_profit",
    "expected_profit_per_day_pct", "sold_in_30_days_pct", "days_to_sell_p50", "forecast_unknown", "decision",
    "rank_drops90", "monthly_sold", "sellers_fba", "sellers_fbm", "amazon_share90_pct", "amazon_share_basis",
    "sell_avg90", "sell_position_pct", "break_even", "eans", "buy_basis", "sell_basis", "profile", "tables_version",
    "keepa_source_url", "keepa_target_url", "verdict", "verdict_sentence", "decision_note",
)  # fmt: skip
FOR_SCRIPTS: tuple[Column, ...] = tuple(_BY_NAME[name] for name in (*_PLAIN, *COMPONENTS, *_LATER))
"""The same columns in the order that scripts rely on: new ones come last."""


def shown_columns(page_columns: Collection[str], columns: Sequence[Column]) -> tuple[Column, ...]:
    """Those that belong to columns of the opportunities page, with their currencies, and those of every file."""
    shown = {column.name for column in columns if column.page == _ALWAYS or column.page in page_columns}
    shown |= {column.unit for column in columns if column.kind == "amount" and column.name in shown}
    return tuple(column for column in columns if column.name in shown)
