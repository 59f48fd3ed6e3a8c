"""Bulk writes to Elasticsearch, each item classified: written, conflict, retriable or poison."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson
from elasticsearch import ApiError, BadRequestError, Elasticsearch, TransportError

from arbkit.core.errors import StoreError, StoreRefusedError
from arbkit.core.results import JsonObject
from arbkit.core.service.identity import this_process
from arbkit.core.service.metrics import STORE_RETRIES
from arbkit.store.elastic.client import BLOCKED, Hit, blocked, busy, is_read_only, reason_of, scan, to_store_error
from arbkit.store.elastic.schema import body, fingerprint

logger = logging.getLogger(__name__)

_BYTES = 5 << 20
"""Of one request: larger ones only fill the server's memory."""
_PATIENCE_S = {"blocked": 30.0}
"""How long a write is tried again here: a migration's last moments last seconds. All else is for the caller to wait."""
_SHORT_PATIENCE_S = 3.0
_LONGEST_WAIT_S = 8.0
_DELETED_AT_ONCE = 2_000
_BUSY = frozenset({429, 502, 503, 504})
_EXISTS = "resource_already_exists_exception"
"""Elasticsearch's own name for an index that is there already."""
_OTHER_MAPPING = "strict_dynamic_mapping_exception"


@dataclass(frozen=True, slots=True)
class SeqNoGuard:
    """A document as it was read: in which index, and with which sequence number and term."""

    index: str
    seq_no: int
    primary_term: int

    @classmethod
    def of(cls, hit: Hit) -> SeqNoGuard:
        """That of a document as it was found."""
        return cls(hit["_index"], hit["_seq_no"], hit["_primary_term"])


@dataclass(frozen=True, slots=True)
class Action:
    """One document to be written to ``index`` (an alias, unless ``alias`` is False).

    With ``version`` only if it is greater than the one there; with ``guard`` only if the document is still that one;
    with ``only_new`` only if there is none.
    """

    index: str
    id: str
    document: JsonObject
    version: int | None = None
    guard: SeqNoGuard | None = None
    only_new: bool = False
    alias: bool = True

    def lines(self) -> bytes:
        """The two lines of a bulk request."""
        head: dict[str, Any] = {"_index": self.index, "_id": self.id}
        if self.version is not None:
            head |= {"version": self.version, "version_type": "external"}
        if self.guard is not None:
            # Sequence numbers mean nothing in the index that an alias may have been moved to since.
            head |= {"_index": self.guard.index, "if_seq_no": self.guard.seq_no}
            head["if_primary_term"] = self.guard.primary_term
        elif self.alias:
            # A deleted index is an error and not made anew.
            head["require_alias"] = True
        operation = "create" if self.only_new else "index"
        option = orjson.OPT_SERIALIZE_NUMPY
        return orjson.dumps({operation: head}) + b"\n" + orjson.dumps(self.document, option=option) + b"\n"


@dataclass(slots=True)
class Outcome:
    """Places in the batch: written, refused as not newer (or changed meanwhile), never to be taken and why.

    Those that were written each have one of ``guards``, for the next write.
    """

    guards: dict[int, SeqNoGuard] = field(default_factory=dict)
    conflicts: list[int] = field(default_factory=list)
    poison: dict[int, str] = field(default_factory=dict)
    block: StoreError | None = None
    """why the last conflict was one, where a block is the reason"""

    @property
    def ok(self) -> list[int]:
        """The places of those that were written."""
        return list(self.guards)


def bulk(client: Elasticsearch, actions: Sequence[Action]) -> Outcome:
    """Write all; what the server is too busy for is tried again, waiting longer each time.

    Raises:
        StoreError: something is not written and may be tried again later.
        StoreRefusedError: a right or an index is missing, or the mapping is of another arbkit.
    """
    outcome = Outcome()
    lines = [action.lines() for action in actions]
    left = list(range(len(actions)))
    began = time.monotonic()
    for attempt in count(1):
        failed: dict[int, StoreError] = {}
        for part in _parts(left, lines):
            failed |= _send(client, actions, lines, part, outcome)
        if not failed:
            break
        left = sorted(failed)
        for kind, many in Counter(error.kind for error in failed.values()).items():
            STORE_RETRIES.labels(kind).inc(many)
        first = failed[left[0]]
        if time.monotonic() - began > _PATIENCE_S.get(first.kind, _SHORT_PATIENCE_S):
            raise first
        logger.warning("%d of %d documents are tried again: %s", len(left), len(actions), first)
        back_off(attempt)
    return outcome


def is_made(client: Elasticsearch, prefix: str, collection: str) -> bool:
    """Whether the collection has an index.

    Raises:
        ApiError, TransportError: Elasticsearch does not say.
    """
    return bool(client.indices.exists_alias(name=prefix + collection))


