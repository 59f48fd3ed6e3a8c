"""A store of each kind, opened by several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from arbkit.store import Store
from arbkit.store.elastic.indices import create
from arbkit.store.elastic.store import ElasticStore
from arbkit.store.sqlite.store import SqliteStore
from tests.servers.launch import Elasticsearch

Open = Callable[[], Store]


@pytest.fixture(params=["sqlite", "elasticsearch"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """What opens one store, again and again, as several processes do."""
    stores: list[Store] = []
    server: Elasticsearch | None = None
    prefix = f"t{uuid4().hex[:12]}-"
    if request.param == "elasticsearch":
        server = request.getfixturevalue("elasticsearch")
        assert create(server.url, prefix=prefix) == []

    def open_one() -> Store:
        stores.append(SqliteStore(tmp_path / "store.db") if server is None else ElasticStore(server.url, prefix=prefix))
        return stores[-1]

    yield open_one
    for one in stores:
        one.close()
    if server is not None:
        server.forget(prefix)
