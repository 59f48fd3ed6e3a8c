"""The seller's own profile, written once."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from arbkit.core.errors import UsageError
from arbkit.core.files import write_new
from arbkit.core.settings import Settings
from arbkit.profit import load_profile
from arbkit.profit.seller.first_run import Answers, changes_between, profile_text


def own_profile(settings: Settings) -> Path:
    """Where the seller's own profile is, or is to be."""
    return settings.profile or settings.user_folder / "profile.toml"


def write_profile(path: Path, answers: Answers) -> list[str]:
    """Write a profile that states these answers and inherits the rest; what changes against the built-in seller.

    Raises:
        UsageError: there is a file, which stays as it is.
        ServiceError: it cannot be written.
    """
    if not write_new(path, profile_text(answers).encode()):
        refuse_to_overwrite(path)
    return changes_between(load_profile(None), load_profile(path))


def refuse_to_overwrite(path: Path) -> NoReturn:
    """Say where the profile is that is there already.

    Raises:
        UsageError: always.
    """
    why = f"exists already, and stays as it is: {path.resolve()}"
    raise UsageError(why, field="profile", remedy="Edit it, or move it away first")
