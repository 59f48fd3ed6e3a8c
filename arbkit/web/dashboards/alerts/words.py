"""Rules, channels and what became of alerts, in words."""

from __future__ import annotations

from collections.abc import Mapping

from arbkit.alerts.channels.message import HEADINGS
from arbkit.alerts.forecast_words import bound_words
from arbkit.alerts.rules import Rule
from arbkit.core.formatting import age_words, money, number, percent
from arbkit.core.marketplaces import market
from arbkit.store.alerts import DeliveryStatus

TYPES: Mapping[str, str] = {str(name): label for name, label in HEADINGS.items()}
"""What each type of alert is called."""
OUTCOMES: Mapping[DeliveryStatus, str] = {
    "pending": "waiting", "sent": "sent", "held": "held back", "failed": "failed", "muted": "muted",
    "expired": "expired",
}  # fmt: skip
TONES: Mapping[DeliveryStatus, str] = {
    "pending": "", "sent": "good", "held": "warn", "failed": "bad", "muted": "quiet", "expired": "quiet",
}  # fmt: skip
"""How an outcome is coloured."""


def attempts_words(number: int) -> str:
    """``1 attempt``, ``5 attempts``."""
    return "1 attempt" if number == 1 else f"{number} attempts"


def rule_words(rule: Rule, currency: str) -> list[str]:
    """What a rule asks for, a line each; its money is in ``currency``, that of the seller profile."""
    lines = [_occasions(rule), _thresholds(rule, currency), _selection(rule), _limits(rule), _recheck(rule)]
    if rule.channels is not None:
        lines.append(f"to {', '.join(rule.channels)}" if rule.channels else "to no channel")
    return [line[0].upper() + line[1:] for line in lines if line]


def _occasions(rule: Rule) -> str:
    words = {
        "new_opportunity": "new opportunities",
        "price_drop": f"buying prices that fall by {rule.price_drop_pct:g} %",
        "margin_increase": f"profits that rise by {rule.profit_rise_pct:g} %",
        "target_price": " and ".join(
            f"prices up to {money(price, market(code).currency)} on {code}" for code, price in rule.target_price.items()
        ),
        "amazon_out_of_stock": "Amazon out of stock",
        "ended": "routes that end",
    }
    return ", ".join(words[occasion] for occasion in rule.on if words[occasion])


def _thresholds(rule: Rule, currency: str) -> str:
    bounds = []
    if rule.least_profit > float("-inf"):
        bounds.append(f"profit from {money(rule.least_profit, currency)} at its low end")
    if rule.min_roi is not None:
        bounds.append(f"ROI from {percent(rule.min_roi, 0)}")
    if rule.min_confidence is not None:
        bounds.append(f"confidence from {number(rule.min_confidence)}")
    bounds += bound_words(rule, currency)
    if not bounds:
        return "any profit: every opportunity meets it"
    again = f"; news again once below {money(rule.clears_at, currency)}" if rule.clears_at is not None else ""
    return ", ".join(bounds) + again


def _selection(rule: Rule) -> str:
    asked = {
        "": [route.replace(":", " → ") for route in rule.routes],
        "category ": rule.categories,
        "brand ": rule.brands,
        "watchlist group ": rule.groups,
        "product ": rule.asins,
    }
    found = [f"{kind}{' or '.join(values)}" for kind, values in asked.items() if values]
    only = [f"only {'; '.join(found)}"] if found else []
    without = [f"without brand {' or '.join(rule.exclude_brands)}"] if rule.exclude_brands else []
    return ", ".join([*only, *without])


def _limits(rule: Rule) -> str:
    limits = [] if rule.per_day is None else [f"each channel sends at most {rule.per_day} a day"]
    if rule.cool_down_hours:
        limits.append(f"{rule.cool_down_hours:g} h between two of a kind on one route")
    return "; ".join(limits)


def _recheck(rule: Rule) -> str:
    if rule.recheck is None:
        return ""
    asked, after = age_words(60 * rule.recheck.max_age_minutes), age_words(60 * rule.recheck.wait_minutes)
    then = "sent all the same" if rule.recheck.then == "send" else "held back"
    return f"prices older than {asked} are looked at once more; after {after} without a look it is {then}"
