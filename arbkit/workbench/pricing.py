"""Routes priced now: one by hand, those of a product, and all that are stored with another seller."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from arbkit.analysis.detection import detect, ranked_by, scan_states
from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.analysis.detector.inputs import Inputs
from arbkit.analysis.routes import routes_frame
from arbkit.analysis.track_record.forecasting import forecast_stored
from arbkit.analysis.track_record.run import recalibration_in_force
from arbkit.analysis.verdict.rules import load_verdict_rules
from arbkit.analysis.verdict.verdict import Verdict, verdict_of
from arbkit.analysis.what_if import priced_route, quote_request_for
from arbkit.core.errors import UsageError, did_you_mean
from arbkit.core.input.filters import OpportunitiesRequest
from arbkit.core.input.validation import Value, check_value, parse, suggest_arguments, takes_fields_of
from arbkit.core.marketplaces import MarketCode
from arbkit.core.results import Json
from arbkit.display import record_frames
from arbkit.display.frames import DisplayFrame
from arbkit.display.labels import is_demo, product_title
from arbkit.display.quote_view import QuoteView
from arbkit.display.record_frames import DEMO_NOTE, noted
from arbkit.profit import COMPONENTS, Profile, load_profile, load_rates, load_tables
from arbkit.profit.exchange_rates import AssumedRates
from arbkit.profit.quote.quote import quote
from arbkit.profit.quote.request import QuoteRequest
from arbkit.store.fields import OPPORTUNITY_SORTS
from arbkit.workbench.opened import OpenedStore, day_of, with_order

_RATE: TypeAdapter[float] = TypeAdapter(Annotated[float, Field(ge=0.01, le=100)])
_MARKET: TypeAdapter[str] = TypeAdapter(MarketCode)

_USUAL = ("source", "buy", "target", "sell", "category", "size_mm", "weight_g", "fulfilment", "on")
"""What of a quote's 30 fields a tooltip names before the text, which lists all."""


