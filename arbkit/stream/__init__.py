"""The stream between producer and consumers: durable topics, in a SQLite file or in Kafka."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import orjson

from arbkit.core.errors import ConfigError
from arbkit.core.settings import Settings, sqlite_path
from arbkit.stream.base import (
    ALERTS_GROUP,
    ALERTS_TOPIC,
    CHANGES_TOPIC,
    DETECT_GROUP,
    ENRICH_GROUP,
    ENRICHED_TOPIC,
    GROUPS,
    RAW_TOPIC,
    TOPICS,
    Consumer,
    Message,
    Offsets,
    Record,
    Stream,
    TopicPartition,
    TopicSpec,
    dead_letter_topic,
)

__all__ = [
    "ALERTS_GROUP",
    "ALERTS_TOPIC",
    "CHANGES_TOPIC",
    "DETECT_GROUP",
    "ENRICHED_TOPIC",
    "ENRICH_GROUP",
    "GROUPS",
    "RAW_TOPIC",
    "TOPICS",
    "Consumer",
    "Message",
    "Offsets",
    "Record",
    "Stream",
    "TopicPartition",
    "TopicSpec",
    "dead_letter_topic",
    "open_stream",
]


def open_stream(settings: Settings) -> Stream:
    """The stream that ``ARBKIT_LOG`` names; in SQLite with arbkit's topics (in Kafka `arbkit init` makes them).

    Raises:
        ConfigError: it names no stream of a known kind, or Kafka's options are unusable.
        StreamError: it cannot be opened.
    """
    scheme = urlsplit(settings.log_url).scheme
    if scheme == "sqlite":
        from arbkit.stream.sqlite import SqliteStream

        stream = SqliteStream(sqlite_path(settings.log_url))
        stream.create_topics(settings_topics(settings))
        return stream
    if scheme == "kafka":
        from arbkit.stream.kafka import KafkaStream

        servers = settings.log_url.removeprefix("kafka://").rstrip("/")
        return KafkaStream(
            servers,
            options=_options(settings),
            protocol=settings.kafka_group_protocol,
            instance_id=settings.kafka_instance_id,
        )
    raise ConfigError(
        "no log of this kind", field="ARBKIT_LOG", value=scheme, remedy="Use sqlite:///PATH or kafka://HOST:PORT"
    )


def _options(settings: Settings) -> dict[str, str | int | float | bool]:
    text = settings.kafka_options.get_secret_value()
    try:
        options = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        options = None
    if not isinstance(options, dict):
        raise ConfigError(
            "is no JSON object", field="ARBKIT_KAFKA_OPTIONS",
            remedy='Write it as {"security.protocol": "SASL_SSL", "sasl.username": "…"}',
        )  # fmt: skip
    return options


def settings_topics(settings: Settings) -> list[TopicSpec]:
    """The topics of arbkit, with the settings' retention on the raw topic."""
    age, size = settings.log_retention_hours * 3600, int(settings.log_retention_mb * 2**20)
    return [replace(s, max_age_s=age, max_bytes=size) if s.name == RAW_TOPIC else s for s in TOPICS]
