"""The Elasticsearch client, its errors as ours, documents by id, and scans of whole indices."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NotRequired, TypedDict, cast

from elasticsearch import ApiError, Elasticsearch, OrjsonSerializer, TransportError
from pydantic import JsonValue

from arbkit.core.errors import StoreError, StoreRefusedError
from arbkit.core.results import JsonObject
from arbkit.store.elastic.schema import COLLECTIONS

BLOCKED = "cluster_block_exception"
"""Elasticsearch's own name for a write that a block refuses: a full disk, or a migration's last moments."""
_WRITE_BLOCK = "/8/index write"
"""Elasticsearch's own number of the block that a migration sets."""
_BLOCKS = {
    "/12/disk usage": "Make room on Elasticsearch's disk: the block is lifted then",
    "/5/index read-only": "Somebody has set the index read-only: set its index.blocks.read_only to null",
    _WRITE_BLOCK: "`arbkit init --migrate` is at work, or broke off: run that again",
}
"""By the numbers and names of blocks, what lifts them."""

_BLOCK_SETTINGS = {
    "index.blocks.read_only_allow_delete": "/12/disk usage",
    "index.blocks.read_only": "/5/index read-only",
    "index.blocks.write": _WRITE_BLOCK,
}
"""By the settings that hold blocks, their numbers and names."""
_FULL_PCT, _ROOM = 85.0, 200 << 30
"""The low watermark of Elasticsearch: percent of a disk in use, while fewer bytes than these are free."""
_DISK_LIMITS = "cluster.routing.allocation.disk.threshold_enabled"

_TIMED_OUT = "search_timeout_exception"
"""Elasticsearch's own name for a search that took too long."""

_PAGE_SIZE = 2_000
"""Documents asked for by id or scanned per request."""
_KEEP_ALIVE = "2m"
_REQUEST_S = 30
"""Seconds after which the client gives a request up."""
_SEARCH_S = 25
"""Seconds that Elasticsearch may search: sooner than the client gives up, so that it stops, and says why."""
_SHOW_EVERY_S = 0.5
_SHOW_ALL_S = 5


class Hit(TypedDict):
    """A stored document with what Elasticsearch says of it; which of it is there depends on what was asked."""

    _index: str
    _id: str
    _source: JsonObject
    _version: NotRequired[int]
    _seq_no: NotRequired[int]
    _primary_term: NotRequired[int]
    sort: NotRequired[list[JsonValue]]


class HitCount(TypedDict):
    """How many documents a search found."""

    value: int


class Hits(TypedDict):
    """The documents of a search; ``total`` where it was asked for."""

    hits: list[Hit]
    total: NotRequired[HitCount]


class SearchAnswer(TypedDict):
    """What a search found; ``aggregations`` are shaped as they were asked for."""

    timed_out: bool
    hits: Hits
    aggregations: NotRequired[Any]
    pit_id: NotRequired[str]


def connect(url: str, *, api_key: str | None = None, ca: str | None = None) -> Elasticsearch:
    """A client that retries nothing on its own: what may be tried again is decided item by item."""
    secure: dict[str, Any] = {"ca_certs": ca} if ca else {}
    # Compressing what is sent takes longer than storing it.
    return Elasticsearch(
        url, api_key=api_key, request_timeout=_REQUEST_S, max_retries=0, serializer=OrjsonSerializer(), **secure
    )  # fmt: skip


