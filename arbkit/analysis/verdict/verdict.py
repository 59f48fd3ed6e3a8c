"""Buy, watch or pass: what the rules say of a route, the facts that decide, and what would change it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from arbkit.analysis.forecast.profit.forecast import ProfitForecast
from arbkit.analysis.forecast.sales.forecast import SalesForecast, forecast_sales
from arbkit.analysis.verdict.rules import FactName, Rule, Units, VerdictRules
from arbkit.core.formatting import age_words, counted, money, number, percent
from arbkit.core.models import Offer, Opportunity
from arbkit.core.results import Result

VerdictWord = Literal["buy", "watch", "pass"]
Facts = Mapping[FactName, float | None]
"""What is known of a route; None: unknown."""
_MATCH = {"same": 1.0, "doubtful": 0.5, "different": 0.0}
_MATCHING = {1.0: "yes", 0.5: "yes or doubtful"}
_OPPOSITE = {"yes": "doubtful or no", "yes or doubtful": "no"}
_SEVERITY = {"buy": 0, "watch": 1, "pass": 2}
_SHOWN = 3
LABELS: Mapping[FactName, str] = {
    "listings_match": "listings match",
    "profit_low": "low end of the profit",
    "profit_chance_pct": "chance of a profit",
    "profit_p10": "profit in the worst tenth",
    "room_pct": "buying price",
    "days_to_sell": "days to sell",
    "units": "units that sell",
    "amazon_share_pct": "Amazon's share of 90 days",
    "confidence": "confidence",
    "data_age_h": "age of the data",
}


class RuleChecked(Result):
    """A fact of a route with the bound of one rule."""

    fact: FactName
    label: str
    value: float | None = Field(description="null: unknown")
    is_met: bool | None = Field(description="whether the bound is kept; null: unknown")
    known: str = Field(description="the fact in words")
    bound: str = Field(description="the bound in words")
    says: VerdictWord = Field(description="what this rule alone makes of it")
    reason: str = Field(description="why there is such a rule")

    @property
    def text(self) -> str:
        """The fact in words, with the bound where it is not kept."""
        return self.known if self.is_met else f"{self.known} (wanted: {self.bound})"


class Verdict(Result):
    """What to do with a route: ``sentence`` says it, ``facts`` decide, ``change`` says what would make it another."""

    verdict: VerdictWord
    sentence: str
    units: int | None = Field(description="how many sell in the rules' time at your share; null: unknown")
    max_buy: float | None = Field(description="highest buying price for the target ROI, in buy_currency")
    buy_currency: str
    facts: list[RuleChecked] = Field(description="those that decide, the most severe first, at most three")
    rules: list[RuleChecked] = Field(description="every rule, in the order of their file")
    change: str = Field(description="what would make it a purchase, or a purchase none")


def verdict_of(
    found: Opportunity,
    offers: Sequence[Offer],
    rules: VerdictRules,
    *,
    now: float,
    forecast: ProfitForecast | None = None,
) -> Verdict:
    """The verdict of a route whose product has these offers, as of ``now`` (Unix s).

    ``forecast``: of the same route, where the opportunity has none stored with it.
    """
    target = [offer for offer in offers if offer.market == found.target]
    sales = forecast_sales(target, now=now)[0] if target else None
    return judge(found, units_that_sell(sales, rules.units), rules, now=now, forecast=forecast)


def units_that_sell(sales: SalesForecast | None, asked: Units) -> int | None:
    """How many whole units of ours sell in the time of the rules; None: unknown."""
    if sales is None or sales.listing_units_per_month is None or sales.share_pct is None:
        return None
    expected = sales.listing_units_per_month * sales.share_pct / 100 * asked.horizon_days / 30
    return min(math.floor(expected), asked.most)


def judge(
    found: Opportunity, units: int | None, rules: VerdictRules, *, now: float, forecast: ProfitForecast | None = None
) -> Verdict:
    """The verdict of a route of which ``units`` sell in the time of the rules (None: unknown)."""
    facts = _facts(found, forecast or found, units, now)
    checked = [_checked(rule, facts[rule.fact], found.currency) for rule in rules.rule]
    worst = max((one.says for one in checked), key=_SEVERITY.__getitem__)
    against = _first_of_each_fact([one for word in ("pass", "watch") for one in checked if one.says == word])
    deciding = against[:_SHOWN] or [_strictest(fact, checked) for fact in rules.explained_by]
    return Verdict(
        verdict=worst,
        sentence=_sentence(worst, found, units, deciding),
        units=units,
        max_buy=found.max_buy,
        buy_currency=found.buy_currency,
        facts=deciding,
        rules=checked,
        change=_change(found, against, deciding, checked),
    )


def _facts(found: Opportunity, forecast: Opportunity | ProfitForecast, units: int | None, now: float) -> Facts:
    room = None if found.max_buy is None else 100 * (1 - found.buy_price / found.max_buy)
    return {
        "listings_match": None if found.match is None else _MATCH.get(found.match["verdict"]),
        "profit_low": found.profit_low,
        "profit_chance_pct": forecast.profit_chance_pct,
        "profit_p10": forecast.profit_p10,
        "room_pct": room,
        "days_to_sell": forecast.days_to_sell_p50,
        "units": units,
        "amazon_share_pct": found.amazon_share90_pct,
        "confidence": found.confidence,
        "data_age_h": max(0.0, now - found.data_at) / 3600,
    }


def _checked(rule: Rule, value: float | None, currency: str) -> RuleChecked:
    label, bound = LABELS[rule.fact], bound_words(rule, currency)
    met = None if value is None else rule.is_met(value)
    says: VerdictWord = rule.unknown if met is None else "buy" if met else rule.otherwise
    return RuleChecked(
        fact=rule.fact,
        label=label,
        value=value,
        is_met=met,
        known=f"{label} {value_words(rule.fact, value, currency)}",
        bound=bound,
        says=says,
        reason=rule.reason,
    )


def _first_of_each_fact(checked: Sequence[RuleChecked]) -> list[RuleChecked]:
    return list({one.fact: one for one in reversed(checked)}.values())[::-1]


def _strictest(fact: FactName, checked: Sequence[RuleChecked]) -> RuleChecked:
    """The rule about a fact that a purchase must meet too: the last one, as rules are ordered from pass to watch."""
    return next(one for one in reversed(checked) if one.fact == fact)


def _sentence(word: VerdictWord, found: Opportunity, units: int | None, deciding: Sequence[RuleChecked]) -> str:
    why = "; ".join(one.text for one in deciding)
    if word != "buy":
        return f"{word.capitalize()}: {why}."
    most = "" if found.max_buy is None else f" at up to {money(found.max_buy, found.buy_currency)}"
    return f"Buy {counted(units or 1, 'unit')}{most}: {why}."


def _change(
    found: Opportunity, against: Sequence[RuleChecked], deciding: Sequence[RuleChecked], checked: Sequence[RuleChecked]
) -> str:
    """What would make it a purchase; of a purchase, what would make it none."""
    if not against:
        limits = [f"{one.label} {_opposite(one.bound)}" for one in deciding if one.fact != "room_pct"]
        if found.max_buy is not None:
            limits.insert(0, f"a buying price above {money(found.max_buy, found.buy_currency)}")
        return f"No longer a buy with {' or '.join(limits)}." if limits else ""
    wants = []
    for one in against:
        if one.fact == "room_pct" and found.max_buy is not None:
            wants.append(f"a buying price of {money(found.max_buy, found.buy_currency)} or less")
        else:
            known = " known to be" if one.is_met is None else ""
            wants.append(f"{one.label}{known} {_strictest(one.fact, checked).bound}")
    return f"Would be a buy with {'; '.join(wants)}."


def _opposite(bound: str) -> str:
    return _OPPOSITE.get(bound) or bound.replace("at least", "below").replace("at most", "above")


def value_words(fact: FactName, value: float | None, currency: str) -> str:
    """A fact's value with its unit."""
    if value is None:
        return "unknown"
    match fact:
        case "listings_match":
            return {1.0: "yes", 0.5: "doubtful", 0.0: "no"}.get(value, f"{value:g}")
        case "profit_low" | "profit_p10":
            return money(value, currency)
        case "profit_chance_pct" | "amazon_share_pct":
            return "over 99 %" if value > 99 else percent(value, 0)
        case "room_pct":
            return _room_words(value)
        case "days_to_sell":
            return "under 1" if value < 1 else f"{value:.0f}"
        case "units":
            return f"{value:.0f}"
        case "confidence":
            return number(value)
        case "data_age_h":
            return age_words(value * 3600)


def _room_words(room_pct: float) -> str:
    if not round(room_pct):
        return "at max cost"
    return f"{percent(abs(room_pct), 0)} {'below' if room_pct > 0 else 'above'} max cost"


def bound_words(rule: Rule, currency: str) -> str:
    """A rule's bound in words: ``at least 80 %``."""
    if rule.fact == "room_pct" and rule.at_least == 0:
        return "at most max cost"
    if rule.fact == "listings_match" and rule.at_least in _MATCHING:
        return _MATCHING[rule.at_least]
    if rule.at_least is not None:
        return f"at least {value_words(rule.fact, rule.at_least, currency)}"
    return f"at most {value_words(rule.fact, rule.at_most, currency)}"
