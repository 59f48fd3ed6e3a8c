"""The state of log, store and source for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from arbkit.core.files import shipped_table
from arbkit.ops.status import LogFigures, StoreFigures, TokenFigures

_GAUGES = shipped_table(dict[str, dict[str, tuple[str, str]]], "arbkit.ops", "gauges.toml")


def exposition(*, demo: bool, log: LogFigures, store: StoreFigures | None, tokens: TokenFigures | None) -> bytes:
    """All gauges in Prometheus' text format; ``store`` and ``tokens`` are None where there is nothing yet."""
    registry = _registry(demo=demo, up=True)
    for part, figures in (("log", log), ("store", store), ("tokens", tokens)):
        for field, (name, documentation) in _GAUGES[part].items() if figures is not None else ():
            _gauge(registry, name, documentation, getattr(figures, field))
    documents = Gauge("arbkit_documents", "Documents by collection", ["collection"], registry=registry)
    for collection in ("products", "offers", "opportunities"):
        documents.labels(collection).set(getattr(store, collection) if store else 0)
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
