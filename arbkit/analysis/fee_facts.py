"""What a product's Amazon fees rest on, in each store it would be sold in: package, size tier, fee, category. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import Offer
from arbkit.profit import Profile, Tables
from arbkit.profit.facts.packages import Certainty
from arbkit.profit.fees.bands import Provenance
from arbkit.profit.offer_costs import cost_offers


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeFacts:
    """One store's; amounts net of VAT in its currency, None unknown.

    ``package_from`` is the marketplace whose listing has the package facts, or ``"range"`` where nobody measured it
    and the likely one of a range is shown. ``table_fee`` is the local fulfilment fee by arbkit's tables and
    ``keepa_fee`` the one Keepa observed at ``keepa_fee_at``; ``keepa_fee_used`` where that is what counts.
    """

    market: str
    sides_mm: tuple[float, float, float] | None
    weight_g: float | None
    package_from: str
    size_tier: str | None
    billing_kg: float | None
    table_fee: float | None
    low_price: bool
    keepa_fee: float | None
    keepa_fee_at: int | None
    keepa_fee_used: bool
    category: str | None
    schedule: str | None
    schedule_observed: bool
    candidates: int
    referral_fee: float | None
    referral_pct: float | None
    keepa_referral_pct: float | None
    closing_fee: float | None
    vat_class: str
    vat_pct: float | None


def fee_facts(
    offers: Sequence[Offer], facts: pd.DataFrame, profile: Profile, tables: Tables, *, on: date
) -> dict[str, FeeFacts]:
    """What the fees rest on, by marketplace, for the offers of one product by the tables of a day.

    ``facts`` are those of :func:`~arbkit.analysis.offers.prepare_offers`.
    """
    day = tables.on(on)
    used = cost_offers(facts, profile, day)
    fees = used.fees
    # The same without what Keepa observed: what the tables alone say.
    by_table = cost_offers(facts.assign(keepa_fba_fee_minor=np.nan), profile, day)
    found = {}
    for position, offer in enumerate(offers):
        row, m = facts.iloc[position], list(MARKETS).index(offer.market)
        tier, schedule = int(fees.sizes.tier[position]), int(fees.referral.schedule[position])
        sides = [_known(row[name]) for name in ("length_mm", "width_mm", "height_mm")]
        length, width, height = sides
        package = None if length is None or width is None or height is None else (length, width, height)
        price, referral = _known(used.sell_price[m, 0]), _known(used.referral[m, 0])
        measured = row["package_certainty"] == Certainty.MEASURED
        fee = offer.keepa_fba_fee_minor
        found[offer.market] = FeeFacts(
            market=offer.market,
            sides_mm=package,
            weight_g=_known(row["weight_g"]),
            package_from=(row["package_from"] or offer.market) if measured else "range",
            size_tier=day.tiers[tier] if tier >= 0 else None,
            billing_kg=_known(fees.sizes.billing_kg[position]),
            table_fee=_known(by_table.fulfilment.local[m, 0]),
            low_price=bool(by_table.fulfilment.low_price[m, 0]),
            keepa_fee=None if fee is None else fee / 100,
            keepa_fee_at=offer.keepa_fba_fee_at,
            keepa_fee_used=bool(used.fulfilment.from_keepa[m, 0]),
            category=" › ".join(offer.category_path) or offer.category,
            schedule=day.schedules[schedule].rule if schedule >= 0 else None,
            schedule_observed=bool(fees.referral.observed[position]),
            candidates=int(fees.referral.candidates[position]),
            referral_fee=referral,
            referral_pct=None if referral is None or not price else 100 * referral / price,
            keepa_referral_pct=offer.keepa_referral_pct,
            closing_fee=_known(used.closing[m, 0]),
            vat_class=str(fees.vat_class[position]),
            vat_pct=None if (rate := _known(used.vat_rate[m, 0])) is None else 100 * rate,
        )
    return found


def fee_tables(facts: Mapping[str, FeeFacts], tables: Tables, *, on: date) -> list[Provenance]:
    """The tables that these facts were read from, with their dates and sources."""
    day = tables.on(on)
    names = ["size_tiers", "fulfilment_local", "referral", "vat"]
    if any(f.low_price for f in facts.values()):
        names.insert(2, "fulfilment_low_price")
    return [table for name in names if (table := day.provenance(name)) is not None]


def _known(value: object) -> float | None:
    number = float(value)  # type: ignore[arg-type]  # NumPy's and pandas' scalars
    return None if np.isnan(number) else number
