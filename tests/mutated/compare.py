"""What is stored beside what an independent reader found: nothing else is there, and nothing lost without a word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arbkit.core.models import Offer
from tests.mutated.held import Held, Id, Reading
from tests.mutated.seeds import case_of

_PRICES = (
    "buy_box", "new", "amazon", "new_fba", "list", "buy_box_avg30", "buy_box_avg90", "buy_box_avg180", "new_avg30",
    "new_avg90", "new_avg180", "amazon_avg30", "amazon_avg90", "amazon_avg180",
)  # fmt: skip


def differences(offer: Offer, candidates: Sequence[Held]) -> list[str]:
    """What of an offer none of the statements about it says; of several rows each fact may be from any."""
    if not candidates:
        return [
            f"{case_of(offer.asin)}, {offer.id}: stored as {_shown(offer)}, and the bytes hold no such thing for sure"
        ]
    found = [_unlike(offer, held) for held in candidates]
    return min(found, key=len)


def _unlike(offer: Offer, held: Held) -> list[str]:
    said = []
    if offer.currency != held.currency:
        said.append(f"currency {offer.currency}, not {held.currency}")
    if offer.updated_at not in held.at:
        said.append(f"date {offer.updated_at}, not {sorted(held.at)}")
    if offer.price_at is not None and offer.price_at not in held.price_at:
        said.append(f"price date {offer.price_at}, not {sorted(held.price_at)}")
    for name in _PRICES:
        value = getattr(offer, f"{name}_minor")
        if value is not None and value not in held.prices.get(name, ()):
            said.append(f"{name} {value}, not {sorted(held.prices.get(name, ()))}")
    if offer.price_basis is not None and offer.price_minor not in held.prices.get(offer.price_basis, ()):
        said.append(f"price {offer.price_minor} of {offer.price_basis}")
    if extra := {code.lstrip("0") for code in offer.eans} - held.codes:
        said.append(f"EANs {sorted(extra)}, not among {sorted(held.codes)}")
    return [f"{case_of(offer.asin)}, {offer.id}: {each}" for each in said]


def lost(reading: Reading, stored: Mapping[Id, Offer]) -> list[str]:
    """What a file that was taken as a whole holds for sure, and what is not stored though nothing says why."""
    said = []
    for held in reading.held:
        prices = {name for name in ("buy_box", "new", "amazon") if held.prices.get(name)}
        offer = stored.get(held.id)
        if not held.plain or not prices or len(reading.of(held.id)) > 1:
            continue
        if offer is None:
            said.append(f"{held.id} is not stored, and nothing says why")
        elif absent := [name for name in prices if getattr(offer, f"{name}_minor") is None]:
            said.append(f"{held.id}: {absent} not stored, and nothing says why")
        elif held.codes and not offer.eans and not offer.notes:
            said.append(f"{held.id}: EANs {sorted(held.codes)} not stored, and nothing says why")
    return said


def _shown(offer: Offer) -> str:
    prices = {name: value for name in _PRICES if (value := getattr(offer, f"{name}_minor")) is not None}
    return f"{prices} {offer.currency} at {offer.updated_at} with {offer.eans}"
