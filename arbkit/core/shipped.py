"""Where the notebooks are: in a checkout beside the package, in an installed wheel inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from arbkit.core.errors import ConfigError

__all__ = ["shipped"]


def shipped(kind: Literal["apps", "notebooks"]) -> Path:
    """The folder of shipped apps or notebooks.

    Raises:
        ConfigError: the installation is not whole.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_shipped" / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise ConfigError(f"the shipped {kind} are missing", remedy="Install arbkit again")
