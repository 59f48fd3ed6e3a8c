"""What a plan of purchases says: a shopping list, what the whole earns, and what would come next."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from arbkit.core.results import Result


class PlanLine(Result):
    """One line of the shopping list: units of one product, bought on ``source`` and sold on ``target``.

    Money in the plan's currency but for ``buy_price``. Profits are of the whole line, orders and boxes not counted.
    """

    asin: str
    title: str | None
    brand: str | None
    category: str | None
    source: str = Field(description="marketplace it is bought on")
    target: str = Field(description="marketplace it is sold on")
    units: int
    buy_price: float = Field(description="of one unit in the shop, in buy_currency")
    buy_currency: str
    unit_cash: float = Field(description="paid for one unit with all costs until it is sold, VAT included")
    cash_out: float
    expected_profit: float
    first_unit_profit: float = Field(description="expected of the first unit")
    last_unit_profit: float = Field(description="expected of the last unit")
    profit_p10: float
    profit_p50: float
    profit_p90: float
    chance_of_profit_pct: float
    all_sold_pct: float = Field(description="probability to have sold all its units before what is left is sold off")
    days: float = Field(description="until the money is back, expected, over its units")
    weight_kg: float | None
    hazmat: bool
    why: str
    source_url: str
    target_url: str


class MarketOrder(Result):
    """What is bought on one marketplace."""

    source: str
    lines: int
    units: int
    cash_out: float = Field(description="for the goods")
    order_cost: float
    boxes: int
    box_cost: float
    expected_profit: float = Field(description="after the order and its boxes")


class NextBest(Result):
    """A unit that the plan leaves out, and what keeps it out."""

    asin: str
    title: str | None
    source: str
    target: str
    unit: int = Field(description="which unit of the product on target it would be")
    unit_cash: float
    expected_profit: float
    kept_out_by: str


class CashWeek(Result):
    """Expected money in one week after buying; ``balance`` is the sum of all weeks until then."""

    week: int
    cash_out: float
    cash_in: float
    balance: float


PlanStatus = Literal["optimal within the gap", "time limit"]


class Portfolio(Result):
    """The plan. Money in ``currency``, profits after orders and boxes; percentiles over common scenarios."""

    currency: str
    budget: float
    candidates: int = Field(description="routes that could be planned with")
    cash_out: float = Field(description="goods, orders and boxes, VAT included")
    expected_profit: float
    profit_p10: float
    profit_p50: float
    profit_p90: float
    chance_of_profit_pct: float
    worst_tenth_loss: float = Field(description="mean loss of the worst tenth of scenarios (CVaR 10 %); negative: gain")
    most_loss: float = Field(description="what that loss may be")
    best_possible: float = Field(description="no plan within the limits earns more than this, expected")
    gap_pct: float = Field(description="how far at most the plan is from the optimum, in percent of best_possible")
    status: PlanStatus
    seconds: float = Field(description="that the search took")
    per_100_more: float = Field(description="about what 100 more of budget would earn")
    lines: list[PlanLine] = Field(description="by marketplace to buy on, the most profit first")
    orders: list[MarketOrder]
    next_best: list[NextBest]
    weeks: list[CashWeek]
    money_back_week: int | None = Field(description="first week at whose end all money is back, expected; null: later")
    unknown: dict[str, int] = Field(description="why routes could not be planned with, and how many")
    assumed: list[str]
