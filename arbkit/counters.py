"""What producer and consumer count of themselves, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from arbkit.errors import ConfigError

__all__ = [
    "BATCH_SECONDS", "CONSUMED", "CONSUMER_LAG", "CONSUMER_PARTITIONS", "KEEPA_RETRIES", "PRODUCED", "STORE_RETRIES",
    "TOKENS_LEFT", "expose",
]  # fmt: skip

PRODUCED = Counter(
    "arbkit_produced_records", "Records put on the log by outcome and marketplace", ["outcome", "market"]
)
KEEPA_RETRIES = Counter("arbkit_keepa_retries", "Requests to Keepa that failed and are made again", ["kind"])
TOKENS_LEFT = Gauge("arbkit_producer_tokens_left", "Keepa tokens at the last answer")
CONSUMED = Counter("arbkit_consumed_records", "Records read from the log by what became of them", ["outcome"])
BATCH_SECONDS = Histogram(
    "arbkit_batch_seconds", "Time of one batch in each of its steps", ["service", "step"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)  # fmt: skip
STORE_RETRIES = Counter("arbkit_store_retries", "Documents or batches that the store did not take at once", ["kind"])
CONSUMER_LAG = Gauge("arbkit_consumer_lag_messages", "Messages of this member's partitions that wait", ["partition"])
CONSUMER_PARTITIONS = Gauge("arbkit_consumer_partitions", "Partitions that this member owns")


def expose(host: str, port: int | None, variable: str) -> int | None:
    """Serve this process' counts under ``/metrics``; the port, or None where none is wanted.

    Raises:
        ConfigError: the port cannot be had; names ``variable``.
    """
    if port is None:
        return None
    try:
        server, _ = start_http_server(port, host)
    except OSError as error:
        raise ConfigError(
            f"port {port} on {host} cannot be used: {error.strerror or error}",
            field=variable,
            remedy=f"Set {variable} to another port, to 0 for any free one, or leave it empty",
        ) from None
    return int(server.server_port)
