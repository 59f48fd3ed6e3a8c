"""The costs of a segment's offers, kept in a file beside it: made once for each set of terms, mapped by all pages."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import orjson

from arbkit.analysis.detection_inputs import tables_digest
from arbkit.analysis.market.assumptions import Assumptions, changed_price
from arbkit.analysis.market.column_file import Array, ColumnFile, ForeignFileError, map_columns, write_columns
from arbkit.analysis.market.segment import Segment
from arbkit.analysis.market.snapshot import OpenSegment
from arbkit.core.marketplaces import MARKET_CODES
from arbkit.profit.facts.packages import EXTREMES, PACKAGE, Certainty
from arbkit.profit.fees.arrays import Floats, Ints
from arbkit.profit.fees.fulfilment import Fulfilment, dispatch_day
from arbkit.profit.fees.tables import EffectiveTables
from arbkit.profit.offer_costs import OfferCosts, cost_offers
from arbkit.profit.offer_facts import prices

CHUNK = 1 << 14
"""Products costed and priced at once."""
_MOST_KEPT = 4
"""Files of costs of a segment, those that were used last."""
_MOST_MAPPED = 32
"""Files of costs that a page keeps mapped, without what is in them: two questions about half a million products."""
_FIGURES = ("buy_price", "sell_price", "referral", "merchant_referral", "closing", "vat_rate", "weight_kg")
_FULFILMENT = ("local", "pan_eu_extra", "packaging", "hazmat")
OF_TRADE = frozenset(
    {
        "name", "home", "vat_status", "input_vat", "registrations", "fulfilment", "stock", "lead_days", "prep_per_unit",
        "inbound_per_unit", "inbound_per_kg", "other_costs", "fbm_shipping", "parcels", "expected_days",
        "return_rate_pct", "return_handling", "return_value_loss_pct", "return_outbound_lost", "exchange_spread_pct",
        "target_roi_pct", "target_profit", "customs", "freight", "assumed_package",
    }
)  # fmt: skip
"""Fields of a profile that change what a route costs, and no offer."""


@dataclass(frozen=True, slots=True)
class MarketCosts:
    """The costs of a segment. ``unmeasured`` are the products whose package is a range, with their extreme costs."""

    file: ColumnFile
    asins: Array
    unmeasured: Ints

    def part(self, start: int, stop: int, rows: Ints) -> OfferCosts:
        """Those of these products; ``rows`` of :meth:`Segment.rows`."""
        return _restored(self.file.columns, "", slice(start, stop), self.asins[start:stop], rows)

    def extreme(self, name: str, start: int, stop: int) -> OfferCosts:
        """Those of the unmeasured ones of this place among them, with the smallest or the largest package."""
        asins = self.asins[self.unmeasured[start:stop]]
        rows = np.zeros((len(MARKET_CODES), len(asins)), np.int64)
        return _restored(self.file.columns, f"{name}.", slice(start, stop), asins, rows)


def costs_of(segment: OpenSegment, assumed: Assumptions, day: EffectiveTables) -> MarketCosts:
    """The costs of a segment on these terms, made if they are not there yet.

    Raises:
        ServiceError: they cannot be written or read.
    """
    path = segment.path.with_suffix(f".{_key(assumed, day)}.costs")
    try:
        file = _mapped(path, _inode(path))
    except (FileNotFoundError, ForeignFileError):
        write_columns(path, _columns(segment.offers, assumed, day))
        _forget_others(path)
        file = _mapped(path, _inode(path))
    with suppress(OSError):
        os.utime(path)
    return MarketCosts(file, segment.offers.columns["asin"], file.columns["unmeasured"])


@lru_cache(_MOST_MAPPED)
def _mapped(path: Path, _inode: int) -> ColumnFile:
    # A question asked again need not read all of a file that it has checked: files are replaced, and never changed.
    return map_columns(path)


def _inode(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_ino
    return 0


def with_buying_change(costs: OfferCosts, percent: float) -> OfferCosts:
    """The same, bought at prices that are changed by a percentage."""
    return replace(costs, buy_price=changed_price(costs.buy_price, percent)) if percent else costs


def _key(assumed: Assumptions, day: EffectiveTables) -> str:
    """Of all that an offer's costs depend on beside the offer."""
    profile = assumed.profile
    season = day.season(dispatch_day(day.on, profile.expected_days))
    terms = {
        "profile": profile.model_dump(mode="json", exclude=set(OF_TRADE)),
        "season": None if season is None else [season.first, season.last, repr(season.provenance)],
        "sell": assumed.sell_change_pct,
        "package": assumed.package,
        "on": day.on,
        "tables": tables_digest(),
    }
    return hashlib.sha256(orjson.dumps(terms, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _columns(segment: Segment, assumed: Assumptions, day: EffectiveTables) -> dict[str, Array]:
    pieces: list[dict[str, Array]] = []
    for start in range(0, len(segment), CHUNK):
        stop = min(len(segment), start + CHUNK)
        offers = assumed.sold(segment.frame(start, stop))
        product = segment.columns["product"][segment.first_offers[start] : segment.first_offers[stop]] - start
        costs = cost_offers(offers, assumed.profile, day, products=product)
        made = _kept(_at_prices_of_now(costs, segment, start, stop, assumed), "")
        unmeasured = offers["package_certainty"].to_numpy() > Certainty.MEASURED
        some = np.unique(product[unmeasured]) if assumed.package == "likely" else np.zeros(0, np.int64)
        rows = np.isin(product, some)
        numbered = np.searchsorted(some, product[rows])
        for extreme in EXTREMES:
            sized = offers[rows].reset_index(drop=True)
            for name in PACKAGE:
                sized[name] = sized[f"{extreme}_{name}"].fillna(sized[name])
            made |= _kept(cost_offers(sized, assumed.profile, day, products=numbered), f"{extreme}.")
        pieces.append({**made, "unmeasured": some + start})
    names = dict.fromkeys(name for piece in pieces for name in piece)
    return {name: np.concatenate([piece[name] for piece in pieces], axis=-1) for name in names} or {
        "unmeasured": np.zeros(0, np.int64)
    }


def _at_prices_of_now(costs: OfferCosts, segment: Segment, start: int, stop: int, assumed: Assumptions) -> OfferCosts:
    """Costs of offers that are sold at other prices, bought at those of now."""
    if not assumed.sell_change_pct:
        return costs
    found = prices(segment.frame(start, stop), assumed.profile.buy_basis, buying=True).price
    rows = segment.rows(start, stop)
    by_row = np.append(found, np.nan)
    return replace(costs, buy_price=by_row[np.where(rows < 0, -1, rows - segment.first_offers[start])])


def _kept(costs: OfferCosts, prefix: str) -> dict[str, Array]:
    """What profits are made of, by name; not what explains them."""
    found: dict[str, Array] = {name: getattr(costs, name) for name in _FIGURES}
    fees = costs.fulfilment
    found |= {f"fulfilment.{name}": getattr(fees, name) for name in _FULFILMENT}
    found |= {f"efn.{name}": values for name, values in fees.efn.items()}
    found |= {f"peak.{name}": values for name, values in fees.peak.items()}
    found |= {f"storage.{name}.{n}": month[n] for name, month in costs.storage.items() for n in (0, 1)}
    return {prefix + name: values for name, values in found.items()}


def _restored(columns: Mapping[str, Array], prefix: str, part: slice, asins: Array, rows: Ints) -> OfferCosts:
    kept = {name.removeprefix(prefix): values[..., part] for name, values in columns.items() if name.startswith(prefix)}
    shape = (len(MARKET_CODES), len(asins))
    unknown: Floats = np.broadcast_to(np.float64(np.nan), shape)
    no = np.broadcast_to(np.False_, shape)
    none = np.broadcast_to(np.uint64(0), shape)

    def named(kind: str) -> dict[str, Array]:
        return {name.removeprefix(kind): values for name, values in kept.items() if name.startswith(kind)}

    storage = named("storage.")
    return OfferCosts(
        explained_by=None, asins=asins, row=rows, buy_derived=no, sell_derived=no, referral_least=unknown,
        merchant_referral_least=unknown, updated_at=unknown, buy_reasons=none, sell_reasons=none, no_fee_reasons=none,
        local_reasons=none, efn_reasons=none,
        fulfilment=Fulfilment(
            low_price=no, from_keepa=no, keepa_stale=no, peak_assumed=no, peak_unknown=no, efn=named("efn."),
            peak=named("peak."), **named("fulfilment."),
        ),
        storage={name[:-2]: (storage[f"{name[:-2]}.0"], storage[f"{name[:-2]}.1"]) for name in storage},
        **{name: kept[name] for name in _FIGURES},
    )  # fmt: skip


def _forget_others(path: Path) -> None:
    """Keep the files of costs of this segment that were used last."""
    beside = path.parent.glob(f"{path.name.partition('.')[0]}.*.costs")
    with suppress(OSError):
        for old in sorted(beside, key=lambda one: one.stat().st_mtime)[:-_MOST_KEPT]:
            old.unlink()
