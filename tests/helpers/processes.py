"""The real command, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

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
