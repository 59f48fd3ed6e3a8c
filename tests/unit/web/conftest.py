"""Settings for the pages that read alerts.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from arbkit.core.settings import Settings
from tests.helpers.delivery import with_plan


@pytest.fixture
def planned(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a folder with an alerts.toml."""
    return with_plan(settings, tmp_path, monkeypatch)


@pytest.fixture
def bare(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a folder without an alerts.toml."""
    return settings.model_copy(update={"folder": tmp_path})
