"""The envelope of ``raw.keepa_updates``: where a source's product object came from, and that object, untouched."""

from __future__ import annotations

from typing import Any

from arbkit.core.models import Source

__all__ = ["ENVELOPE_VERSION", "envelope"]

ENVELOPE_VERSION = 1


def envelope(
    *, asin: str, market: str, source: Source, fetched_at: str | None, run_id: str, product: Any
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
