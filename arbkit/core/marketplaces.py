"""The marketplaces arbkit knows, as data (``markets.toml``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator

from arbkit.core.errors import UsageError
from arbkit.core.files import shipped_table


@dataclass(frozen=True, slots=True)
class Market:
    """One Amazon marketplace: ``code`` (DE), ``keepa_domain`` (3), ISO currency, web host, IANA zone.

    ``amazon_seller`` is Amazon's own seller id there, as the addresses of its offers have it (``m=`` or ``smid=``).
    """

    code: str
    name: str
    keepa_domain: int
    amazon: str
    currency: str
    time_zone: str
    amazon_seller: str

    def url(self, asin: str) -> str:
        """The product's page on this marketplace."""
        return f"https://{self.amazon}/dp/{asin}"

    def keepa_url(self, asin: str) -> str:
        """Keepa's page of the product on this marketplace."""
        return f"https://keepa.com/#!product/{self.keepa_domain}-{asin}"


MARKETS: Mapping[str, Market] = MappingProxyType(shipped_table(dict[str, Market], "arbkit.core", "markets.toml"))
MARKET_CODES = tuple(MARKETS)
_BY_DOMAIN = {m.keepa_domain: m for m in MARKETS.values()}
_BY_HOST = {m.amazon.removeprefix("www."): m for m in MARKETS.values()}


def market(code: str) -> Market:
    """The marketplace of a code, in any case; ``GB`` is UK.

    Raises:
        UsageError: the code is none of ours.
    """
    name = code.strip().upper()
    if (known := MARKETS.get({"GB": "UK"}.get(name, name))) is None:
        remedy = f"Use {', '.join(MARKETS)}"
        raise UsageError("not a marketplace arbkit knows", field="market", value=code, remedy=remedy)
    return known


def by_domain(domain: int) -> Market | None:
    """The marketplace of a Keepa domain id, or None for one outside ours (1 is amazon.com)."""
    return _BY_DOMAIN.get(domain)


def by_host(host: str) -> Market | None:
    """The marketplace of an Amazon host name (``www.amazon.de``), or None."""
    return _BY_HOST.get(host.lower().removeprefix("www."))


def _code(value: str) -> str:
    try:
        return market(value).code
    except UsageError as error:
        raise ValueError(f"{error.why}. {error.remedy}") from error


MarketCode = Annotated[str, AfterValidator(_code)]
"""A field of a pydantic model that takes a marketplace's code in any case."""
