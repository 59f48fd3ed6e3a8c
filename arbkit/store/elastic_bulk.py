"""Bulk writes to Elasticsearch, every item told apart: done, already there, to be tried again, never to be taken."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from elasticsearch import ApiError, Elasticsearch, TransportError

from arbkit.errors import StoreError

__all__ = ["Action", "Outcome", "bulk", "translated"]

logger = logging.getLogger(__name__)

_BYTES = 5 << 20
"""Of one request: larger ones only fill the server's memory."""
_TRIES = 6
_LONGEST_WAIT_S = 8.0
_AGAIN = frozenset({429, 502, 503, 504})
_FATAL = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True)
class Action:
    """One document to be written. ``version``: only if it is greater than the one there. ``seen``: only if the
    document is still the one with this sequence number and term; None: only if there is none."""

    collection: str
    id: str
    document: Any
    version: int | None = None
    guarded: bool = False
    seen: tuple[int, int] | None = None

    def lines(self, prefix: str) -> bytes:
        head: dict[str, Any] = {"_index": prefix + self.collection, "_id": self.id}
        operation = "index"
        if self.version is not None:
            head |= {"version": self.version, "version_type": "external"}
        elif self.guarded and self.seen is None:
            operation = "create"
        elif self.seen is not None:
            head |= {"if_seq_no": self.seen[0], "if_primary_term": self.seen[1]}
        option = orjson.OPT_SERIALIZE_NUMPY
        return orjson.dumps({operation: head}) + b"\n" + orjson.dumps(self.document, option=option) + b"\n"


@dataclass(slots=True)
class Outcome:
    """Places in the batch: written, refused as not newer (or changed meanwhile), never to be taken and why."""

    ok: list[int] = field(default_factory=list)
    conflicts: list[int] = field(default_factory=list)
    poison: dict[int, str] = field(default_factory=dict)


def bulk(client: Elasticsearch, prefix: str, actions: Sequence[Action], *, alias: bool = True) -> Outcome:
    """Write all; what the server is too busy for is tried again, waiting longer each time.

    ``alias``: the targets must be aliases, so that a deleted index is an error and not made anew.

    Raises:
        StoreError: something is not written and may be tried again later; or a right or an index is missing.
    """
    outcome = Outcome()
    lines = [action.lines(prefix) for action in actions]
    left = list(range(len(actions)))
    why = ""
    for attempt in range(_TRIES):
        if attempt:
            # Full jitter: many consumers must not come back all at once.
            time.sleep(random.uniform(0, min(_LONGEST_WAIT_S, 0.2 * 2**attempt)))  # noqa: S311 - no secret
        again: list[int] = []
        for part in _parts(left, lines):
            failed, why = _send(client, [lines[i] for i in part], part, outcome, alias=alias)
            again += failed
        if not again:
            return outcome
        left = again
        logger.warning("%d of %d documents are tried again: %s", len(left), len(actions), why)
    raise StoreError(f"{len(left)} documents are not stored: {why}", remedy="They are tried again")


def _parts(places: Sequence[int], lines: Sequence[bytes]) -> Iterator[list[int]]:
    part: list[int] = []
    size = 0
    for place in places:
        if part and size + len(lines[place]) > _BYTES:
            yield part
            part, size = [], 0
        part.append(place)
        size += len(lines[place])
    if part:
        yield part


def _send(
    client: Elasticsearch, lines: list[bytes], places: list[int], outcome: Outcome, *, alias: bool
) -> tuple[list[int], str]:
    """One request: the places to try again, and why."""
    try:
        answer = client.bulk(operations=lines, require_alias=alias)  # type: ignore[arg-type]  # serialised already
    except ApiError as error:
        if error.status_code == 413 and len(places) > 1:
            half = len(places) // 2
            first = _send(client, lines[:half], places[:half], outcome, alias=alias)
            second = _send(client, lines[half:], places[half:], outcome, alias=alias)
            return first[0] + second[0], first[1] or second[1]
        if error.status_code in _AGAIN:
            return list(places), str(error)
        raise translated(error) from error
    except TransportError as error:
        return list(places), str(error)
    again: list[int] = []
    why = ""
    for place, item in zip(places, answer["items"], strict=True):
        (found,) = item.values()
        status = found["status"]
        if status < 300:
            outcome.ok.append(place)
        elif status == 409:
            outcome.conflicts.append(place)
        elif status in _AGAIN:
            again.append(place)
            why = _reason(found["error"])
        elif status in _FATAL:
            raise StoreError(f"the store refuses: {_reason(found['error'])}", remedy="Run `arbkit init`")
        else:
            outcome.poison[place] = _reason(found["error"])
    return again, why


def _reason(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    cause = error.get("caused_by")
    inner = f" ({cause['reason']})" if isinstance(cause, dict) and cause.get("reason") else ""
    return f"{error.get('type')}: {error.get('reason')}{inner}"


def translated(error: ApiError | TransportError) -> StoreError:
    """The ``StoreError`` that says what happened, and the remedy."""
    if not isinstance(error, ApiError):
        return StoreError(f"the store cannot be reached: {error}", remedy="Check that it runs there (ARBKIT_STORE)")
    match error.status_code:
        case 401 | 403:
            return StoreError(
                "the store refuses the user or the key",
                remedy="Check the password in ARBKIT_STORE, or ARBKIT_STORE_API_KEY",
            )
        case 404:
            return StoreError(f"the store lacks an index: {error.message}", remedy="Run `arbkit init`")
        case 429:
            return StoreError(
                f"the store is too busy, or its disk is full: {error.message}", remedy="It is tried again"
            )
        case _:
            return StoreError(f"the store failed with {error.status_code}: {error.message}")
