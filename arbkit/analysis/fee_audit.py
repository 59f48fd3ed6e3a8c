"""Our fees against those that Keepa observed, row by row of an export: what agrees, and why the rest does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from arbkit.core.errors import BadRecordError, RefusedFileError
from arbkit.core.marketplaces import MARKETS, Market
from arbkit.core.models import Offer
from arbkit.core.results import JsonObject
from arbkit.pipeline.file_import import FileReport, envelopes_of
from arbkit.profit.fees.bands import WeightBands
from arbkit.profit.fees.sizes import size_tiers
from arbkit.profit.fees.tables import EffectiveTables, Tables
from arbkit.profit.offer_facts import numbers
from arbkit.sources.envelope import from_envelope

Floats = npt.NDArray[np.float64]
_CENT = 0.005
_COMPARED = ["keepa_fba_fee_minor", "length_mm", "width_mm", "height_mm", "weight_g"]


@dataclass(frozen=True, slots=True)
class FeeAudit:
    """Rows of a file by what became of their fulfilment fee and of their referral percentage."""

    path: str
    on: date
    exported_on: date | None
    rows: int
    fulfilment: Mapping[str, int]
    referral: Mapping[str, int]
    examples: Mapping[str, list[JsonObject]]
    note: str | None

    def to_dict(self) -> JsonObject:
        """The document of ``arbkit fees audit --json``."""
        return {
            "path": self.path,
            "on": self.on.isoformat(),
            "exported_on": self.exported_on.isoformat() if self.exported_on else None,
            "rows": self.rows,
            "note": self.note,
            "fulfilment": dict(self.fulfilment),
            "fulfilment_agrees_pct": _share(self.fulfilment),
            "referral": dict(self.referral),
            "referral_agrees_pct": _share(self.referral),
            "examples": {k: list(v) for k, v in self.examples.items()},
        }


def compare_with_keepa(path: Path, tables: Tables, *, on: date | None = None, market: Market | None = None) -> FeeAudit:
    """Compare an export's observed fees with the tables of ``on`` (default: today's).

    Raises:
        RefusedFileError: the file is no export.
    """
    report = FileReport(str(path))
    offers: list[Offer] = []
    for _, envelope in envelopes_of(path, market, "audit", report):
        # `arbkit import` names the rows that cannot be used.
        with suppress(BadRecordError):
            if update := from_envelope(envelope):
                offers.append(update.offer)
    if not offers:
        raise RefusedFileError("holds no row that can be compared", field=str(path), remedy="Give a Keepa export")
    day = tables.on(on or datetime.now(UTC).date())
    examples: dict[str, list[JsonObject]] = {}
    fulfilment = _fulfilment(offers, day, examples)
    referral = _referral(offers, day, examples)
    exported = datetime.fromisoformat(report.exported_at).date() if report.exported_at else None
    table = day.provenance("fulfilment_local")
    note = None
    if table and exported and exported < table.valid_from:
        note = f"exported before {table.valid_from}, when this fulfilment table began: older tariffs are to be expected"
    return FeeAudit(str(path), day.on, exported, len(offers), fulfilment, referral, examples, note)


def _share(classes: Mapping[str, int]) -> float | None:
    """Percent of the rows that can be compared which agree."""
    compared = sum(n for name, n in classes.items() if not name.startswith("not compared"))
    agree = sum(n for name, n in classes.items() if name.startswith("agrees"))
    return round(100 * agree / compared, 1) if compared else None


def _fulfilment(offers: list[Offer], day: EffectiveTables, examples: dict[str, list[JsonObject]]) -> dict[str, int]:
    frame = pd.DataFrame([{name: getattr(o, name) for name in _COMPARED} for o in offers], columns=_COMPARED)
    observed = numbers(frame, "keepa_fba_fee_minor") / 100
    sides = np.column_stack([numbers(frame, n) for n in ("length_mm", "width_mm", "height_mm")])
    unit_kg = numbers(frame, "weight_g") / 1000
    count = len(frame)
    plain = size_tiers(day, sides, unit_kg, np.zeros(count, bool))
    selected = size_tiers(day, sides, unit_kg, np.ones(count, bool))
    candidates: list[tuple[str, Floats]] = []
    for bands, sizes, words in (
        (day.local, plain, ""),
        (day.low_price, replace(plain, billing_kg=unit_kg), ", low-price programme"),
        (day.selected, selected, ", selected category"),
    ):
        if bands is None:
            continue
        band = bands.row_index(sizes.tier, day.tiers, sizes.billing_kg)
        for column, name in (("", "agrees"), ("CEP", "agrees with the CEP column")):
            candidates.append((name + words, _fees(bands, band, sizes.billing_kg, offers, column)))
    for season in day.seasons:
        for bands, sizes, words in ((season.bands, plain, ""), (season.selected, selected, ", selected category")):
            if bands is not None:
                band = bands.row_index(sizes.tier, day.tiers, sizes.billing_kg)
                name = f"agrees with the peak fee from {season.first}{words}"
                candidates.append((name, _fees(bands, band, sizes.billing_kg, offers, "")))
    table = candidates[0][1] if candidates else np.full(count, np.nan)
    classes = np.full(count, "", object)
    classes[~(observed > 0)] = "not compared: Keepa has no fee"
    for name, fee in candidates:
        classes[(classes == "") & (np.abs(fee - observed) < _CENT)] = name
    open_ = classes == ""
    by_weight = _of_this_weight(day, offers, unit_kg, observed)
    classes[open_ & (plain.tier < 0) & by_weight] = "agrees with a size that the weight allows (sides unknown)"
    open_ = classes == ""
    classes[open_ & (plain.tier < 0) & ~np.isnan(unit_kg)] = (
        "differs: no size of this weight has this fee (sides unknown)"
    )
    open_ = classes == ""
    classes[open_ & (plain.tier < 0)] = "not compared: package unknown"
    open_ = classes == ""
    classes[open_ & _another_band(day, offers, observed)] = "differs: fee of another size or weight band"
    open_ = classes == ""
    classes[open_ & (observed > table)] = "differs: Keepa's fee is higher (an older tariff, or a larger package)"
    open_ = classes == ""
    classes[open_ & (observed <= table)] = "differs: Keepa's fee is lower (an older tariff, or a smaller package)"
    classes[classes == ""] = "not compared: no table for this size"
    for i in range(count):
        kept = examples.setdefault(classes[i], [])
        if len(kept) < 3:
            tier = day.tiers[plain.tier[i]] if plain.tier[i] >= 0 else None
            ours = None if np.isnan(table[i]) else float(table[i])
            seen = None if np.isnan(observed[i]) else float(observed[i])
            kept.append({"asin": offers[i].asin, "market": offers[i].market, "tier": tier, "ours": ours, "keepa": seen})
    return dict(Counter(classes.tolist()).most_common())


def _fees(bands: WeightBands, band: npt.NDArray[np.int64], kg: Floats, offers: list[Offer], column: str) -> Floats:
    """Fees in each offer's own store; of ``column`` only for German ones, if given."""
    fee = np.full(len(offers), np.nan)
    markets = np.array([o.market for o in offers], object)
    for code in MARKETS:
        here = np.flatnonzero(markets == code)
        if len(here) and (not column or code == "DE"):
            fee[here] = bands.fee(band[here], kg[here], column or code)
    return fee


