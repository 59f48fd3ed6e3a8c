"""What runs: services by their heartbeats, ports and who has them, and where prices come from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from arbkit.core.errors import ArbkitError, ConfigError, KeepaError, ServiceError
from arbkit.core.files import is_locked
from arbkit.core.service.addresses import base_url, listen, url_answers
from arbkit.core.settings import Settings
from arbkit.ops.checks.finding import Outcome
from arbkit.ops.service_checks import heartbeat_health, running_services
from arbkit.ops.supervisor import demo_probe, own_demo, plan_services
from arbkit.store.mode import settle_mode


def check_mode(settings: Settings) -> Outcome:
    """Where prices come from, by the settings and by what is stored.

    Raises:
        StoreError: the store cannot be read.
    """
    return {
        "demo": "demo market: invented products and prices",
        "keepa": "Keepa",
        "imported": "imported data only: there is no key, so nothing is polled",
    }[settle_mode(settings).mode]


def check_source(settings: Settings) -> Outcome:
    """Whether what prices come from answers, and has tokens left; asking costs none.

    Raises:
        KeepaError: it refuses the key, or does not answer.
    """
    from arbkit.sources.keepa_api.client import KeepaSource

    if settings.mode == "imported":
        return "of imported files, nothing is polled"
    if not settings.demo_mode and not settings.keepa_api_key.get_secret_value():
        return f"{settings.shown_source}: the producer has the key"
    if own_demo(settings) and not url_answers(demo_probe(settings)):
        return f"the demo market at {settings.shown_source} is not running; `arbkit up` starts it"
    with KeepaSource(settings) as source:
        tokens = source.tokens()
    if tokens.left <= 0:
        remedy = f"They refill at {tokens.refill_rate} a minute: watch fewer products or wait"
        left = tokens.left_words(time.time())
        return [KeepaError(f"{settings.shown_source} answers, but no tokens are left ({left})", remedy=remedy)]
    return f"{settings.shown_source} answers, {tokens.left} tokens left"


def check_services(settings: Settings) -> Outcome:
    """Whether those services run whose heartbeats are left here, if any of them does."""
    found = heartbeat_health(settings)
    if not running_services(settings):
        return "none runs with this home; `arbkit up` starts them all"
    wrong = [one for one in found if one.state in ("failing", "late", "down")]
    return [ServiceError(one.says, field=one.name, remedy=one.remedy) for one in wrong] or "; ".join(
        f"{one.name}: {one.detail}" for one in found
    )


class _Port(NamedTuple):
    service: str
    number: int | None
    variable: str
    probe: str | None


def check_ports(settings: Settings) -> Outcome:
    """Whether each port is free, or has the service that it is meant for."""
    said: list[str] = []
    wrong: list[ArbkitError] = []
    for port in _ports(settings):
        if not port.number:
            said.append(f"{port.service}: any free one")
        elif port.probe is not None and url_answers(port.probe):
            said.append(f"{port.service} answers at {base_url(settings.host, port.number)}")
        elif (fault := _taken(settings, port.number, port)) is None:
            said.append(f"{port.service}: {port.number} is free")
        else:
            wrong.append(fault)
    return wrong or "; ".join(said)


def _ports(settings: Settings) -> Iterator[_Port]:
    """The ports of services with a page, and those of metrics that nobody serves now."""
    numbers = {"demo": settings.demo_port, "api": settings.api_port, "dashboards": settings.dashboards_port}
    for service in plan_services(settings):
        if service.address is not None and service.port is not None:
            yield _Port(service.name, numbers[service.name], service.port, service.address.probe)
    beats = running_services(settings)
    metrics = {"producer": settings.producer_metrics_port, "consumer": settings.consumer_metrics_port}
    for name, number in metrics.items():
        if number is not None and name not in beats:
            yield _Port(f"metrics of the {name}", number, settings.variable(f"{name}_metrics_port"), None)


def _taken(settings: Settings, number: int, port: _Port) -> ArbkitError | None:
    """Why this port cannot be listened on; None: it can."""
    try:
        listen(settings.host, number, port.variable).close()
    except ConfigError as error:
        if is_locked(settings.home / "supervisor.lock"):
            remedy = "`arbkit up` runs, and restarts it if it hangs: look at its log lines"
            return ServiceError("does not answer on its port", field=port.service, value=number, remedy=remedy)
        return error
    return None
