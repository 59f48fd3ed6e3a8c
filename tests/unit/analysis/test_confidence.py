"""Confidence: every rule's score and reason, on either side of each threshold, and that only codes decide."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from datetime import date
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from arbkit.analysis.confidence import load_confidence_rules, parse_confidence_rules, score_confidence
from arbkit.core.errors import ConfigError
from arbkit.profit import Profile, evaluate, load_rates, load_tables
from arbkit.profit.reason_codes import ReasonCode, Severity

NOW = 1_790_000_000.0
DAY_S = 86_400
NAN = float("nan")
ROWS: list[dict[str, Any]] = tomllib.loads(
    resources.files("arbkit.analysis").joinpath("confidence_rules.toml").read_text("utf-8")
)["rules"]


def a_route(**changes: Any) -> dict[str, Any]:
    """A route that nothing lowers, with changes."""
    route = {
        "updated_at": NOW - 60, "reason_flags": 0, "sell_basis": "buy_box", "buy_basis": "buy_box",
        "buy_shipping_minor": 0.0, "sell_price": 100.0, "sell_price_minor": 10_000.0, "sell_shipping_minor": 0.0,
        "sell_price_avg90_minor": 10_000.0, "buy_price": 50.0, "buy_price_minor": 5_000.0,
        "buy_price_avg90_minor": 5_000.0, "sell_buy_box_is_amazon": 0.0, "sell_sales_rank": 1_000.0,
        "buy_out_of_stock90_pct": 0.0, "profit": 10.0, "profit_low": 10.0, "profit_high": 10.0, "roi_pct": 30.0,
        "invested": 40.0, "spread_pct": 30.0,
        "size_tier": "standard parcel",
        "sell_rank_drops30": 20.0, "sell_offers_new": 5.0, "sell_amazon_minor": NAN, "match_verdict": "same",
        "match_differs": False,
    }  # fmt: skip
    return {**route, **changes}


def columns(routes: pd.DataFrame) -> dict[str, np.ndarray[Any, Any]]:
    """The columns of routes, as they are scored."""
    return {str(name): routes[name].to_numpy() for name in routes}


def scored(*routes: dict[str, Any]) -> list[tuple[float, list[str]]]:
    """Confidence and messages of each route."""
    frame = pd.DataFrame(routes).astype({"reason_flags": "uint64"})
    scores, rules = score_confidence(columns(frame), now=NOW)
    return [(float(score), list(each.messages)) for score, each in zip(scores, rules, strict=True)]


def flags(*codes: ReasonCode) -> int:
    return sum(int(code.bit) for code in codes)


def test_a_route_that_nothing_lowers_is_trusted_wholly() -> None:
    assert scored(a_route()) == [(1.0, [])]


WEEK, ONE_DAY = 7 * DAY_S, DAY_S


@pytest.mark.parametrize(
    ("change", "score", "reason"),
    [
        ({"updated_at": NOW - WEEK - 1}, 0.4, "data older than a week"),
        ({"updated_at": NOW - WEEK}, 0.7, "data older than a day"),
        ({"updated_at": NOW - ONE_DAY - 1}, 0.7, "data older than a day"),
        ({"reason_flags": flags(ReasonCode.PACKAGE_ASSUMED)}, 0.6, "package size or weight assumed"),
        ({"reason_flags": flags(ReasonCode.REFERRAL_AMBIGUOUS)}, 0.8, "referral category assumed"),
        ({"sell_basis": "new"}, 0.7, "no buy box price where it is sold"),
        ({"sell_basis": None}, 0.7, "no buy box price where it is sold"),
        ({"buy_basis": "amazon"}, 0.9, "no buy box price where it is bought"),
        ({"buy_shipping_minor": NAN}, 0.9, "shipping of the purchase unknown"),
        ({"sell_price_minor": 11_501.0}, 0.6, "selling price well above its 90-day average"),
        (
            {"sell_price_minor": 11_002.0, "sell_shipping_minor": 499.0},
            0.6,
            "selling price well above its 90-day average",
        ),
        ({"buy_price_minor": 3_749.0}, 0.8, "purchase price far below its 90-day average"),
        ({"sell_price_avg90_minor": NAN}, 0.9, "no 90-day average where it is sold"),
        ({"sell_buy_box_is_amazon": 1.0}, 0.5, "Amazon holds the buy box where it is sold"),
        ({"sell_sales_rank": NAN}, 0.8, "no sales rank where it is sold"),
        ({"buy_out_of_stock90_pct": 50.1}, 0.9, "often out of stock where it is bought"),
        (
            {"reason_flags": flags(ReasonCode.OLD_BUY_BOX_REPLACED)},
            0.7,
            "the buy box price was old, so the lowest new price was taken",
        ),
        ({"reason_flags": flags(ReasonCode.PACKAGE_DERIVED)}, 0.85, "package derived from what is known of it"),
        ({"profit_low": -0.01}, 0.6, "the profit depends on the package by more than itself"),
        ({"profit_low": NAN}, 0.6, "the profit depends on the package by more than itself"),
        ({"reason_flags": flags(ReasonCode.EXCHANGE_RATE_STALE)}, 0.9, "exchange rate older than a week"),
        (
            {"reason_flags": flags(ReasonCode.CUSTOMS_BY_PROFILE, ReasonCode.UK_EFN_CURRENCY)},
            0.85,
            "duty, freight or the currency of a cross-border fee assumed",
        ),
        (
            {"reason_flags": flags(ReasonCode.VAT_CLASS_SUGGESTED)},
            0.9,
            "VAT class or the right to sell unregistered assumed",
        ),
        (
            {"reason_flags": flags(ReasonCode.PEAK_OF_LAST_SEASON)},
            0.95,
            "a fee that sources disagree on, or of an earlier season",
        ),
        ({"roi_pct": 4.99}, 0.5, "return below 5 %"),
        ({"roi_pct": 5.0}, 0.8, "return below 10 %"),
        ({"roi_pct": 9.99}, 0.8, "return below 10 %"),
        ({"sell_rank_drops30": 3.0}, 0.6, "fewer than 4 rank drops in 30 days where it is sold"),
        ({"sell_rank_drops30": NAN}, 0.85, "sales speed unknown where it is sold"),
        ({"sell_offers_new": 11.0}, 0.8, "more than 10 sellers where it is sold"),
        ({"sell_offers_new": NAN}, 0.95, "number of sellers unknown where it is sold"),
        ({"sell_amazon_minor": 9_900.0}, 0.7, "Amazon itself sells it there"),
        (
            {"profit_low": 5.0, "profit_high": 25.1, "profit": 24.0},
            0.7,
            "the package alone moves the return by more than 50 points",
        ),
        (
            {"size_tier": "standard oversize light"},
            0.7,
            "oversize goods: freight, damage and returns cost more than a table says",
        ),
        ({"match_verdict": "doubtful"}, 0.4, "the two listings may not be the same goods"),
        ({"match_differs": True}, 0.8, "the two listings differ in a detail"),
        ({"match_verdict": "doubtful", "match_differs": True}, 0.4, "the two listings may not be the same goods"),
        ({"match_verdict": "unknown"}, 0.9, "too little is known to compare the two listings"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_rule_lowers_the_score_by_its_factor_and_names_its_reason(
    change: dict[str, Any], score: float, reason: str
) -> None:
    assert scored(a_route(**change)) == [(score, [reason])]


@pytest.mark.parametrize(
    "change",
    [
        {"updated_at": NOW - ONE_DAY},
        {"sell_basis": "buy_box, 90-day average"},
        {"buy_basis": "buy_box, 30-day average"},
        {"sell_price_minor": 11_499.0},
        {"sell_price_minor": 100.0},
        {"sell_price_minor": NAN},
        {"buy_price_minor": 3_750.0},
        {"buy_price_minor": 3_749.0, "buy_shipping_minor": 1.0},
        {"buy_price_minor": 50_000.0},
        {"buy_price_avg90_minor": NAN},
        {"sell_buy_box_is_amazon": NAN},
        {"buy_out_of_stock90_pct": 50.0},
        {"profit_low": 0.01, "profit_high": 10.0},
        {"roi_pct": 10.0},
        {"size_tier": "small oversize"},
        {"size_tier": None},
        {"profit": -30.0, "profit_low": -30.0, "profit_high": -0.01, "roi_pct": -75.0, "invested": 100.0},
        {"profit": -1.0, "profit_low": -3.0, "profit_high": 0.0, "roi_pct": -2.0},
        {"profit": 24.0, "profit_low": 5.0, "profit_high": 25.0},
        {"sell_rank_drops30": NAN, "sell_sales_rank": 100.0},
        {"sell_rank_drops30": 4.0},
        {"sell_offers_new": 10.0},
        {"match_verdict": None},
        {"buy_out_of_stock90_pct": NAN},
    ],
    ids=str,
)
def test_what_is_just_within_a_threshold_lowers_nothing(change: dict[str, Any]) -> None:
    assert scored(a_route(**change)) == [(1.0, [])]


@pytest.mark.parametrize(("days", "score"), [(30, 0.4), (31, 0.2), (91, 0.2), (92, 0.1)])
def test_the_older_the_data_the_less_it_is_trusted(days: int, score: float) -> None:
    assert scored(a_route(updated_at=NOW - days * DAY_S))[0][0] == score


def test_where_amazon_holds_the_buy_box_its_offer_is_not_counted_twice() -> None:
    assert scored(a_route(sell_amazon_minor=9_900.0, sell_buy_box_is_amazon=1.0))[0][0] == 0.5


@pytest.mark.parametrize(("spread", "score"), [(50.0, 0.9), (50.1, round(0.9 * 0.7, 3)), (NAN, 0.9)])
def test_a_wide_gap_of_prices_is_doubted_where_no_average_explains_it(spread: float, score: float) -> None:
    assert scored(a_route(sell_price_avg90_minor=NAN, spread_pct=spread))[0][0] == score
    loss = a_route(sell_price_avg90_minor=NAN, spread_pct=spread, profit=-9.0, profit_low=-9.0, profit_high=-9.0)
    assert scored(loss)[0][0] == 0.9


@pytest.mark.parametrize(("low", "score"), [(-36.0, 1.0), (-36.1, 0.7), (-96.0, 0.7), (-96.1, 0.49)])
def test_the_more_the_package_may_cost_the_less_a_figure_says(low: float, score: float) -> None:
    # A loss with every package, so that only the width of its range counts.
    loss = a_route(profit=-20.0, profit_low=low, profit_high=-16.0, roi_pct=-50.0)
    assert scored(loss)[0][0] == score


@pytest.mark.parametrize("tier", ["heavy oversize", "special oversize"])
def test_what_is_no_parcel_any_more_is_doubted_twice(tier: str) -> None:
    assert scored(a_route(size_tier=tier))[0][0] == 0.49


@pytest.mark.parametrize(("rank", "score"), [(101.0, 0.85), (NAN, round(0.85 * 0.8, 3))])
def test_a_rank_outside_the_best_sellers_says_nothing_of_speed(rank: float, score: float) -> None:
    assert scored(a_route(sell_rank_drops30=NAN, sell_sales_rank=rank))[0][0] == score


def test_every_assumption_lowers_the_confidence() -> None:
    doubted = {code for rule in load_confidence_rules() for code in rule.assumptions}
    # Each of these has a rule of its own that looks at the offer.
    seen_otherwise = {ReasonCode.SHIPPING_UNKNOWN, ReasonCode.SPOT_FOR_AVERAGE}
    assert doubted | seen_otherwise == {code for code in ReasonCode if code.severity is Severity.ASSUMED}


def test_several_rules_multiply_and_are_listed_in_order() -> None:
    poor = a_route(
        updated_at=NOW - 2 * DAY_S, sell_buy_box_is_amazon=1.0, sell_sales_rank=NAN,
        reason_flags=flags(ReasonCode.PACKAGE_ASSUMED, ReasonCode.REFERRAL_AMBIGUOUS),
    )  # fmt: skip
    found = scored(a_route(), poor)
    assert found[0] == (1.0, [])
    assert found[1] == (
        round(0.7 * 0.6 * 0.8 * 0.5 * 0.8, 3),
        [
            "data older than a day",
            "package size or weight assumed",
            "referral category assumed",
            "Amazon holds the buy box where it is sold",
            "no sales rank where it is sold",
        ],
    )


@pytest.mark.parametrize("code", ReasonCode, ids=lambda code: code.name)
def test_only_the_assumptions_that_a_rule_names_lower_the_score(code: ReasonCode) -> None:
    named = [rule.message for rule in load_confidence_rules() if code in rule.assumptions]
    assert scored(a_route(reason_flags=flags(code)))[0][1] == named


def offers(market_prices: dict[str, float], category: str, **fields: Any) -> pd.DataFrame:
    defaults = {
        "asin": "B000000001", "price_basis": "buy_box", "shipping_minor": 0.0, "category": category,
        "length_mm": 200.0, "width_mm": 130.0, "height_mm": 20.0, "weight_g": 300.0, "hazmat": 0.0,
        "updated_at": NOW - 60, **fields,
    }  # fmt: skip
    return pd.DataFrame([{**defaults, "market": market, "price_minor": p} for market, p in market_prices.items()])


@pytest.mark.parametrize(
    ("category", "price", "on", "disputed"),
    [
        ("Books", 150, date(2026, 8, 1), True),
        ("Grocery & Gourmet", 250, date(2026, 8, 1), True),
        ("Toys & Games", 3_000, date(2024, 9, 1), False),
    ],
)
def test_a_disputed_or_announced_referral_fee_is_no_assumed_category(
    category: str, price: float, on: date, disputed: bool
) -> None:
    profile = Profile.neutral(fulfilment=("fba-local",))
    frame = offers({"FR": 100.0, "UK": price, "DE": price}, category, keepa_closing_fee_minor=0.0)
    routes = evaluate(frame, profile, load_tables(), load_rates(), on=on, routes=[("FR", "DE")]).frame()
    codes = [reason.code for reason in routes["assumed"].iloc[0]]
    expected = ReasonCode.REFERRAL_MINIMUM_DISPUTED if disputed else ReasonCode.REFERRAL_AS_ANNOUNCED
    assert expected in codes
    demand = a_route()
    for name in set(demand) - set(routes.columns):
        routes[name] = demand[name]
    routes = routes.assign(roi_pct=30.0, profit_low=routes["profit"], profit_high=routes["profit"])
    lowered = {rule.code for rule in score_confidence(columns(routes), now=NOW)[1][0].rules}
    assert "fee_assumed" in lowered
    assert "referral_category_assumed" not in lowered


def test_confidence_of_no_routes_is_empty() -> None:
    nothing = pd.DataFrame([a_route()]).astype({"reason_flags": "uint64"}).iloc[:0]
    scores, rules = score_confidence(columns(nothing), now=NOW)
    assert (len(scores), rules) == (0, [])


def test_every_rule_says_where_it_comes_from() -> None:
    rules = load_confidence_rules()
    assert len({rule.code for rule in rules}) == len(rules) == len(ROWS)
    assert all(rule.rationale and rule.source and rule.valid_from >= date(2026, 1, 1) for rule in rules)


def test_a_rule_lowers_the_score_by_the_factor_and_threshold_of_the_data() -> None:
    rows = copy.deepcopy(ROWS)
    by_code = {row["code"]: row for row in rows}
    by_code["sell_price_above_average"] |= {"factor": 0.25, "thresholds": {"above_share_of_average": 1.5}}
    frame = pd.DataFrame([a_route(sell_price_minor=15_000.0), a_route(sell_price_minor=15_010.0)]).astype(
        {"reason_flags": "uint64"}
    )
    scores, _ = score_confidence(columns(frame), now=NOW, rules=parse_confidence_rules(rows))
    assert scores.tolist() == [1.0, 0.25]


def _set(code: str, /, **fields: Any) -> Callable[[list[dict[str, Any]]], None]:
    def change(rows: list[dict[str, Any]]) -> None:
        next(row for row in rows if row["code"] == code).update(fields)

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_set("no_sales_rank", factor=1.2), "no_sales_rank: factor"),
        (_set("no_sales_rank", thresholds={"above_days": 3}), "no_sales_rank: thresholds are []"),
        (_set("data_older_than_a_week", thresholds={}), "data_older_than_a_week: thresholds are ['above_days']"),
        (_set("package_assumed", assumptions=["PACKAGE"]), "no reason has the code 'PACKAGE'"),
        (_set("package_assumed", assumptions=[]), "assumptions belong"),
        (_set("no_sales_rank", code="no_rank"), "'no_rank'"),
        (_set("no_sales_rank", code="package_assumed", assumptions=["PACKAGE_ASSUMED"]), "is there 2 times"),
        (_set("no_sales_rank", rationale=""), "no_sales_rank: rationale"),
        (list.pop, "listings_not_comparable: is there 0 times"),
    ],
)
def test_a_broken_rule_is_named(change: Callable[[list[dict[str, Any]]], None], says: str) -> None:
    rows = copy.deepcopy(ROWS)
    change(rows)
    with pytest.raises(ConfigError, match=r"confidence_rules\.toml") as caught:
        parse_confidence_rules(rows)
    assert says in str(caught.value)


def test_an_assumption_is_no_reason_for_an_unknown_profit() -> None:
    assert {code.severity for rule in load_confidence_rules() for code in rule.assumptions} == {Severity.ASSUMED}
    assert np.isfinite([rule.factor for rule in load_confidence_rules()]).all()


def test_a_rule_may_say_little_but_not_nothing() -> None:
    rows = copy.deepcopy(ROWS)
    rows[0] |= {"message": "!", "rationale": "!", "source": "!"}
    assert parse_confidence_rules(rows)[0].message == "!"
    for name in ("message", "rationale", "source"):
        with pytest.raises(ConfigError, match=name):
            parse_confidence_rules([{**rows[0], name: ""}, *rows[1:]])


@pytest.mark.parametrize("factor", [0, 1, -0.1])
def test_a_factor_lies_between_nothing_and_one(factor: float) -> None:
    with pytest.raises(ConfigError, match="factor"):
        parse_confidence_rules([{**ROWS[0], "factor": factor}, *ROWS[1:]])


def test_the_shared_rules_cannot_be_changed() -> None:
    rule = load_confidence_rules()[0]
    with pytest.raises(ValidationError, match="frozen"):
        rule.factor = 0.1  # type: ignore[misc]
