"""Opaque cursors for keyset paging: where the last page ended, as text."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

import orjson

from arbkit.core.errors import UsageError


def pack(sort: str, *, descending: bool, key: float | str | None, last_id: str) -> str:
    """A cursor that goes on after (``key``, ``last_id``) in this order."""
    return urlsafe_b64encode(orjson.dumps([sort, descending, key, last_id])).decode().rstrip("=")


def unpack(cursor: str, sort: str, *, descending: bool) -> tuple[float | str | None, str]:
    """The (key, id) a cursor ends at.

    Raises:
        UsageError: it is damaged, or was made for another order.
    """
    try:
        made = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        for_sort, for_descending, key, last_id = made
        if not isinstance(last_id, str) or not isinstance(key, (float, int, str, type(None))):
            raise TypeError
    except (binascii.Error, orjson.JSONDecodeError, ValueError, TypeError):
        raise UsageError(
            "is not one that arbkit made", field="cursor", value=cursor[:80], remedy="Begin without a cursor"
        ) from None
    if (for_sort, for_descending) != (sort, descending):
        raise UsageError(
            "was made for another order", field="cursor", value=cursor[:80], remedy="Keep the order while paging"
        )
    return key, last_id
