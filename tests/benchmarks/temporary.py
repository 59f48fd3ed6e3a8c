"""Settings with a home of its own for benchmarks inside this tree."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arbkit.core.settings import Settings

__all__ = ["temporary_settings"]


@contextmanager
def temporary_settings() -> Iterator[Settings]:
    """Settings with a home that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield Settings.load(_env_file=None, home=Path(folder) / "var", api_port=0, dashboards_port=0, demo_port=0)
