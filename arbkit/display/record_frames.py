"""Records of the store as tables: one row each, amounts in major units beside their currency, times in UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import pandas as pd

from arbkit.analysis.forecast.profit.forecast import ProfitForecast
from arbkit.analysis.price_history import PriceLine
from arbkit.analysis.sales.results import PurchaseOutcome
from arbkit.analysis.track_record.results import HorizonRecord, TrackRecord, headline_of
from arbkit.core.decisions.event import Decision
from arbkit.core.errors import UsageError, did_you_mean
from arbkit.core.input.validation import Value
from arbkit.core.marketplaces import MARKETS, market
from arbkit.core.models import Offer, Opportunity, Run
from arbkit.core.offers.categories import names_of_category
from arbkit.core.offers.facts import Fact
from arbkit.core.offers.product import Product
from arbkit.core.offers.watched import WatchEntry
from arbkit.core.sales.line import SaleLine
from arbkit.core.settings import Settings
from arbkit.display.frames import DisplayFrame
from arbkit.display.labels import run_figures
from arbkit.profit import Profile
from arbkit.store.base import Stats
from arbkit.store.mode import mode_in_force
from arbkit.store.routes import RouteWindow

R = TypeVar("R")
DEMO_NOTE = "DEMO market: invented products and prices"


def products_frame(products: Sequence[Product]) -> DisplayFrame:
    """One row per product, with its price on each marketplace and its best route.

    Columns: ``asin, title, brand, category``, the prices (``DE_EUR``, ``UK_GBP``, …, VAT included), the best route
    (``source, target, profit, currency, roi_pct``) and ``updated_at``.
    """
    columns = ["asin", "title", "brand", "category", *map(_price_column, MARKETS),
               "source", "target", "profit", "currency", "roi_pct", "updated_at"]  # fmt: skip

    def cells(p: Product) -> dict[str, Any]:
        prices = {_price_column(code): _major(here["price_minor"]) for code, here in p.markets.items()}
        return {**prices, **(p.best or {})}

    return _frame(products, columns, cells, demo=any(p.demo for p in products))


def offers_frame(offers: Sequence[Offer]) -> DisplayFrame:
    """One row per offer: ``asin, market, title, price, currency`` and its demand, competition, package and fees.

    Prices and fees in ``currency``; ``price`` includes VAT, ``keepa_fba_fee`` does not.
    """
    columns = [
        "asin", "market", "title", "price", "currency", "price_avg90", "price_basis", "price_at", "sales_rank",
        "rank_drops30", "monthly_sold", "offers_new", "rating", "reviews", "out_of_stock90_pct",
        "amazon_buy_box90_pct", "size_mm", "weight_g", "keepa_fba_fee", "keepa_referral_pct", "updated_at", "page_url",
    ]  # fmt: skip

    def cells(o: Offer) -> dict[str, Any]:
        return {
            "price": _major(o.price_minor), "price_avg90": _major(o.price_avg90_minor), "size_mm": _size(o),
            "keepa_fba_fee": _major(o.keepa_fba_fee_minor), "page_url": market(o.market).url(o.asin),
        }  # fmt: skip

    return _frame(offers, columns, cells, demo=any(o.demo for o in offers))


def opportunities_frame(found: Sequence[Opportunity]) -> DisplayFrame:
    """One row per route, in the names and units of ``GET /arbitrage``.

    ``profit`` and ``fees`` are in ``currency``, prices in the currency of their marketplace, VAT included. Where some
    are no opportunity, ``status`` says why, and ``profit_low`` and ``profit_high`` what their packages leave. Of the
    forecast: the chance of a profit, what it may be, its mean, that by day in percent of the capital, and the sale.
    Rank, drops, sellers, Amazon's share and the 90-day average are those of ``target``.
    """
    standing = ["status", "profit_low", "profit_high"] if any(o.status != "opportunity" for o in found) else []
    columns = [
        "asin", "title", "source", "target", "buy_price", "max_buy", "buy_currency", "sell_price", "sell_currency",
        "profit", "currency", *standing, "roi_pct", "margin_pct", *_FORECAST, *_DEMAND,
        "amazon_share90_pct", "amazon_share_basis", "sell_avg90",
        "sell_position_pct", "break_even", "spread_pct", "fees", "fulfilment", "confidence", "confidence_reasons",
        "brand", "category", "eans", "data_at", "source_url", "target_url", "decision", "decision_note",
    ]  # fmt: skip
    return _frame(found, columns, demo=any(o.demo for o in found))


def decisions_frame(found: Sequence[Decision]) -> DisplayFrame:
    """One row per decision; prices and profits in the currencies beside them, ``decided_at`` in UTC."""
    columns = [
        "asin", "brand", "source", "target", "status", "note", "until", "rise", "until_profit", "currency", "quantity",
        "price", "price_currency", "bought_on", "cancels", "title", "by", "decided_at", "version",
    ]  # fmt: skip
    return _frame(found, columns, lambda one: {"decided_at": one.at}, demo=any(one.demo for one in found))


def sales_frame(found: Sequence[SaleLine]) -> DisplayFrame:
    """One row per line of a settlement, with Amazon's signs in ``currency``; ``vat`` NaN: ``principal`` includes it."""
    columns = [
        "day", "kind", "asin", "sku", "market", "order", "units", "principal", "vat", "fees", "other", "total",
        "currency", "what", "source", "id",
    ]  # fmt: skip

    def cells(one: SaleLine) -> dict[str, Any]:
        return {"fees": one.fee_total, "other": round(sum(one.other.values()), 2), "total": one.total}

    return _frame(found, columns, cells, demo=any(one.demo for one in found))


