"""What a check of ``arbkit doctor`` answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from arbkit.core.errors import ArbkitError


class NoticeError(ArbkitError):
    """Something to know and to mend, which keeps nothing from running."""

    exit_code = 0


Outcome: TypeAlias = str | Sequence[ArbkitError]
"""In words what is in order; or all that is not, each with its remedy."""
