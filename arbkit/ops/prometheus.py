"""The state of log, store and source for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from arbkit.ops.status import LogFigures, StoreFigures, TokenFigures


def exposition(*, demo: bool, log: LogFigures, store: StoreFigures | None, tokens: TokenFigures | None) -> bytes:
    """All gauges in Prometheus' text format; ``store`` and ``tokens`` are None where there is nothing yet."""
    registry = _registry(demo=demo, up=True)
    _gauge(registry, "log_lag_messages", "Raw messages that wait to be enriched", log.lag)
    _gauge(registry, "log_messages", "Raw messages that the log keeps", log.messages)
    _gauge(registry, "log_dead_letters", "Raw messages that could not be used", log.dead_letters)
    documents = Gauge("arbkit_documents", "Documents by collection", ["collection"], registry=registry)
    for collection in ("products", "offers", "opportunities"):
        documents.labels(collection).set(getattr(store, collection) if store else 0)
    if store is not None:
        _gauge(registry, "freshest_offer_age_seconds", "Age of the newest offer", store.freshest_age_s)
        _gauge(registry, "oldest_offer_age_seconds", "Age of the oldest offer", store.oldest_age_s)
        _gauge(registry, "evaluated_age_seconds", "Time since the last detection", store.evaluated_age_s)
    if tokens is not None:
        _gauge(registry, "keepa_tokens_left", "Keepa tokens at the last answer", tokens.left)
        refill = tokens.refill_rate_per_min
        _gauge(registry, "keepa_tokens_refill_per_minute", "Keepa tokens that come a minute", refill)
        _gauge(registry, "keepa_tokens_age_seconds", "Time since that answer", tokens.age_s)
    return generate_latest(registry)


def exposition_while_down(*, demo: bool) -> bytes:
    """The gauges while log or store cannot be read: ``arbkit_up`` is 0, and there are no others of them."""
    return generate_latest(_registry(demo=demo, up=False))


def _registry(*, demo: bool, up: bool) -> CollectorRegistry:
    registry = CollectorRegistry()
    _gauge(registry, "demo", "1 on the demo market", demo)
    _gauge(registry, "up", "Whether log and store can be read", up)
    return registry


def _gauge(registry: CollectorRegistry, name: str, documentation: str, value: float | None) -> None:
    if value is not None:
        Gauge(f"arbkit_{name}", documentation, registry=registry).set(value)
