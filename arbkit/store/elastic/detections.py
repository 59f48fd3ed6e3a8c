"""The opportunities of a detection and what follows from them, behind two aliases that are moved at once.

Elasticsearch knows no transaction over several documents. Opportunities and outbox are each an index that is made
anew; one swap of both aliases is the commit. Whoever finds that others were faster begins again, on what they left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from elasticsearch import Elasticsearch, NotFoundError
from pydantic import JsonValue

from arbkit.core.errors import StoreError
from arbkit.core.models import Opportunity
from arbkit.core.results import JsonObject
from arbkit.store.base import Announce, Basis, Notice
from arbkit.store.elastic import changes, documents, queries
from arbkit.store.elastic.bulk import Action, bulk
from arbkit.store.elastic.client import Hit, fetch_documents, run_search, scan
from arbkit.store.elastic.indices import discard_previous_index, index_behind, swap_aliases, temporary_indices

_COLLECTIONS = ("opportunities", "outbox")
_ATTEMPTS = 10
_UNSENT: JsonObject = {"term": {"sent": False}}
_IN_ORDER: JsonObject = {"number": "asc"}


def replace_opportunities(
    client: Elasticsearch,
    prefix: str,
    found: Sequence[Opportunity],
    words: Mapping[str, str],
    *,
    basis: Basis | None,
    announce: Announce | None,
) -> list[str]:
    """Make ``found`` the whole of the opportunities, and add what ``announce`` makes of the new ones to the outbox.

    Args:
        client: to write with.
        prefix: of the names of all indices.
        found: the opportunities, with the id of their run.
        words: product → what a search finds it by.
        basis: what they were made of.
        announce: what follows from the new ones.

    Returns:
        The ids of opportunities that were none before.

    Raises:
        StoreError: it is as it was.
    """
    composed = [documents.opportunity_document(o, words.get(o.asin, "")) for o in found]
    for _ in range(_ATTEMPTS):
        sources = {name: index_behind(client, prefix + name) for name in _COLLECTIONS}
        try:
            known = {hit["_id"] for hit in _scan(client, sources["opportunities"], queries.OPPORTUNITIES, source=False)}
            new = [o for o in found if o.status == "opportunity" and o.id not in known]
            notices = [*waiting_notices(client, sources["outbox"]), *(announce(new) if announce else ())]
            with temporary_indices(client, prefix, _COLLECTIONS) as made:
                _fill(client, made["opportunities"], composed)
                _fill(client, made["outbox"], [documents.notice_document(n, i) for i, n in enumerate(notices)])
                changes.write_basis(client, made["opportunities"], basis)
                for name in _COLLECTIONS:
                    # The one before stays until the next detection, for those who read it at this moment.
                    discard_previous_index(client, prefix, name)
                swap_aliases(client, prefix, sources, made)
        except NotFoundError:
            # Another detection has replaced them: what is new is another question now.
            continue
        return [o.id for o in new]
    raise StoreError("other detections replace the opportunities all the time", kind="busy", remedy="Run it again")


def read_unsent(client: Elasticsearch, index: str, limit: int) -> list[Notice]:
    """The oldest notices that are not marked as sent."""
    search: JsonObject = {"size": limit, "query": _UNSENT, "sort": [_IN_ORDER], "track_total_hits": False}
    hits = run_search(client, search, index=index)["hits"]["hits"]
    return [documents.notice_of(hit["_source"]) for hit in hits]


def mark_sent(client: Elasticsearch, index: str, notices: Sequence[Notice]) -> None:
    """Mark notices as sent. One that is moved to a new index at this moment stays unsent, and is sent again."""
    hits = fetch_documents(client, index, [notice.id for notice in notices])
    bulk(client, [Action(index, hit["_id"], {**hit["_source"], "sent": True}) for hit in hits])


def waiting_notices(client: Elasticsearch, index: str) -> list[Notice]:
    """All notices that are not marked as sent, the oldest first."""
    client.indices.refresh(index=index)
    return [documents.notice_of(hit["_source"]) for hit in _scan(client, index, _UNSENT, sort=_IN_ORDER)]


def _scan(
    client: Elasticsearch, index: str, query: JsonObject, *, source: bool = True, sort: JsonObject | None = None
) -> Iterator[Hit]:
    order: list[JsonValue] | None = None if sort is None else [sort]
    return chain.from_iterable(scan(client, index, query, source=source, sort=order))


def _fill(client: Elasticsearch, index: str, made: Sequence[JsonObject]) -> None:
    refused = bulk(client, [Action(index, str(one["id"]), one, alias=False) for one in made]).poison
    if refused:
        raise StoreError(f"{index} refuses a document: {next(iter(refused.values()))}")
    client.indices.refresh(index=index)
