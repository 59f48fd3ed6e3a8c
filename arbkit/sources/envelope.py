"""The envelope of ``raw.keepa_updates``: where a product object came from, and that object, untouched."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter

from arbkit.core.errors import BadRecordError
from arbkit.core.keepa_time import CLOCK_TOLERANCE_S, iso_to_unix, to_unix
from arbkit.core.marketplaces import MARKETS, Market, by_domain
from arbkit.core.models import History, Offer, Origin, Update
from arbkit.sources.exports.rows import read_offer
from arbkit.sources.keepa_api.product import parse_product
from arbkit.sources.raw_types import Envelope, Json, RawProduct

ENVELOPE_VERSION = 1
_ASIN = re.compile(r"[A-Z0-9]{10}")
_WHEN_FETCHED = "fetched_at"
"""By the clock of whoever asked: nothing is fresher for it, and what was paid for must not be lost by that clock."""
_ALL_TIMES = dict.fromkeys(("updated_at", "buy_box_at", *(f.name for f in fields(Offer) if f.name[-3:] == "_at")))
_TIMES = tuple(name for name in _ALL_TIMES if name != _WHEN_FETCHED)
"""The times of an offer, first those that others follow from."""
_read_times = attrgetter(*_TIMES)
_KEEPA_NAMES = {
    "updated_at": "lastUpdate", "buy_box_at": "lastBuyBoxUpdate", "price_at": "lastBuyBoxUpdate",
    "keepa_fba_fee_at": "fbaFees.lastUpdate",
}  # fmt: skip
_EXPORT_NAMES = {"updated_at": "facts_at"}


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
        BadRecordError: the message or the product in it cannot be understood, or a time in it is ahead of the clock;
            names the field.
    """
    update = _read(document)
    if update is not None:
        _check_times(update, time.time() + CLOCK_TOLERANCE_S)
    return update


def _read(document: Envelope | Json) -> Update | None:
    if not isinstance(document, Mapping):
        raise BadRecordError("is not a JSON object", field="envelope")
    message: RawProduct = document
    if message.get("v") != ENVELOPE_VERSION:
        raise BadRecordError("unknown envelope version", field="v", value=message.get("v"))
    product = message.get("product")
    if not isinstance(product, Mapping):
        raise BadRecordError("is not a JSON object", field="product")
    market = message.get("market")
    if not isinstance(market, str) or market not in MARKETS:
        raise BadRecordError("not a marketplace arbkit knows", field="market", value=market)
    if not isinstance(message.get("asin"), str):
        raise BadRecordError("is not text", field="asin", value=message.get("asin"))
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


def _check_times(update: Update, latest: float) -> None:
    """Refuse a record with a time after ``latest`` (Unix seconds): all that is true would be older for ever.

    Raises:
        BadRecordError: names the field and the time.
    """
    offer, history = update.offer, update.history
    names = _KEEPA_NAMES if history is not None else _EXPORT_NAMES
    for name, at in zip(_TIMES, _read_times(offer), strict=True):
        if at is not None and at > latest:
            raise BadRecordError("is in the future", field=names.get(name, name), value=_shown(at))
    for name, series in history.series.items() if isinstance(history, History) else ():
        # They are in the order of time.
        if series.times and (at := to_unix(series.times[-1])) > latest:
            raise BadRecordError("is in the future", field=f"csv, {name}", value=_shown(at))


def _shown(at: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{at:.0f} s"
