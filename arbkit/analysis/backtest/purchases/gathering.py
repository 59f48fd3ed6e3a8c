"""Purchases of a store's products at past days: forecast from what was known then, beside what came. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import TypeVar

import numpy as np

from arbkit.analysis.backtest.purchases.outcomes import SeenSales, price_ratio, seen_sales
from arbkit.analysis.backtest.purchases.past_offers import offers_on, purchase_days
from arbkit.analysis.backtest.purchases.rules import RULES
from arbkit.analysis.forecast.price.model_file import load_price_model
from arbkit.analysis.forecast.profit.assumptions import PROFIT_ASSUMPTIONS
from arbkit.analysis.forecast.profit.distribution import PRICE_RATIOS, RouteMargins, RouteOutlook, forecast_profits
from arbkit.analysis.forecast.profit.outlook import route_outlook
from arbkit.analysis.forecast.sales.evidence import evidence_of
from arbkit.analysis.forecast.sales.forecast import HORIZONS, NOTHING_SEEN
from arbkit.analysis.forecast.sales.rate import estimate_rate
from arbkit.analysis.forecast.sales.share import newcomer_share
from arbkit.analysis.forecast.sales.timing import sold_probability
from arbkit.core.history.steps import DAY_MIN
from arbkit.core.keepa_time import to_unix
from arbkit.core.marketplaces import MARKETS
from arbkit.core.models import History, Offer
from arbkit.core.offers.categories import category_id
from arbkit.core.offers.histories import until
from arbkit.profit import Profile, Rates, Tables
from arbkit.profit.fees.arrays import Floats, Ints, Objects

NO_TABLES = "no fee tables of that day"
NOT_SEEN = "the history does not show what came"
TOO_FAST = "it sells faster than its rank was looked at, so that most sales are hidden"
NO_RANK = "no sales rank was recorded"
NO_LATER_PRICE = "no price to sell at was recorded, or not with shipping as when it was bought"
NO_LATER_RATE = "no exchange rate of the sale"
_TODAY = int(np.searchsorted(PRICE_RATIOS, 1.0))


@dataclass(frozen=True, slots=True)
class SalesCases:
    """Purchases of one unit on listings, arrays over them: ``chance`` and ``sold`` are (n, horizons), NaN not known."""

    product: Objects
    market: Objects
    category: Objects
    chance: Floats
    sold: Floats


@dataclass(frozen=True, slots=True)
class ProfitCases:
    """Purchases of one unit on routes that showed a profit, arrays over them; home currency.

    ``spot`` is the profit at that day's prices, ``pct_a_day`` what is expected by day in percent of ``capital``;
    ``realised`` what came of it, and ``tied_up`` the days until its money was back. ``day`` is in Keepa minutes.
    """

    product: Objects
    market: Objects
    category: Objects
    day: Ints
    chance: Floats
    p10: Floats
    p50: Floats
    p90: Floats
    expected: Floats
    pct_a_day: Floats
    capital: Floats
    spot: Floats
    realised: Floats
    tied_up: Floats


Cases = TypeVar("Cases", SalesCases, ProfitCases)


@dataclass(frozen=True, slots=True)
class _Day:
    """The listings on one day: positions in the batch, and offers as they were then."""

    at: int
    rows: Sequence[int]
    offers: Sequence[Offer]

    @property
    def unix(self) -> float:
        return float(to_unix(self.at))

    @property
    def on(self) -> date:
        return datetime.fromtimestamp(self.unix, UTC).date()


class PurchaseEvidence:
    """Purchases of all listings, a batch at a time, and how many of each kind were not scored, by why."""

    def __init__(self, profile: Profile, tables: Tables, rates: Rates) -> None:
        """``profile`` is the seller; of ``tables`` and ``rates`` those of each day count."""
        self._seller = profile, tables, rates
        self._sales: list[SalesCases] = []
        self._profits: list[ProfitCases] = []
        self.sales_not_scored: Counter[str] = Counter()
        self.profits_not_scored: Counter[str] = Counter()

    def add(self, listings: Sequence[tuple[Offer, History]]) -> None:
        """The purchases of these listings; all of a product come together."""
        days: defaultdict[int, list[int]] = defaultdict(list)
        for row, (_, history) in enumerate(listings):
            for at in purchase_days(history, every_days=RULES.days.every_days, most=RULES.days.most):
                days[at].append(row)
        seen = [seen_sales(history) for _, history in listings]
        for at in sorted(days):
            rows = days[at]
            pasts = [until(listings[row][1], at) for row in rows]
            day = _Day(at, rows, offers_on([listings[row][0] for row in rows], pasts, [at] * len(rows)))
            own = _own_sales(day, listings, seen)
            self._add_sales(day, seen, own)
            self._add_profits(day, listings, seen, own)

    @property
    def sales(self) -> SalesCases | None:
        """All purchases whose sale is scored; None without any."""
        return _joined(SalesCases, self._sales)

    @property
    def profits(self) -> ProfitCases | None:
        """All purchases whose profit is scored; None without any."""
        return _joined(ProfitCases, self._profits)

    def _add_sales(self, day: _Day, seen: Sequence[SeenSales | None], own: Sequence[Ints | None]) -> None:
        sales, share = evidence_of(day.offers, now=day.unix)
        rate = estimate_rate(sales)
        chance = np.column_stack([sold_probability(rate, share, 1, days) for days in HORIZONS])
        sold, too_fast = np.full(chance.shape, np.nan), np.zeros(len(chance), bool)
        for position, row in enumerate(day.rows):
            found, times = seen[row], own[position]
            for column, days in enumerate(HORIZONS):
                end = day.at + days * DAY_MIN
                if found is None or times is None or not found.are_known(day.at, end):
                    continue
                if rate.mean[position] * found.days_between_looks(day.at, end) <= RULES.sale.most_between_looks:
                    sold[position, column] = (times <= end).any()
                else:
                    too_fast[position] = True
        known = ~np.isnan(chance[:, 0])
        scored = known & ~np.isnan(sold).all(axis=1)
        reasons = np.where(known, np.where(too_fast, TOO_FAST, NOT_SEEN), NOTHING_SEEN)
        self.sales_not_scored.update(reasons[~scored].tolist())
        if scored.any():
            kept = np.flatnonzero(scored)
            names = _names([day.offers[one] for one in kept.tolist()])
            self._sales.append(SalesCases(*names, chance[kept], sold[kept]))

    def _add_profits(
        self,
        day: _Day,
        listings: Sequence[tuple[Offer, History]],
        seen: Sequence[SeenSales | None],
        own: Sequence[Ints | None],
    ) -> None:
        profile, tables, rates = self._seller
        listed = Counter(offer.asin for offer in day.offers)
        offers = [offer for offer in day.offers if listed[offer.asin] > 1]
        if not offers:
            return
        if not all(tables.on(day.on).has(needed) for needed in ("referral", "fulfilment_local")):
            self.profits_not_scored[NO_TABLES] += sum(count * (count - 1) for count in listed.values())
            return
        outlook = route_outlook(offers, profile, tables, rates, on=day.on, now=day.unix)
        outlook = outlook.take(np.flatnonzero(outlook.margins.profit[:, _TODAY] > 0))
        self.profits_not_scored.update(reason for reason in outlook.unknown if reason)
        outlook = outlook.take(np.flatnonzero(outlook.unknown == ""))
        position = {(offer.asin, offer.market): number for number, offer in enumerate(day.offers)}
        sold = [position[pair] for pair in zip(outlook.asin, outlook.target, strict=True)]
        came = [
            _sale(day, listings[day.rows[one]][1], day.offers[one], seen[day.rows[one]], own[one], outlook.lead_days)
            for one in sold
        ]
        self.profits_not_scored.update(one for one in came if isinstance(one, str))
        kept = [number for number, one in enumerate(came) if not isinstance(one, str)]
        moved = np.array([_rate_moved(profile, rates, day, outlook.target[one], came[one]) for one in kept])
        self.profits_not_scored.update([NO_LATER_RATE] * int(np.isnan(moved).sum()))
        rows = np.array(kept, np.int64)[~np.isnan(moved)]
        if len(rows):
            ratio, days = np.array([came[one] for one in rows], np.float64).T
            offers_sold = [day.offers[sold[one]] for one in rows]
            self._profits.append(_cases(day, outlook.take(rows), offers_sold, ratio, days, moved[~np.isnan(moved)]))


def _own_sales(
    day: _Day, listings: Sequence[tuple[Offer, History]], seen: Sequence[SeenSales | None]
) -> list[Ints | None]:
    """By listing the times of a newcomer's sales in the longest horizon; None where not even the shortest is known.

    His share is that of the days after the purchase, as who held the buy box then shows it.
    """
    found: list[Ints | None] = [None] * len(day.rows)
    shortest, span = min(HORIZONS) * DAY_MIN, max(HORIZONS) * DAY_MIN
    known = {
        position: one
        for position, row in enumerate(day.rows)
        if (one := seen[row]) is not None and one.are_known(day.at, day.at + shortest)
    }
    ends = [min(day.at + span, one.last) for one in known.values()]
    later = [until(listings[day.rows[one]][1], end) for one, end in zip(known, ends, strict=True)]
    offers = offers_on([day.offers[one] for one in known], later, ends)
    _, evidence = evidence_of(offers, now=float(to_unix(max(ends, default=day.at))))
    share = newcomer_share(evidence, float(max(HORIZONS)))
    for number, (position, one) in enumerate(known.items()):
        drawn = share.values[number], share.weights[number]
        found[position] = one.own(day.offers[position].id, day.at, day.at + span, *drawn)
    return found


def _sale(
    day: _Day, history: History, offer: Offer, seen: SeenSales | None, own: Ints | None, lead_days: float
) -> tuple[float, float] | str:
    """The selling price over that of the purchase and the days until the sale; why not, where that is not known."""
    unsold = PROFIT_ASSUMPTIONS.unsold
    start, end = day.at + int(lead_days * DAY_MIN), day.at + int(unsold.horizon_days * DAY_MIN)
    if seen is None or own is None or offer.price_basis is None:
        return NO_RANK
    if not seen.are_known(start, end):
        return NOT_SEEN
    sales = own[(own > start) & (own < end)]
    sold = int(sales[0]) if len(sales) else end
    ratio = price_ratio(history, offer.price_basis, day.at, sold)
    if np.isnan(ratio):
        return NO_LATER_PRICE
    return ratio * (1.0 if len(sales) else 1 - unsold.sold_off_below_pct / 100), (sold - day.at) / DAY_MIN


def _rate_moved(profile: Profile, rates: Rates, day: _Day, target: str, came: tuple[float, float] | str) -> float:
    """The exchange rate of the sale over that of the purchase, less 1; NaN where one is not known."""
    currency = MARKETS[target].currency
    before = rates.rate(currency, profile.currency, day.on)
    sold = datetime.fromtimestamp(day.unix + 86_400 * float(came[1]), UTC).date()
    after = rates.rate(currency, profile.currency, sold)
    return float("nan") if before is None or after is None else after.value / before.value - 1


def _cases(
    day: _Day, outlook: RouteOutlook, sold_on: Sequence[Offer], ratio: Floats, days: Floats, moved: Floats
) -> ProfitCases:
    found = forecast_profits(outlook, load_price_model())
    product, market, category = _names(sold_on)
    return ProfitCases(
        product, market, category, np.full(len(outlook), day.at), found.chance, found.p10, found.p50, found.p90,
        found.expected, found.pct_a_day, found.capital, outlook.margins.profit[:, _TODAY],
        realised_profit(outlook.margins, ratio, days, moved), days + PROFIT_ASSUMPTIONS.timing.payout_days,
    )  # fmt: skip


def realised_profit(margins: RouteMargins, ratio: Floats, days: Floats, moved: Floats) -> Floats:
    """What each route left, sold at this ratio of the price after this many days; ``moved`` is the exchange rate's."""
    profit = _line(ratio, PRICE_RATIOS, margins.profit) + _line(days, margins.later_days, margins.later)
    return np.asarray(profit + np.where(margins.is_foreign, (profit + margins.invested) * moved, 0.0))


def _line(at: Floats, nodes: Floats, values: Floats) -> Floats:
    """One value of each row (n, nodes), linear between the nodes and level beyond them."""
    return np.array([np.interp(one, nodes, row) for one, row in zip(at, values, strict=True)])


def _names(offers: Sequence[Offer]) -> tuple[Objects, Objects, Objects]:
    """Product, marketplace and category of each offer; an unknown category is empty."""
    read: tuple[Callable[[Offer], str], ...] = (
        lambda one: one.asin,
        lambda one: one.market,
        lambda one: category_id(one.category) or one.category or "",
    )
    product, market, category = (np.array([each(one) for one in offers], object) for each in read)
    return product, market, category


def _joined(kind: type[Cases], parts: Sequence[Cases]) -> Cases | None:
    if not parts:
        return None
    return kind(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(kind)))
