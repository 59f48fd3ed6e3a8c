"""The forecast of an alert's route, and what rules ask of its figures, in words."""

from __future__ import annotations

from arbkit.alerts.rules import Rule
from arbkit.core.formatting import count, money, number, percent
from arbkit.core.results import OpportunityOut


def bound_words(rule: Rule, currency: str) -> list[str]:
    """What a rule asks of figures but for ROI and confidence, a few words each; ``currency`` is the home currency."""
    words = {
        "min_chance": lambda bound: f"chance of profit from {percent(bound, 0)}",
        "min_expected_profit": lambda bound: f"expected profit from {money(bound, currency)}",
        "min_profit_per_day": lambda bound: f"expected profit from {percent(bound, 2)} of capital a day",
        "min_p10": lambda bound: f"P10 of profit from {money(bound, currency)}",
        "max_days_to_sell": lambda bound: f"days to sell up to {bound:g}",
        "min_sold_in_30_days": lambda bound: f"sold in 30 days with {percent(bound, 0)} or more",
        "min_margin": lambda bound: f"margin from {percent(bound, 0)}",
        "max_rank": lambda bound: f"sales rank up to {count(bound)}",
        "min_drops30": lambda bound: f"drops of the rank in 30 days from {count(bound)}",
        "min_drops90": lambda bound: f"drops of the rank in 90 days from {count(bound)}",
        "min_monthly_sold": lambda bound: f"sold a month from {count(bound)}",
        "max_sellers": lambda bound: f"sellers up to {count(bound)}",
        "max_amazon_share": lambda bound: f"Amazon's share up to {percent(bound, 0)}",
        "max_price_position": lambda bound: f"price above its 90-day average by up to {percent(bound, 0)}",
        "min_buy_price": lambda bound: f"buying price from {number(bound)}",
        "max_buy_price": lambda bound: f"buying price up to {number(bound)}",
    }
    return [words[name](bound) for name, bound in rule.figure_bounds() if name in words]


def forecast_line(route: OpportunityOut) -> str:
    """What the profit may be once it is sold, in one line; empty where nothing is known of that."""
    if route.profit_chance_pct is None:
        return f"unknown: {route.forecast_unknown}" if route.forecast_unknown else ""
    reach = f"{number(route.profit_p10)} to {money(route.profit_p90, route.currency)}"
    line = f"sold at a profit with {percent(route.profit_chance_pct, 0)}: {reach}"
    if route.expected_profit is not None:
        line += f", expected {number(route.expected_profit)}"
    if route.expected_profit_per_day_pct is not None:
        line += f" or {percent(route.expected_profit_per_day_pct, 2)} of capital a day"
    return line
