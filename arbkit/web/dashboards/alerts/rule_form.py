"""The form for a rule: what was typed, the rule that it makes, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from arbkit.alerts.editing import add_rule
from arbkit.alerts.rule_names import refuse_unknown_names
from arbkit.alerts.rules import Rule
from arbkit.alerts.rules_file import TomlValue, checked_rule
from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.input.filters import parts_of
from arbkit.core.marketplaces import MARKETS
from arbkit.core.settings import Settings
from arbkit.web.address import parse_number, without_percent
from arbkit.web.dashboards.content import CONFIDENCE_SCALE, DEMAND_BOUNDS, WITHOUT_BRANDS, Field, choice, options

_LONGEST = 200
_MOST = 1_000_000.0
_FORECASTS = (
    "min_chance", "min_expected_profit", "min_profit_per_day", "min_p10", "max_days_to_sell", "min_sold_in_30_days",
)  # fmt: skip
_FIGURES = {"min_margin": ("Min margin %", "Profit in percent of net revenue"), **DEMAND_BOUNDS}
_NUMBERS = ("min_profit", "min_roi", "min_confidence", *_FORECASTS, *_FIGURES, "per_day")
_PERCENTS = ("min_roi", "min_margin", "max_amazon_share", "max_price_position")
_LISTS = {"category": "categories", "brand": "brands", "group": "groups"}
_EXCLUDED = "exclude_brands"
_FIELD_OF = {**{key: name for name, key in _LISTS.items()}, "routes": "source", _EXCLUDED: _EXCLUDED}
"""Which field stands for a key of the rule that has another name."""


class RuleForm:
    """What stands in the fields of a new rule."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._wrong: dict[str, str] = {}

    def take(self, values: Mapping[str, str | bool]) -> None:
        """Keep what the user typed."""
        self._values = {name: str(value).strip()[:_LONGEST] for name, value in values.items()}
        self._wrong = {}

    def rule(self, settings: Settings) -> Rule | None:
        """The rule that was typed in; None where a field is wrong, which is then marked."""
        table = self._table(settings.markets)
        try:
            if self._wrong:
                return None
            # One without a name may be tried.
            rule = checked_rule({**table, "name": table.get("name") or "this-rule"}, "rule")
            refuse_unknown_names(settings, rule)
            return rule
        except (ConfigError, UsageError) as error:
            self._mark(error)
            return None

    def add(self, settings: Settings) -> tuple[str, Path] | None:
        """Add the rule to the file, and empty the form; its name and the file, or None where a field is wrong.

        Raises:
            ConfigError: the file cannot be used.
            ServiceError: the file cannot be read or written.
        """
        table = self._table(settings.markets)
        if not table.get("name"):
            self._wrong["name"] = "Give it a name"
        if self._wrong or self.rule(settings) is None:
            return None
        try:
            path = add_rule(settings, table)
        except UsageError as error:
            self._wrong["name"] = str(error)
            return None
        self._values = {}
        return str(table["name"]), path

    def fields(self, markets: Sequence[str], suggestions: Mapping[str, Iterable[str]], currency: str) -> list[Field]:
        """The fields and buttons; ``suggestions`` for ``category``, ``brand`` and ``group``."""
        fields: list[Field] = [
            {"name": "name", "label": "Name", "kind": "text", "placeholder": "toys"},
            _number("min_profit", f"Min profit, {currency}".rstrip(", "), "none", "At the low end of its range"),
            _number("min_roi", "Min ROI %", "none", "Percent of what is invested"),
            _number("min_confidence", "Min confidence (0 to 1)", "none", CONFIDENCE_SCALE),
            *_forecast_fields(currency),
            *_figure_fields(),
            choice("source", "Buy on", options(markets, first="any")),
            choice("target", "Sell on", options(markets, first="any")),
            _text("category", "Category", suggestions),
            _text("brand", "Brand", suggestions),
            {**WITHOUT_BRANDS},
            choice("group", "Watchlist group", options(sorted(suggestions["group"]), first="any")),
            _number("per_day", "Maximum a day", "no limit", "How many alerts a channel sends in a day, the best"),
        ]
        for one in fields:
            one["value"] = self._values.get(one["name"], "")
            one["wrong"] = self._wrong.get(one["name"])
        return [
            *fields,
            {"name": "try", "kind": "button", "label": "Try it", "hint": "Which stored opportunities meet it now"},
            {"name": "add", "kind": "button", "label": "Add the rule", "hint": "Write it into alerts.toml"},
        ]

    def _table(self, markets: Sequence[str]) -> dict[str, TomlValue]:
        """The rule as it stands in the file; what cannot be a value is marked."""
        self._wrong = {}
        table: dict[str, TomlValue] = {"name": self._values.get("name", "")}
        for name in _NUMBERS:
            if (value := self._number(name)) is not None:
                table[name] = value
        if routes := self._routes(markets):
            table["routes"] = routes
        for name, key in _LISTS.items():
            if text := self._values.get(name):
                table[key] = [text]
        if excluded := parts_of(self._values.get(_EXCLUDED, "")):
            table[_EXCLUDED] = list(excluded)
        return table

    def _number(self, name: str) -> int | float | None:
        try:
            text = self._values.get(name, "")
            value = parse_number(without_percent(text) if name in _PERCENTS else text, -_MOST, _MOST)
        except ValueError as error:
            self._wrong[name] = str(error)
            return None
        return int(value) if value is not None and value.is_integer() else value

    def _routes(self, markets: Sequence[str]) -> list[str]:
        source, target = (self._values.get(name, "") for name in ("source", "target"))
        if not {source, target} <= {"", *MARKETS} or not source + target:
            return []
        if source == target:
            self._wrong["target"] = "It cannot be sold where it is bought"
        return [
            f"{one}:{other}"
            for one in ([source] if source else markets)
            for other in ([target] if target else markets)
            if one != other
        ]

    def _mark(self, error: ConfigError | UsageError) -> None:
        key = (error.field or "").rpartition(": ")[2].partition(".")[0]
        field = _FIELD_OF.get(key, key)
        said = f"{error.why[:1].upper()}{error.why[1:]}. {error.remedy}" if error.remedy else error.why
        if key == "name":
            said = "Letters, digits, dots and dashes, at most 64 of them"
        self._wrong[field if field in {"name", *_NUMBERS, *_FIELD_OF.values()} else "name"] = said


