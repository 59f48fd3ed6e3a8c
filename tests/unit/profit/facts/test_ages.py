"""From what age demand and categories are no facts of now, and how long an exchange rate prices a route."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from arbkit.core.keepa_time import UNDATED_AT
from arbkit.profit import Profile, evaluate, load_rates, load_tables
from arbkit.profit.exchange_rates import AssumedRates
from arbkit.profit.facts.ages import SALE_PRICE, AgeRules, drop_old_demand, load_age_rules
from arbkit.profit.reason_codes import ReasonCode
from tests.unit.profit.test_evaluation import offer

NOW = 1_795_000_000.0
DAY_S = 86_400
FACTS = ("sales_rank", "rank_drops30", "category")


def marked(ages: dict[str, float], **fields: Any) -> Any:
    row = {"sales_rank": 700.0, "rank_drops30": 9.0, "category": "Toys & Games", **fields}
    times = {
        name: np.array([NOW - ages.get(name, 0) * DAY_S])
        for name in (*FACTS, "rank_drops90", "monthly_sold", SALE_PRICE)
    }
    return drop_old_demand(pd.DataFrame([row]), times, now=NOW).iloc[0]


@pytest.mark.parametrize(("days", "old"), [(0, False), (29.9, False), (30.1, True), (400, True)])
def test_a_rank_of_more_than_a_month_ago_is_unknown(days: float, old: bool) -> None:
    row = marked({"sales_rank": days})
    assert (np.isnan(row["sales_rank"]), bool(row["rank_too_old"]), row["rank_drops30"]) == (old, old, 9)
    row = marked({"rank_drops30": days})
    assert (np.isnan(row["rank_drops30"]), bool(row["rank_too_old"]), row["sales_rank"]) == (old, old, 700)


def test_a_rank_of_no_known_day_is_unknown_and_one_that_nobody_has_is_not_old() -> None:
    undated = dict.fromkeys(FACTS, (NOW - UNDATED_AT) / DAY_S)
    assert marked(undated)["rank_too_old"]
    assert not marked(undated, sales_rank=np.nan, rank_drops30=np.nan)["rank_too_old"]


@pytest.mark.parametrize(("days", "old"), [(29.9, False), (30.1, True)])
def test_a_price_inferred_from_ranks_is_as_old_as_ranks_may_be(days: float, old: bool) -> None:
    row = marked({"sale_price_minor": days}, sale_price_minor=900.0)
    assert (np.isnan(row["sale_price_minor"]), bool(row["sale_price_too_old"]), row["sales_rank"]) == (old, old, 700)
    assert not marked({"sale_price_minor": days}, sale_price_minor=np.nan)["sale_price_too_old"]


@pytest.mark.parametrize(("days", "doubted"), [(364, False), (366, True)])
def test_a_category_is_doubted_after_a_year_and_stays(days: float, doubted: bool) -> None:
    row = marked({"category": days})
    assert (bool(row["category_old"]), row["category"]) == (doubted, "Toys & Games")
    assert not marked({"category": days}, category=None)["category_old"]


def test_every_rule_says_why_and_since_when() -> None:
    rules = load_age_rules()
    for name in AgeRules.model_fields:
        rule = getattr(rules, name)
        assert rule.reason
        assert rule.source
        assert rule.valid_from
    with pytest.raises(ValidationError, match="reason"):
        AgeRules.model_validate({**rules.model_dump(), "category": {**rules.category.model_dump(), "reason": ""}})


@pytest.mark.parametrize("route", [("UK", "DE"), ("DE", "UK")])
@pytest.mark.parametrize(("days", "priced"), [(7, True), (183, True), (184, False), (2_000, False)])
def test_a_rate_older_than_half_a_year_prices_no_route(route: tuple[str, str], days: int, priced: bool) -> None:
    rates, profile = load_rates(), Profile.neutral(customs={"duty_pct": 0}, fulfilment=("fba-local",))
    on = rates.last_date + timedelta(days)
    offers = pd.DataFrame([offer(code, price) for code, price in zip(route, (4_000, 9_999), strict=True)])
    (row,) = evaluate(offers, profile, load_tables(), rates, on=on, routes=[route]).frame().to_dict("records")
    assert np.isfinite(row["profit"]) == priced
    unknown = {reason.code: reason for reason in row["unknown"]}
    assert (ReasonCode.EXCHANGE_RATE_TOO_OLD in unknown) == (not priced)
    if not priced:
        assert str(rates.last_date) in unknown[ReasonCode.EXCHANGE_RATE_TOO_OLD].message
    # Who assumes a rate has one of now; who sells within a currency needs none.
    assumed = AssumedRates(rates, "GBP", "EUR", 1.2)
    assert np.isfinite(evaluate(offers, profile, load_tables(), assumed, on=on, routes=[route]).profit).all()
    within = offers.assign(market=["IT", "DE"])
    assert np.isfinite(evaluate(within, profile, load_tables(), rates, on=on, routes=[("IT", "DE")]).profit).all()
