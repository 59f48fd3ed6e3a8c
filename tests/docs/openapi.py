"""The API's description as the repository holds it: `python -m tests.docs.openapi` renews it.

A change of the file is a change of what users' programs rely on, and is reviewed as one.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from arbkit.core.settings import Settings
from arbkit.web.api import create_app
from tests.helpers.paths import ROOT

__all__ = ["OPENAPI", "openapi"]

OPENAPI = ROOT / "docs" / "openapi.json"


def openapi() -> str:
    """The API's description of itself, as the repository holds it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(_env_file=None, home=Path(folder), demo=True)
        return json.dumps(create_app(settings).openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OPENAPI.write_text(openapi(), "utf-8")