def _number(name: str, label: str, placeholder: str, hint: str) -> Field:
    return {"name": name, "label": label, "kind": "number", "placeholder": placeholder, "hint": hint}


def _figure_fields() -> list[Field]:
    fields = [_number(name, label, "none", hint) for name, (label, hint) in _FIGURES.items()]
    for one in fields:
        one["fold"] = "More conditions"
    return fields


def _forecast_fields(currency: str) -> list[Field]:
    in_currency = f", {currency}".rstrip(", ")
    return [
        _number("min_chance", "Min chance %", "none", "Probability of a profit above zero once it is sold"),
        _number("min_expected_profit", f"Min expected profit{in_currency}", "none", "Mean of it once it is sold"),
        _number("min_profit_per_day", "Min profit per day %", "none", "Expected, in percent of the capital tied up"),
        _number("min_p10", f"Min P10 of profit{in_currency}", "none", "Missed with a probability of 10 % only"),
        _number("max_days_to_sell", "Max days to sell", "none", "Sold by then with a probability of 50 %"),
        _number("min_sold_in_30_days", "Min sold in 30 days %", "none", "Probability to have sold it by then"),
    ]


def _text(name: str, label: str, suggestions: Mapping[str, Iterable[str]]) -> Field:
    return {
        "name": name, "label": label, "kind": "text", "placeholder": "any", "suggestions": list(suggestions[name])
    }  # fmt: skip
