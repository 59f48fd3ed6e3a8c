"""librdkafka's own mock broker, to inject what a real one does only on its worst days.

It lives inside this process and is driven through the C library that confluent_kafka brings along. Not for data:
it silently keeps 5 MiB of a partition only.
"""

from __future__ import annotations

import ctypes
from contextlib import AbstractContextManager
from enum import IntEnum
from functools import cache
from pathlib import Path
from types import TracebackType

import confluent_kafka

__all__ = ["MockKafka", "Request"]

_PRODUCER = 0
_ALL = -1


class Request(IntEnum):
    """Kinds of requests, by their number in Kafka's protocol."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    INIT_PRODUCER_ID = 22
    CONSUMER_GROUP_HEARTBEAT = 68


class MockKafka(AbstractContextManager["MockKafka"]):
    """A cluster of mock brokers, numbered from 1, on free loopback ports."""

    def __init__(self, brokers: int = 1, *, session_ms: int = 1_500) -> None:
        self._library = _library()
        why = ctypes.create_string_buffer(512)
        configuration = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(configuration, b"log_level", b"0", why, len(why))
        self._client = self._library.rd_kafka_new(_PRODUCER, configuration, why, len(why))
        if not self._client:
            raise RuntimeError(why.value.decode())
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, brokers)
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self._library.rd_kafka_mock_set_group_consumer_session_timeout_ms(self._cluster, session_ms)
        self._library.rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(self._cluster, 100)

    @property
    def address(self) -> str:
        return str(self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode())

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic: the mock does not answer requests for that."""
        self._do("topic_create", topic.encode(), partitions, 1)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        self._do("partition_delete_records", topic.encode(), partition, before)

    def fail(self, request: Request, *errors: int) -> None:
        """Answer the next requests of this kind with these errors, one each."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, request, len(errors), codes)

    def heal(self, request: Request) -> None:
        """Forget the errors that are still to come."""
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, request)

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """Make a broker the partition's leader."""
        self._do("partition_set_leader", topic.encode(), partition, broker)

    def coordinate(self, group: str, broker: int) -> None:
        """Make a broker the group's coordinator."""
        self._do("coordinator_set", b"group", group.encode(), broker)

    def down(self, broker: int = _ALL) -> None:
        """Cut all connections and take no new ones."""
        self._do("broker_set_down", broker)

    def up(self, broker: int = _ALL) -> None:
        self._do("broker_set_up", broker)

    def delay(self, milliseconds: int, broker: int = _ALL) -> None:
        """Hold back every answer for so long."""
        self._do("broker_set_rtt", broker, milliseconds)

    def close(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _do(self, name: str, *arguments: object) -> None:
        code = getattr(self._library, f"rd_kafka_mock_{name}")(self._cluster, *arguments)
        if code:
            raise RuntimeError(f"{name}{arguments}: {confluent_kafka.KafkaError(code).str()}")


@cache
def _library() -> ctypes.CDLL:
    """The very library that confluent_kafka uses."""
    package = Path(confluent_kafka.__file__).parent
    places = (package.with_name("confluent_kafka.libs"), package / ".dylibs")
    (path,) = [path for place in places for path in place.glob("librdkafka*")]
    library = ctypes.CDLL(str(path))
    library.rd_kafka_conf_new.restype = ctypes.c_void_p
    library.rd_kafka_conf_set.argtypes = [ctypes.c_void_p, *[ctypes.c_char_p] * 3, ctypes.c_size_t]
    library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.rd_kafka_destroy.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    for name, more in _ON_CLUSTER.items():
        getattr(library, f"rd_kafka_mock_{name}").argtypes = [ctypes.c_void_p, *more]
    return library


_ON_CLUSTER: dict[str, list[type]] = {
    "cluster_bootstraps": [],
    "cluster_destroy": [],
    "group_initial_rebalance_delay_ms": [ctypes.c_int32],
    "set_group_consumer_session_timeout_ms": [ctypes.c_int],
    "set_group_consumer_heartbeat_interval_ms": [ctypes.c_int],
    "topic_create": [ctypes.c_char_p, ctypes.c_int, ctypes.c_int],
    "partition_delete_records": [ctypes.c_char_p, ctypes.c_int32, ctypes.c_int64],
    "push_request_errors_array": [ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int)],
    "clear_request_errors": [ctypes.c_int16],
    "partition_set_leader": [ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32],
    "coordinator_set": [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int32],
    "broker_set_down": [ctypes.c_int32],
    "broker_set_up": [ctypes.c_int32],
    "broker_set_rtt": [ctypes.c_int32, ctypes.c_int],
}
"""What is called with the cluster first, and what follows."""
