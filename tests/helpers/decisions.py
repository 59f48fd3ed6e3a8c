"""Decisions as tests make them."""

from __future__ import annotations

from typing import Any

from arbkit.core.decisions.event import Decision, brand_key

DECIDED_AT = 1_790_000_000.0


def decision(
    asin: str | None = "B000000001", status: str = "dismissed", version: int = 1, *, route: str = "", **fields: Any
) -> Decision:
    """A decision on all routes of a product, on one (``route``, as ``IT:DE``), or on a ``brand`` (no ASIN)."""
    source, _, target = route.partition(":")
    made = {"status": status, "version": version, "at": DECIDED_AT + version, "by": "ann", **fields}
    if asin is None:
        return Decision(key=brand_key(fields["brand"]), **made)
    return Decision(key=asin, asin=asin, source=source or None, target=target or None, **made)