def purchases_frame(found: Sequence[PurchaseOutcome]) -> DisplayFrame:
    """One row per purchase in the fields of ``PurchaseOutcome``; money in ``currency``, NaN: not known."""
    columns = [name for name in PurchaseOutcome.model_fields if name != "demo"]
    return _frame(found, columns, demo=any(one.demo for one in found))


def history_frame(lines: Sequence[PriceLine], *, currency: str, demo: bool) -> DisplayFrame:
    """One row per price change: ``market, at, price, currency, price_basis``.

    A price holds until the next row of its marketplace; NaN: not offered.
    """
    parts = [
        pd.DataFrame(
            {"market": x.market, "at": x.times, "price": x.prices, "currency": currency, "price_basis": x.basis}
        )
        for x in lines
    ]
    columns = ["market", "at", "price", "currency", "price_basis"]
    made = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    made["at"] = pd.to_datetime(made["at"], utc=True)
    return noted(DisplayFrame(made), DEMO_NOTE if demo else "")


def windows_frame(windows: Sequence[RouteWindow]) -> DisplayFrame:
    """One row per time in which a route was an opportunity, by route and start.

    Columns: ``asin, source, target, started_at, ended_at`` (NaT: it still is one), ``days`` (until now, or the end),
    ``best_profit`` (at one unit), ``currency, known_at``. Times are those of the prices, ``known_at`` is when arbkit
    knew of the start.
    """
    columns = ["asin", "source", "target", "started_at", "ended_at", "days", "best_profit", "currency", "known_at"]
    now = datetime.now(UTC).timestamp()

    def cells(window: RouteWindow) -> dict[str, Any]:
        end = now if window.ended_at is None else window.ended_at
        return {"days": round((end - window.started_at) / 86_400, 2)}

    return _frame(windows, columns, cells, demo=any(window.demo for window in windows))


def forecasts_frame(forecasts: Mapping[tuple[str, str, str], ProfitForecast], *, demo: bool) -> DisplayFrame:
    """One row per route (ASIN, source and target), the most expected profit per day of capital first.

    Columns: ``asin, source, target`` and the fields of
    :class:`~arbkit.analysis.forecast.profit.forecast.ProfitForecast` but for the width, whose shares stand in
    ``why_so_wide`` as words.
    """
    rows = [
        {"asin": asin, "source": source, "target": target, **found.model_dump(exclude={"width", "version"}),
         "why_so_wide": ", ".join(found.reasons_of_width), "assumed": "; ".join(found.assumed)}
        for (asin, source, target), found in forecasts.items()
    ]  # fmt: skip
    made = DisplayFrame(rows)
    for name in set(made) - {
        "asin",
        "source",
        "target",
        "currency",
        "sell_currency",
        "unknown",
        "assumed",
        "why_so_wide",
    }:
        made[name] = made[name].astype("float64")
    if len(made):
        made = DisplayFrame(made.sort_values("expected_profit_per_day_pct", ascending=False, ignore_index=True))
    return noted(made, DEMO_NOTE if demo else "")


def track_record_frame(found: TrackRecord | None) -> DisplayFrame:
    """One row a horizon over all versions (``version`` empty), and one for each version; the note says it in words.

    Columns: ``horizon_days, version, forecasts, products, is_enough, covered_pct`` with its interval, ``pinball,
    pinball_unchanged, brier, brier_skill, calibration_error``.
    """
    rows = [] if found is None else [*found.horizons, *found.versions]
    columns = [
        "horizon_days", "version", "forecasts", "products", "is_enough", "covered_pct", "covered_low", "covered_high",
        "pinball", "pinball_unchanged", "brier", "brier_skill", "calibration_error",
    ]  # fmt: skip

    def cells(one: HorizonRecord) -> dict[str, Any]:
        return {
            "covered_pct": one.covered_pct.value, "covered_low": one.covered_pct.low,
            "covered_high": one.covered_pct.high, "pinball": one.pinball.value,
            "pinball_unchanged": one.pinball_unchanged.value, "brier": one.profit.brier.value,
            "brier_skill": one.profit.brier_skill.value, "calibration_error": one.profit.calibration_error.value,
        }  # fmt: skip

    return noted(_frame(rows, columns, cells, demo=found is not None and found.demo), headline_of(found))


