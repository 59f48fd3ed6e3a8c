"""Every route of one product, reckoned now: what detection would find, and what it leaves out with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from arbkit.analysis.detection import DEMAND_COLUMNS, IDENTITY_COLUMNS, opportunities_of
from arbkit.core.models import Offer, Opportunity
from arbkit.profit import (
    OFFER_COLUMNS,
    Profile,
    Rates,
    Tables,
    apply_default_package,
    components,
    evaluate,
    fill_missing_package,
)
from arbkit.profit.route_frame import RouteRow, route_rows

__all__ = ["ProductRoute", "facts_of", "product_routes"]

_TEXTS = frozenset({"asin", "market", "price_basis", "category", "category_path", "title", "brand", "source"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRoute:
    """One directed pair of marketplaces. ``found`` is the route as detection has it, None where it cannot be priced
    to the end; then ``why`` says what is unknown. Prices are shop prices in their currencies, None unknown."""

    source: str
    target: str
    buy_price: float | None
    buy_currency: str
    sell_price: float | None
    sell_currency: str
    fulfilment: str
    currency: str
    found: Opportunity | None
    why: tuple[str, ...]
    assumed: tuple[str, ...]
    components: tuple[Mapping[str, Any], ...]

    @property
    def id(self) -> str:
        return f"{self.source}:{self.target}"


def facts_of(offers: Sequence[Offer], profile: Profile) -> pd.DataFrame:
    """The offers as detection sees them: package facts shared between listings, or assumed by the profile."""
    names = list(dict.fromkeys((*OFFER_COLUMNS, *IDENTITY_COLUMNS, *DEMAND_COLUMNS)))
    frame = pd.DataFrame([{name: getattr(o, name) for name in names} for o in offers], columns=names)
    frame = frame.astype({name: "float64" for name in names if name not in _TEXTS})
    return apply_default_package(fill_missing_package(frame), profile)


def product_routes(
    offers: Sequence[Offer], facts: pd.DataFrame, profile: Profile, tables: Tables, rates: Rates, *, now: float
) -> list[ProductRoute]:
    """Every route between the marketplaces of these offers (of one product; ``facts`` by :func:`facts_of`), the most
    profitable first and those that cannot be priced last."""
    on = datetime.fromtimestamp(now, UTC).date()
    day, codes = tables.on(on), [o.market for o in offers]
    pairs = [(one, other) for one in codes for other in codes if one != other]
    if not pairs:
        return []
    frame = evaluate(facts, profile, tables, rates, on=on, routes=pairs).frame()
    found = opportunities_of(frame[frame["profit"].notna()], facts, profile, tables, rates, on=on, now=now, run_id="")
    priced = {(o.source, o.target): o for o in found}
    routes = []
    for row in route_rows(frame):
        one = priced.get((row["source"], row["target"]))
        routes.append(_route(row, one, one.components if one else components(row, profile, day, rates)))
    return sorted(routes, key=lambda r: (r.found is None, -r.found.profit if r.found else 0.0, r.id))


def _route(row: RouteRow, found: Opportunity | None, parts: Sequence[Mapping[str, Any]]) -> ProductRoute:
    return ProductRoute(
        source=row["source"],
        target=row["target"],
        buy_price=_known(row["buy_price"]),
        buy_currency=row["buy_currency"],
        sell_price=_known(row["sell_price"]),
        sell_currency=row["sell_currency"],
        fulfilment=row["fulfilment"],
        currency=row["currency"],
        found=found,
        why=() if found else tuple(reason.message for reason in row["unknown"]),
        assumed=tuple(reason.message for reason in row["assumed"]),
        components=tuple(parts),
    )


def _known(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 2)
