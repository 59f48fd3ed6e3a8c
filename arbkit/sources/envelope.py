"""The envelope of ``raw.keepa_updates``: where a source's product object came from, and that object, untouched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from arbkit.core.errors import BadRecordError
from arbkit.core.marketplaces import MARKETS, by_domain
from arbkit.core.models import Origin, Update
from arbkit.sources.export_rows import to_offer
from arbkit.sources.keepa_product import parse_product

__all__ = ["ENVELOPE_VERSION", "envelope", "from_envelope"]

ENVELOPE_VERSION = 1
_ASIN = re.compile(r"[A-Z0-9]{10}")


def envelope(
    *, asin: str, market: str, source: Origin, fetched_at: str | None, run_id: str, product: Any
) -> dict[str, Any]:
    """A message as outside readers see it; ``fetched_at`` is ISO 8601, ``market`` empty where it is none of ours."""
    return {
        "v": ENVELOPE_VERSION,
        "asin": asin,
        "market": market,
        "source": source,
        "fetched_at": fetched_at,
        "run_id": run_id,
        "product": product,
    }


def from_envelope(envelope: Any) -> Update | None:
    """The update in a message of ``raw.keepa_updates``; None if the source does not know the product there.

    Raises:
        BadRecordError: the message or the product in it cannot be understood; names the field.
    """
    if not isinstance(envelope, Mapping):
        raise BadRecordError("is not a JSON object", field="envelope")
    if envelope.get("v") != ENVELOPE_VERSION:
        raise BadRecordError("unknown envelope version", field="v", value=envelope.get("v"))
    source, product = envelope.get("source"), envelope.get("product")
    if not isinstance(product, Mapping):
        raise BadRecordError("is not a JSON object", field="product")
    if envelope.get("market") not in MARKETS:
        raise BadRecordError("not a marketplace arbkit knows", field="market", value=envelope.get("market"))
    if source == "export":
        return Update(to_offer(envelope), None)
    if source not in ("keepa", "demo", "raw"):
        raise BadRecordError("unknown source", field="source", value=source)
    domain = product.get("domainId")
    market = by_domain(domain) if isinstance(domain, int) else None
    if market is None or market.code != envelope["market"]:
        raise BadRecordError(
            f"does not belong to marketplace {envelope['market']}", field="domainId", value=product.get("domainId")
        )
    if product.get("asin") != envelope.get("asin") or not isinstance(product.get("asin"), str):
        raise BadRecordError("differs from the envelope's", field="asin", value=product.get("asin"))
    if _ASIN.fullmatch(product["asin"]) is None:
        raise BadRecordError("is no ASIN", field="asin", value=product["asin"][:60])
    fetched_at = _fetched_at(envelope.get("fetched_at"))
    try:
        return parse_product(product, market, source=source, fetched_at=fetched_at)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError) as error:
        if isinstance(error, BadRecordError):
            raise
        raise BadRecordError(f"product object of an unknown shape: {error}", field="product") from error


def _fetched_at(value: object) -> float:
    try:
        return datetime.fromisoformat(value).timestamp()  # type: ignore[arg-type]  # a TypeError says so itself
    except (TypeError, ValueError):
        raise BadRecordError("is not an ISO time", field="fetched_at", value=value) from None
