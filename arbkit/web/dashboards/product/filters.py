"""What the product page is asked to show, as its address says it; what is wrong there is summary and ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from arbkit.core.errors import UsageError
from arbkit.core.input.asin import parse_asin
from arbkit.core.marketplaces import MARKETS
from arbkit.web.address import pairs_of

CURRENCIES = tuple(sorted({m.currency for m in MARKETS.values()}))
PRICES: Mapping[str, str] = {"priced": "Price used", "buy_box": "Buy box", "new": "New, lowest", "amazon": "Amazon"}
QUANTITIES: Mapping[str, str] = {
    "rank": "Sales rank",
    "offers": "New offers",
    "sold": "Sold per month",
    "ratings": "Ratings",
}
_DEFAULT = ("priced", "rank", "offers", "sold")
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductView:
    """A product (empty: none yet), the chosen route (``IT:DE``), and what its chart shows.

    ``currency`` empty is the seller's own; ``q`` is what was searched for.
    """

    asin: str = ""
    route: str = ""
    currency: str = ""
    series: tuple[str, ...] = _DEFAULT
    q: str = ""

    def search(self) -> str:
        """The address' query string: only what differs from the default."""
        shown = {"asin": self.asin, "route": self.route, "currency": self.currency, "q": self.q}
        if self.series != _DEFAULT:
            shown["series"] = ",".join(self.series) or "none"
        return urlencode({name: text for name, text in shown.items() if text}, safe=":,")


def parse(search: str) -> tuple[ProductView, dict[str, str]]:
    """The view of an address' query string, and what is wrong in it, by field."""
    values, wrong = pairs_of(search, ("asin", "route", "currency", "series", "q"))
    view = ProductView()
    for name, text in values.items():
        try:
            view = _with(view, name, text.strip())
        except ValueError as error:
            wrong[name] = error.why if isinstance(error, UsageError) else str(error)
    return view, wrong


def _with(view: ProductView, name: str, text: str) -> ProductView:
    if len(text) > _LONGEST:
        raise ValueError(f"at most {_LONGEST} characters, this has {len(text):,}")
    match name:
        case "asin":
            return replace(view, asin=parse_asin(text) if text else "")
        case "route":
            source, _, target = text.upper().partition(":")
            if text and (source not in MARKETS or target not in MARKETS or source == target):
                raise ValueError("not a route, as IT:DE")
            return replace(view, route=text.upper())
        case "currency":
            if text.upper() not in ("", *CURRENCIES):
                raise ValueError(f"must be one of {', '.join(CURRENCIES)}")
            return replace(view, currency=text.upper())
        case "series":
            names = () if text == "none" else tuple(text.split(","))
            known = (*PRICES, *QUANTITIES)
            if not set(names) <= set(known):
                raise ValueError(f"must be one or more of {', '.join(known)}")
            return replace(view, series=tuple(n for n in known if n in names))
    return replace(view, q=text)