def runs_frame(runs: Iterable[Run]) -> DisplayFrame:
    """Report runs, the latest first: ``report, status, started_at, duration_s, summary, error, run_id, output``."""
    columns = ["report", "status", "started_at", "duration_s", "summary", "error", "run_id", "output"]

    def cells(run: Run) -> dict[str, Any]:
        return {
            "duration_s": None if run.finished_at is None else run.finished_at - run.started_at,
            "summary": ", ".join(run_figures(run.summary)),
        }

    return _frame(list(runs), columns, cells)


def stats_frame(stats: Stats) -> DisplayFrame:
    """One row: how much is stored, the total profit of its opportunities in ``currency``, and its age."""
    columns = ["products", "offers", "opportunities", "total_profit", "currency"]
    columns += ["oldest_at", "newest_at", "evaluated_at"]
    return _frame([stats], columns, demo=stats.demo_products > 0)


def watched_frame(entries: Sequence[WatchEntry], offers: Sequence[Offer]) -> DisplayFrame:
    """One row per watched product, in the order of ``entries``.

    Columns: ``asin, title, markets`` (those with an offer), ``updated_at`` (the latest), ``groups, notes`` and
    ``added_at``.
    """
    said = {entry.asin: entry for entry in entries}
    by_asin: dict[str, list[Offer]] = {asin: [] for asin in said}
    for o in offers:
        by_asin[o.asin].append(o)

    def cells(asin: str) -> dict[str, Any]:
        known = by_asin[asin]
        return {
            "asin": asin,
            "title": next((o.title for o in known if o.title), None),
            "markets": ", ".join(o.market for o in known),
            "updated_at": max((o.updated_at for o in known), default=None),
            "groups": ", ".join(said[asin].groups),
            "notes": said[asin].notes,
            "added_at": said[asin].added_at,
        }

    columns = ["asin", "title", "markets", "updated_at", "groups", "notes", "added_at"]
    return _frame(list(by_asin), columns, cells, demo=any(o.demo for o in offers))


def facts_frame(facts: Sequence[Fact]) -> DisplayFrame:
    """One row per fact that was typed in: ``asin, market, size_mm, weight_g, vat_class, category, typed_at``.

    An empty ``market`` means all of them.
    """

    def cells(fact: Fact) -> dict[str, Any]:
        stated = fact.value_json()
        sides = [stated[name] for name in ("length_mm", "width_mm", "height_mm") if name in stated]
        return {**stated, "size_mm": "x".join(map(str, sides)) or None, "typed_at": fact.at}

    columns = ["asin", "market", "size_mm", "weight_g", "vat_class", "category", "typed_at"]
    return _frame(facts, columns, cells)


def noted_if_cut(frame: DisplayFrame, total: int) -> DisplayFrame:
    """The table, with a note where there is more than it shows."""
    shown = len(frame)
    return frame if shown >= total else noted(frame, f"the first {shown:,} of {total:,}: raise limit for more")


def why_empty(stats: Stats, *, remedy: str, detected: bool) -> str:
    """Why a table of a store has no rows; ``remedy``: against an empty store, ``detected``: its rows are routes."""
    if not stats.products:
        return f"The store is empty. {remedy}"
    if detected and stats.evaluated_at is None:
        return "Nothing has been detected yet: run `arbkit detect`, or the notebook of that name"
    return "Nothing matches"


def empty_store_remedy(settings: Settings) -> str:
    """What to do about a store without anything in it."""
    if mode_in_force(settings).demo_mode:
        return "Fill it here with arb.fill_demo(), or run `arbkit up`"
    return "Run `arbkit up`, or `arbkit import FILE...` and `arbkit consume --until-empty`"


def check_categories(categories: Sequence[str] | None, stats: Stats) -> None:
    """See that some opportunity is of each category that nothing was found of.

    Raises:
        UsageError: none is of one; names the nearest that is there.
    """
    for one in categories or ():
        if stats.products and set(names_of_category(one)).isdisjoint(stats.categories):
            remedy = did_you_mean(one, stats.categories, otherwise="Use one of")
            raise UsageError("no product is of this category", field="category", value=one, remedy=remedy)


