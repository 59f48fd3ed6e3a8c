"""The quality of the data behind a report: its age, its coverage of each marketplace, what could not be priced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from pydantic import JsonValue

from arbkit.core.errors import StreamError
from arbkit.core.marketplaces import MARKETS
from arbkit.core.settings import Settings
from arbkit.store.base import Stats, Store
from arbkit.stream import RAW_TOPIC, dead_letter_topic, open_stream


@dataclass(frozen=True, slots=True)
class MarketData:
    """One marketplace: how many of its ``offers`` have a price and how many are stale. Times in Unix seconds."""

    market: str
    offers: int
    priced: int
    stale: int
    oldest_at: float | None
    newest_at: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """``unpriced``: reason → routes without a profit, according to the detection of ``unpriced_at``.

    It is None where no detection has recorded it, and ``dead_letters`` where the log cannot be read; ``why_not``
    says why.
    """

    products: int
    demo_products: int
    markets: tuple[MarketData, ...]
    unpriced: Mapping[str, int] | None
    unpriced_at: float | None
    routes: int | None
    dead_letters: int | None
    why_not: tuple[str, ...]

    @property
    def offers(self) -> int:
        """Offers on all marketplaces."""
        return sum(m.offers for m in self.markets)

    @property
    def stale_pct(self) -> float | None:
        """Share of offers that are stale, in percent; None without offers."""
        return 100 * sum(m.stale for m in self.markets) / self.offers if self.offers else None

    @property
    def oldest_at(self) -> float | None:
        """When the oldest offer was updated, in Unix seconds; None without offers."""
        return min((m.oldest_at for m in self.markets if m.oldest_at is not None), default=None)

    @property
    def newest_at(self) -> float | None:
        """When the newest offer was updated, in Unix seconds; None without offers."""
        return max((m.newest_at for m in self.markets if m.newest_at is not None), default=None)

    def to_dict(self) -> dict[str, JsonValue]:
        """The ``quality`` of ``result.json``."""
        own = asdict(self)
        return {**own, "offers": self.offers, "stale_pct": self.stale_pct}


def assess(settings: Settings, store: Store, stats: Stats, *, now: float, stale_s: float) -> Quality:
    """The quality of the stored data; offers older than ``stale_s`` count as stale.

    Raises:
        StoreError: the store cannot be read.
    """
    why_not: list[str] = []
    unpriced: Mapping[str, int] | None = None
    unpriced_at = routes = None
    last = next((r for r in store.runs(report="detect") if r.status == "succeeded"), None)
    if last is None:
        why_not.append("what could not be priced is unknown: no detection has succeeded yet")
    elif "unknown" not in last.summary:
        why_not.append("what could not be priced is unknown: the last detection did not record it")
    else:
        unpriced, unpriced_at, routes = last.summary["unknown"], last.started_at, last.summary.get("routes")
    try:
        dead_letters: int | None = _dead_letters(settings)
    except StreamError as error:
        dead_letters = None
        why_not.append(f"dead letters are unknown: {error}")
    return Quality(
        products=stats.products,
        demo_products=stats.demo_products,
        markets=_markets(store, now=now, stale_s=stale_s),
        unpriced=unpriced,
        unpriced_at=unpriced_at,
        routes=routes,
        dead_letters=dead_letters,
        why_not=tuple(why_not),
    )


def _dead_letters(settings: Settings) -> int:
    with open_stream(settings) as log:
        return sum(end - begin for begin, end in log.watermarks(dead_letter_topic(RAW_TOPIC)).values())


def _markets(store: Store, *, now: float, stale_s: float) -> tuple[MarketData, ...]:
    figures = {code: [0, 0, 0, np.inf, -np.inf] for code in MARKETS}
    for frame in store.scan_offers(("asin", "market", "updated_at", "price_minor")):
        for code, group in frame.groupby("market"):
            at = group["updated_at"].to_numpy("float64")
            row = figures[str(code)]
            row[0] += len(group)
            row[1] += int(group["price_minor"].notna().sum())
            row[2] += int((now - at >= stale_s).sum())
            row[3], row[4] = min(row[3], np.nanmin(at)), max(row[4], np.nanmax(at))
    return tuple(
        MarketData(code, int(n), int(priced), int(stale), _known(oldest), _known(newest))
        for code, (n, priced, stale, oldest, newest) in figures.items()
    )


def _known(at: float) -> float | None:
    return float(at) if np.isfinite(at) else None
