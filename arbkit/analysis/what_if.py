"""Stored opportunities asked again: with another seller, another exchange rate, other prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np
import pandas as pd

from arbkit.analysis.fee_changes import offers_frame
from arbkit.core.errors import UsageError
from arbkit.core.models import Offer, Opportunity
from arbkit.profit import Profile, Rates, Tables, apply_default_package, fill_missing_package
from arbkit.profit.evaluation import Evaluation, evaluate_costs
from arbkit.profit.offer_costs import cost_offers
from arbkit.profit.offer_facts import categories
from arbkit.profit.quote.request import QuoteRequest
from arbkit.profit.reason_codes import join_messages
from arbkit.profit.trade_costs import SellerCosts

__all__ = ["PricedRoute", "Revalued", "question_of", "revalue"]


@dataclass(frozen=True, slots=True)
class Revalued:
    """What a route would leave; None where that is unknown, and ``why``. Profit in the profile's home currency."""

    profit: float | None
    roi_pct: float | None
    margin_pct: float | None
    fulfilment: str | None
    why: str


def revalue(
    found: Sequence[Opportunity],
    offers: Sequence[Offer],
    profile: Profile,
    tables: Tables,
    rates: Rates,
    *,
    changes: Mapping[str, object],
    on: date,
    sell_change_pct: float = 0.0,
) -> list[Revalued]:
    """The same routes at their found prices, the selling price moved by a percentage, with another seller.

    ``changes``: fields of :class:`~arbkit.profit.quote.request.QuoteRequest` that speak of the seller. All are reckoned
    at once: a page of a table costs little more than one route.

    Raises:
        UsageError: a change is out of range, or impossible with the profile.
    """
    if not found:
        return []
    first = found[0]
    route = {"source": first.source, "buy": first.buy_price, "target": first.target, "sell": first.sell_price}
    seller_profile = QuoteRequest.parse({**route, **changes}).apply(profile)
    facts = apply_default_package(fill_missing_package(offers_frame(offers)), seller_profile)
    facts = facts.set_index(["asin", "market"], drop=False)
    usable = [o for o in found if (o.asin, o.source) in facts.index and (o.asin, o.target) in facts.index]
    bought = _asked(facts, usable, [o.source for o in usable], [o.buy_price for o in usable], profile)
    factor = 1 + sell_change_pct / 100
    sold = _asked(facts, usable, [o.target for o in usable], [o.sell_price * factor for o in usable], profile)
    day = tables.on(on)
    evaluated = evaluate_costs(
        cost_offers(bought, seller_profile, day),
        cost_offers(sold, seller_profile, day),
        SellerCosts(seller_profile, day, rates),
        routes=sorted({(o.source, o.target) for o in usable}),
    )
    answers = dict(zip((o.id for o in usable), _revalued(evaluated, usable), strict=True))
    gone = Revalued(None, None, None, None, "not offered on both marketplaces any more")
    return [answers.get(o.id, gone) for o in found]


def _asked(
    facts: pd.DataFrame, found: Sequence[Opportunity], codes: Sequence[str], prices: Sequence[float], profile: Profile
) -> pd.DataFrame:
    """An offer for each route, at its price; each a product of its own, for a product may be there twice."""
    rows = facts.loc[[(o.asin, code) for o, code in zip(found, codes, strict=True)]].reset_index(drop=True)
    said = rows["asin"].map(profile.schedules)
    category = categories(rows).where(said.isna(), said)
    return rows.drop(columns="category_path").assign(
        keepa_referral_price=rows["price_minor"] / 100,
        asin=np.arange(len(rows)),
        price_minor=np.round(np.asarray(prices) * 100),
        price_basis="as found",
        shipping_minor=np.nan,
        category=category,
    )


def _revalued(evaluated: Evaluation, asked: Sequence[Opportunity]) -> list[Revalued]:
    """One answer each, in the order of the products; frames are made only of what needs a reason."""
    number = {route: place for place, route in enumerate(evaluated.routes)}
    routes = np.array([number[o.source, o.target] for o in asked], dtype=np.int64)
    at = routes, np.arange(len(asked))
    profits, rois, margins = evaluated.profit[at], evaluated.roi_pct[at], evaluated.margin_net_pct[at]
    unknown = np.zeros_like(evaluated.listed_on_both)
    unknown[at] = np.isnan(profits)
    reasons: dict[Any, str] = {}
    if unknown.any():
        frame = evaluated.frame(unknown)
        reasons = dict(zip(frame["asin"], map(join_messages, frame["unknown"]), strict=True))
    return [
        Revalued(None, None, None, None, reasons.get(place) or "no way of fulfilment is open")
        if np.isnan(profits[place])
        else Revalued(
            _cents(profits[place]), _cents(rois[place]), _cents(margins[place]),
            evaluated.methods[evaluated.method_index[routes[place], place]], "",
        )
        for place in range(len(asked))
    ]  # fmt: skip


def _cents(value: float) -> float:
    return round(float(value), 2) + 0.0


class PricedRoute(Protocol):
    """A route and its two prices: an :class:`~arbkit.core.models.Opportunity`, or any other."""

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


def question_of(found: PricedRoute, offers: Sequence[Offer], profile: Profile, *, on: date) -> QuoteRequest:
    """The question whose answer, with this profile, is what detection found: same prices, facts and day.

    Raises:
        UsageError: the product is not offered on the marketplace it would be sold on any more.
    """
    facts = apply_default_package(fill_missing_package(offers_frame(offers)), profile)
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
    return QuoteRequest.parse({name: value for name, value in fields.items() if value is not None})


def _known(value: object) -> object:
    return None if pd.isna(value) else value  # type: ignore[call-overload]  # pandas' stubs know no object


def _major(value: object) -> float | None:
    return None if _known(value) is None else float(str(value)) / 100


def _size(row: pd.Series[Any]) -> str | None:
    sides = [row[name] for name in ("length_mm", "width_mm", "height_mm")]
    return None if any(_known(s) is None for s in sides) else "x".join(f"{float(str(s)):g}" for s in sides)
