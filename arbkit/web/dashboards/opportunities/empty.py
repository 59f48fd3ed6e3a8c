"""What a table without opportunities says: why there are none, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arbkit.core.input.filters import ALL, OPEN, FilterValue
from arbkit.core.settings import Settings
from arbkit.display.export.about import filters_in_words
from arbkit.store import Stats
from arbkit.store.mode import mode_in_force
from arbkit.web.dashboards.content import TableCell
from arbkit.web.dashboards.opportunities.filters import View

_PIPELINE: TableCell = {"text": "See what runs", "href": "pipeline.ipynb"}
_START: Mapping[str, str] = {
    "demo": "No data yet: invented products appear about 20 seconds after `arbkit up` has started. For real ones take "
    "in a Keepa export with `arbkit import FILE...`, or put KEEPA_API_KEY into .env and your ASINs into watchlist.txt.",
    "keepa": "No data yet: the products of your watchlist appear once `arbkit up` runs and Keepa has answered. "
    "`arbkit watch add ASIN` puts one on it; `arbkit import FILE...` takes in a Keepa export.",
    "imported": "No data yet: `arbkit import FILE...` takes in a Keepa export, which `arbkit up` then prices.",
}
"""By where prices come from."""
_NOT_PRICED = "No route is priced yet: detection runs as soon as the first prices are in; `arbkit detect` runs it now."
_ONE_SIDE = (
    "A route needs prices of two marketplaces, and each product is known on one only ({markets}). Take in an export of "
    "another one with `arbkit import FILE...`, or put KEEPA_API_KEY into .env."
)
_CLEAR: TableCell = {"text": "Clear all filters", "action": "clear"}
_ANY_STATUS: TableCell = {"text": "Show them too", "action": "any_status"}
_ALL_ROUTES: TableCell = {"text": "Show routes that need a size", "action": "all_routes"}
WAYS: Mapping[str, Mapping[str, FilterValue]] = {
    "clear": {}, "any_status": {"decision": ALL}, "all_routes": {"all_routes": True}
}  # fmt: skip
"""What each button below an empty table shows: these filters and no other."""
_LIVE = "Updates automatically."
_NONE = "No route is profitable with every package it may have."


@dataclass(frozen=True, slots=True)
class EmptyTable:
    """What stands in place of rows, and the buttons and links below it."""

    message: str
    ways: tuple[TableCell, ...] = ()


def no_data(settings: Settings) -> str:
    """What to do about a store without products: the command that fills it."""
    return f"{_START[mode_in_force(settings).mode]} {_LIVE}"


def why_empty(view: View, stats: Stats | None, settings: Settings) -> EmptyTable:
    """Why nothing is found for ``view`` in a store of these ``stats`` (None: it has never answered)."""
    if stats is None or not stats.products:
        return EmptyTable(no_data(settings), (_PIPELINE,))
    if stats.offers <= stats.products:
        markets = ", ".join(code for code, offers in stats.markets.items() if offers)
        return EmptyTable(_ONE_SIDE.format(markets=markets))
    if stats.evaluated_at is None and not stats.opportunities:
        return EmptyTable(f"{_NOT_PRICED} {_LIVE}", (_PIPELINE,))
    if not stats.opportunities:
        return EmptyTable(_NONE, () if view.all_routes else (_ALL_ROUTES,))
    asked = filters_in_words(_narrowing(view))
    under = " under the assumptions of What if" if view.what_if else ""
    if asked:
        return EmptyTable(f"No opportunity passes these filters{under}: {'; '.join(asked)}.", (_CLEAR,))
    if under:
        return EmptyTable(f"No route is an opportunity{under}.")
    return EmptyTable("Every opportunity is dismissed or of a blocked brand.", (_ANY_STATUS,))


def _narrowing(view: View) -> dict[str, FilterValue]:
    """The filters that leave something out and were set by somebody."""
    usual = {"decision": OPEN, "all_routes": view.all_routes}
    return {name: value for name, value in view.filters().items() if usual.get(name) != value}
