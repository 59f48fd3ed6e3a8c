"""The limit of unusable records at which the consumer stops, for then the fault must be ours."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from arbkit.core.errors import DeadLetterLimitError

_WINDOW = 1_000
_LEAST = 100
"""Records before a share means anything."""


class DeadLetterLimit:
    """Watches the stream of records for too many unusable ones.

    Too many are more than ``share`` of the latest 1,000 (once there are 100), or ``run`` in a row (0: no such limit).
    Counted anew with each start: started again over the same records, the consumer stops again.
    """

    def __init__(self, *, share: float, run: int) -> None:
        self._share = share
        self._longest = run
        self._latest: deque[bool] = deque(maxlen=_WINDOW)
        self._run = 0

    def note(self, rejected: Iterable[bool]) -> None:
        """Count records in their order, True for an unusable one.

        Raises:
            DeadLetterLimitError: a limit is exceeded.
        """
        for one in rejected:
            self._latest.append(one)
            self._run = self._run + 1 if one else 0
            if self._longest and self._run >= self._longest:
                raise _stopped(f"{self._run} records in a row are unusable")
        lost, seen = sum(self._latest), len(self._latest)
        if seen >= _LEAST and lost / seen > self._share:
            raise _stopped(f"{lost} of the last {seen} records are unusable")


def _stopped(why: str) -> DeadLetterLimitError:
    return DeadLetterLimitError(
        f"{why}: none of the last batch was passed over",
        remedy="See what is wrong with `arbkit dlq list`; a producer of another version? To accept them all the same, "
        "set ARBKIT_DEAD_LETTER_SHARE=1 and ARBKIT_DEAD_LETTER_RUN=0",
    )