def _another_band(day: EffectiveTables, offers: list[Offer], observed: Floats) -> npt.NDArray[np.bool_]:
    """Where the observed fee stands elsewhere in the tables of the store."""
    found = np.zeros(len(offers), bool)
    markets = np.array([o.market for o in offers], object)
    for code in MARKETS:
        fees = [b.base[:-1, b.columns[code]] for b in (day.local, day.low_price, day.selected) if b is not None]
        if fees:
            known = np.unique(np.round(np.concatenate(fees), 2))
            found |= (markets == code) & np.isin(np.round(observed, 2), known)
    return found


def _of_this_weight(
    day: EffectiveTables, offers: list[Offer], unit_kg: Floats, observed: Floats
) -> npt.NDArray[np.bool_]:
    """Where the observed fee is that of some size tier for the unit's own weight."""
    found = np.zeros(len(offers), bool)
    for number, tier in enumerate(day.tiers):
        tiers = np.full(len(offers), number, np.int8)
        for bands in (day.local, day.low_price, day.selected):
            if bands is not None and tier in bands.tiers:
                band = bands.row_index(tiers, day.tiers, unit_kg)
                found |= np.abs(_fees(bands, band, unit_kg, offers, "") - observed) < _CENT
    return found


def _referral(offers: list[Offer], day: EffectiveTables, examples: dict[str, list[JsonObject]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for offer in offers:
        name = _referral_class(offer, day)
        counts[name] += 1
        kept = examples.setdefault(f"referral {name}", [])
        if len(kept) < 3:
            price = None if offer.price_minor is None else offer.price_minor / 100
            kept.append(
                {"asin": offer.asin, "category": offer.category, "price": price, "keepa": offer.keepa_referral_pct}
            )
    return dict(counts.most_common())


def _referral_class(offer: Offer, day: EffectiveTables) -> str:
    observed = offer.keepa_referral_pct
    if observed is None:
        return "not compared: Keepa has no percentage"
    if not offer.price_minor:
        return "not compared: no price"
    price, currency = np.array([offer.price_minor / 100]), MARKETS[offer.market].currency
    minimum = day.get("referral")["minimum"][currency]
    own = day.schedules_of(" › ".join(offer.category_path) or offer.category)

    def gives(number: int, uplift: float) -> bool:
        fee = max(round(float(day.schedules[number].fee(price, currency)[0] * uplift), 2), minimum)
        share = 100 * fee / float(price[0])
        return bool(abs(share - observed) <= 0.012 + 0.5 / float(price[0]))

    everything = range(len(day.schedules))
    if any(gives(p, 1.0) for p in own):
        return "agrees with a schedule of the category"
    if any(gives(p, 1.0) for p in everything):
        return "agrees with a schedule of another category" if own else "agrees with a schedule (category unknown)"
    if any(gives(p, uplift) for p in everything for uplift in day.uplifts[1:]):
        return "differs: digital services fee still inside (before October 2024)"
    return "differs: no schedule gives this percentage at this price"
