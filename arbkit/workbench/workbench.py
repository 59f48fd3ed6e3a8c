"""The workbench: what is stored, as tables, and what users type in; its other parts are in this room."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Self

from pydantic import PositiveInt, TypeAdapter

from arbkit.analysis.detection_inputs import today
from arbkit.analysis.track_record.run import kept_track_record
from arbkit.core.errors import StoreError, UsageError, did_you_mean
from arbkit.core.input.asin import parse_asin
from arbkit.core.input.filters import OpportunitiesRequest, ProductsRequest
from arbkit.core.input.validation import Value, check_value, suggest_arguments, takes_fields_of
from arbkit.core.offers.facts import TypedFacts
from arbkit.core.settings import Settings, SettingValue
from arbkit.display import record_frames
from arbkit.display.frames import DisplayFrame
from arbkit.display.labels import is_demo
from arbkit.display.record_frames import empty_store_remedy, noted
from arbkit.ops import fill_demo
from arbkit.pipeline.watchlist.reading import load as load_watchlist
from arbkit.profit import load_tables
from arbkit.store import OpportunityQuery, ProductQuery, open_store
from arbkit.store.fields import OPPORTUNITY_SORTS, PRODUCT_SORTS
from arbkit.store.iteration import offers_of_many, product_worth_a_look, take
from arbkit.store.kept_facts import forget_typed, keep_typed
from arbkit.store.mode import known_mode
from arbkit.workbench.deciding import Deciding
from arbkit.workbench.opened import with_order

_COUNT: TypeAdapter[int] = TypeAdapter(PositiveInt)


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


class Workbench(Deciding):
    """What :func:`arbkit.open` gives; a context manager.

    Reads only, apart from :meth:`fill_demo`, :meth:`set_facts`, :meth:`unset_facts` and :meth:`decide`.

    Products are named by their ASIN, marketplaces by their code (DE, FR, IT, ES, UK). Percents are percents: 20
    means 20 %. Amounts without a currency beside them are in the seller profile's home currency.
    """

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
        return self._of_profile(record_frames.stats_frame(self._store().stats()))

    @takes_fields_of(ProductsRequest)
    def products(self, **request: Value) -> DisplayFrame:
        """Products with their price on every marketplace and their best route, one row each.

        Raises:
            UsageError: a field or its value is wrong; names it, and what was probably meant.
        """
        asked = with_order(request, PRODUCT_SORTS)
        wanted = ProductsRequest.parse(asked, strict=True, unknown="products() has no such argument")
        query = ProductQuery.of(wanted, sort=wanted.sort_by, descending=wanted.descending, limit=1)
        found, total = take(self._store().products, query, wanted.limit)
        return self._of_profile(self._noted(record_frames.products_frame(found), total, wanted.category))

    @suggest_arguments
    def offers(self, asins: str | Sequence[str]) -> DisplayFrame:
        """What is known now of products on each marketplace, one row an offer, without those that are not stored.

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
        """The profitable routes that were found, the most expected profit per day of capital first, one row each.

        ``verdict`` (buy, watch or pass) and ``verdict_sentence`` are what the rules of ``verdict.toml`` say of each.

        Raises:
            UsageError: a field or its value is wrong; names it, and what was probably meant.
        """
        asked = with_order(request, OPPORTUNITY_SORTS)
        wanted = OpportunitiesRequest.parse(asked, strict=True, unknown="opportunities() has no such argument")
        query = OpportunityQuery.of(wanted, sort=wanted.sort_by, descending=wanted.descending, limit=1, at=time.time())
        found, total = take(self._store().opportunities, query, wanted.limit)
        return self._of_profile(self._noted(self._judged(found), total, wanted.category, detected=True))

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

    def track_record(self) -> DisplayFrame:
        """How forecasts that were shown have come out so far: one row a horizon, of all versions and of each."""
        return record_frames.track_record_frame(kept_track_record(self._store()))

    def __repr__(self) -> str:
        try:
            text = record_frames.store_text(self._store().stats(), self.settings, self.profile)
        except StoreError as error:
            text = str(error)
        return f"arbkit workbench: {text}"
