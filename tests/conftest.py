"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest

from arbkit.core.settings import Settings
from tests.helpers.required import missing
from tests.servers.launch import Elasticsearch, Kafka, Server, ServersMissingError

S = TypeVar("S", bound=Server)

# However slow the machine is.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

_KEPT = ("ARBKIT_REQUIRE", "ARBKIT_REAL_DATA", "ARBKIT_WITHOUT")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of the person who runs it."""
    for name in list(os.environ):
        if name.startswith(("ARBKIT_", "KEEPA_")) and name not in _KEPT:
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of their own, no key (so: the demo market) and ports that are free."""
    return Settings.load(
        _env_file=None,
        home=tmp_path / "var",
        watchlist=tmp_path / "watchlist.txt",
        api_port=0,
        dashboards_port=0,
        demo_port=0,
    )


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A real Kafka broker, for all tests that need one."""
    yield from _server(Kafka)


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[Elasticsearch]:
    """A real Elasticsearch node, for all tests that need one."""
    yield from _server(Elasticsearch)


def _server(kind: type[S]) -> Iterator[S]:
    try:
        server = kind(short_lived=True)
    except ServersMissingError as error:
        missing(kind.name, f"{error}; install Java 21, 17 for Kafka alone, and Maven")
        return
    with server as running:
        yield running


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real Keepa files."""
    folder = os.environ.get("ARBKIT_REAL_DATA", "")
    if folder and Path(folder).is_dir():
        return Path(folder)
    if os.environ.get("ARBKIT_WITHOUT") == "real_data":
        pytest.skip("real Keepa files are left out of this run")
    return missing("real Keepa files", "point ARBKIT_REAL_DATA at a folder of them")
