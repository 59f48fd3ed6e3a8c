"""The indices behind the aliases: made by `arbkit init`, and replaced behind readers' and writers' backs.

An index is replaced in rounds: a scan over the old one, then over what was written meanwhile, until little is left;
the last round goes under a write block, which writers wait out, and ends with one swap of the aliases. The old
index stays, under an alias of its own, until the last scan of it has ended.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from arbkit.core.errors import StoreError, StoreRefusedError
from arbkit.core.results import JsonObject
from arbkit.core.service.identity import has_ended, this_process
from arbkit.store.elastic.bulk import Action, bulk
from arbkit.store.elastic.client import Hit, connect, scan, wrap_errors
from arbkit.store.elastic.documents import upgraded
from arbkit.store.elastic.schema import COLLECTIONS, MADE_WHEN_USED, IndexLayout, body, fingerprint, template

logger = logging.getLogger(__name__)

Transform = Callable[[Sequence[Hit]], Sequence[Action]]
"""From documents of the old index (hits, with version) to what is written into the new one."""

_LAYOUT = IndexLayout()
_FINAL_ROUND_LIMIT = 5_000
"""Documents that the last round copies while writers wait."""
_MAX_ROUNDS = 20
_SCAN_TIMEOUT_S = 600.0
_ABANDONED_S = 86_400.0
"""Age at which an index that was never put to use goes, whoever made it: no replay takes as long."""


def create(
    url: str,
    *,
    prefix: str = "arbkit-",
    api_key: str | None = None,
    ca: str | None = None,
    layout: IndexLayout = _LAYOUT,
) -> list[str]:
    """Create the templates, indices and aliases that are missing, and clear away what was superseded.

    Answers what differs, in words, and changes none of it but replicas and refresh, which is among the words.

    Raises:
        StoreError: the cluster cannot be reached, or refuses.
    """
    differences = []
    with connect(url, api_key=api_key, ca=ca) as client, wrap_errors():
        found = _existing(client, prefix)
        for name in COLLECTIONS:
            if name not in found:
                _put_template(client, prefix, name, layout)
                _new_index(client, prefix, name, alias=True)
            elif found[name].mark != fingerprint(name):
                differences.append(f"{prefix}{name} has another arbkit's mapping; `arbkit init --migrate` renews it")
            else:
                _put_template(client, prefix, name, layout)
                differences += _lay_out(client, prefix + name, name, found[name], layout)
            discard_previous_index(client, prefix, name)
            _discard_abandoned(client, prefix, name)
    return differences


def _lay_out(
    client: Elasticsearch, alias: str, collection: str, index: _Existing, layout: IndexLayout
) -> Iterator[str]:
    """Give an index the layout that is asked for, as far as an index can change; what was done, or is to be done."""
    asked = layout.changeable()
    if any(index.settings.get(name) != value for name, value in asked.items()):
        client.indices.put_settings(index=alias, settings={"index": asked})
        yield f"{alias}: changed, {layout.replicas} replicas and a refresh every {layout.refresh or '1s'} from now on"
    if index.shards != layout.shards_of(collection):
        yield (
            f"{alias}: shards are {index.shards}, asked for {layout.shards_of(collection)}; "
            "`arbkit init --migrate` renews it"
        )


def migrate(
    url: str,
    *,
    prefix: str = "arbkit-",
    api_key: str | None = None,
    ca: str | None = None,
    layout: IndexLayout = _LAYOUT,
) -> list[str]:
    """Renew the indices of another arbkit's mapping, or with more or fewer shards than are asked for.

    Readers and writers go on meanwhile; says what was done.

    External versions are kept. Broken off, it can be run again; one at a time, and not beside `arbkit replay`.

    Raises:
        StoreError: the cluster cannot be reached or refuses, or a document cannot be copied.
    """
    with connect(url, api_key=api_key, ca=ca) as client, wrap_errors():
        found = _existing(client, prefix)
        for name in found:
            # One that was broken off may have left it.
            _unblock(client, prefix + name)
        stale = [
            name
            for name, index in found.items()
            if index.mark != fingerprint(name) or index.shards != layout.shards_of(name)
        ]
        for name in stale:
            _put_template(client, prefix, name, layout)
        if not stale:
            return []
        with temporary_indices(client, prefix, stale) as targets:
            copied = reindex(client, prefix, targets, {name: upgrade_documents(name, targets[name]) for name in stale})
    return [f"{prefix}{name} is renewed: {count} documents" for name, count in copied.items()]


@contextmanager
def temporary_indices(client: Elasticsearch, prefix: str, collections: Iterable[str]) -> Iterator[dict[str, str]]:
    """New indices by collection; those that are behind no alias when the block fails are deleted."""
    made: dict[str, str] = {}
    try:
        for name in collections:
            _discard_abandoned(client, prefix, name)
            made[name] = _new_index(client, prefix, name)
        yield made
    except BaseException:
        for index in made.values():
            with suppress(ApiError, TransportError):
                # A swap whose answer got lost may have happened.
                if not client.indices.get_alias(index=index)[index]["aliases"]:
                    client.indices.delete(index=index)
        raise


def reindex(
    client: Elasticsearch, prefix: str, targets: Mapping[str, str], transform: Mapping[str, Transform]
) -> dict[str, int]:
    """Bring what is behind the aliases into ``targets`` (collection → new index) and swap them all at once.

    ``transform`` goes by collection, in the order in which one needs the other; how many documents went, by collection.

    Raises:
        StoreError: it did not come to the swap, and the aliases are as they were.
    """
    sources = {name: index_behind(client, prefix + name) for name in targets}
    rounds = {name: _ReindexRounds(client, sources[name], target, transform[name]) for name, target in targets.items()}
    for _ in range(_MAX_ROUNDS):
        if max([one.copy_new() for one in rounds.values()]) <= _FINAL_ROUND_LIMIT:
            break
    with _blocked(client, sources.values()):
        for one in rounds.values():
            one.copy_new()
        for index in targets.values():
            client.indices.refresh(index=index)
        try:
            swap_aliases(client, prefix, sources, targets)
        except NotFoundError as error:
            raise StoreError("others have replaced an index meanwhile", kind="busy", remedy="Run it again") from error
    for name, source in sources.items():
        _await_scans(client, source)
        discard_previous_index(client, prefix, name)
    return {name: one.copied for name, one in rounds.items()}


class _ReindexRounds:
    """One index copied into another; each round copies what was written since the last."""

    def __init__(self, client: Elasticsearch, source: str, target: str, transform: Transform) -> None:
        self.copied = 0
        self._client = client
        self._source = source
        self._target = target
        self._transform = transform
        self._upto: tuple[int, ...] = ()

    def copy_new(self) -> int:
        """Copy what is new; how many documents that were."""
        # Writes under way may become visible out of order: only up to here none is missing after the refresh.
        complete = checkpoints(self._client, self._source)
        self._client.indices.refresh(index=self._source)
        count = sum(map(self._copy_shard, range(len(complete)), self._upto or [-1] * len(complete)))
        self._upto = complete
        self.copied += count
        logger.info("%s: %d documents are copied to %s", self._source, count, self._target)
        return count

    def _copy_shard(self, shard: int, after: int) -> int:
        """Copy what a shard was given after this sequence number; how many documents that were."""
        since: JsonObject = {"range": {"_seq_no": {"gt": after}}}
        count = 0
        for hits in scan(self._client, self._source, since, version=True, shard=shard):
            actions = self._transform(hits)
            refused = bulk(self._client, actions).poison
            if refused:
                position, why = next(iter(refused.items()))
                raise StoreError(f"{actions[position].id} of {self._source} cannot be copied: {why}")
            count += len(hits)
        return count


def checkpoints(client: Elasticsearch, index: str) -> tuple[int, ...]:
    """By shard, the sequence number up to which all its writes are done: each shard counts its own."""
    shards = client.indices.stats(index=index, level="shards")["indices"][index]["shards"]
    ordered = (shards[number] for number in sorted(shards, key=int))
    return tuple(min(int(copy["seq_no"]["local_checkpoint"]) for copy in copies) for copies in ordered)


def upgrade_documents(collection: str, target: str) -> Transform:
    """Copy documents, brought to the current mapping."""
    return lambda hits: [upgrade_action(collection, target, hit) for hit in hits]


def upgrade_action(collection: str, target: str, hit: Hit) -> Action:
    """What writes a document (a hit, with version) into another index, in today's shape.

    Raises:
        StoreError: it lacks what a document of today must have.
    """
    try:
        document = upgraded(collection, hit["_source"])
    except (KeyError, TypeError) as error:
        raise StoreError(
            f"{hit['_id']} of {hit['_index']} cannot be renewed: {error!r}",
            remedy="Fill the store anew: another ARBKIT_STORE_PREFIX, `arbkit init`, `arbkit replay`",
        ) from error
    version = hit["_version"] if collection in ("offers", "history") else None
    return Action(target, hit["_id"], document, version=version, alias=False)


def check(client: Elasticsearch, prefix: str) -> None:
    """Whether all collections are there, in today's shape.

    Raises:
        StoreRefusedError: one is not.
    """
    found = _existing(client, prefix)
    for name in COLLECTIONS:
        if name not in found:
            if name in MADE_WHEN_USED:
                continue
            raise StoreRefusedError(f"the store has no {prefix}{name} yet", kind="missing", remedy="Run `arbkit init`")
        if found[name].mark != fingerprint(name):
            raise StoreRefusedError(
                f"{prefix}{name} has another arbkit's mapping", remedy="Run `arbkit init --migrate`"
            )


def _new_index(client: Elasticsearch, prefix: str, collection: str, *, alias: bool = False) -> str:
    """A new, empty index of a collection, laid out as its template says; its name."""
    made = body(collection)
    # Whoever finds it half-filled knows by this whether it will ever be filled.
    made["mappings"]["_meta"] = {"arbkit": fingerprint(collection), "maker": this_process()}
    index = f"{prefix}{collection}-{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:8]}"
    aliases: dict[str, Any] = {prefix + collection: {}} if alias else {}
    client.indices.create(index=index, **made, aliases=aliases)
    return index


def _swap_actions(prefix: str, collection: str, old: str, new: str) -> list[dict[str, Any]]:
    """The alias actions by which ``new`` replaces ``old``, which stays for readers that still scan it."""
    alias = prefix + collection
    return [
        {"remove": {"index": old, "alias": alias, "must_exist": True}},
        {"add": {"index": old, "alias": _previous_alias(prefix, collection)}},
        {"add": {"index": new, "alias": alias}},
    ]


def swap_aliases(client: Elasticsearch, prefix: str, sources: Mapping[str, str], targets: Mapping[str, str]) -> None:
    """Make ``targets`` (collection → index) the indices behind the aliases, all at once.

    Raises:
        elasticsearch.NotFoundError: others have replaced one of ``sources`` meanwhile; nothing was changed.
    """
    actions = [one for name, new in targets.items() for one in _swap_actions(prefix, name, sources[name], new)]
    client.indices.update_aliases(actions=actions)


def discard_previous_index(client: Elasticsearch, prefix: str, collection: str) -> None:
    """Delete the indices that others have replaced."""
    patient = client.options(ignore_status=[404])
    old = patient.indices.get_alias(name=_previous_alias(prefix, collection))
    for index in old.body if old.meta.status == 200 else ():
        patient.indices.delete(index=index)


def _discard_abandoned(client: Elasticsearch, prefix: str, collection: str) -> list[str]:
    """Delete what a replay, detection or migration that was killed has left half-filled; in words what became of it."""
    found = client.options(ignore_status=404).indices.get(
        index=f"{prefix}{collection}-*", features=["aliases", "mappings", "settings"]
    )
    said = []
    for index, about in found.items() if found.meta.status == 200 else ():
        if about["aliases"]:
            continue
        age = time.time() - int(about["settings"]["index"]["creation_date"]) / 1000
        ended = has_ended(about["mappings"].get("_meta", {}).get("maker", {}))
        if ended or (ended is None and age > _ABANDONED_S):
            client.options(ignore_status=404).indices.delete(index=index)
            said.append(f"{index} was never put to use and is deleted")
            logger.warning("%s", said[-1])
        elif ended is None:
            said.append(
                f"{index} is half-filled, and whether its maker still runs cannot be known here: kept for a day"
            )
    return said


def discard_abandoned(
    url: str, *, prefix: str = "arbkit-", api_key: str | None = None, ca: str | None = None
) -> list[str]:
    """Delete the half-filled indices of processes that have ended; says what became of each that was found.

    Those whose maker may still run (on another machine, or in another container) stay for a day.

    Raises:
        StoreError: the cluster cannot be reached, or refuses.
    """
    with connect(url, api_key=api_key, ca=ca) as client, wrap_errors():
        return [said for name in COLLECTIONS for said in _discard_abandoned(client, prefix, name)]


def _previous_alias(prefix: str, collection: str) -> str:
    return f"{prefix}superseded-{collection}"


def index_behind(client: Elasticsearch, alias: str) -> str:
    """The index behind an alias."""
    (index,) = client.indices.get_alias(name=alias)
    return str(index)


class _Existing(NamedTuple):
    """The index behind an alias: the fingerprint of its mapping, and its settings as Elasticsearch spells them."""

    mark: str | None
    settings: Mapping[str, str]

    @property
    def shards(self) -> int:
        """How many shards it has."""
        return int(self.settings["number_of_shards"])


def _existing(client: Elasticsearch, prefix: str) -> dict[str, _Existing]:
    """What is behind the aliases, of those collections that are there."""
    names = {prefix + name: name for name in COLLECTIONS}
    found = client.indices.get(index=list(names), features=["aliases", "mappings", "settings"], ignore_unavailable=True)
    return {
        names[alias]: _Existing(about["mappings"].get("_meta", {}).get("arbkit"), about["settings"]["index"])
        for about in found.values()
        for alias in about["aliases"].keys() & names.keys()
    }


def _put_template(client: Elasticsearch, prefix: str, collection: str, layout: IndexLayout) -> None:
    """What an index of this name gets, whoever makes it: a restored or hand-made one is as strict as ours."""
    client.indices.put_index_template(
        name=prefix + collection, index_patterns=[f"{prefix}{collection}-*"], priority=500,
        template=template(collection, layout),
    )  # fmt: skip


@contextmanager
def _blocked(client: Elasticsearch, indices: Collection[str]) -> Iterator[None]:
    """Let nobody write to these indices; lifted again if the block fails."""
    try:
        for index in indices:
            # This waits for the writes that are under way; the setting alone would not.
            client.indices.add_block(index=index, block="write")
        yield
    except BaseException:
        for index in indices:
            _unblock(client, index)
        raise


def _unblock(client: Elasticsearch, index: str) -> None:
    client.indices.put_settings(index=index, settings={"index.blocks.write": None})


def _await_scans(client: Elasticsearch, index: str) -> None:
    """Wait until no scan of an index is open; abandoned ones expire."""
    deadline = time.monotonic() + _SCAN_TIMEOUT_S
    while time.monotonic() < deadline:
        stats = client.indices.stats(index=index, metric="search")
        if not stats["_all"]["primaries"]["search"]["open_contexts"]:
            return
        time.sleep(0.2)
