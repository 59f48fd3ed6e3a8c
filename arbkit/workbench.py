"""The workbench as people use it in a notebook: ``arb = arbkit.open()``.

Everything is read from the store that the settings name, whichever it is, and comes back as a table
(:class:`~arbkit.display.frames.DisplayFrame`), a quote (:class:`~arbkit.display.quote_view.QuoteView`) or a plotly
figure.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Self

from pydantic import PositiveInt, TypeAdapter

from arbkit.analysis.detection_inputs import profile_note, today
from arbkit.analysis.forecast.profit.forecast import forecast_routes
from arbkit.analysis.offers import known_offers, moment_of, prepare_offers
from arbkit.analysis.price_history import PriceLine, price_lines
from arbkit.analysis.routes import RoutePrices, best_cells, price_routes, route_cells, routes_frame
from arbkit.analysis.what_if import priced_route, quote_request_for
from arbkit.core.closing import Closing
from arbkit.core.errors import StoreError, UsageError, did_you_mean
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.filters import OpportunitiesRequest, ProductsRequest
from arbkit.core.input.validation import Day, Value, check_value, parse, suggest_arguments, takes_fields_of
from arbkit.core.marketplaces import MarketCode
from arbkit.core.models import Offer
from arbkit.core.offers.facts import TypedFacts
from arbkit.core.settings import Settings, SettingValue
from arbkit.display import record_frames
from arbkit.display.frames import DisplayFrame
from arbkit.display.labels import is_demo, product_heading, product_title
from arbkit.display.quote_view import QuoteView
from arbkit.display.record_frames import DEMO_NOTE, empty_store_remedy, noted
from arbkit.ops import fill_demo
from arbkit.pipeline.watchlist.reading import load as load_watchlist
from arbkit.profit import COMPONENTS, Profile, load_profile, load_rates, load_tables
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.store import OpportunityQuery, ProductQuery, Store, open_store
from arbkit.store.iteration import offers_of_many, product_worth_a_look, take
from arbkit.store.kept_facts import forget_typed, keep_typed
from arbkit.store.lazy import LazyStore
from arbkit.store.mode import known_mode

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_COUNT: TypeAdapter[int] = TypeAdapter(PositiveInt)
_DAY: TypeAdapter[date | None] = TypeAdapter(Day | None)
_MARKET: TypeAdapter[str] = TypeAdapter(MarketCode)


def open_workbench(settings: Settings | None = None, **overrides: SettingValue) -> Workbench:
    """See :func:`arbkit.open`.

    Raises:
        UsageError: there is no such setting, or settings are given in two ways.
        ConfigError: a setting's value cannot be used.
    """
    for name in overrides.keys() - Settings.model_fields.keys():
        remedy = did_you_mean(name, Settings.model_fields)
        raise UsageError("there is no such setting", field="setting", value=name, remedy=remedy)
    if settings is not None and overrides:
        raise UsageError("exclude each other", field=f"settings, {next(iter(overrides))}", remedy="Give one of them")
    return Workbench(settings or Settings.load(**overrides))


class Workbench(Closing):
    """What :func:`arbkit.open` gives; a context manager.

    Reads only, apart from :meth:`fill_demo`, :meth:`set_facts` and :meth:`unset_facts`.

    Products are named by their ASIN, marketplaces by their code (DE, FR, IT, ES, UK). Percents are percents: 20
    means 20 %. Amounts without a currency beside them are in the seller profile's home currency.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lazy_store = LazyStore(settings)

    def close(self) -> None:
        """Close the store. The next call opens it again."""
        self._lazy_store.close()

    @property
    def profile(self) -> Profile:
        """The seller profile in force.

        Raises:
            ConfigError: it cannot be used.
        """
        return load_profile(self.settings.profile_path, self.settings.profile_name)

    def fill_demo(self) -> Self:
        """Fill an empty store from the demo market, in about ten seconds; one that holds something stays as it is.

        Runs the demo market, producer, consumer and detection once, within this process.

        Raises:
            UsageError: the store is empty, and prices come from Keepa.
            ServiceError: log or store cannot be used.
        """
        try:
            empty = not self._store().stats().products
        except StoreError:
            # Missing or broken: filling it says which.
            empty = True
        if empty:
            fill_demo.fill_demo(self.settings)
        return self

    def stats(self) -> DisplayFrame:
        """How much is stored: one row, ``products, offers, opportunities, total_profit, currency`` and its ages.

        Raises:
            StoreError: there is no store yet, or it cannot be read (as for every other method that reads it).
        """
        return record_frames.stats_frame(self._store().stats())

    @takes_fields_of(ProductsRequest)
    def products(self, **request: Value) -> DisplayFrame:
        """Products with their price on every marketplace and their best route, one row each.

        Raises:
            UsageError: a field or its value is wrong; names it, and what was probably meant.
        """
        wanted = ProductsRequest.parse(request, strict=True, unknown="products() has no such argument")
        query = ProductQuery.of(wanted, sort=wanted.sort_by, descending=wanted.descending, limit=1)
        found, total = take(self._store().products, query, wanted.limit)
        return self._noted(record_frames.products_frame(found), total, wanted.category)

    @suggest_arguments
    def offers(self, asins: str | Sequence[str]) -> DisplayFrame:
        """What is known now of one product, or of several, on each marketplace: one row an offer.

        Of several products those that are not stored are left out.

        Raises:
            UsageError: no ASIN, or none of them is stored.
        """
        return record_frames.offers_frame(self._offers([asins] if isinstance(asins, str) else asins))

    @suggest_arguments
    def history(self, asin: str, *, currency: str | None = None) -> DisplayFrame:
        """What a product cost on every marketplace, a row a change, in one currency by the ECB rate of each day.

        ``currency``: EUR, GBP, …; None: the profile's home currency. :meth:`plot_prices` draws it.

        Raises:
            UsageError: the product is not stored, or there are no rates of that currency.
        """
        offers, lines, currency = self._lines(asin, currency)
        return record_frames.history_frame(lines, currency=currency, demo=is_demo(offers))

    @suggest_arguments
    def windows(self, asin: str) -> DisplayFrame:
        """When the routes of a product were opportunities, also those that have ended: one row each.

        Raises:
            UsageError: the product is not stored.
        """
        return record_frames.windows_frame(self._store().windows([self._offers([asin])[0].asin]))

    @takes_fields_of(OpportunitiesRequest)
    def opportunities(self, **request: Value) -> DisplayFrame:
        """The routes that the last detection found to leave money, the most profitable first, one row each.

        Raises:
            UsageError: a field or its value is wrong; names it, and what was probably meant.
        """
        wanted = OpportunitiesRequest.parse(request, strict=True, unknown="opportunities() has no such argument")
        query = OpportunityQuery.of(wanted, sort=wanted.sort_by, descending=wanted.descending, limit=1, at=time.time())
        found, total = take(self._store().opportunities, query, wanted.limit)
        frame = self._noted(record_frames.opportunities_frame(found), total, wanted.category, detected=True)
        return noted(frame, profile_note(self.settings, self._store().swept()))

    def pick(self) -> str:
        """The ASIN of a product worth a look: of the best opportunities' the one on the most marketplaces.

        Without opportunities it is the product that was looked at last.

        Raises:
            UsageError: the store is empty.
        """
        if (asin := product_worth_a_look(self._store())) is None:
            raise UsageError("the store is empty", field="store", remedy=empty_store_remedy(self.settings))
        return asin

    @suggest_arguments
    def runs(self, *, report: str | None = None, limit: int = 50) -> DisplayFrame:
        """The latest runs of reports, or of one report.

        Raises:
            UsageError: ``limit`` is no count.
        """
        return record_frames.runs_frame(self._store().runs(report=report, limit=check_value(_COUNT, "limit", limit)))

    def watchlist(self) -> DisplayFrame:
        """The watched products in the list's order: ``asin, title, markets, updated_at, groups, notes, added_at``.

        ``markets`` is empty until a marketplace has answered. The note names the lines that could not be used.

        Raises:
            ConfigError: there is no watchlist.
        """
        watched = load_watchlist(known_mode(self.settings), self._store())
        offers = offers_of_many(self._store(), watched.asins)
        return noted(record_frames.watched_frame(watched.items, offers), *map(str, watched.bad))

    @suggest_arguments
    def facts(self, asins: str | Sequence[str] | None = None) -> DisplayFrame:
        """What you have typed in with :meth:`set_facts`, on the product page or by ``arbkit facts``: one row a fact.

        Raises:
            UsageError: no ASIN.
        """
        given = None if asins is None else list(map(parse_asin, [asins] if isinstance(asins, str) else asins))
        return record_frames.facts_frame(self._store().facts(given))

    @takes_fields_of(TypedFacts)
    def set_facts(self, asin: str, **fields: Value) -> DisplayFrame:
        """Type in what you know of a product, its size above all: it wins over what any source says.

        :meth:`routes` and :meth:`route` price with it at once, a running detector within seconds.

        Raises:
            UsageError: ASIN, field or value cannot be (a side of 0, or of 9 metres), or nothing is stated.
        """
        typed = TypedFacts.parse(fields, unknown="set_facts() has no such argument")
        with open_store(self.settings) as store:
            classes = load_tables().on(today()).vat_classes
            return record_frames.facts_frame(keep_typed(self.settings, store, asin, typed, vat_classes=classes))

    @suggest_arguments
    def unset_facts(self, asin: str, *names: str, market: str = "") -> DisplayFrame:
        """Forget what you have typed in: ``package``, ``vat_class``, ``category``, or all of it; what is left.

        ``market``: what holds on this marketplace only; empty: what holds on all.

        Raises:
            UsageError: nothing of that was typed in.
        """
        with open_store(self.settings) as store:
            forget_typed(self.settings, store, asin, names, market=market)
            return record_frames.facts_frame(store.facts([parse_asin(asin)]))

    @takes_fields_of(QuoteRequest)
    def profit(self, *, neutral: bool = False, **fields: Value) -> QuoteView:
        """What one route leaves after every fee and tax, without any store: as ``arbkit profit``.

        ``neutral=True`` is a seller without costs of its own in place of the seller profile; what is not given is
        taken from that. Prices as the shop page shows them, VAT included, in the marketplace's currency.

        Raises:
            UsageError: a field is missing, unknown, out of range, or they are impossible together.
        """
        request = parse(QuoteRequest, fields, unknown="profit() has no such argument")
        return QuoteView(quote(request, Profile.neutral() if neutral else self.profile, load_tables(), load_rates()))

    @suggest_arguments
    def routes(self, asin: str, *, components: bool = False, on: date | str | None = None) -> DisplayFrame:
        """All routes of a product, priced now with the seller profile, also those that leave nothing.

        Prices as the shop pages show them, ``profit`` for one unit after every fee and tax; ``unknown`` says why
        there is none, ``assumed`` what was taken for granted.

        Args:
            asin: the product.
            components: a column for every fee and tax too, signed.
            on: day of fee tables, VAT and exchange rates; None: today.

        Raises:
            UsageError: the product is not stored.
        """
        offers = self._offers([asin])
        made = routes_frame(self._prices(offers, _day(on)), offers)
        shown = DisplayFrame(made if components else made.drop(columns=[*COMPONENTS]))
        return noted(shown, DEMO_NOTE if is_demo(offers) else "")

    @suggest_arguments
    def forecasts(self, asin: str) -> DisplayFrame:
        """What one unit of a product will earn on each route, the most per day of capital first.

        Raises:
            UsageError: the product is not stored.
        """
        offers, now = self._offers([asin]), time.time()
        past = {h.id: h for h in self._store().history(offers[0].asin)}
        found = forecast_routes(offers, past, self.profile, load_tables(), load_rates(), on=_day(None), now=now)
        return record_frames.forecasts_frame(found, demo=is_demo(offers))

    @suggest_arguments
    def route(self, asin: str, source: str, target: str, *, on: date | str | None = None) -> QuoteView:
        """One route of a stored product at its prices of now, with everything :meth:`profit` answers.

        Raises:
            UsageError: the product is not stored, or has no price on one of the two.
        """
        offers, profile, on = self._offers([asin]), self.profile, _day(on)
        source, target = check_value(_MARKET, "source", source), check_value(_MARKET, "target", target)
        priced = priced_route(self._prices(offers, on), offers, source, target)
        request, package = quote_request_for(priced, offers, profile, on=on)
        found = quote(request, profile, load_tables(), load_rates(), package=package)
        return QuoteView(found, asin=priced.asin, title=product_title(offers, target), demo=is_demo(offers))

    @suggest_arguments
    def plot_prices(self, asin: str, *, currency: str | None = None) -> go.Figure:
        """What a product cost on every marketplace, in one currency; arguments and errors as :meth:`history`."""
        from arbkit.display.charts import history_figure
        from arbkit.display.offline import showable

        offers, lines, currency = self._lines(asin, currency)
        figure = history_figure(lines, currency=currency)
        figure.update_layout(title={"text": f"{escape(product_heading(offers))}: price, {currency}, VAT included"})
        return showable(figure)

    @suggest_arguments
    def plot_waterfall(self, route: QuoteView | pd.Series[Any] | Mapping[str, Value] | str) -> go.Figure:
        """Where the money of a route goes, priced now.

        ``route``: an answer of :meth:`profit` or :meth:`route`, a row (``.iloc[0]``) of :meth:`opportunities` or
        :meth:`routes`, or an id as ``B0…:IT:DE``.

        Raises:
            UsageError: it is none of these, or cannot be priced; says why.
        """
        if isinstance(route, QuoteView):
            return route.plot()
        given = route if isinstance(route, str) else {str(name): value for name, value in route.items()}
        return self.route(*record_frames.named_route(given)).plot()

    @suggest_arguments
    def plot_routes(self, asin: str | None = None) -> go.Figure:
        """A map of the 20 routes: the profit of a product on each, or without ``asin`` the best of all products.

        Raises:
            UsageError: the product is not stored.
        """
        from arbkit.display.charts import routes_figure
        from arbkit.display.offline import showable

        if asin is None:
            stats = self._store().stats()
            currency = stats.currency or self.profile.currency
            title = f"Best opportunity of each route{', DEMO market' if stats.demo_products else ''}"
            return showable(routes_figure(best_cells(stats, currency), title=title, currency=currency))
        cells, title = route_cells(self.routes(asin)), f"{product_heading(self._offers([asin]))}: profit by route"
        return showable(routes_figure(cells, title=title, currency=self.profile.currency))

    def _store(self) -> Store:
        try:
            return self._lazy_store.get()
        except StoreError as error:
            if error.kind == "empty":
                raise StoreError(error.why, kind=error.kind, remedy=empty_store_remedy(self.settings)) from None
            raise

    def _offers(self, asins: Sequence[str]) -> list[Offer]:
        wanted = list(dict.fromkeys(map(parse_asin, asins)))
        if not (found := known_offers(self._store(), wanted)):
            remedy = "Watch it with `arbkit watch add ASIN`; arb.products() lists what is stored"
            raise UsageError("not in the store", field="asin", value=", ".join(wanted), remedy=remedy)
        return found

    def _prices(self, offers: Sequence[Offer], on: date) -> RoutePrices:
        prepared = prepare_offers(offers, now=moment_of(on, now=time.time()))
        return price_routes(prepared, self.profile, load_tables(), load_rates(), on=on)

    def _lines(self, asin: str, currency: str | None) -> tuple[list[Offer], list[PriceLine], str]:
        offers, rates, currency = self._offers([asin]), load_rates(), (currency or self.profile.currency).upper()
        if rates.rate("EUR", currency, _day(None)) is None:
            raise UsageError("there are no rates of this currency", field="currency", value=currency, remedy="Use EUR")
        lines = price_lines(self._store().history(offers[0].asin), {o.market: o for o in offers}, currency, rates)
        return offers, lines, currency

    def _noted(self, frame: DisplayFrame, total: int, category: str | None, *, detected: bool = False) -> DisplayFrame:
        """The table with a note where there is more of it, or nothing."""
        if len(frame):
            return record_frames.noted_if_cut(frame, total)
        stats = self._store().stats()
        record_frames.check_category(category, stats)
        return noted(frame, record_frames.why_empty(stats, remedy=empty_store_remedy(self.settings), detected=detected))

    def __repr__(self) -> str:
        try:
            stats = self._store().stats()
        except StoreError as error:
            return f"arbkit workbench: {error}"
        if not stats.products:
            return f"arbkit workbench: the store is empty. {empty_store_remedy(self.settings)}"
        return f"arbkit workbench: {record_frames.stats_text(stats)}. {self.profile.seller_line}"


def _day(on: date | str | None) -> date:
    return check_value(_DAY, "on", on) or datetime.now(UTC).date()
