"""The sections of the product page that are the same whichever route is selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd
from markupsafe import Markup

from arbkit.analysis.demand import demand_of
from arbkit.analysis.fee_facts import fee_facts, fee_tables
from arbkit.analysis.forecast.sales.forecast import forecast_sales
from arbkit.analysis.listing.match import compare_listings, stated_units, warning
from arbkit.core.models import History, Offer
from arbkit.profit import Profile, load_tables
from arbkit.web.dashboards.html import page_html


def product_sections(
    offers: Sequence[Offer],
    prepared: pd.DataFrame,
    histories: Sequence[History],
    profile: Profile,
    *,
    on: date,
    now: float,
) -> Mapping[str, Markup]:
    """The markup by region: demand, fees, whether the listings match, and a warning where they may not (else empty)."""
    known, of_market = {h.market: h for h in histories}, {o.market: o for o in offers}
    demand = {o.market: demand_of(o, known.get(o.market), now=now) for o in offers}
    sales = dict(zip(demand, forecast_sales(offers, now=now), strict=True))
    tables = load_tables()
    fees = fee_facts(offers, prepared, profile, tables, on=on)
    named = fee_tables(fees, tables, on=on)
    matches = sorted(compare_listings(offers), key=lambda match: match.verdict == "same")
    units = {o.market: stated_units(o) for o in offers}
    doubts = warning(matches)
    return {
        "demand": page_html("product_demand.html.j2", demand=demand, sales=sales),
        "fees": page_html("product_fees.html.j2", fees=fees, tables=named, offers=of_market),
        "match": page_html("product_match.html.j2", offers=offers, matches=matches, units=units),
        "warning": page_html("product_warning.html.j2", text=doubts) if doubts else Markup(),
    }
