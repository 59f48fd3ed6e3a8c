"""From what age a fact no longer prices a route: the rules, and the demand and categories they concern. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib import resources

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arbkit.core.errors import ConfigError
from arbkit.core.input.faults import first_fault
from arbkit.profit.fees.arrays import Floats
from arbkit.profit.offer_facts import numbers

DAY_S = 86_400.0
RANK_FACTS = ("sales_rank", "rank_drops30", "rank_drops90", "monthly_sold")
"""What says how well a product sells, and is as old as a rank may be."""
AMAZON_SHARE_FACTS = ("amazon_buy_box90_pct", "amazon_absent90_pct", "amazon_days90")
"""What says for how much of 90 days Amazon sold it, and is as old as what a history said may be."""
SALE_PRICE = "sale_price_minor"
"""What was inferred from ranks, and is as old as they may be."""


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: str = Field(min_length=1)
    valid_from: date
    source: str = Field(min_length=1)


class PriceRule(_Rule):
    """Days, and the share of its average below which a purchase is a glitch."""

    buy_box_days: float = Field(gt=0)
    newer_by_days: float = Field(ge=0)
    any_price_days: float = Field(gt=0)
    glitch_share: float = Field(gt=0, lt=1)


class RateRule(_Rule):
    """Whole days of an exchange rate: bridged, doubted, and unknown."""

    bridged_days: int = Field(ge=1)
    doubt_after_days: int = Field(ge=1)
    unknown_after_days: int = Field(ge=1)


class RankRule(_Rule):
    """Days after which demand is unknown."""

    unknown_after_days: float = Field(gt=0)


class CategoryRule(_Rule):
    """Days after which a category is doubted."""

    doubt_after_days: float = Field(gt=0)


class HistoryRule(_Rule):
    """Days after which what a history said of its last 90 days is unknown."""

    unknown_after_days: float = Field(gt=0)


class AgeRules(BaseModel):
    """The table ``age_rules.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price: PriceRule
    exchange_rate: RateRule
    sales_rank: RankRule
    category: CategoryRule
    history: HistoryRule


@lru_cache(maxsize=1)
def load_age_rules() -> AgeRules:
    """The rules that come with arbkit.

    Raises:
        ConfigError: the file is broken; names the field.
    """
    text = resources.files("arbkit.profit.facts").joinpath("age_rules.toml").read_text("utf-8")
    try:
        return AgeRules.model_validate(tomllib.loads(text))
    except ValidationError as error:
        field, why, _ = first_fault(error)
        raise ConfigError(why, field=f"age_rules.toml: {field}") from None


def drop_old_demand(
    offers: pd.DataFrame, times: Mapping[str, Floats], *, now: float, rules: AgeRules | None = None
) -> pd.DataFrame:
    """The offers without ranks, and shares of Amazon, that are too old to say what sells now.

    ``rank_too_old`` marks where one was, ``sale_price_too_old`` where a price was inferred from such ranks, and
    ``category_old`` where the category is doubted for its age.

    Args:
        offers: with ``category`` and those of :data:`RANK_FACTS` and :data:`SALE_PRICE` that are wanted.
        times: when each of these facts was true, Unix seconds, by its name.
        now: Unix seconds.
        rules: None: those that come with arbkit.
    """
    rules = rules or load_age_rules()
    made = offers.copy(deep=False)
    dropped = np.zeros(len(made), bool)
    for name in (name for name in RANK_FACTS if name in made):
        values = numbers(made, name)
        old = ~np.isnan(values) & (now - times[name] > rules.sales_rank.unknown_after_days * DAY_S)
        if old.any():
            made[name] = np.where(old, np.nan, values)
            dropped |= old
    made["rank_too_old"] = dropped
    for name in (name for name in AMAZON_SHARE_FACTS if name in made):
        old = now - times[name] > rules.history.unknown_after_days * DAY_S
        if old.any():
            made[name] = np.where(old, np.nan, numbers(made, name))
    if SALE_PRICE in made:
        inferred = numbers(made, SALE_PRICE)
        too_old = ~np.isnan(inferred) & (now - times[SALE_PRICE] > rules.sales_rank.unknown_after_days * DAY_S)
        made[SALE_PRICE] = np.where(too_old, np.nan, inferred)
        made["sale_price_too_old"] = too_old
    made["category_old"] = made["category"].notna().to_numpy(bool) & (
        now - times["category"] > rules.category.doubt_after_days * DAY_S
    )
    return made
