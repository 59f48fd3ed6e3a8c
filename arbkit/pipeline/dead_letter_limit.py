"""When so much cannot be used that the fault must be ours: the consumer stops rather than bury it all."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from arbkit.core.errors import DeadLetterLimitError

__all__ = ["DeadLetterLimit"]

_WINDOW = 1_000
_LEAST = 100
"""Records before a share means anything."""


class DeadLetterLimit:
    """Watches the stream of records: ``share`` of the latest 1,000 (of 100 at least), or ``run`` one after the other.

    Counted anew with each start: who starts the consumer again over the same records sees it stop again.
    """

    def __init__(self, *, share: float, run: int) -> None:
        self._share = share
        self._longest = run
        self._latest: deque[bool] = deque(maxlen=_WINDOW)
        self._run = 0

    def note(self, dead: Iterable[bool]) -> None:
        """Count records in their order, True for one of no use.

        Raises:
            DeadLetterLimitError: it is too much.
        """
        for one in dead:
            self._latest.append(one)
            self._run = self._run + 1 if one else 0
            if self._longest and self._run >= self._longest:
                raise _stopped(f"{self._run} records one after the other are of no use")
        lost, seen = sum(self._latest), len(self._latest)
        if seen >= _LEAST and lost / seen > self._share:
            raise _stopped(f"{lost} of the last {seen} records are of no use")


def _stopped(why: str) -> DeadLetterLimitError:
    return DeadLetterLimitError(
        f"{why}: none of the last batch was passed over",
        remedy="See what is wrong with `arbkit dlq list`; a producer of another version? To bury them all the same, "
        "set ARBKIT_DEAD_LETTER_SHARE=1 and ARBKIT_DEAD_LETTER_RUN=0",
    )
