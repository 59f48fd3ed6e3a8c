"""Topics as they are named on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from arbkit.core.errors import UsageError, did_you_mean


def require_topic(topic: str, known: Sequence[str], *, field: str) -> None:
    """Refuse a name that is none of these topics; ``field`` is the option or argument that it was given by.

    Raises:
        UsageError: names the topic that may be meant.
    """
    if topic not in known:
        raise UsageError("no such topic", field=field, value=topic, remedy=did_you_mean(topic, known))