class Pricing(OpenedStore):
    """What is priced when it is asked for."""

    @takes_fields_of(QuoteRequest, in_signature=_USUAL)
    def profit(self, *, neutral: bool = False, **fields: Value) -> QuoteView:
        """The profit of one route after every fee and tax, without any store: as ``arbkit profit``.

        ``neutral=True`` is a seller without costs of its own in place of the seller profile; what is not given is
        taken from that. Prices as the shop page shows them, VAT included, in the marketplace's currency.

        Raises:
            UsageError: a field is missing, unknown, out of range, or they are impossible together.
        """
        request = parse(QuoteRequest, fields, unknown="profit() has no such argument")
        return QuoteView(quote(request, Profile.neutral() if neutral else self.profile, load_tables(), load_rates()))

    @takes_fields_of(OpportunitiesRequest)
    def reprice(
        self,
        profile: Profile | Mapping[str, Json] | Path | str | None = None,
        *,
        gbp_eur: float | None = None,
        **request: Value,
    ) -> DisplayFrame:
        """Every route of every stored product priced now, with this or another seller, as :meth:`opportunities` shows.

        Nothing of it is stored. ``profile`` is the seller: None for the profile of this workbench; the name of one of
        its ``[profiles.NAME]``; the path of another profile file; a :class:`Profile`; or what differs from this
        workbench's, as ``{"vat_status": "not-reclaiming", "return_rate_pct": 8}``. ``gbp_eur`` assumes an exchange
        rate: what one pound is worth in euros. ``min_profit=-5`` also shows what loses up to that.

        Raises:
            UsageError: a field or its value is wrong; names it, and what was probably meant.
            ConfigError: the profile cannot be used.
        """
        asked = with_order(request, OPPORTUNITY_SORTS)
        wanted = OpportunitiesRequest.parse(asked, strict=True, unknown="reprice() has no such argument")
        store, seller = self._store(), self._seller(profile)
        rates = (
            load_rates()
            if gbp_eur is None
            else AssumedRates(load_rates(), "GBP", "EUR", check_value(_RATE, "gbp_eur", gbp_eur))
        )
        learnt = recalibration_in_force(self.settings, store)
        inputs = replace(Inputs.load(self.settings), profile=seller, rates=rates, recalibration=learnt)
        rank = ranked_by(wanted.sort_by, descending=wanted.descending, most=wanted.limit)
        parameters = DetectParameters.parse(wanted.filters())
        found = detect(scan_states(store), inputs, parameters=parameters, run_id="", rank=rank)
        frame = self._noted(self._judged(found.opportunities), found.total, wanted.category)
        return noted(frame, f"priced now with profile {seller.name!r}. {seller.seller_line}")

    def _seller(self, profile: Profile | Mapping[str, Json] | Path | str | None) -> Profile:
        if isinstance(profile, Profile):
            return profile
        if isinstance(profile, Mapping):
            for name in profile.keys() - Profile.model_fields.keys():
                remedy = did_you_mean(name, Profile.model_fields)
                raise UsageError("a seller profile has no such field", field="profile", value=name, remedy=remedy)
            changed = {**self.profile.model_dump(), "name": f"{self.profile.name}, changed", **profile}
            return Profile.checked(changed, "profile")
        if isinstance(profile, Path) or (profile or "").endswith(".toml"):
            return load_profile(Path(profile or ""))
        return self.profile if profile is None else load_profile(self.settings.profile_path, profile)

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
        made = routes_frame(self._prices(offers, day_of(on)), offers)
        shown = DisplayFrame(made if components else made.drop(columns=[*COMPONENTS]))
        return noted(shown, DEMO_NOTE if is_demo(offers) else "")

    @suggest_arguments
    def forecasts(self, asin: str) -> DisplayFrame:
        """What one unit of a product will earn on each route, the most per day of capital first.

        Raises:
            UsageError: the product is not stored.
        """
        offers = self._offers([asin])
        found = forecast_stored(self.settings, self._store(), offers, self.profile, now=time.time())
        return record_frames.forecasts_frame(found, demo=is_demo(offers))

    @suggest_arguments
    def verdict(self, asin: str, source: str, target: str) -> Verdict:
        """What the rules of ``verdict.toml`` say of a route at its prices of now: buy, watch or pass, and why.

        Raises:
            UsageError: the product is not stored, or has no price on one of the two, or its profit is unknown.
            ConfigError: the rules cannot be used.
        """
        offers, now = self._offers([asin]), time.time()
        source, target = check_value(_MARKET, "source", source), check_value(_MARKET, "target", target)
        priced = priced_route(self._prices(offers, day_of(None)), offers, source, target)
        if priced.opportunity is None:
            why = f"the profit is unknown: {'; '.join(priced.unknown)}"
            raise UsageError(why, field="route", value=f"{asin}:{source}:{target}")
        made = forecast_stored(self.settings, self._store(), offers, self.profile, now=now)
        forecast = made.get((priced.asin, source, target))
        return verdict_of(priced.opportunity, offers, load_verdict_rules(self.settings), now=now, forecast=forecast)

    @suggest_arguments
    def route(self, asin: str, source: str, target: str, *, on: date | str | None = None) -> QuoteView:
        """One route of a stored product at its prices of now, with everything :meth:`profit` answers.

        Raises:
            UsageError: the product is not stored, or has no price on one of the two.
        """
        offers, profile, on = self._offers([asin]), self.profile, day_of(on)
        source, target = check_value(_MARKET, "source", source), check_value(_MARKET, "target", target)
        priced = priced_route(self._prices(offers, on), offers, source, target)
        request, package = quote_request_for(priced, offers, profile, on=on)
        found = quote(request, profile, load_tables(), load_rates(), package=package)
        return QuoteView(found, asin=priced.asin, title=product_title(offers, target), demo=is_demo(offers))
