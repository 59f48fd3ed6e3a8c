"""Our fees against those that Keepa observed, row by row of an export: what agrees, and why the rest does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from arbkit.core.errors import BadRecordError, RefusedFileError
from arbkit.core.marketplaces import MARKETS, Market
from arbkit.core.models import Offer
from arbkit.core.results import JsonObject
from arbkit.pipeline.files.reading import FileOptions, rows_of
from arbkit.pipeline.files.report import FileReport
from arbkit.profit.fees.arrays import Floats, Mask, SmallInts
from arbkit.profit.fees.bands import WeightBands
from arbkit.profit.fees.sizes import size_tiers
from arbkit.profit.fees.tables import EffectiveTables, Tables
from arbkit.profit.offer_facts import numbers
from arbkit.sources.envelope import from_envelope

Examples = dict[str, list[JsonObject]]
_EXAMPLES = 3
_CENT = 0.005
_COMPARED = ["market", "keepa_fba_fee_minor", "length_mm", "width_mm", "height_mm", "weight_g"]


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
    for row in rows_of(path, FileOptions(market), "audit", report):
        # `arbkit import` names the rows that cannot be used.
        with suppress(BadRecordError):
            if update := from_envelope(row.envelope):
                offers.append(update.offer)
    if not offers:
        raise RefusedFileError("holds no row that can be compared", field=str(path), remedy="Give a Keepa export")
    day = tables.on(on or datetime.now(UTC).date())
    examples: Examples = {}
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


class _Export:
    """The offers of an export as arrays, and what the tables of a day say of their local fulfilment."""

    def __init__(self, offers: Sequence[Offer], day: EffectiveTables) -> None:
        frame = pd.DataFrame([{name: getattr(o, name) for name in _COMPARED} for o in offers], columns=_COMPARED)
        sides = np.column_stack([numbers(frame, n) for n in ("length_mm", "width_mm", "height_mm")])
        self.day, self.markets = day, frame["market"].to_numpy(object)
        self.observed = numbers(frame, "keepa_fba_fee_minor") / 100
        self.unit_kg = numbers(frame, "weight_g") / 1000
        self.plain, selected = (size_tiers(day, sides, self.unit_kg, np.full(len(frame), s)) for s in (False, True))
        by_unit = replace(self.plain, billing_kg=self.unit_kg)
        words = ("", ", low-price programme", ", selected category")
        every = zip((day.local, day.low_price, day.selected), (self.plain, by_unit, selected), words, strict=True)
        self.tables = [(bands, sizes, programme) for bands, sizes, programme in every if bands is not None]
        seasons = [
            (s.first, b, sizes) for s in day.seasons for b, sizes in ((s.bands, self.plain), (s.selected, selected))
        ]
        self.seasons = [(first, bands, sizes) for first, bands, sizes in seasons if bands is not None]

    def fees(self, bands: WeightBands, tier: SmallInts, kg: Floats, column: str = "") -> Floats:
        """Fees in each offer's own store; of ``column`` only for German ones, if given."""
        band = bands.row_index(tier, self.day.tiers, kg)
        fee = np.full(len(kg), np.nan)
        for code in ("DE",) if column else MARKETS:
            here = self.markets == code
            fee[here] = bands.fee(band[here], kg[here], column or code)
        return fee

    def candidates(self) -> list[tuple[str, Floats]]:
        """What a fee that agrees is called, and that fee; the tables' own come first."""
        found: list[tuple[str, Floats]] = []
        for bands, sizes, words in self.tables:
            own, cep = (self.fees(bands, sizes.tier, sizes.billing_kg, column) for column in ("", "CEP"))
            found += [(f"agrees{words}", own), (f"agrees with the CEP column{words}", cep)]
        for first, bands, sizes in self.seasons:
            fee = self.fees(bands, sizes.tier, sizes.billing_kg)
            found.append((f"agrees with the fee of the peak season from {first}", fee))
        return found

    def another_band(self) -> Mask:
        """Where the observed fee stands elsewhere in the tables of the store."""
        found = np.zeros(len(self.markets), bool)
        for code in MARKETS if self.tables else ():
            fees = np.concatenate([bands.base[:-1, bands.columns[code]] for bands, *_ in self.tables])
            found |= (self.markets == code) & np.isin(np.round(self.observed, 2), np.round(fees, 2))
        return found

    def of_this_weight(self) -> Mask:
        """Where the observed fee is that of some size tier for the unit's own weight."""
        found = np.zeros(len(self.markets), bool)
        for number, tier in enumerate(self.day.tiers):
            tiers = np.full(len(found), number, np.int8)
            for bands, *_ in self.tables:
                if tier in bands.tiers:
                    found |= np.abs(self.fees(bands, tiers, self.unit_kg) - self.observed) < _CENT
        return found


def _fulfilment(offers: Sequence[Offer], day: EffectiveTables, examples: Examples) -> dict[str, int]:
    export = _Export(offers, day)
    observed, tier, candidates = export.observed, export.plain.tier, export.candidates()
    table = candidates[0][1] if candidates else np.full(len(offers), np.nan)
    sized = tier >= 0
    rules = [
        ("not compared: Keepa has no fee", ~(observed > 0)),
        *((name, np.abs(fee - observed) < _CENT) for name, fee in candidates),
        ("agrees with a size that the weight allows (sides unknown)", ~sized & export.of_this_weight()),
        ("differs: no size of this weight has this fee (sides unknown)", ~sized & ~np.isnan(export.unit_kg)),
        ("not compared: package unknown", ~sized),
        ("differs: fee of another size or weight band", export.another_band()),
        ("differs: Keepa's fee is higher (an older tariff, or a larger package)", observed > table),
        ("differs: Keepa's fee is lower (an older tariff, or a smaller package)", observed <= table),
    ]
    names, masks = zip(*rules, strict=True)
    classes = np.select(masks, names, "not compared: no table for this size").tolist()
    for i, (name, offer) in enumerate(zip(classes, offers, strict=True)):
        size = day.tiers[tier[i]] if sized[i] else None
        ours, keepa = (None if np.isnan(fee[i]) else float(fee[i]) for fee in (table, observed))
        _keep(examples, name, {"asin": offer.asin, "market": offer.market, "tier": size, "ours": ours, "keepa": keepa})
    return dict(Counter(classes).most_common())


def _keep(examples: Examples, name: str, example: JsonObject) -> None:
    kept = examples.setdefault(name, [])
    if len(kept) < _EXAMPLES:
        kept.append(example)


def _referral(offers: Sequence[Offer], day: EffectiveTables, examples: Examples) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for offer in offers:
        name = _referral_class(offer, day)
        counts[name] += 1
        price = None if offer.price_minor is None else offer.price_minor / 100
        example: JsonObject = {"asin": offer.asin, "category": offer.category, "price": price}
        _keep(examples, f"referral {name}", {**example, "keepa": offer.keepa_referral_pct})
    return dict(counts.most_common())


def _referral_class(offer: Offer, day: EffectiveTables) -> str:
    observed = offer.keepa_referral_pct
    if observed is None:
        return "not compared: Keepa has no percentage"
    if not offer.price_minor:
        return "not compared: no price"
    if not day.schedules:
        return "not compared: no table for this day"
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
