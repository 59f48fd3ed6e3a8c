"""Kafka's errors: which are transient, which are fatal, and what to say to the user."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from arbkit.core import retry
from arbkit.core.errors import ConfigError, StreamError

PATIENCE_S = 10.0
"""Seconds that an answer is waited for, and that a request is tried again after a transient failure."""

TRANSIENT = frozenset(
    {
        KafkaError._PARTITION_EOF, KafkaError._MAX_POLL_EXCEEDED, KafkaError._TRANSPORT, KafkaError._TIMED_OUT,
        KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.REQUEST_TIMED_OUT, KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.BROKER_NOT_AVAILABLE, KafkaError.REPLICA_NOT_AVAILABLE, KafkaError.NETWORK_EXCEPTION,
        KafkaError.KAFKA_STORAGE_ERROR, KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)  # fmt: skip
"""What the client reports while it recovers on its own."""
RETRIABLE = TRANSIENT | {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.OFFSET_NOT_AVAILABLE, KafkaError._NOENT}
_OPTION = re.compile(r'property:? \\?"([a-z0-9._]{1,60})')
T = TypeVar("T")


@contextmanager
def refusing_options() -> Iterator[None]:
    """Make a client of librdkafka's in here; what it says of a wrong option may hold a password, so it is not shown.

    Raises:
        ConfigError: it refuses the options; names the one, where librdkafka does.
    """
    try:
        yield
    except (KafkaException, TypeError, ValueError) as error:
        named = _OPTION.search(str(error))
        why = f"librdkafka does not take {named[1]}" if named else "librdkafka does not take these options"
        remedy = "See librdkafka's CONFIGURATION.md for what it takes"
        raise ConfigError(why, field="ARBKIT_KAFKA_OPTIONS", remedy=remedy) from None


def with_retry(request: Callable[[], T]) -> T:
    """The answer to a request, asked again while a new topic, or a broker that has just come back, finds its leader.

    Raises:
        KafkaException: it failed for good, or for longer than :data:`PATIENCE_S`.
    """
    return retry.with_retry(
        request,
        retry_on=_is_retriable,
        give_up=lambda failure: failure.elapsed_s >= PATIENCE_S,
        first_s=0.05,
        longest_s=1,
    )


def _is_retriable(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in RETRIABLE


def result(future: Future[T]) -> T:
    """The answer to an admin request.

    Raises:
        KafkaException: the request failed, or had no answer within :data:`PATIENCE_S`.
    """
    try:
        return future.result(timeout=PATIENCE_S)
    except TimeoutError as error:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from error


def is_fatal(error: KafkaError) -> bool:
    """Whether the client is unusable after this error."""
    return error.fatal() or error.code() == KafkaError._FATAL


@contextmanager
def wrap_kafka_errors(servers: str, what: str) -> Iterator[None]:
    """Turn Kafka's errors of the block into a ``StreamError`` that says ``what`` failed."""
    try:
        yield
    except KafkaException as error:
        raise to_stream_error(error, servers, what) from error


def to_stream_error(error: KafkaException, servers: str, what: str) -> StreamError:
    """The ``StreamError`` that says ``what`` failed, why, and the remedy."""
    found: KafkaError = error.args[0]
    remedy = None
    match found.code():
        case KafkaError._TRANSPORT | KafkaError._TIMED_OUT | KafkaError._ALL_BROKERS_DOWN:
            remedy = "Check that Kafka runs there (ARBKIT_LOG)"
        case KafkaError._AUTHENTICATION:
            remedy = "Check the user and password in ARBKIT_KAFKA_OPTIONS"
        case KafkaError.UNKNOWN_TOPIC_OR_PART | KafkaError._UNKNOWN_TOPIC:
            remedy = "Create arbkit's topics with `arbkit init`"
    return StreamError(f"{what}: {found.str()} (Kafka at {servers})", remedy=remedy)
