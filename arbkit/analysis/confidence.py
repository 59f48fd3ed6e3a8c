"""How far a route's figures can be trusted, from 0 to 1, with the rules that lowered it.

A route starts at 1; every rule that holds multiplies it by its factor. Factors, thresholds and messages are data
(``confidence_rules.toml``); this module says only how each rule is checked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Annotated

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from arbkit.core.errors import ConfigError
from arbkit.core.input.faults import first_fault
from arbkit.core.results import Json, MatchVerdict, WarningRow
from arbkit.profit.fees.arrays import Floats, Mask
from arbkit.profit.reason_codes import ReasonCode
from arbkit.profit.route_frame import Column

_DAY_S = 24 * 3600.0
_HEAVY = ("heavy oversize", "special oversize")
_BULKY = ("standard oversize light", "standard oversize heavy", "standard oversize large", "bulky oversize", *_HEAVY)


def _reason_code(name: str) -> ReasonCode:
    if name not in ReasonCode.__members__:
        raise ValueError(f"no reason has the code {name!r}")
    return ReasonCode[name]


class ConfidenceRule(BaseModel):
    """One reason to trust a route less: by which factor, above which thresholds, and why.

    ``assumptions``: the codes the rule is about, where it is about assumptions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    message: str = Field(min_length=1)
    factor: float = Field(gt=0, lt=1)
    thresholds: Mapping[str, float] = Field(default_factory=dict)
    assumptions: tuple[Annotated[ReasonCode, BeforeValidator(_reason_code)], ...] = ()
    rationale: str = Field(min_length=1)
    valid_from: date
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> ConfidenceRule:
        """A rule states what its check needs, and nothing else."""
        if self.code not in _CHECKS:
            raise ValueError(f"no rule is checked under the code {self.code!r}")
        check, needed = _CHECKS[self.code]
        if set(self.thresholds) != needed:
            raise ValueError(f"thresholds are {sorted(needed)}, not {sorted(self.thresholds)}")
        if bool(self.assumptions) != (check is _assumed):
            raise ValueError("assumptions belong to the rules about assumptions, and to no others")
        return self


@dataclass(frozen=True, slots=True)
class Lowered:
    """The rules that lowered a route's confidence, in their order, and what an opportunity says of them."""

    rules: tuple[ConfidenceRule, ...]
    messages: tuple[str, ...]
    warnings: tuple[WarningRow, ...]

    @classmethod
    def by(cls, rules: Iterable[ConfidenceRule]) -> Lowered:
        """Lowered by these rules."""
        found = tuple(rules)
        warnings: list[WarningRow] = [{"code": rule.code, "text": rule.message} for rule in found]
        return cls(found, tuple(rule.message for rule in found), tuple(warnings))


def score_confidence(
    routes: Mapping[str, Column], *, now: float, rules: Sequence[ConfidenceRule] | None = None
) -> tuple[Floats, list[Lowered]]:
    """Confidence of each route, to three digits, and the rules that lowered it (one object for all rows alike).

    Args:
        routes: the columns of :class:`~arbkit.profit.route_frame.RouteRow` and, prefixed ``buy_`` and ``sell_``,
            those of the two offers that :data:`arbkit.analysis.offers.DEMAND_COLUMNS` names; further ``profit_low``,
            ``profit_high``, ``match_verdict`` (None: not compared) and ``match_differs``.
        now: Unix seconds, which the age of the data is counted to.
        rules: None: those that come with arbkit.
    """
    rules = load_confidence_rules() if rules is None else rules
    score = np.ones(len(routes["updated_at"]))
    holds = np.empty((len(score), len(rules)), bool)
    for position, rule in enumerate(rules):
        holds[:, position] = mask = _CHECKS[rule.code][0](routes, now, rule)
        score[mask] *= rule.factor
    known: dict[bytes, Lowered] = {}
    lowered = []
    for row in holds:
        if (key := row.tobytes()) not in known:
            known[key] = Lowered.by(rules[position] for position in np.flatnonzero(row).tolist())
        lowered.append(known[key])
    return np.round(score, 3), lowered


@lru_cache(maxsize=1)
def load_confidence_rules() -> tuple[ConfidenceRule, ...]:
    """The rules that come with arbkit.

    Raises:
        ConfigError: the file is broken; names the rule and the field.
    """
    path = resources.files("arbkit.analysis").joinpath("confidence_rules.toml")
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the rules cannot be read: {error}", field="confidence_rules.toml") from None
    return parse_confidence_rules(content.get("rules", ()))


