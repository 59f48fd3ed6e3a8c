"""Whole lists of products for the watchlist: what adding one would do, and what it costs to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arbkit.core.formatting import age_words, count, counted
from arbkit.core.input.ean import code_key
from arbkit.core.settings import Settings
from arbkit.pipeline.watchlist.pasted import CheckedList, check_pasted, parse_pasted
from arbkit.pipeline.watchlist.reading import load_if_any
from arbkit.sources.keepa_api.token_budget import Tokens
from arbkit.sources.keepa_api.token_costs import tokens_of_look
from arbkit.store import ProductQuery
from arbkit.store.base import Store

_MOST_OF_CODE = 1_000
"""Products that are looked through for one EAN: a short one begins like all EANs of its maker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookCost:
    """What one look at each product on each marketplace costs.

    ``every_s`` is how often a product can be looked at: the age that prices reach; None: the refill is not known.
    """

    products: int
    markets: int
    each: int
    refill_rate: int | None
    every_s: float | None

    @property
    def tokens(self) -> int:
        """Tokens of one look at all of them."""
        return self.products * self.markets * self.each

    @property
    def words(self) -> str:
        """The cost in a sentence."""
        where = counted(self.markets, "marketplace")
        said = f"A look at {counted(self.products, 'product')} on {where} costs {count(self.tokens)} Keepa tokens"
        if self.every_s is None:
            return f"{said}; how old prices get is not known until Keepa has said how many tokens come a minute."
        refill = f"{count(self.refill_rate)} that come a minute"
        return (
            f"{said}: with the {refill}, a price is up to {age_words(self.every_s, days='days')} old before the next."
        )


def check_list(settings: Settings, store: Store | None, data: bytes, name: str = "the list") -> CheckedList:
    """What adding the products of a text to the watchlist would do.

    Args:
        settings: say whether the demo market's list is meant.
        store: the open store; None where there is none yet, and so no EAN is known.
        data: the text.
        name: what errors call it.

    Raises:
        RefusedFileError: it is no such text, or too large.
        StoreError: the store cannot be read.
    """
    watched = load_if_any(settings, store).asins
    return check_pasted(
        parse_pasted(data, name), watched, lambda code: () if store is None else products_of_code(store, code)
    )


def products_of_code(store: Store, code: str) -> Sequence[str]:
    """The ASINs of the stored products that have this EAN or UPC, with or without the zeros before it.

    Raises:
        StoreError: the store cannot be read.
    """
    key = code_key(code)
    # What is searched for are the beginnings of words: a UPC is stored as it is, or as the EAN with a zero.
    written = dict.fromkeys((code, key, key.zfill(12), key.zfill(13)))
    found = (store.products(ProductQuery(q=one, sort="asin", limit=_MOST_OF_CODE)).items for one in written)
    asins = (product.asin for some in found for product in some if key in map(code_key, product.eans))
    return list(dict.fromkeys(asins))


def look_cost(settings: Settings, products: int, tokens: Tokens | None) -> LookCost:
    """What a look at this many products costs on the marketplaces that are watched; ``tokens`` of the last answer."""
    markets, each = len(settings.markets), tokens_of_look(buybox=settings.keepa_buybox)
    refill = tokens.refill_rate if tokens is not None and tokens.refill_rate > 0 else None
    every = None if refill is None else max(settings.poll_interval, 60 * products * markets * each / refill)
    return LookCost(products=products, markets=markets, each=each, refill_rate=refill, every_s=every)
