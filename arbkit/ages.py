"""Ages as people say them."""

from __future__ import annotations

__all__ = ["age_words"]


def age_words(seconds: float, *, days: str = "d") -> str:
    """``12 s``, ``5 min``, ``3 h``, ``9 d``; ``days`` is the word for the last."""
    for size, unit in ((86_400, days), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
