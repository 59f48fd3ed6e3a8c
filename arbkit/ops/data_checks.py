"""What ``arbkit doctor`` looks at in the data itself: the clock that it was written by."""

from __future__ import annotations

import time

from arbkit.core.errors import ServiceError
from arbkit.core.formatting import age_words
from arbkit.core.keepa_time import CLOCK_TOLERANCE_S
from arbkit.core.settings import Settings
from arbkit.stream import RAW_TOPIC, open_stream


def check_clock(settings: Settings) -> str:
    """How the clock of this machine stands to the newest message of the log.

    Raises:
        ServiceError: the message is from the future: the clock was ahead then, or is behind now.
    """
    with open_stream(settings) as stream:
        times = [
            message.timestamp
            for at, (oldest, end) in stream.watermarks(RAW_TOPIC).items()
            if end > oldest
            for message in stream.read(RAW_TOPIC, partition=at.partition, offset=end - 1, max_records=1)
        ]
    if not times:
        return "the log holds nothing to compare it with"
    ahead = max(times) - time.time()
    if ahead > CLOCK_TOLERANCE_S:
        raise ServiceError(
            f"the newest message of the log is from {age_words(ahead)} in the future",
            remedy="The clock of this machine was ahead, or is behind now: set it right (NTP). Messages from then are "
            "kept for longer, and nothing is removed by its age for a day after the jump",
        )
    return f"in step with the log, whose newest message is {age_words(max(0.0, -ahead))} old"
