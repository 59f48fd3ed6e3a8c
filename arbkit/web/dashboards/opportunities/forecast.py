"""What a route will earn: its cells in the table, and the panel of the selected route."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from arbkit.analysis.forecast.profit.forecast import ProfitForecast
from arbkit.analysis.track_record.forecasting import forecast_stored
from arbkit.analysis.track_record.results import TrackRecord
from arbkit.analysis.track_record.run import kept_track_record
from arbkit.core.formatting import money, number, percent
from arbkit.core.models import Offer, Opportunity
from arbkit.core.settings import Settings
from arbkit.display.labels import chance_label, purchases_label
from arbkit.profit.seller.profile_file import load_profile
from arbkit.store import Store
from arbkit.web.dashboards.cells import profit_cell
from arbkit.web.dashboards.composed.subject import ShownRoute
from arbkit.web.dashboards.content import Region, TableCell, UserEvent
from arbkit.web.dashboards.html import forecast_html
from arbkit.web.dashboards.part import RoutePart, StorePart

_NOT_MADE = "no forecast was made when it was priced"
_NOT_SOLD = "less than half are sold within the time that is forecast"
_NO_CAPITAL = "no capital is tied up"


def forecast_cells(found: Opportunity) -> dict[str, TableCell]:
    """The cells of the columns that show a forecast, by column; what is unknown says why."""
    chance, currency = found.profit_chance_pct, found.currency
    why = found.forecast_unknown or _NOT_MADE
    spread = f"{number(found.profit_p10)} to {number(found.profit_p90)}"
    tails = f"Worst plausible {money(found.profit_p1, currency)}, in the middle {money(found.profit_p50, currency)}"
    return {
        "chance": _cell(chance, _chance_cell, why),
        "range": _cell(chance, lambda _: {"text": spread, "note": tails}, why),
        "expected": _cell(
            found.expected_profit, lambda value: {**profit_cell(value, currency), "text": number(value)}, why
        ),
        "per_day": _cell(
            found.expected_profit_per_day_pct,
            lambda value: {"text": percent(value, 2)},
            why if chance is None else _NO_CAPITAL,
        ),
        "days_to_sell": _cell(
            found.days_to_sell_p50,
            lambda value: {"text": "under 1" if value < 1 else f"{value:.0f}"},
            why if chance is None else _NOT_SOLD,
        ),
        "sold_in_30": _cell(found.sold_in_30_days_pct, lambda value: {"text": chance_label(value)}, why),
    }


def _cell(value: float | None, make: Callable[[float], TableCell], why: str) -> TableCell:
    return {"text": "unknown", "why": why} if value is None else make(value)


def _chance_cell(chance: float) -> TableCell:
    words = f"{purchases_label(chance)} such purchases would make money"
    return {"text": chance_label(chance), "bar": chance, "note": words}


class ForecastPanel(RoutePart, StorePart):
    """The forecast of a route in a sentence, and what makes it wide when that is asked for."""

    REGION = Region("forecast", "html")
    WHEN = "last"

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._found: Opportunity | None = None
        self._offers: Sequence[Offer] = ()
        self._record: TrackRecord | None = None

    def show_route(self, route: ShownRoute) -> None:
        """Show the forecast of this route, if it can be priced, and how past forecasts came out."""
        self._found, self._offers = route.opportunity, route.offers
        if self._found is None:
            self.hide()
            return
        self._record = kept_track_record(self.store)
        if (made := route.forecast) is None:
            self._draw(None)
        else:
            html = forecast_html(made, why=made.unknown or "", record=self._record, detail=made, unfolded=False)
            self.widget.show_html(self.region, html)

    def handle(self, event: UserEvent) -> bool:
        """Say what makes the distribution wide."""
        if event["type"] != "action" or event["name"] != "width" or self._found is None:
            return False
        self._draw(forecast_detail(self.settings, self.store, self._offers, self._found))
        return True

    def _draw(self, detail: ProfitForecast | None) -> None:
        found = self._found
        if found is not None:
            why = found.forecast_unknown or _NOT_MADE
            self.widget.show_html(self.region, forecast_html(found, why=why, record=self._record, detail=detail))


def forecast_detail(
    settings: Settings, store: Store, offers: Sequence[Offer], found: Opportunity
) -> ProfitForecast | None:
    """The forecast of this route, made now of its product's offers: what makes it wide is stored nowhere."""
    profile = load_profile(settings.profile_path, settings.profile_name)
    route = (found.asin, found.source, found.target)
    return forecast_stored(settings, store, offers, profile, now=time.time(), wanted=[route]).get(route)
