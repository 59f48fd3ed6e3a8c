"""Fixtures of several tests of whole services."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from arbkit.core.settings import Settings
from tests.servers.launch import Elasticsearch


@pytest.fixture(params=["sqlite", "elasticsearch"])
def either_store(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Settings of an empty store of each kind; what `arbkit init` makes is not there yet."""
    if request.param == "sqlite":
        yield settings
        return
    server: Elasticsearch = request.getfixturevalue("elasticsearch")
    prefix = f"t{uuid4().hex[:12]}-"
    yield settings.model_copy(update={"store": server.url, "store_prefix": prefix})
    server.forget(prefix)
