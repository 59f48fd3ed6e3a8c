"""Whether the messages of a stream in a SQLite file are what was published, as their digests say."""

from __future__ import annotations

from pathlib import Path

from arbkit.core.sqlite import DigestCheck, connect, wrap_errors
from arbkit.stream.sqlite_tables import is_current, messages_from, partitions_of, unmarked_messages

_AT_ONCE = 500
_BYTES_AT_ONCE = 16 << 20


def check_digests(path: Path) -> DigestCheck:
    """Read every message of the stream at ``path``, and see whether it is what was published.

    Raises:
        StreamError: the file cannot be read.
    """
    checked, damaged = 0, []
    with wrap_errors(path, "log"):
        connection = connect(path, read_only=True)
        try:
            if not is_current(connection):
                return DigestCheck(0, 0, ())
            unmarked = unmarked_messages(connection)
            topics = [name for (name,) in connection.execute("SELECT name FROM log_topics ORDER BY name")]
            for partition in (p for topic in topics for p in partitions_of(connection, topic)):
                at = partition.oldest
                while found := messages_from(
                    connection, partition, at, max_records=_AT_ONCE, max_bytes=_BYTES_AT_ONCE
                ):  # fmt: skip
                    checked += len(found)
                    damaged += [f"{m.topic_partition}, offset {m.offset}" for m in found if m.damaged]
                    at = found[-1].offset + 1
        finally:
            connection.close()
    return DigestCheck(checked, unmarked, tuple(damaged))