class Refreshing:
    """Lets searches see what a process has written: its own all of it, those of others a little of it at once.

    The server shows the rest a second later, and so it does what cannot be shown now: what is written stays written.
    """

    def __init__(self, client: Elasticsearch, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._lock = threading.Lock()
        self._unseen: set[str] = set()
        self._shown_at = -_SHOW_EVERY_S

    def note(self, *collections: str) -> None:
        """Something was written to these."""
        with self._lock:
            self._unseen.update(collections)

    def before_search(self, collection: str) -> None:
        """Let a search see all that was noted."""
        with self._lock:
            unseen = collection in self._unseen
            self._unseen.discard(collection)
        if unseen:
            self._client.indices.refresh(index=self._prefix + collection)

    def show(self, collection: str) -> None:
        """Let all searches see what was noted, now, or if that was done a moment ago when the server does it."""
        now = time.monotonic()
        if now - self._shown_at >= _SHOW_EVERY_S:
            self._shown_at = now
            with suppress(StoreError), wrap_errors():
                self.before_search(collection)

    def show_all(self) -> None:
        """Let all searches see all that was noted, waiting for the server but a moment."""
        with self._lock:
            unseen, self._unseen = self._unseen, set()
        if unseen:
            soon = self._client.options(request_timeout=_SHOW_ALL_S)
            with suppress(StoreError), wrap_errors():
                soon.indices.refresh(index=[self._prefix + name for name in sorted(unseen)])


def fetch_documents(
    client: Elasticsearch, index: str, ids: Sequence[str], *, only: Sequence[str] | None = None
) -> list[Hit]:
    """Documents by id, or ``only`` some fields of each, as they are now: this needs no refresh.

    Raises:
        StoreRefusedError: the index is missing.
        StoreError: it cannot be read at the moment.
    """
    found: list[Hit] = []
    for start in range(0, len(ids), _PAGE_SIZE):
        answer = client.mget(index=index, ids=list(ids[start : start + _PAGE_SIZE]), source_includes=only)
        if (broken := next((d for d in answer["docs"] if "error" in d), None)) is not None:
            why = f"{index}: {reason_of(broken['error'])}"
            # One that has just begun answers before its shards are there: that passes.
            raise _missing(why) if broken["error"].get("type") == "index_not_found_exception" else busy(why)
        found += [d for d in answer["docs"] if d["found"]]
    return found


def run_search(
    client: Elasticsearch, search: JsonObject, *, index: str | None = None, shard: int | None = None
) -> SearchAnswer:
    """The whole answer to a search; half of one would be a wrong one.

    Args:
        client: to ask with.
        search: the body.
        index: or alias; None where the body names a moment of one.
        shard: the number of the only shard that is asked; None: all.

    Raises:
        StoreError: it took longer than a search may.
        ApiError: Elasticsearch refuses it, or a part of the index cannot be read.
    """
    body = {**search, "timeout": f"{_SEARCH_S}s"}
    found = client.search(index=index, body=body, preference=_only(shard), allow_partial_search_results=False)
    answer = cast(SearchAnswer, found)
    if answer["timed_out"]:
        raise _too_slow()
    return answer


def scan(
    client: Elasticsearch,
    index: str,
    query: JsonObject,
    *,
    source: bool | list[str] = True,
    sort: list[JsonValue] | None = None,
    version: bool = False,
    shard: int | None = None,
) -> Iterator[list[Hit]]:
    """Every document as of one moment, however many there are, a page at a time.

    Args:
        client: to ask with.
        index: or alias.
        query: which documents.
        source: whether their content is wanted, or only these fields of it.
        sort: their order.
        version: whether their versions are wanted.
        shard: the number of the only shard that is asked; None: all.
    """
    opened = client.open_point_in_time(index=index, keep_alive=_KEEP_ALIVE, preference=_only(shard))
    pit, after = opened["id"], None
    try:
        while True:
            search: dict[str, Any] = {
                "size": _PAGE_SIZE, "query": query, "sort": sort or [{"_shard_doc": "asc"}], "_source": source,
                "track_total_hits": False, "pit": {"id": pit, "keep_alive": _KEEP_ALIVE}, "version": version,
            }  # fmt: skip
            if after is not None:
                search["search_after"] = after
            answer = run_search(client, search)
            pit = answer["pit_id"]
            hits = answer["hits"]["hits"]
            if hits:
                yield hits
            if len(hits) < _PAGE_SIZE:
                return
            after = hits[-1]["sort"]
    finally:
        client.close_point_in_time(id=pit)


def _only(shard: int | None) -> str | None:
    """Elasticsearch's word for a search of this shard alone."""
    return None if shard is None else f"_shards:{shard}"


def reason_of(error: JsonValue) -> str:
    """Elasticsearch's own words for an error object."""
    if not isinstance(error, dict):
        return str(error)
    cause = error.get("caused_by")
    inner = f" ({cause['reason']})" if isinstance(cause, dict) and cause.get("reason") else ""
    return f"{error.get('type')}: {error.get('reason')}{inner}"


@contextmanager
def wrap_errors() -> Iterator[None]:
    """Turn the client's errors of the block into ours."""
    try:
        yield
    except (ApiError, TransportError) as error:
        raise to_store_error(error) from error


def to_store_error(error: ApiError | TransportError) -> StoreError:
    """The ``StoreError`` that says what happened, and the remedy."""
    if not isinstance(error, ApiError):
        return StoreError(
            f"the store cannot be reached: {error}", kind="unreachable",
            remedy="Check that it runs there (ARBKIT_STORE)",
        )  # fmt: skip
    why = reason_of(error.body.get("error", error.message) if isinstance(error.body, dict) else error.message)
    # It names the cause of each shard, below an error that says no more than that all failed.
    if _TIMED_OUT in str(error.body):
        return _too_slow()
    match error.status_code:
        case 429 | 403 if BLOCKED in why:
            return blocked(why)
        case 401 | 403:
            return StoreRefusedError(
                "the store refuses the user or the key",
                remedy="Check the password in ARBKIT_STORE, or ARBKIT_STORE_API_KEY",
            )
        case 404:
            return _missing(why)
        case 429:
            return busy(why)
        case _:
            return StoreError(f"the store failed with {error.status_code}: {why}")


def blocked(why: str) -> StoreError:
    """The error where a block of Elasticsearch refuses a write, which ends as soon as the block is lifted."""
    remedy = next((remedy for block, remedy in _BLOCKS.items() if block in why), "Lift the block that it names")
    return StoreError(f"the store takes no writes: {why}", kind="blocked", remedy=remedy)


def find_blocks(
    url: str, *, prefix: str = "arbkit-", api_key: str | None = None, ca: str | None = None
) -> list[StoreError]:
    """The blocks that keep our indices from taking writes, each with what lifts it.

    Raises:
        StoreError: the cluster cannot be reached, or refuses.
    """
    with connect(url, api_key=api_key, ca=ca) as client, wrap_errors():
        found = client.indices.get_settings(
            index=[prefix + name for name in COLLECTIONS], name="index.blocks.*", flat_settings=True,
            ignore_unavailable=True,
        )  # fmt: skip
        return [
            blocked(f"{index} has {setting} ({_BLOCK_SETTINGS[setting]})")
            for index, about in sorted(found.items())
            for setting, value in about["settings"].items()
            if value == "true" and setting in _BLOCK_SETTINGS
        ]


def full_disks(url: str, *, api_key: str | None = None, ca: str | None = None) -> list[str]:
    """The disks of nodes that are fuller than Elasticsearch likes, in words; none where we may not ask.

    Raises:
        StoreError: the cluster cannot be reached, or refuses.
    """
    with connect(url, api_key=api_key, ca=ca) as client, wrap_errors():
        asking = client.options(ignore_status=403)
        limits = asking.cluster.get_settings(include_defaults=True, flat_settings=True)
        nodes = asking.cat.allocation(format="json", bytes="b", h="node,disk.percent,disk.avail")
        if 403 in (limits.meta.status, nodes.meta.status):
            return []
        in_force = [limits.body.get(kind, {}).get(_DISK_LIMITS) for kind in ("transient", "persistent", "defaults")]
        if next((value for value in in_force if value is not None), "true") == "false":
            return []
        return [
            f"the disk of node {one['node']} is {one['disk.percent']} % full, {int(one['disk.avail']) >> 30} GiB free"
            for one in cast("list[dict[str, str]]", nodes.body)
            if one["disk.percent"] and float(one["disk.percent"]) >= _FULL_PCT and int(one["disk.avail"]) < _ROOM
        ]


def is_read_only(why: str) -> bool:
    """Whether a block is one that no migration sets: its last moments end on their own."""
    return any(block in why for block in _BLOCKS if block != _WRITE_BLOCK)


def busy(why: str) -> StoreError:
    """The error where Elasticsearch has no room for a write at the moment."""
    return StoreError(f"the store is too busy: {why}", kind="busy", remedy="It is tried again")


def _too_slow() -> StoreError:
    return StoreError(
        "reading the store took longer than a reader may",
        remedy="Ask for less (filters, a smaller page), or try again when less is going on",
    )  # fmt: skip


def _missing(what: str) -> StoreRefusedError:
    return StoreRefusedError(
        f"the store lacks an index: {what}",
        kind="missing",
        remedy="Run `arbkit init`, then `arbkit replay` fills it from the log",
    )
