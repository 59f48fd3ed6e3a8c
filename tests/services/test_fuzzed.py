"""A few random and mutated requests to the real API on both stores: `python -m tests.fuzzed.run`, with another seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch as Client

from arbkit.core.settings import Settings
from tests.fuzzed.served import fuzz
from tests.servers.launch import Elasticsearch

SEED, REQUESTS = 18, 600


@pytest.fixture(params=["sqlite", "elasticsearch"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings with a store of their own, of each kind."""
    prefix = f"t{uuid4().hex[:12]}-"
    server: Elasticsearch | None = None
    if request.param == "elasticsearch":
        server = request.getfixturevalue("elasticsearch")
    yield Settings.load(
        _env_file=None, home=tmp_path / "var", watchlist=tmp_path / "watchlist.txt", api_port=0, demo=True,
        store=server.url if server else "", store_prefix=prefix,
    )  # fmt: skip
    if server is not None:
        with Client(server.url) as client:
            client.indices.delete(index=",".join(client.indices.get(index=f"{prefix}*")))


def test_whatever_is_sent_is_answered_and_never_by_a_fault(stored: Settings) -> None:
    found = fuzz(stored, range(REQUESTS), seed=SEED, connections=4)
    assert found.faults == []
    for status in (200, 400, 401, 404, 422):
        assert found.statuses[status] >= 5, found.statuses
