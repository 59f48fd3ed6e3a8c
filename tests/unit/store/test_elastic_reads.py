"""Documents that Elasticsearch cannot give at the moment are no missing index."""

from __future__ import annotations

from typing import Any, cast

import pytest
from elasticsearch import Elasticsearch

from arbkit.core.errors import StoreError, StoreRefusedError
from arbkit.store.elastic.client import fetch_documents


class Broken:
    """Answers every document with an error of this type."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def mget(self, *, ids: list[str], **_: Any) -> dict[str, Any]:
        return {"docs": [{"_id": one, "error": {"type": self._kind, "reason": "why"}} for one in ids]}


@pytest.mark.parametrize(
    ("kind", "refused"), [("index_not_found_exception", True), ("no_shard_available_action_exception", False)]
)
def test_only_an_index_that_is_not_there_is_refused(kind: str, refused: bool) -> None:
    with pytest.raises(StoreError, match="why") as caught:
        fetch_documents(cast(Elasticsearch, Broken(kind)), "offers", ["a", "b"])
    # What is refused ends the consumer; anything else it waits for.
    assert isinstance(caught.value, StoreRefusedError) == refused
