"""Headers by which tests may change what an API keeps."""

from __future__ import annotations

from arbkit.core.service.api_keys import home_token
from arbkit.core.settings import Settings


def as_user(settings: Settings) -> dict[str, str]:
    """The headers of who may read this home's private files."""
    return {"Authorization": f"Bearer {home_token(settings)}"}