def bulk_into(client: Elasticsearch, prefix: str, collection: str, actions: Sequence[Action]) -> Outcome:
    """Write all as :func:`bulk` does, into an index that is made if it is missing.

    Raises:
        StoreError: something is not written and may be tried again later.
        StoreRefusedError: a right is missing, or the mapping is of another arbkit.
        ApiError, TransportError: the index cannot be made.
    """
    if not is_made(client, prefix, collection):
        made = body(collection)
        made["mappings"]["_meta"] = {"arbkit": fingerprint(collection), "maker": this_process()}
        try:
            # One name for all who make it: the second finds that it is there.
            client.indices.create(index=f"{prefix}{collection}-first", **made, aliases={prefix + collection: {}})
        except BadRequestError as error:
            if error.error != _EXISTS:
                raise
    return bulk(client, actions)


def delete(client: Elasticsearch, index: str, ids: Sequence[str]) -> None:
    """Delete these documents, for all who search afterwards; those that are not there are none.

    Raises:
        StoreError: one cannot be deleted.
    """
    for start in range(0, len(ids), _DELETED_AT_ONCE):
        actions = [{"delete": {"_index": index, "_id": one}} for one in ids[start : start + _DELETED_AT_ONCE]]
        for item in client.bulk(operations=actions, refresh=True)["items"]:
            if "error" in item["delete"]:
                why = reason_of(item["delete"]["error"])
                raise StoreError(f"{item['delete']['_id']} of {index} cannot be removed: {why}")


def delete_found(client: Elasticsearch, index: str, query: JsonObject) -> None:
    """Delete what a query finds, of all that was written before.

    Raises:
        StoreError: a document cannot be deleted.
    """
    client.indices.refresh(index=index)
    for hits in scan(client, index, query, source=False):
        delete(client, index, [hit["_id"] for hit in hits])


def contended(outcome: Outcome, count: int, what: str) -> StoreError:
    """The error where guarded writes never came through: a block, or others were faster each time."""
    return outcome.block or StoreError(
        f"{count} {what} are written by others all the time", kind="busy", remedy="They are tried again"
    )


def back_off(attempt: int) -> None:
    """Wait before the next try, with full jitter: many consumers must not come back all at once."""
    time.sleep(random.uniform(0, min(_LONGEST_WAIT_S, 0.2 * 2**attempt)))  # noqa: S311 - no secret


def _parts(positions: Sequence[int], lines: Sequence[bytes]) -> Iterator[list[int]]:
    part: list[int] = []
    size = 0
    for position in positions:
        if part and size + len(lines[position]) > _BYTES:
            yield part
            part, size = [], 0
        part.append(position)
        size += len(lines[position])
    if part:
        yield part


def _send(
    client: Elasticsearch, actions: Sequence[Action], lines: Sequence[bytes], positions: list[int], outcome: Outcome
) -> dict[int, StoreError]:
    """One request; returns the positions to retry, and why."""
    try:
        serialised: Sequence[Any] = [lines[i] for i in positions]
        answer = client.bulk(operations=serialised)
    except (ApiError, TransportError) as error:
        if isinstance(error, ApiError) and error.status_code in (400, 413):
            # One of them is too large, or has an id that no index takes: the others are found by halves.
            if len(positions) == 1:
                outcome.poison[positions[0]] = str(to_store_error(error))
                return {}
            half = len(positions) // 2
            first = _send(client, actions, lines, positions[:half], outcome)
            return first | _send(client, actions, lines, positions[half:], outcome)
        found = to_store_error(error)
        if isinstance(found, StoreRefusedError):
            raise found from error
        return dict.fromkeys(positions, found)
    again: dict[int, StoreError] = {}
    for position, item in zip(positions, answer["items"], strict=True):
        (result,) = item.values()
        if result["status"] < 300:
            outcome.guards[position] = SeqNoGuard.of(result)
        elif (late := _classify(actions[position], result["status"], result["error"], position, outcome)) is not None:
            again[position] = late
    return again


def _classify(action: Action, status: int, error: Any, position: int, outcome: Outcome) -> StoreError | None:
    """What an item that was not written is: a conflict, poison, or (the error) to be tried again.

    Raises:
        StoreRefusedError: trying again cannot help.
    """
    why = reason_of(error)
    kind = error.get("type") if isinstance(error, dict) else None
    moved = status == 404 or (kind == BLOCKED and not is_read_only(why))
    if status == 409 or (action.guard is not None and moved):
        # The index that it was read from is being replaced: it must be read again.
        outcome.conflicts.append(position)
        outcome.block = blocked(why) if kind == BLOCKED else None
        return None
    if kind == BLOCKED:
        return blocked(why)
    if status in _BUSY or status >= 500:
        return busy(why)
    if kind == _OTHER_MAPPING:
        raise StoreRefusedError(
            f"the store's mapping is of another arbkit: {why}", remedy="Run `arbkit init --migrate`"
        )
    if status in (401, 403, 404):
        raise StoreRefusedError(f"the store refuses: {why}", remedy="Run `arbkit init`, and check the user's rights")
    outcome.poison[position] = why
    return None
