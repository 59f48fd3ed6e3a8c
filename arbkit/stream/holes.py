"""Holes: what a group should read next and the stream has no more. Found here, and passed only when asked to."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from arbkit.core.errors import StreamError, UsageError
from arbkit.stream.base import Stream, TopicPartition

_JOIN_S = 30.0
"""How long a group's partitions may take to come to a new member."""
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Hole:
    """The messages from offset ``committed`` up to ``oldest``, which are lost to a group."""

    topic_partition: TopicPartition
    committed: int
    oldest: int

    @property
    def messages(self) -> int:
        """How many are lost."""
        return self.oldest - self.committed


def find_holes(stream: Stream, group: str, topic: str) -> list[Hole]:
    """The holes before which a group stands, by partition.

    Raises:
        StreamError: there is no such topic, or it cannot be asked.
    """
    committed = stream.committed_offsets(group, topic)
    return [
        Hole(topic_partition, committed[topic_partition], oldest)
        for topic_partition, (oldest, _) in sorted(stream.watermarks(topic).items())
        if committed.get(topic_partition, oldest) < oldest
    ]


def skip_hole(stream: Stream, group: str, topic_partition: TopicPartition) -> Hole:
    """Let a group go on behind the hole in a partition.

    Raises:
        UsageError: the group stands before no hole there.
        GroupBusyError: the embedded stream has a consumer of this group.
        StreamError: it cannot be done; the group stands where it stood.
    """
    holes = {hole.topic_partition: hole for hole in find_holes(stream, group, topic_partition.topic)}
    if topic_partition not in holes:
        others = ", ".join(map(str, holes)) or "none"
        raise UsageError(
            f"group {group} stands before no hole there", field="PARTITION", value=str(topic_partition),
            remedy=f"Its holes in {topic_partition.topic}: {others}",
        )  # fmt: skip
    hole = holes[topic_partition]
    with stream.consumer(group, [topic_partition.topic], on_revoke=lambda _: None) as consumer:
        deadline = time.monotonic() + _JOIN_S
        while topic_partition not in consumer.assignment():
            if time.monotonic() > deadline:
                raise StreamError(
                    f"other members of group {group} hold {topic_partition}", remedy="Stop them first, then try again"
                )
            # The hole itself is an error of each poll.
            with suppress(StreamError):
                consumer.poll(max_records=1, timeout_s=_POLL_S)
        consumer.commit({topic_partition: hole.oldest})
    return hole


def skip_command(group: str, topic_partition: TopicPartition) -> str:
    """The command that does it, for the remedies of errors."""
    return f"`arbkit log skip {topic_partition} --group {group}`"
