"""Every route of one product, priced now, also those that leave nothing or cannot be priced, with the reason."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from arbkit.analysis.fee_changes import offers_frame
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Offer
from arbkit.profit import COMPONENTS, Profile, Rates, Tables, apply_default_package, evaluate, fill_missing_package
from arbkit.profit.reason_codes import join_messages
from arbkit.store.base import Stats

__all__ = ["EvaluatedRoute", "all_routes", "best_cells", "route_cells"]

Cells = dict[tuple[str, str], tuple[float | None, str]]

_FIRST = ["asin", "source", "target", "buy_price", "buy_currency", "sell_price", "sell_currency", "profit", "currency",
          "roi_pct", "margin_pct", "fulfilment", "unknown", "assumed"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class EvaluatedRoute:
    """What a route was priced from (:class:`~arbkit.analysis.what_if.PricedRoute`)."""

    asin: str
    source: str
    target: str
    buy_price: float
    sell_price: float


def all_routes(offers: Sequence[Offer], profile: Profile, tables: Tables, rates: Rates, *, on: date) -> pd.DataFrame:
    """The routes between all marketplaces for the product of these offers, the most profitable first.

    ``asin, source, target, buy_price, sell_price`` (VAT included, in ``buy_currency`` and ``sell_currency``),
    ``profit``, ``roi_pct``, ``margin_pct`` (of net revenue), ``fulfilment``, ``unknown`` (why there is no profit, else
    empty), ``assumed`` and, last, a column per component (signed, in ``currency``).
    """
    facts = apply_default_package(fill_missing_package(offers_frame(offers)), profile)
    priced = evaluate(facts, profile, tables, rates, on=on).frame().rename(columns={"margin_net_pct": "margin_pct"})
    for name in ("unknown", "assumed"):
        priced[name] = priced[name].map(join_messages)
    missing = pd.DataFrame(list(_not_offered(offers)), columns=["asin", "source", "target", "unknown"])
    made = pd.concat([priced[[*_FIRST, *COMPONENTS]], missing], ignore_index=True)
    made["assumed"] = made["assumed"].fillna("")
    unknown = made["profit"].isna()
    # What is partly unknown adds up to nothing: shares of it would mislead.
    made.loc[unknown, ["roi_pct", "margin_pct"]] = float("nan")
    return made.sort_values(["profit", "source", "target"], ascending=[False, True, True], ignore_index=True)


def _not_offered(offers: Sequence[Offer]) -> Iterator[tuple[str, str, str, str]]:
    there = {o.market for o in offers}
    for source in MARKETS:
        for target in MARKETS:
            if source != target and not {source, target} <= there:
                absent = [code for code in (source, target) if code not in there]
                yield offers[0].asin, source, target, f"not listed on {' and '.join(absent)}"


def route_cells(routes: pd.DataFrame) -> Cells:
    """Of :func:`all_routes` what :func:`~arbkit.display.charts.routes_figure` draws."""
    names = ("source", "target", "profit", "currency", "unknown")
    cells: Cells = {}
    for source, target, profit, currency, unknown in zip(*(routes[n].tolist() for n in names), strict=True):
        known = not math.isnan(profit)
        cells[source, target] = (profit, f"{profit:.2f} {currency}") if known else (None, f"unknown: {unknown}")
    return cells


def best_cells(stats: Stats, currency: str) -> Cells:
    """The best opportunity of each route, for the same figure."""
    cells: Cells = {}
    for route, found in stats.routes.items():
        source, _, target = route.partition(":")
        text = f"{found['count']:,} opportunities, the best of {found['best_profit']:.2f} {currency}"
        cells[source, target] = (found["best_profit"], text)
    return cells
