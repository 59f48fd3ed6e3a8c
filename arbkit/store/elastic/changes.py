"""What the routes of the Elasticsearch store were made of: the inputs of detection, counted, and of the last sweep."""

from __future__ import annotations

import time
from typing import Any, cast

from elasticsearch import Elasticsearch

from arbkit.core.results import JsonObject
from arbkit.store.elastic.bulk import Action, SeqNoGuard, back_off, bulk, contended
from arbkit.store.elastic.client import Hit, fetch_documents

_INPUTS, _SWEPT, _REMOVED = "inputs", "swept", "removed"
_ATTEMPTS = 10


def number_inputs(client: Elasticsearch, index: str, inputs: str) -> int:
    """The generation of these inputs: a new one where the last is of others."""
    for attempt in range(_ATTEMPTS):
        last = _read(client, index, _INPUTS)
        about: dict[str, Any] = last["_source"] if last else {"inputs": None, "generation": 0}
        if about["inputs"] == inputs:
            return int(about["generation"])
        document: JsonObject = {"inputs": inputs, "generation": about["generation"] + 1}
        guard = SeqNoGuard.of(last) if last else None
        outcome = bulk(client, [Action(index, _INPUTS, document, guard=guard, only_new=last is None)])
        if outcome.ok:
            return int(about["generation"]) + 1
        back_off(attempt)
    raise contended(outcome, 1, "inputs of detection")


def write_swept(client: Elasticsearch, index: str, inputs: str) -> None:
    """Note that every product has been priced with these inputs."""
    bulk(client, [Action(index, _SWEPT, {"inputs": inputs})])


def read_swept(client: Elasticsearch, index: str) -> str | None:
    """The inputs with which every product was priced last, if that ever was."""
    found = _read(client, index, _SWEPT)
    return str(found["_source"]["inputs"]) if found else None


def note_removal(client: Elasticsearch, index: str) -> None:
    """Note that routes were removed without others in their stead."""
    # A number of its own, whoever else removes any.
    bulk(client, [Action(index, _REMOVED, {"inputs": "", "generation": time.time_ns()})])


def read_removal(client: Elasticsearch, index: str) -> int:
    """A number that is another one after each removal."""
    found = _read(client, index, _REMOVED)
    return int(cast("int", found["_source"]["generation"])) if found else 0


def _read(client: Elasticsearch, index: str, name: str) -> Hit | None:
    return next(iter(fetch_documents(client, index, [name])), None)
