"""How the VAT inside a purchase price stands, by where the goods go and which VAT numbers the seller has.

Sources: Art. 138 VAT Directive (an intra-EU supply is free of VAT for a buyer with a number of another member state,
where the goods leave the country), Directive 2008/9/EC Art. 4 (VAT charged although the goods left is not refunded).
"""

from __future__ import annotations

from collections.abc import Iterable

from arbkit.core.marketplaces import MARKETS
from arbkit.profit.seller.profile import EU_COUNTRIES, InputVat, Profile, ineligibility_reason


def input_vat_of(profile: Profile, source: str, stock: str) -> InputVat:
    """How the VAT stands on what is bought in one country and lies in another before it is sold.

    What the profile states for the marketplace, where the goods' way allows it; else what its VAT numbers give.
    """
    if profile.vat_status != "reclaiming":
        return "domestic-lost"
    stated = profile.input_vat.get(source)
    if stated is not None and why_not_possible(stated, source, stock) is None:
        return stated
    if stock == source or profile.may_store_in(source):
        return _with_number(source, stock) if profile.may_store_in(source) else "domestic-lost"
    return "net-intra-eu" if {source, stock} <= EU_COUNTRIES and profile.may_store_in(stock) else "domestic-lost"


def _with_number(source: str, stock: str) -> InputVat:
    """The case of a seller who has a VAT number where it buys."""
    if stock == source:
        return "domestic-recovered"
    return "net-intra-eu" if {source, stock} <= EU_COUNTRIES else "import"


def why_not_possible(case: InputVat, source: str, stock: str) -> str | None:
    """Why a case cannot hold for goods bought in one country that lie in another; None: it can."""
    if case == "net-intra-eu":
        if source not in EU_COUNTRIES:
            return f"{source} is not in the EU"
        if stock == source:
            return f"the goods stay in {source}, so {MARKETS[source].amazon} charges VAT"
        return None if stock in EU_COUNTRIES else f"goods that go to {stock} leave the EU"
    if case == "import" and (source in EU_COUNTRIES) == (stock in EU_COUNTRIES):
        return f"no customs border lies between {source} and {stock}" if stock != source else "nothing is imported"
    return None


def why_nowhere_possible(case: InputVat, source: str, stocks: Iterable[str]) -> str | None:
    """As :func:`why_not_possible`, of stock in any of several countries: the first reason; None: it can somewhere."""
    reasons = [why_not_possible(case, source, stock) for stock in stocks]
    return None if None in reasons else reasons[0]


def possible_stocks(profile: Profile, source: str, target: str) -> list[str]:
    """Where the goods of a route may lie before the sale, by the methods open to the seller; by all if none is."""
    methods = [m for m in profile.fulfilment if ineligibility_reason(m, profile, source, target) is None]
    return [profile.stock_country(method, source, target) for method in methods or profile.fulfilment]
