"""A stored opportunity as a question, so that it can be asked again with something else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

import pandas as pd

from arbkit.errors import UsageError
from arbkit.fees import offers_frame
from arbkit.models import Offer
from arbkit.money import Profile, share_facts, with_assumed_package
from arbkit.money.facts import categories
from arbkit.money.question import Question

__all__ = ["PricedRoute", "question_of"]


class PricedRoute(Protocol):
    """A product's way with its prices there and here: an :class:`~arbkit.models.Opportunity`, or any other route."""

    @property
    def asin(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def buy_price(self) -> float: ...
    @property
    def sell_price(self) -> float: ...


def question_of(found: PricedRoute, offers: Sequence[Offer], profile: Profile, *, on: date) -> Question:
    """The question whose answer, with this profile, is what detection found: same prices, facts and day.

    Raises:
        UsageError: the product is not offered on the marketplace it would be sold on any more.
    """
    facts = with_assumed_package(share_facts(offers_frame(offers)), profile)
    rows = facts[facts["market"] == found.target]
    if rows.empty:
        raise UsageError("is not offered there any more", field="target", value=found.target)
    sell = rows.iloc[0]
    spot = sell["price_minor"]
    fields = {
        "source": found.source,
        "buy": found.buy_price,
        "target": found.target,
        "sell": found.sell_price,
        "category": profile.schedules.get(found.asin, _known(categories(rows).iloc[0])),
        "size_mm": _size(sell),
        "weight_g": _known(sell["weight_g"]),
        "hazmat": bool(_known(sell["hazmat"])),
        "keepa_fba_fee": _major(sell["keepa_fba_fee_minor"]),
        "keepa_closing_fee": _major(sell["keepa_closing_fee_minor"]),
        "keepa_referral_pct": _known(sell["keepa_referral_pct"]),
        "keepa_referral_price": _major(spot) if _known(spot) else None,
        "on": on,
    }
    return Question.asked({name: value for name, value in fields.items() if value is not None})


def _known(value: object) -> object:
    return None if pd.isna(value) else value  # type: ignore[call-overload]  # pandas' stubs know no object


def _major(value: object) -> float | None:
    return None if _known(value) is None else float(str(value)) / 100


def _size(row: pd.Series[Any]) -> str | None:
    sides = [row[name] for name in ("length_mm", "width_mm", "height_mm")]
    return None if any(_known(s) is None for s in sides) else "x".join(f"{float(str(s)):g}" for s in sides)
