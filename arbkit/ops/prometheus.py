"""The state of log, store and source for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from arbkit.core.errors import ArbkitError
from arbkit.core.settings import Settings
from arbkit.ops.status import collect

__all__ = ["exposition"]


def exposition(settings: Settings) -> bytes:
    """All gauges as text; ``arbkit_up`` is 0, and alone, where log or store cannot be read."""
    registry = CollectorRegistry()

    def gauge(name: str, says: str, value: float | None) -> None:
        if value is not None:
            Gauge(f"arbkit_{name}", says, registry=registry).set(value)

    gauge("demo", "1 on the demo market", settings.demo_mode)
    try:
        state = collect(settings)
    except ArbkitError:
        gauge("up", "Whether log and store can be read", 0)
        return generate_latest(registry)
    gauge("up", "Whether log and store can be read", 1)
    log, store, tokens = state["log"], state["store"] or {}, state["tokens"] or {}
    gauge("log_lag_messages", "Raw messages that wait to be enriched", log["lag"])
    gauge("log_messages", "Raw messages that the log keeps", log["messages"])
    gauge("log_dead_letters", "Raw messages that could not be used", log["dead_letters"])
    documents = Gauge("arbkit_documents", "Documents by collection", ["collection"], registry=registry)
    for collection in ("products", "offers", "opportunities"):
        documents.labels(collection).set(store.get(collection, 0))
    gauge("freshest_offer_age_seconds", "Age of the newest offer", store.get("freshest_age_s"))
    gauge("oldest_offer_age_seconds", "Age of the oldest offer", store.get("oldest_age_s"))
    gauge("evaluated_age_seconds", "Time since the last detection", store.get("evaluated_age_s"))
    gauge("keepa_tokens_left", "Keepa tokens at the last answer", tokens.get("left"))
    gauge("keepa_tokens_refill_per_minute", "Keepa tokens that come a minute", tokens.get("refill_rate_per_min"))
    gauge("keepa_tokens_age_seconds", "Time since that answer", tokens.get("age_s"))
    return generate_latest(registry)
