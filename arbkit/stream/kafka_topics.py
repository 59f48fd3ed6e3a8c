"""A topic's settings as Kafka has them: segments that fit its retention, so that what is to go can go."""

from __future__ import annotations

from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]  # the stubs do not export what the docs name

from arbkit.stream.base import TopicSpec, max_bytes_of

OVERHEAD = 4096
"""Bytes that Kafka's own framing of a message may take."""
_DAY_MS = 86_400_000
_COMPACTED_SEGMENT_MS = 3_600_000
_COMPACTED_SEGMENT = 128 << 20
_LARGEST_SEGMENT = 1 << 30
_SEGMENTS_OF_SIZE = 8
_SEGMENTS_OF_AGE = 7
"""Segments go whole, and never the one that is written to: by so much of its size or age a topic may be kept beyond."""
SEGMENTS = ("segment.ms", "segment.bytes", "max.compaction.lag.ms")
"""What makes segments fit a topic's retention, in Kafka's names."""
RETENTION = ("cleanup.policy", "retention.ms", "retention.bytes", *SEGMENTS)
"""What is changed of a topic that is to be compacted."""


def new_topic(spec: TopicSpec) -> NewTopic:
    """What a broker is asked to create."""
    return NewTopic(spec.name, num_partitions=spec.partitions, replication_factor=-1, config=topic_settings(spec))


def topic_settings(spec: TopicSpec) -> dict[str, str]:
    """A topic's settings in Kafka's names; its size holds for each partition there."""
    age = -1 if spec.max_age_s is None else max(1, round(spec.max_age_s * 1000))
    size = -1 if spec.max_bytes is None else max(1, spec.max_bytes // spec.partitions)
    settings = {
        "cleanup.policy": "compact" if spec.compacted else "delete",
        # A client whose clock is an hour ahead would be refused, and its records kept too long or not long enough.
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(age),
        "retention.bytes": str(size),
        "max.message.bytes": str(largest := max_bytes_of(spec.name) + OVERHEAD),
    }
    if spec.compacted:
        # The ratio of what is new, which decides alone otherwise, may not be reached for months.
        settings["max.compaction.lag.ms"] = str(_DAY_MS)
        segment_ms, segment = _COMPACTED_SEGMENT_MS, _COMPACTED_SEGMENT
    else:
        segment_ms = min(_DAY_MS, max(1, age // _SEGMENTS_OF_AGE)) if age > 0 else 7 * _DAY_MS
        segment = size // _SEGMENTS_OF_SIZE if size > 0 else _LARGEST_SEGMENT
    # A batch that no segment holds is refused.
    return {
        **settings,
        "segment.ms": str(segment_ms),
        "segment.bytes": str(min(_LARGEST_SEGMENT, max(largest, segment))),
    }