def parse_confidence_rules(rows: Sequence[Mapping[str, Json]]) -> tuple[ConfidenceRule, ...]:
    """The rules of parsed rows: each code once, none left out.

    Raises:
        ConfigError: a row breaks a rule, or one is missing or there twice; names it.
    """
    rules = []
    for row in rows:
        try:
            rules.append(ConfidenceRule.model_validate(row))
        except ValidationError as error:
            field, why, _ = first_fault(error)
            where = f"confidence_rules.toml: {row.get('code')}"
            raise ConfigError(why, field=f"{where}: {field}" if field else where) from None
    codes = [rule.code for rule in rules]
    for code in _CHECKS:
        if codes.count(code) != 1:
            raise ConfigError(f"is there {codes.count(code)} times, not once", field=f"confidence_rules.toml: {code}")
    return tuple(rules)


def _column(routes: Mapping[str, Column], name: str) -> Floats:
    return np.asarray(routes[name], np.float64)


def _old(routes: Mapping[str, Column], now: float, rule: ConfidenceRule) -> Mask:
    days, limits = (now - _column(routes, "updated_at")) / _DAY_S, rule.thresholds
    return np.asarray((days > limits["above_days"]) & (days <= limits.get("up_to_days", np.inf)))


def _assumed(routes: Mapping[str, Column], _: float, rule: ConfidenceRule) -> Mask:
    bits = np.uint64(0)
    for code in rule.assumptions:
        bits |= code.bit
    return np.asarray((np.asarray(routes["reason_flags"], np.uint64) & bits) != 0)


def _no_buy_box(side: str) -> _Check:
    # "buy_box, 90-day average" is of the buy box too.
    def check(routes: Mapping[str, Column], _: float, __: ConfidenceRule) -> Mask:
        bases = routes[f"{side}_basis"].tolist()
        return np.array([not (isinstance(basis, str) and basis.startswith("buy_box")) for basis in bases], bool)

    return check


def _missing(column: str) -> _Check:
    return lambda routes, _, __: np.isnan(_column(routes, column))


def _asked(routes: Mapping[str, Column], side: str) -> Floats:
    """What the shop asks now, in minor units with shipping: the price that is priced may be an average already."""
    return _column(routes, f"{side}_price_minor") + np.nan_to_num(_column(routes, f"{side}_shipping_minor"))


def _above_average(routes: Mapping[str, Column], _: float, rule: ConfidenceRule) -> Mask:
    average = _column(routes, "sell_price_avg90_minor")
    return np.asarray(_asked(routes, "sell") > rule.thresholds["above_share_of_average"] * average)


def _below_average(routes: Mapping[str, Column], _: float, rule: ConfidenceRule) -> Mask:
    average = _column(routes, "buy_price_avg90_minor")
    return np.asarray(_asked(routes, "buy") < rule.thresholds["below_share_of_average"] * average)


def _amazon_holds_buy_box(routes: Mapping[str, Column], _: float, __: ConfidenceRule) -> Mask:
    return np.asarray(_column(routes, "sell_buy_box_is_amazon") == 1)


def _above(column: str, threshold: str) -> _Check:
    return lambda routes, _, rule: np.asarray(_column(routes, column) > rule.thresholds[threshold])


def _below(column: str, threshold: str) -> _Check:
    return lambda routes, _, rule: np.asarray(_column(routes, column) < rule.thresholds[threshold])


def _amazon_in_stock(routes: Mapping[str, Column], _: float, __: ConfidenceRule) -> Mask:
    # Where it holds the buy box, another rule says so.
    holds = _column(routes, "sell_buy_box_is_amazon") == 1
    return np.asarray((_column(routes, "sell_amazon_minor") > 0) & ~holds)


def _may_pay(routes: Mapping[str, Column]) -> Mask:
    # A loss with every package is a sure figure.
    return np.asarray(~(_column(routes, "profit_high") <= 0))


def _range_width(routes: Mapping[str, Column]) -> Floats:
    return _column(routes, "profit_high") - _column(routes, "profit_low")


def _no_rank(routes: Mapping[str, Column], _: float, __: ConfidenceRule) -> Mask:
    # Of one that is too old another rule says so.
    old = np.asarray(routes["reason_flags"], np.uint64) & ReasonCode.SALES_RANK_OLD.bit
    return np.asarray(np.isnan(_column(routes, "sell_sales_rank")) & (old == 0))


def _range_wide(routes: Mapping[str, Column], _: float, rule: ConfidenceRule) -> Mask:
    limit = rule.thresholds["above_share_of_profit"] * np.abs(_column(routes, "profit"))
    # An unknown end is as wide as can be.
    return np.asarray(_may_pay(routes) & ~(_range_width(routes) <= limit))


def _range_costly(routes: Mapping[str, Column], _: float, rule: ConfidenceRule) -> Mask:
    limit = rule.thresholds["above_share_of_invested"] * _column(routes, "invested")
    return np.asarray(_range_width(routes) > limit)