def named_route(route: Mapping[str, Value] | str) -> tuple[str, str, str]:
    """ASIN, source and target of a row that has them, or of an id as ``B0…:IT:DE``.

    Raises:
        UsageError: it names no route.
    """
    parts = route.split(":") if isinstance(route, str) else [route.get(n) for n in ("asin", "source", "target")]
    named = [part for part in parts if isinstance(part, str)]
    if len(parts) != 3 or len(named) != 3:
        remedy = "Give an answer, a row with asin, source and target, or an id as B0DEMO0001:IT:DE"
        raise UsageError("names no route", field="route", value=route, remedy=remedy)
    asin, source, target = named
    return asin, source, target


def store_text(stats: Stats, settings: Settings, profile: Profile) -> str:
    """What a store holds and whose profit it is, or how to fill it."""
    if not stats.products:
        return f"the store is empty. {empty_store_remedy(settings)}"
    return f"{stats_text(stats)}. {profile.seller_line}"


def check_routes(table: pd.DataFrame) -> None:
    """See that a table has routes and their profits.

    Raises:
        UsageError: a column is missing.
    """
    missing = [name for name in ("source", "target", "profit") if name not in table]
    if missing:
        remedy = "Give an ASIN, or a table of arb.opportunities(), arb.reprice() or arb.routes()"
        raise UsageError("has no column of this name", field="of", value=", ".join(missing), remedy=remedy)


def stats_text(stats: Stats) -> str:
    """How much is stored, in one line."""
    at = stats.evaluated_at
    detected = "never" if at is None else f"{datetime.fromtimestamp(at, UTC):%d %b %H:%M} UTC"
    demo = f", {DEMO_NOTE}" if stats.demo_products else ""
    return (
        f"{stats.products:,} products, {stats.offers:,} offers, {stats.opportunities:,} opportunities "
        f"(detected: {detected}){demo}"
    )


def _frame(
    records: Sequence[R], columns: list[str], cells: Callable[[R], dict[str, Any]] = lambda _: {}, *, demo: bool = False
) -> DisplayFrame:
    """A row per record: the fields that it has, and ``cells`` in place of others."""
    rows = [{name: getattr(record, name, None) for name in columns} | cells(record) for record in records]
    made = DisplayFrame(rows, columns=columns)
    for name in columns:
        if name.endswith("_at"):
            made[name] = pd.to_datetime(made[name].astype("float64"), unit="s", utc=True).dt.floor("s")
        elif name in _WHOLE:
            made[name] = made[name].astype("Int64")
        elif name in _NUMBERS or name.endswith(("_EUR", "_GBP")):
            made[name] = made[name].astype("float64")
    return noted(made, DEMO_NOTE if demo else "")


_FORECAST = (
    "profit_chance_pct", "profit_p10", "profit_p50", "profit_p90", "expected_profit", "expected_profit_per_day_pct",
    "sold_in_30_days_pct", "days_to_sell_p50",
)  # fmt: skip
_DEMAND = (
    "rank", "rank_drops30", "rank_drops90", "monthly_sold", "sellers", "sellers_fba", "sellers_fbm",
)  # fmt: skip
_NUMBERS = frozenset(
    {"price", "price_avg90", "rating", "amazon_buy_box90_pct", "keepa_fba_fee", "keepa_referral_pct", "profit",
     "roi_pct", "duration_s", "total_profit", "days", "best_profit", *_FORECAST, "max_buy", "sell_avg90", "vat",
     "sell_position_pct", "break_even", "amazon_share90_pct", "rise", "until_profit", "payout", "fees", "cost",
     "profit_per_unit", "days_to_sell", "forecast_profit", "forecast_p10", "forecast_p50", "forecast_p90",
     "forecast_chance_pct", "forecast_days"}
)  # fmt: skip
_WHOLE = frozenset(
    {"sales_rank", "offers_new", "reviews", "out_of_stock90_pct", "weight_g", "quantity", "cancels", *_DEMAND}
)
"""Columns that stay numeric when every value is unknown."""


def noted(frame: DisplayFrame, *words: str) -> DisplayFrame:
    """``frame`` with ``words`` appended to the note above it."""
    frame.attrs["note"] = "; ".join(filter(None, [frame.attrs.get("note", ""), *words]))
    return frame


def _price_column(code: str) -> str:
    return f"{code}_{MARKETS[code].currency}"


def _major(minor: int | None) -> float | None:
    return None if minor is None else minor / 100


def _size(offer: Offer) -> str | None:
    sides = (offer.length_mm, offer.width_mm, offer.height_mm)
    return None if None in sides else "x".join(map(str, sides))
