"""The envelope of ``raw.keepa_updates``: where a product object came from, and that object, untouched."""

from __future__ import annotations

import re
from collections.abc import Mapping

from arbkit.core.errors import BadRecordError
from arbkit.core.keepa_time import iso_to_unix
from arbkit.core.marketplaces import MARKETS, Market, by_domain
from arbkit.core.models import Origin, Update
from arbkit.sources.export_rows import read_offer
from arbkit.sources.keepa_product import parse_product
from arbkit.sources.raw_types import Envelope, Json, RawProduct

ENVELOPE_VERSION = 1
_ASIN = re.compile(r"[A-Z0-9]{10}")


def envelope(
    *, asin: str, market: str, origin: Origin, fetched_at: str | None, run_id: str, product: RawProduct | Json
) -> Envelope:
    """A message as outside readers see it; ``fetched_at`` is ISO 8601, ``market`` empty where it is none of ours."""
    return {
        "v": ENVELOPE_VERSION,
        "asin": asin,
        "market": market,
        "source": origin,
        "fetched_at": fetched_at,
        "run_id": run_id,
        "product": product,
    }


def from_envelope(document: Envelope | Json) -> Update | None:
    """The update in a message of ``raw.keepa_updates``; None if the source does not know the product there.

    Raises:
        BadRecordError: the message or the product in it cannot be understood; names the field.
    """
    if not isinstance(document, Mapping):
        raise BadRecordError("is not a JSON object", field="envelope")
    message: RawProduct = document
    if message.get("v") != ENVELOPE_VERSION:
        raise BadRecordError("unknown envelope version", field="v", value=message.get("v"))
    product = message.get("product")
    if not isinstance(product, Mapping):
        raise BadRecordError("is not a JSON object", field="product")
    if message.get("market") not in MARKETS:
        raise BadRecordError("not a marketplace arbkit knows", field="market", value=message.get("market"))
    origin = message.get("source")
    if origin == "export":
        offer, stated = read_offer(message)
        return Update(offer, None, stated)
    if origin not in ("keepa", "demo", "raw"):
        raise BadRecordError("unknown source", field="source", value=origin)
    return _from_keepa(message, product, origin)


def _from_keepa(message: RawProduct, product: RawProduct, origin: Origin) -> Update | None:
    market = _market_of(message, product)
    fetched_at = iso_to_unix(message.get("fetched_at"), field="fetched_at")
    try:
        return parse_product(product, market, origin=origin, fetched_at=fetched_at)
    except BadRecordError:
        raise
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError) as error:
        raise BadRecordError(f"product object of an unknown shape: {error}", field="product") from error


def _market_of(message: RawProduct, product: RawProduct) -> Market:
    """The marketplace, once envelope and product agree on it and on the ASIN."""
    domain, asin = product.get("domainId"), product.get("asin")
    market = by_domain(domain) if isinstance(domain, int) else None
    if market is None or market.code != message["market"]:
        raise BadRecordError(f"does not belong to marketplace {message['market']}", field="domainId", value=domain)
    if asin != message.get("asin") or not isinstance(asin, str):
        raise BadRecordError("differs from the envelope's", field="asin", value=asin)
    if _ASIN.fullmatch(asin) is None:
        raise BadRecordError("is no ASIN", field="asin", value=asin[:60])
    return market