def _size_tier(*tiers: str) -> _Check:
    return lambda routes, _, __: np.array([tier in tiers for tier in routes["size_tier"].tolist()], bool)


def _thin_return(routes: Mapping[str, Column], _: float, rule: ConfidenceRule) -> Mask:
    return np.asarray(_may_pay(routes) & (_column(routes, "roi_pct") < rule.thresholds["below_percent"]))


def _modest_return(routes: Mapping[str, Column], _: float, rule: ConfidenceRule) -> Mask:
    roi, limits = _column(routes, "roi_pct"), rule.thresholds
    return np.asarray((roi >= limits["from_percent"]) & (roi < limits["below_percent"]))


def _speed_unknown(routes: Mapping[str, Column], _: float, rule: ConfidenceRule) -> Mask:
    best_seller = _column(routes, "sell_sales_rank") <= rule.thresholds["unless_rank_up_to"]
    return np.asarray(np.isnan(_column(routes, "sell_rank_drops30")) & ~best_seller)


def _spread_unexplained(routes: Mapping[str, Column], _: float, rule: ConfidenceRule) -> Mask:
    wide = _column(routes, "spread_pct") > rule.thresholds["above_percent"]
    return np.asarray(_may_pay(routes) & wide & np.isnan(_column(routes, "sell_price_avg90_minor")))


def _differ_in_detail(routes: Mapping[str, Column], _: float, __: ConfidenceRule) -> Mask:
    return np.asarray((routes["match_verdict"] == "same") & routes["match_differs"].astype(bool))


def _verdict(verdict: MatchVerdict) -> _Check:
    return lambda routes, _, __: np.asarray(routes["match_verdict"] == verdict, bool)


_Check = Callable[[Mapping[str, Column], float, ConfidenceRule], Mask]
_CHECKS: dict[str, tuple[_Check, frozenset[str]]] = {
    "data_older_than_a_week": (_old, frozenset({"above_days"})),
    "data_older_than_a_day": (_old, frozenset({"above_days", "up_to_days"})),
    "package_assumed": (_assumed, frozenset()),
    "referral_category_assumed": (_assumed, frozenset()),
    "no_buy_box_where_sold": (_no_buy_box("sell"), frozenset()),
    "no_buy_box_where_bought": (_no_buy_box("buy"), frozenset()),
    "purchase_shipping_unknown": (_missing("buy_shipping_minor"), frozenset()),
    "sell_price_above_average": (_above_average, frozenset({"above_share_of_average"})),
    "buy_price_below_average": (_below_average, frozenset({"below_share_of_average"})),
    "no_average_where_sold": (_missing("sell_price_avg90_minor"), frozenset()),
    "amazon_holds_buy_box": (_amazon_holds_buy_box, frozenset()),
    "no_sales_rank": (_no_rank, frozenset()),
    "often_out_of_stock": (_above("buy_out_of_stock90_pct", "above_percent"), frozenset({"above_percent"})),
    "data_older_than_a_month": (_old, frozenset({"above_days"})),
    "data_older_than_a_quarter": (_old, frozenset({"above_days"})),
    **dict.fromkeys(
        (
            "old_buy_box_replaced",
            "sales_rank_old",
            "category_old",
            "package_derived",
            "exchange_rate_stale",
            "customs_assumed",
            "tax_assumed",
            "fee_assumed",
        ),
        (_assumed, frozenset[str]()),
    ),
    "package_range_wide": (_range_wide, frozenset({"above_share_of_profit"})),
    **dict.fromkeys(
        ("package_range_costly", "package_range_vast"), (_range_costly, frozenset({"above_share_of_invested"}))
    ),
    "bulky_goods": (_size_tier(*_BULKY), frozenset()),
    "heavy_goods": (_size_tier(*_HEAVY), frozenset()),
    "thin_return": (_thin_return, frozenset({"below_percent"})),
    "modest_return": (_modest_return, frozenset({"from_percent", "below_percent"})),
    "sells_slowly": (_below("sell_rank_drops30", "below_drops"), frozenset({"below_drops"})),
    "sales_speed_unknown": (_speed_unknown, frozenset({"unless_rank_up_to"})),
    "many_sellers": (_above("sell_offers_new", "above_sellers"), frozenset({"above_sellers"})),
    "sellers_unknown": (_missing("sell_offers_new"), frozenset()),
    "amazon_in_stock": (_amazon_in_stock, frozenset()),
    "spread_unexplained": (_spread_unexplained, frozenset({"above_percent"})),
    "listings_different": (_verdict("different"), frozenset()),
    "listings_doubtful": (_verdict("doubtful"), frozenset()),
    "listings_differ_in_detail": (_differ_in_detail, frozenset()),
    "listings_not_comparable": (_verdict("unknown"), frozenset()),
}
"""How each rule is checked, and the thresholds it needs."""
