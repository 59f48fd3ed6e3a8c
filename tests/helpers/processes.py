"""The real command, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from arbkit.core.settings import Settings


def arbkit(
    settings: Settings, *arguments: str, preexec_fn: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end under these settings; ``preexec_fn`` runs first in its process."""
    return subprocess.run(
        [sys.executable, "-m", "arbkit", *arguments],
        env={**os.environ, **settings.environment()},
        cwd=settings.home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=preexec_fn,
    )


def with_real_exports(real_data: Path, folder: Path) -> Settings:
    """A home in ``folder`` that holds the three real exports of May 2026, stored."""
    settings = Settings.load(_env_file=None, home=folder / "var", watchlist=folder / "watchlist.txt", demo=False)
    files = sorted(str(path) for path in real_data.glob("GAE_*.xlsx"))
    for words in (["import", *files], ["consume", "--until-empty"]):
        done = arbkit(settings, *words)
        assert done.returncode == 0, done.stderr
    return settings
